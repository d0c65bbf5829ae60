"""The usual ways to do the job of the long file, as people write them: csv with pydantic, and pandas.

Each reads the benchmark's CSV, applies the rules that its bad rows break, writes gzipped JSON chunks of 10,000 values
and a file of refused rows, and returns how many values and refusals there were. They know the layout of this one file:
no mapping, no places of labels, no run folder. The gzip level is ours.
"""

import csv
import gzip
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

CHUNK = 10_000
MONTH = re.compile(r"\d{4}(0[1-9]|1[0-2])")
COUNT = re.compile(r"(0|[1-9]\d*)")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


class Metadata:
    """Look-ups of the metadata export, as every script builds them."""

    def __init__(self, path: Path) -> None:
        export = json.loads(path.read_text(encoding="utf-8"))
        self.units = {unit["code"]: unit["id"] for unit in export["organisationUnits"]}
        combos = {combo["id"]: combo["code"] for combo in export["categoryCombos"]}
        self.elements = {
            element["code"]: (element["id"], element["valueType"], combos[element["categoryCombo"]["id"]] == "CC_SEX")
            for element in export["dataElements"]
        }
        self.combos = {combo["code"]: combo["id"] for combo in export["categoryOptionCombos"]}
        data_set = next(one for one in export["dataSets"] if one["code"] == "BENCH_M")
        self.data_set = data_set["id"]
        self.assigned = {unit["id"] for unit in data_set["organisationUnits"]}
        self.members = {element["dataElement"]["id"] for element in data_set["dataSetElements"]}


def write_chunks(folder: Path, data_set: str, values: list[dict[str, str]], level: int) -> None:
    """Chunks of the payload, gzipped."""
    for number, start in enumerate(range(0, len(values), CHUNK), start=1):
        body = json.dumps({"dataSet": data_set, "dataValues": values[start : start + CHUNK]}, separators=(",", ":"))
        (folder / f"{number:04}.json.gz").write_bytes(gzip.compress(body.encode(), level))


