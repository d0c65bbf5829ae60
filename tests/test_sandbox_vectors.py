"""The sandbox held against the vectors of the real server, through its HTTP door wherever a vector is about imports.

Not expressed, and why, is listed in NOT_EXPRESSED; every other row of these areas is checked, and a row that nobody
knows fails the test that counts them.
"""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from dhis2_bridge.client import Client
from dhis2_bridge.sandbox import Sandbox, periods
from dhis2_bridge.sandbox.api import version_numbers

OLD, NEW = "2.42.1", "2.43.2"
AREAS = ("value", "comment", "period", "import", "import_legacy", "http", "idscheme", "lock")

NOT_EXPRESSED = {
    ("value", "2074-04-32"): "the sandbox has the ISO calendar only",
    ("value", "2074-03-32"): "the sandbox has the ISO calendar only",
    ("import", "CSV with dataSet request parameter"): "the sandbox reads JSON only",
    ("http", "POST option outside set to /api/dataValues"): "the sandbox has no endpoint for single values",
    ("import_legacy", "already approved"): "the sandbox has no data approval",
}

Row = dict[str, str]


@pytest.fixture(scope="module")
def vectors(shared: Path) -> list[Row]:
    with (shared / "reference" / "dhis2-vectors.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["area"] in AREAS]
    return [row for row in rows if (row["area"], row["input"]) not in NOT_EXPRESSED]


def of_area(vectors: list[Row], area: str) -> list[Row]:
    return [row for row in vectors if row["area"] == area]


def test_every_exception_is_a_vector(shared: Path) -> None:
    with (shared / "reference" / "dhis2-vectors.csv").open(encoding="utf-8", newline="") as file:
        known = {(row["area"], row["input"]) for row in csv.DictReader(file)}
    assert set(NOT_EXPRESSED) <= known


# a small country

TYPES = [
    *("TEXT", "LONG_TEXT", "LETTER", "MULTI_TEXT", "NUMBER", "UNIT_INTERVAL", "PERCENTAGE", "BOOLEAN", "TRUE_ONLY"),
    *("INTEGER", "INTEGER_POSITIVE", "INTEGER_NEGATIVE", "INTEGER_ZERO_OR_POSITIVE"),
    *("DATE", "AGE", "DATETIME", "TIME", "COORDINATE"),
    *("PHONE_NUMBER", "EMAIL", "USERNAME", "ORGANISATION_UNIT", "FILE_RESOURCE"),
]
UNITS = 400


def uid(letter: str, number: int) -> str:
    return f"{letter}{number:010}"


def element(value_type: str) -> str:
    return uid("e", TYPES.index(value_type))


def unit(number: int) -> str:
    return uid("u", number)


DEFAULT = {"id": "bjDvmb4bfuf"}
SHARED_COMBO, OTHER_COMBO, SET, OTHER_SET = uid("c", 1), uid("c", 2), uid("s", 1), uid("s", 2)
LOCKED_SET, WINDOW_SET, SPARE_UNIT = uid("s", 3), uid("s", 4), uid("u", 9000)
OPTION_COMBOS = {SHARED_COMBO: uid("o", 1), OTHER_COMBO: uid("o", 2)}
CLOSED_COMBO, DATED_COMBO, PLACED_COMBO = uid("o", 3), uid("o", 4), uid("o", 5)
NO_WRITE = {"sharing": {"public": "rwr-----", "owner": "somebodyels", "users": {}}}
DISAGGREGATED, LONELY, LOCKED, WINDOWED, PLAIN_ZERO = (uid("e", number) for number in (101, 102, 103, 104, 105))
ATTRIBUTE = uid("a", 1)


def coded(kind: str, identifier: str, **more: Any) -> dict[str, Any]:
    own = {"attribute": {"id": ATTRIBUTE}, "value": f"attribute-{identifier}"}
    return {"id": identifier, "code": f"{kind}-{identifier}", "name": identifier, "attributeValues": [own], **more}


def data_set(identifier: str, elements: list[str], units: list[str], **more: Any) -> dict[str, Any]:
    return coded(
        "set",
        identifier,
        **{"periodType": "Monthly", "openFuturePeriods": 0, "expiryDays": -1, "categoryCombo": DEFAULT, **more},
        dataSetElements=[{"dataElement": {"id": name}} for name in elements],
        organisationUnits=[{"id": name} for name in units],
    )


def country() -> dict[str, Any]:
    units = [unit(number) for number in range(UNITS)]
    types = [element(name) for name in TYPES]
    options = [coded("option", uid("p", n)) for n in range(1, 6)]
    options[2] |= NO_WRITE
    options[3] |= {"startDate": "2013-01-01", "endDate": "2013-12-31"}
    options[4] |= {"organisationUnits": [{"id": SPARE_UNIT}]}
    combos = [coded("combo", name, categories=[]) for name in (SHARED_COMBO, OTHER_COMBO)]
    option_combos = [
        coded("coc", identifier, categoryCombo={"id": combo}, categoryOptions=[{"id": uid("p", number)}])
        for identifier, combo, number in (
            (OPTION_COMBOS[SHARED_COMBO], SHARED_COMBO, 1),
            (OPTION_COMBOS[OTHER_COMBO], OTHER_COMBO, 2),
            (CLOSED_COMBO, SHARED_COMBO, 3),
            (DATED_COMBO, SHARED_COMBO, 4),
            (PLACED_COMBO, SHARED_COMBO, 5),
        )
    ]
    elements = [
        coded("element", element(name), valueType=name, zeroIsSignificant=True, aggregationType="SUM") for name in TYPES
    ]
    elements[TYPES.index("MULTI_TEXT")]["optionSet"] = {"id": uid("t", 1)}
    elements += [
        coded("element", DISAGGREGATED, valueType="INTEGER", categoryCombo={"id": SHARED_COMBO}),
        coded("element", LONELY, valueType="INTEGER"),
        coded("element", LOCKED, valueType="INTEGER"),
        coded("element", WINDOWED, valueType="INTEGER"),
        coded("element", PLAIN_ZERO, valueType="INTEGER", aggregationType="SUM", zeroIsSignificant=False),
    ]
    window = {"period": {"id": "201402"}, "openingDate": "2014-03-01", "closingDate": "2014-03-31"}
    return {
        "organisationUnits": [
            coded("unit", "rootUnit001"),
            *(coded("unit", name, parent={"id": "rootUnit001"}) for name in [*units, SPARE_UNIT]),
        ],
        "dataElements": elements,
        "categoryOptions": options,
        "categoryCombos": combos,
        "categoryOptionCombos": option_combos,
        "optionSets": [{"id": uid("t", 1), "name": "letters"}],
        "options": [{"id": uid("q", n), "code": c, "optionSet": {"id": uid("t", 1)}} for n, c in enumerate("ABC")],
        "dataSets": [
            data_set(SET, [*types, DISAGGREGATED, PLAIN_ZERO], units),
            data_set(OTHER_SET, [LONELY], units, sharing=NO_WRITE["sharing"]),
            data_set(LOCKED_SET, [LOCKED], units, expiryDays=10, openFuturePeriods=2),
            data_set(WINDOW_SET, [WINDOWED], units, dataInputPeriods=[window]),
        ],
    }


COUNTRY = country()
NOW = datetime(2014, 6, 15, 12, 0)


class Door:
    """The HTTP door of one sandbox, and what is behind it."""

    def __init__(self, sandbox: Sandbox, client: Client) -> None:
        self.sandbox, self.client = sandbox, client

    def post(self, values: list[dict[str, Any]] | None = None, header: Any = None, **query: str) -> Any:
        document = {**({"dataSet": SET} if header is None else header)}
        if values is not None:
            document["dataValues"] = values
        return self.raw("POST", "dataValueSets", query, json.dumps(document).encode())[1]["response"]

    def raw(self, method: str, path: str, query: dict[str, str], body: bytes | None = None) -> tuple[int, Any]:
        answer = self.client.request(method, path, query, body=body)
        return answer.status, json.loads(answer.body)

    def live(self) -> dict[str, str | None]:
        return {row.key.org_unit: row.value for row in self.sandbox.values()}


@contextmanager
def door(version: str, **more: Any) -> Iterator[Door]:
    arguments = {"clock": lambda: NOW, **more}
    with (
        Sandbox(COUNTRY, version=version, **arguments) as sandbox,
        Client(sandbox.url, username="admin", password="district", retries=0) as client,
    ):
        yield Door(sandbox, client)


def value(number: int = 0, of: str | None = None, text: Any = "1", **more: Any) -> dict[str, Any]:
    own = {"dataElement": of or element("INTEGER"), "period": "201401", "orgUnit": unit(number)}
    return {**own, **({} if text is ... else {"value": text}), **more}


def codes(summary: Any) -> list[str]:
    return [conflict["errorCode"] for conflict in summary["conflicts"]]


def counts(summary: Any) -> tuple[int, int, int, int]:
    return tuple(summary["importCount"][name] for name in ("imported", "updated", "ignored", "deleted"))  # type: ignore[return-value]


# single values and comments


def applies(row: Row, version: str) -> bool:
    wanted = {">=2.43": NEW, "<=2.42": OLD}
    return all(version == own for mark, own in wanted.items() if f"server {mark}" in row["context"])


def written(row: Row) -> Any:
    if row["input"].startswith("<"):
        return "x" * int(row["input"].strip("<>").split()[0])
    return {"(space)": " ", "(null)": None}.get(row["input"], row["input"])


@pytest.mark.parametrize("version", [OLD, NEW])
def test_values(vectors: list[Row], version: str) -> None:
    asked: list[tuple[Row, str]] = []
    for row in of_area(vectors, "value"):
        kind = row["context"].partition(";")[0].strip()
        if applies(row, version):
            asked += [(row, name) for name in (TYPES if kind == "any type" else [kind])]
    posted = [value(n, element(kind), written(row)) for n, (row, kind) in enumerate(asked)]
    assert 180 < len(posted) <= UNITS
    with door(version) as opened:
        summary = opened.post(posted)
        stored = opened.live()
    said = {index: conflict for conflict in summary["conflicts"] for index in conflict["indexes"]}
    wrong = [
        (row["input"][:40], kind, row["expected"], said.get(n), stored.get(unit(n)))
        for n, (row, kind) in enumerate(asked)
        if not as_expected(row, kind, version, said.get(n), stored.get(unit(n)))
    ]
    assert wrong == []
    assert set(said) == set(summary["rejectedIndexes"])


def as_expected(row: Row, kind: str, version: str, conflict: Any, stored: str | None) -> bool:
    expected = row["expected"]
    if expected.startswith("no conflict"):
        return conflict is None and stored is None
    if expected.startswith("accept"):
        # A blank of an option set's element passes the type, and is still no option.
        if written(row) == " " and kind == "MULTI_TEXT":
            return bool(conflict["errorCode"] == "E8123")
        _, marked, text = expected.partition("stored as ")
        wanted = [text] if marked and "as is" not in expected else [written(row), "true", "false"]
        return conflict is None and stored in wanted
    reason = expected.split()[1]
    if reason.startswith("value_"):
        code = "E8122" if version == NEW else "E7619"
        return stored is None and conflict["errorCode"] == code and reason in conflict["value"]
    # Both engines know these faults by codes of their own; a row without a server names the new one.
    own = {"E8123": "E7621"}.get(reason, reason) if version == OLD else reason
    return stored is None and bool(conflict["errorCode"] == own)


def test_comments(vectors: list[Row]) -> None:
    rows = of_area(vectors, "comment")
    assert len(rows) == 2
    for row in rows:
        (version,) = (version for version in (OLD, NEW) if applies(row, version))
        longest = len(written(row)) - 1
        with door(version) as opened:
            summary = opened.post([value(0, comment="x" * longest), value(1, comment=written(row))])
        assert codes(summary) == [row["expected"].removeprefix("reject ")]
        assert summary["rejectedIndexes"] == [1]


# periods


def test_periods(vectors: list[Row]) -> None:
    newest = (2, 43, 0)
    wrong = []
    for row in of_area(vectors, "period"):
        found = periods.read(row["input"], newest)
        kind, _, rest = row["expected"].partition(" ")
        if kind == "invalid:":
            right = found is None
        else:
            right = found is not None and found.type == kind
            if found is not None and ".." in rest:
                first, last = (date.fromisoformat(text) for text in rest.removeprefix("valid ").split(".."))
                right = right and (found.start, found.end) == (first, last)
                right = right and periods.containing(kind, first) == found
                right = right and periods.read(found.iso, newest) == found
        if not right:
            wrong.append((row["input"], row["expected"], found))
    assert wrong == []


def test_periods_at_the_door(vectors: list[Row]) -> None:
    rows = of_area(vectors, "period")
    invalid = {n for n, row in enumerate(rows) if row["expected"].startswith("invalid")}
    newer = {n for n, row in enumerate(rows) if row["input"] in ("2014Feb", "2014Aug", "2026FriW1")}
    posted = [value(n, period=row["input"]) for n, row in enumerate(rows)]
    with door(OLD, clock=lambda: datetime(2030, 1, 1)) as opened:
        summary = opened.post(posted, {})
    assert set(summary["rejectedIndexes"]) == invalid | newer
    assert set(codes(summary)) == {"E7611"}
    with door(NEW) as opened:
        for n in sorted(invalid)[:5]:
            status, answer = opened.raw(
                "POST", "dataValueSets", {}, json.dumps({"dataSet": SET, "dataValues": [posted[n]]}).encode()
            )
            assert (status, "response" in answer) == (500, False)
        # A valid one of another type is a fault of its own.
        assert codes(opened.post([value(0, period="2014W1")])) == ["E8021"]


# imports of the new engine

Scene = Callable[[Door], bool]


def one_value(d: Door) -> bool:
    summary = d.post([value()])
    return summary["status"] == "SUCCESS" and counts(summary) == (0, 1, 0, 0)


def delete_by_strategy(d: Door) -> bool:
    d.post([value()])
    summary = d.post([value()], importStrategy="DELETE")
    return summary["status"] == "SUCCESS" and counts(summary) == (0, 0, 0, 1) and d.live() == {}


def delete_without_value(d: Door) -> bool:
    d.post([value()])
    return counts(d.post([value(text=...)], importStrategy="DELETE")) == (0, 0, 0, 1) and d.live() == {}


def flagged_deleted(d: Door) -> bool:
    d.post([value(n) for n in range(3)])
    summary = d.post([value(n, deleted=True) for n in range(3)])
    return counts(summary) == (0, 3, 0, 0) and d.live() == {}


def some_flagged_deleted(d: Door) -> bool:
    summary = d.post([value(n, deleted=n < 4) for n in range(12)])
    return counts(summary) == (0, 12, 0, 0) and len(d.live()) == 8


def unchanged(d: Door) -> bool:
    d.post([value()])
    summary = d.post([value()])
    return counts(summary) == (0, 1, 0, 0) and [done.unchanged for done in d.sandbox.imports()] == [0, 1]


def updates_create(d: Door) -> bool:
    summary = d.post([value(n) for n in range(12)], importStrategy="UPDATES")
    return counts(summary) == (0, 12, 0, 0) and len(d.live()) == 12


def dry_run(d: Door) -> bool:
    return counts(d.post([value(n) for n in range(12)], dryRun="true")) == (0, 12, 0, 0) and d.live() == {}


def zero(d: Door) -> bool:
    return counts(d.post([value(of=PLAIN_ZERO, text="0")])) == (0, 1, 0, 0) and d.live() == {unit(0): "0"}


def refused(values: list[dict[str, Any]], code: str, *named: str) -> Scene:
    def scene(d: Door) -> bool:
        good = value(99)
        summary = d.post([*values, good])
        everything = list(range(len(values) + 1))
        return (
            summary["status"] == "ERROR"
            and codes(summary) == [code]
            and all(name in summary["conflicts"][0]["value"] for name in named)
            and summary["rejectedIndexes"] == summary["conflicts"][0]["indexes"] == everything
            and counts(summary) == (0, 0, 0, 0)
            and d.live() == {}
        )

    return scene


def twice(d: Door) -> bool:
    rows = [value(n) for n in range(17)]
    summary = d.post([*rows, rows[3]])
    return codes(summary) == ["E8128"] and summary["rejectedIndexes"] == [*range(18)] and d.live() == {}


def booleans(d: Door) -> bool:
    texts = ["true"] * 10 + ["test", "not true"] + ["t", "f", "0", "1"] + ["maybe", "2"]
    summary = d.post([value(n, element("BOOLEAN"), text) for n, text in enumerate(texts)])
    return (
        summary["status"] == "WARNING"
        and counts(summary) == (0, 14, 4, 0)
        and summary["rejectedIndexes"] == [10, 11, 16, 17]
    )


def empty_missing_valid(d: Door) -> bool:
    summary = d.post([value(0, text=""), value(1, text=...), value(2)])
    return summary["status"] == "WARNING" and counts(summary) == (0, 1, 2, 0) and codes(summary) == ["E8120", "E8120"]


def server_clock(d: Door) -> bool:
    d.post([value(created="2001-01-01", lastUpdated="2001-01-01T00:00:00")])
    (row,) = d.sandbox.values()
    return row.created == row.last_updated == NOW.isoformat()


def by_code(d: Door) -> bool:
    own = {
        "dataElement": f"element-{DISAGGREGATED}",
        "orgUnit": f"unit-{unit(0)}",
        "period": "201401",
        "categoryOptionCombo": f"coc-{OPTION_COMBOS[SHARED_COMBO]}",
        "attributeOptionCombo": "default",
        "value": "1",
    }
    summary = d.post([own], {"dataSet": f"set-{SET}", "idScheme": "code"})
    return summary["status"] == "SUCCESS" and d.live() == {unit(0): "1"}


def by_code_of_categories(d: Door) -> bool:
    # The two schemes that only an object of category options uses.
    own = {**value(of=DISAGGREGATED), "categoryOptionCombo": {"anything": f"option-{uid('p', 1)}"}}
    own |= {"dataElement": f"element-{DISAGGREGATED}", "orgUnit": f"unit-{unit(0)}"}
    d.post([own], {"dataSet": f"set-{SET}", "idScheme": "CODE"})
    return [row.key.category_option_combo for row in d.sandbox.values()] == [OPTION_COMBOS[SHARED_COMBO]]


def by_attribute(d: Door) -> bool:
    names = [value(n, f"attribute-{element('INTEGER')}", orgUnit=f"attribute-{unit(n)}") for n in range(12)]
    scheme = f"ATTRIBUTE:{ATTRIBUTE}"
    summary = d.post(names, {"dataSet": SET}, dataElementIdScheme=scheme, orgUnitIdScheme=scheme)
    return counts(summary) == (0, 12, 0, 0) and len(d.live()) == 12


def set_by_code_only(d: Door) -> bool:
    good = d.post([value()], {"dataSet": f"set-{SET}", "dataSetIdScheme": "CODE"})
    others = d.post([value(orgUnit=f"unit-{unit(0)}")], {"dataSet": f"set-{SET}", "dataSetIdScheme": "CODE"})
    return good["status"] == "SUCCESS" and codes(others) == ["E8106"]


IMPORTS: dict[str, Scene] = {
    "1 value JSON": one_value,
    "same value importStrategy=DELETE": delete_by_strategy,
    "DELETE payload without value": delete_without_value,
    "3 values flagged deleted=true": flagged_deleted,
    "12 values, 4 flagged deleted, nothing stored before": some_flagged_deleted,
    "re-import of unchanged values": unchanged,
    "importStrategy=UPDATES with no stored rows": updates_create,
    "dryRun=true 12 values": dry_run,
    "zero for data element with zeroIsSignificant=false": zero,
    "org unit not assigned to data set": refused([value(orgUnit=SPARE_UNIT)], "E8022", SPARE_UNIT),
    "unknown data element UID": refused([value(of="notThere001")], "E8020", "notThere001"),
    "periods 2012Q2 and 2012 for monthly data set": refused(
        [value(0, period="2012Q2"), value(1, period="2012")], "E8021", "2012Q2", "2012"
    ),
    "COC of another category combo": refused(
        [value(of=DISAGGREGATED, categoryOptionCombo=OPTION_COMBOS[OTHER_COMBO])], "E8024", OPTION_COMBOS[OTHER_COMBO]
    ),
    "AOC invalid for data set": refused([value(attributeOptionCombo=OPTION_COMBOS[OTHER_COMBO])], "E8023"),
    "same key twice in one payload (18 rows)": twice,
    "18 boolean rows, 4 invalid": booleans,
    "3 rows: empty, missing, valid value": empty_missing_valid,
    "client supplied created / lastUpdated": server_clock,
    "idScheme=code attribute on dataValueSet XML": by_code,  # the same scheme, in JSON
    "idScheme=ATTRIBUTE:<uid> for DE and OU": by_attribute,
}
SCHEMES: dict[str, Scene] = {
    "idScheme CODE in JSON body": lambda d: by_code(d) and by_code_of_categories(d),
    "dataSetIdScheme CODE in JSON body": set_by_code_only,
}


def check(scenes: dict[str, Scene], vectors: list[Row], area: str, version: str) -> None:
    assert {row["input"] for row in of_area(vectors, area)} == set(scenes)
    wrong = []
    for name, scene in scenes.items():
        with door(version) as opened:
            if not scene(opened):
                wrong.append(name)
    assert wrong == []


def test_imports(vectors: list[Row]) -> None:
    check(IMPORTS, vectors, "import", NEW)


def test_id_schemes(vectors: list[Row]) -> None:
    check(SCHEMES, vectors, "idscheme", NEW)


def test_locks(vectors: list[Row]) -> None:
    rows = of_area(vectors, "lock")
    assert len(rows) == 3
    inside, after = datetime(2014, 3, 15), datetime(2014, 4, 2)
    for row in rows:
        version = "2.43.1" if ".." in row["context"] else row["context"].removeprefix(">=")
        now = inside if "contains now" in row["input"] else after
        with door(version, clock=lambda now=now: now) as opened:
            summary = opened.post([value(of=WINDOWED, period="201402")], {"dataSet": WINDOW_SET})
        assert codes(summary) == ([] if row["expected"] == "OPEN" else ["E8030"]), row


# the door itself


def empty_post(d: Door) -> bool:
    status, answer = d.raw("POST", "38/dataValueSets", {}, b"{}")
    return status == 200 and answer["status"] == "OK" and "import was successful" in answer["message"].lower()


def empty_async_post(d: Door) -> bool:
    status, answer = d.raw("POST", "38/dataValueSets", {"async": "true"}, b"{}")
    return status == 200 and answer["message"].startswith("Initiated DATAVALUE_IMPORT")


def deletion_scope(d: Door) -> bool:
    d.post([value(0), value(1)])
    scope = {
        "orgUnits": [unit(0), unit(5)],
        "periods": ["201401"],
        "elements": [{"dataElement": element("INTEGER")}],
    }
    summary = d.post([], {"dataSet": SET, "deletion": scope})
    return summary["status"] == "SUCCESS" and counts(summary) == (0, 0, 0, 1) and set(d.live()) == {unit(1)}


def export_of_nothing(d: Door) -> bool:
    status, answer = d.raw("GET", "dataValueSets", {"period": "201401", "orgUnit": unit(0)})
    return (status, answer["errorCode"]) == (409, "E2001")


HTTP: dict[str, Scene] = {
    "POST {} to /api/38/dataValueSets": empty_post,
    "POST {}?async=true": empty_async_post,
    "POST dataValueSets with deletion scope": deletion_scope,
    "GET dataValueSets without any dx filter": export_of_nothing,
}


def test_http(vectors: list[Row]) -> None:
    check(HTTP, vectors, "http", NEW)


# the old engine

CLERK = {"authorities": ("F_DATAVALUE_ADD",)}
Legacy = tuple[list[dict[str, Any]], dict[str, Any], dict[str, str], dict[str, Any]]


def legacy(*values: dict[str, Any], header: Any = None, query: Any = None, **user: Any) -> Legacy:
    return [*values], {} if header is None else header, query or {}, user


LEGACY: dict[str, Legacy] = {
    "unknown data set": legacy(value(), header={"dataSet": "notThere001"}),
    "no data write on data set": legacy(value(), header={"dataSet": OTHER_SET}, **CLERK),
    "unknown header org unit": legacy(value(), header={"orgUnit": "notThere001"}),
    "unknown header AOC": legacy(value(), header={"attributeOptionCombo": "notThere001"}),
    "unknown data element": legacy(value(of="notThere001")),
    "invalid period": legacy(value(period="2014-13")),
    "unknown org unit": legacy(value(orgUnit="notThere001")),
    "unknown COC": legacy(value(categoryOptionCombo="notThere001")),
    "no write access to COC option": legacy(value(categoryOptionCombo=CLOSED_COMBO), **CLERK),
    "unknown AOC": legacy(value(attributeOptionCombo="notThere001")),
    "no write access to AOC option": legacy(value(attributeOptionCombo=CLOSED_COMBO), **CLERK),
    "org unit outside user hierarchy": legacy(value(0), org_units=[unit(7)]),
    "null value and comment": legacy(value(text=...)),
    "value type mismatch": legacy(value(text="many")),
    "comment too long": legacy(value(comment="x" * 50_001)),
    "option not in set": legacy(value(of=element("MULTI_TEXT"), text="A,D")),
    "COC required but absent": legacy(value(), query={"requireCategoryOptionCombo": "true"}),
    "AOC required but absent": legacy(value(), query={"requireAttributeOptionCombo": "true"}),
    "period type not of data element (strictPeriods)": legacy(value(period="2014W1"), query={"strictPeriods": "true"}),
    "data element not in data set (strictDataElements)": legacy(
        value(of=LONELY), header={"dataSet": SET}, query={"strictDataElements": "true"}
    ),
    "strictCategoryOptionCombos": legacy(
        value(of=DISAGGREGATED, categoryOptionCombo=OPTION_COMBOS[OTHER_COMBO]),
        query={"strictCategoryOptionCombos": "true"},
    ),
    "strictAttributeOptionCombos": legacy(
        value(attributeOptionCombo=OPTION_COMBOS[OTHER_COMBO]), query={"strictAttributeOptionCombos": "true"}
    ),
    "strictOrganisationUnits": legacy(value(orgUnit=SPARE_UNIT), query={"strictOrganisationUnits": "true"}),
    "storedBy longer than 255": legacy(value(storedBy="x" * 256)),
    "period outside AOC dates": legacy(value(attributeOptionCombo=DATED_COMBO)),
    "org unit outside AOC org units": legacy(value(attributeOptionCombo=PLACED_COMBO)),
    "past expiry days": legacy(value(of=LOCKED), **CLERK),
    "after latest future period": legacy(value(of=LOCKED, period="201408")),
    "data input period closed": legacy(value(of=WINDOWED)),
    "no associated data set open": legacy(value(of=LOCKED), query={"strictDataSetLocking": "false"}, **CLERK),
    "delete file value that does not exist": legacy(
        value(of=element("FILE_RESOURCE"), text="abcdefghijk", deleted=True)
    ),
}


def test_imports_of_the_old_engine(vectors: list[Row]) -> None:
    rows = {row["input"]: row["expected"].removeprefix("conflict ") for row in of_area(vectors, "import_legacy")}
    assert set(rows) == set(LEGACY)
    wrong = []
    for name, (values, header, query, user) in LEGACY.items():
        with door(OLD, **user) as opened:
            summary = opened.post(values, header, **query)
        aborted = rows[name] in ("E7600", "E7601", "E7603", "E7604")
        status = "ERROR" if aborted else "WARNING"
        if (codes(summary), summary["status"], summary["importCount"]["imported"]) != ([rows[name]], status, 0):
            wrong.append((name, rows[name], summary))
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "expected"), [("2.43.0.1", (2, 43, 0)), ("2.44-SNAPSHOT", (2, 44, 0)), ("2", (2, 0, 0))]
)
def test_versions(text: str, expected: tuple[int, int, int]) -> None:
    assert version_numbers(text) == expected
