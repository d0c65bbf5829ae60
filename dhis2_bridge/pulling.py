"""Takes a snapshot of an instance: its metadata, who it is, and whose rights the export shows."""

import gzip
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from dhis2_bridge.findings import UsageError
from dhis2_bridge.writing import written

if TYPE_CHECKING:
    from dhis2_bridge.client import Client

_COMMON: Final = "id,code,name,shortName,translations[property,locale,value],attributeValues[value,attribute[id]]"

FIELDS: Final = {
    "attributes": f"{_COMMON},unique,valueType",
    "categoryOptions": f"{_COMMON},startDate,endDate,organisationUnits[id],access[data]",
    "categories": f"{_COMMON},dataDimensionType,categoryOptions[id]",
    "categoryCombos": f"{_COMMON},dataDimensionType,categories[id]",
    "categoryOptionCombos": "id,code,name,categoryCombo[id],categoryOptions[id]",
    "optionSets": f"{_COMMON},valueType,options[id]",
    "options": f"{_COMMON},sortOrder,optionSet[id]",
    "dataElements": f"{_COMMON},formName,valueType,domainType,aggregationType,zeroIsSignificant,categoryCombo[id],"
    "optionSet[id],commentOptionSet[id]",
    "dataSets": f"{_COMMON},periodType,categoryCombo[id],dataSetElements[dataElement[id],categoryCombo[id]],"
    "organisationUnits[id],openFuturePeriods,openPeriodsAfterCoEndDate,expiryDays,timelyDays,noValueRequiresComment,"
    "dataInputPeriods[period[id],openingDate,closingDate],access[data]",
    "organisationUnits": f"{_COMMON},parent[id],path,level,openingDate,closedDate",
    "organisationUnitGroups": f"{_COMMON},organisationUnits[id]",
}
"""What is asked of each type: what conversion and checks read, and no more."""

DATA_ELEMENTS: Final = {"dataElements": ["domainType:eq:AGGREGATE"]}


def pull(
    client: "Client", *, now: datetime, on_progress: Callable[[int, int, str], None] | None = None
) -> dict[str, Any]:
    """The snapshot of the client's instance as JSON: metadata by type, `system`, and `dhis2_bridge` about the pull.

    `now` is the time that the snapshot says. Raises what the client raises, and ServerError for a list that could not
    be read to its end: a snapshot is whole or it is not.
    """
    info = client.system_info()
    me = client.me()
    document: dict[str, Any] = {
        "system": {
            "id": info.get("systemId"),
            "version": info["version"],
            "contextPath": info.get("contextPath"),
            "rev": info.get("revision"),
            "systemName": info.get("systemName"),
        },
        "dhis2_bridge": {
            "base_url": client.base_url,
            "pulled": now.isoformat(timespec="seconds"),
            "user": {name: me[name] for name in ("username", "authorities", "organisationUnits") if name in me},
        },
    }
    for number, (name, fields) in enumerate(FIELDS.items(), start=1):
        document |= client.metadata({name: fields}, filters=DATA_ELEMENTS)
        if on_progress is not None:
            on_progress(number, len(FIELDS), name)
    return document


def save(document: dict[str, Any], path: Path) -> None:
    """Writes a snapshot, gzipped when the name ends in .gz; whole or not at all. Raises UsageError where it cannot."""
    body = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    with written(path) as part:
        part.write_bytes(gzip.compress(body, mtime=0) if path.suffix == ".gz" else body)


def refuse_unwritable(path: Path) -> None:
    """Raises UsageError, before anything is asked of the server, when the file could not be written."""
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"{path}: cannot be written: {path.parent} is not yours to write to")