def write_refused(folder: Path, refused: list[tuple[int, str]]) -> None:
    """The refused rows with their reason."""
    with (folder / "refused.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("row", "reason"))
        writer.writerows(sorted(refused))


def with_pydantic(path: Path, metadata: Path, folder: Path, level: int) -> tuple[int, int]:
    """csv.DictReader and a pydantic model for each row."""
    from pydantic import BaseModel, ValidationError, field_validator

    known = Metadata(metadata)

    class Row(BaseModel):
        facility: str
        element: str
        period: str
        sex: str
        value: str
        comment: str

        @field_validator("facility")
        @classmethod
        def known_facility(cls, text: str) -> str:
            if text not in known.units:
                raise ValueError("unknown facility")
            if known.units[text] not in known.assigned:
                raise ValueError("not assigned")
            return text

        @field_validator("element")
        @classmethod
        def known_element(cls, text: str) -> str:
            if text not in known.elements or known.elements[text][0] not in known.members:
                raise ValueError("unknown data element")
            return text

        @field_validator("period")
        @classmethod
        def monthly(cls, text: str) -> str:
            if not MONTH.fullmatch(text):
                raise ValueError("no month")
            return text

    values: list[dict[str, str]] = []
    rows: list[int] = []
    refused: list[tuple[int, str]] = []
    seen: dict[tuple[str, ...], list[int]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for number, record in enumerate(csv.DictReader(file), start=2):
            try:
                row = Row(**record)
            except ValidationError as error:
                refused.append((number, error.errors()[0]["msg"]))
                continue
            uid, value_type, by_sex = known.elements[row.element]
            if by_sex != bool(row.sex):
                refused.append((number, "wrong breakdown"))
                continue
            pattern = NUMBER if value_type == "NUMBER" else COUNT
            if not pattern.fullmatch(row.value):
                refused.append((number, "no number"))
                continue
            value = {
                "dataElement": uid,
                "period": row.period,
                "orgUnit": known.units[row.facility],
                "categoryOptionCombo": known.combos[row.sex or "default"],
                "attributeOptionCombo": known.combos["default"],
                "value": row.value,
            }
            key = (uid, value["period"], value["orgUnit"], value["categoryOptionCombo"])
            seen[key].append(len(values))
            values.append(value)
            rows.append(number)
    repeated = {index for indexes in seen.values() if len(indexes) > 1 for index in indexes}
    refused += [(rows[index], "repeated") for index in repeated]
    good = [value for index, value in enumerate(values) if index not in repeated]
    write_chunks(folder, known.data_set, good, level)
    write_refused(folder, refused)
    return len(good), len(refused)


def with_pandas(path: Path, metadata: Path, folder: Path, level: int) -> tuple[int, int]:
    """One data frame, look-ups by map, masks, to_dict."""
    import pandas as pd

    known = Metadata(metadata)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame["row"] = range(2, len(frame) + 2)
    frame["reason"] = ""

    def refuse(mask: Any, reason: str) -> None:
        frame.loc[mask & (frame["reason"] == ""), "reason"] = reason

    frame["orgUnit"] = frame["facility"].map(known.units)
    refuse(frame["orgUnit"].isna(), "unknown facility")
    refuse(~frame["orgUnit"].isin(known.assigned), "not assigned")
    frame["dataElement"] = frame["element"].map({code: held[0] for code, held in known.elements.items()})
    refuse(~frame["dataElement"].isin(known.members), "unknown data element")
    refuse(~frame["period"].str.fullmatch(MONTH.pattern), "no month")
    by_sex = frame["element"].map({code: held[2] for code, held in known.elements.items()}).fillna(False).astype(bool)
    refuse(by_sex != (frame["sex"] != ""), "wrong breakdown")
    decimal = frame["element"].map({code: held[1] == "NUMBER" for code, held in known.elements.items()})
    decimal = decimal.fillna(False).astype(bool)
    number = frame["value"].str.fullmatch(NUMBER.pattern)
    count = frame["value"].str.fullmatch(COUNT.pattern)
    refuse(~number.where(decimal, count), "no number")
    frame["categoryOptionCombo"] = frame["sex"].replace("", "default").map(known.combos)
    frame["attributeOptionCombo"] = known.combos["default"]
    good = frame[frame["reason"] == ""]
    key = ["dataElement", "period", "orgUnit", "categoryOptionCombo"]
    repeated = good[good.duplicated(key, keep=False)]
    frame.loc[repeated.index, "reason"] = "repeated"
    good = frame[frame["reason"] == ""]
    columns = ["dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo", "value"]
    write_chunks(folder, known.data_set, good[columns].to_dict("records"), level)
    bad = frame[frame["reason"] != ""]
    write_refused(folder, list(zip(bad["row"], bad["reason"], strict=True)))
    return len(good), len(bad)


def floor(path: Path, metadata: Path, folder: Path, level: int) -> tuple[int, int]:
    """What reading and writing alone cost: parse, encode, gzip, each by the quickest means at hand and no rule."""
    import io
    import zlib

    import polars as pl

    frame = pl.read_csv(path, infer_schema=False)
    pieces = pl.DataFrame({"piece": ['{"dataElement":"abcdefghijk","categoryOptionCombo":"abcdefghijk"']})
    report = ['"period":"202609","orgUnit":"abcdefghijk","attributeOptionCombo":"abcdefghijk"']
    lines = frame.select(
        pl.lit(pieces["piece"][0]).alias("cell"),
        pl.lit(report[0]).alias("report"),
        pl.concat_str([pl.lit('"value":"'), "value", pl.lit('"}')]).alias("value"),
    )
    step = 50 * CHUNK
    for start in range(0, lines.height, step):
        buffer = io.BytesIO()
        part = lines.slice(start, step)
        part.write_csv(buffer, include_header=False, separator=",", line_terminator=",", quote_style="never")
        packer = zlib.compressobj(level, zlib.DEFLATED, 31)
        (folder / f"{start}.gz").write_bytes(packer.compress(buffer.getvalue()) + packer.flush())
    return lines.height, 0
