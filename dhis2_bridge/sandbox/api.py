"""The paths below `/api` that the sandbox answers."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from dhis2_bridge.sandbox.catalogue import Catalogue, Object, reference
from dhis2_bridge.sandbox.imports import BadRequest, Options, Summary, User, World, read_payload, unpacked
from dhis2_bridge.sandbox.new_engine import NewEngine
from dhis2_bridge.sandbox.old_engine import OldEngine
from dhis2_bridge.sandbox.periods import Version
from dhis2_bridge.sandbox.store import Store

PAGE_SIZE: Final = 50
_API_VERSIONS: Final = range(28, 45)

Query = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `path` without the query, `content_type` without its parameters."""

    method: str
    path: str
    query: Query
    content_type: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Api:
    """The Web API over one catalogue and one store. `job_polls` is how often a job is seen running before it ended."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store,
        version: str,
        user: User,
        clock: Callable[[], datetime],
        *,
        system_id: str,
        largest_body: int,
        job_polls: int = 1,
    ) -> None:
        self.world = World(catalogue, store, version_numbers(version), user, clock)
        self.version = version
        self.system_id = system_id
        self.base_url = ""
        self._largest_body = largest_body
        self._job_polls = job_polls
        self._jobs: dict[str, tuple[Object, int]] = {}
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        """The answer to a request of somebody who is logged in."""
        try:
            return self._route(request)
        except BadRequest as bad:
            return message(bad.status, bad.message, bad.code)

    def _route(self, request: Request) -> Reply:
        segments = [segment for segment in request.path.split("/") if segment]
        if segments[:1] != ["api"]:
            return message(404, f"Nothing at {request.path}")
        below = segments[1:]
        api_version = None
        if below and below[0].isascii() and below[0].isdigit():
            api_version = int(below.pop(0))
            if api_version not in _API_VERSIONS:
                return message(404, f"API version {api_version} not found")
        if below:
            below[-1] = below[-1].removesuffix(".json")
        path = "/".join(below)
        if request.method == "POST":
            if path == "dataValueSets":
                return self._import(request, api_version)
            return message(405 if path in ("me", "metadata", "system/info") else 404, f"No POST to /api/{path}")
        if request.method != "GET":
            return message(405, f"Method {request.method} is not supported")
        single: dict[str, Callable[[Query], Object]] = {
            "system/info": self._system_info,
            "me": self._me,
            "metadata": self._metadata,
            "dataValueSets": self._export,
        }
        if path in single:
            return document(200, single[path](request.query))
        if below[:3] == ["system", "tasks", "DATAVALUE_IMPORT"] and len(below) == 4:
            return self._task(below[3])
        if below[:3] == ["system", "taskSummaries", "DATAVALUE_IMPORT"] and len(below) == 4:
            summary, polls = self._jobs.get(below[3], ({}, 1))
            return document(200, summary if polls < 0 else None)
        if below and below[0] in self.world.catalogue.lists and len(below) <= 2:
            return self._objects(below, request.query)
        return message(404, f"Nothing at {request.path}")

    # reading

    def _system_info(self, query: Query) -> Object:
        return {
            "contextPath": self.base_url,
            "version": self.version,
            "revision": "sandbox",
            "systemId": self.system_id,
            "systemName": "dhis2_bridge sandbox",
            "calendar": "iso8601",
            "dateFormat": "yyyy-mm-dd",
            "serverDate": self.world.clock().isoformat(timespec="milliseconds"),
            "serverTimeZoneId": "Etc/UTC",
        }

    def _me(self, query: Query) -> Object:
        user = self.world.user
        units = [{"id": unit} for unit in sorted(user.org_units)]
        sets = (item["id"] for item in self.world.catalogue.lists["dataSets"] if user.may_write(item))
        return {
            "id": user.id,
            "username": user.username,
            "authorities": sorted(user.authorities),
            "organisationUnits": units,
            "dataViewOrganisationUnits": units,
            "dataSets": sorted(sets),
            "settings": {},
        }

    def _metadata(self, query: Query) -> Object:
        chosen = {name for name, values in query.items() if values[0] == "true"} & set(self.world.catalogue.lists)
        system = {"id": self.system_id, "version": self.version, "date": self.world.clock().isoformat()}
        lists = {name: self._listed(name) for name in self.world.catalogue.lists if not chosen or name in chosen}
        return {"system": system, **{name: objects for name, objects in lists.items() if objects}}

    def _listed(self, name: str) -> list[Object]:
        """The objects of a list with what a server works out for them."""
        return [{**self._computed(name, item), **item} for item in self.world.catalogue.lists[name]]

    def _computed(self, name: str, item: Object) -> Object:
        if name == "organisationUnits":
            above = [*self.world.catalogue.ancestors(item["id"])][::-1]
            return {"path": "/" + "/".join(above), "level": len(above)}
        if name == "dataElements":
            return {"domainType": "AGGREGATE"}
        if name in ("dataSets", "categoryOptions"):
            return {"access": {"data": {"read": True, "write": self.world.user.may_write(item)}}}
        return {}

    def _objects(self, below: list[str], query: Query) -> Reply:
        name = below[0]
        if len(below) == 2:
            found = [item for item in self._listed(name) if item["id"] == below[1]]
            if not found:
                return message(404, f"{name} with id {below[1]} could not be found.", "E1005")
            return document(200, _projected(found[0], query.get("fields", ["*"])[0]))
        objects = [item for item in self._listed(name) if all(_passes(item, text) for text in query.get("filter", ()))]
        fields = query.get("fields", ["id,displayName"])[0]
        whole = query.get("paging", ["true"])[0] == "false" or query.get("skipPaging", ["false"])[0] == "true"
        if whole:
            return document(200, {name: [_projected(item, fields) for item in objects]})
        page, size = _positive(query, "page", 1), _positive(query, "pageSize", PAGE_SIZE)
        pages = max(1, -(-len(objects) // size))
        pager: Object = {"page": page, "total": len(objects), "pageSize": size, "pageCount": pages}
        if page < pages:
            pager["nextPage"] = f"{self.base_url}/api/{name}?page={page + 1}&pageSize={size}"
        shown = objects[(page - 1) * size : page * size]
        return document(200, {"pager": pager, name: [_projected(item, fields) for item in shown]})

    def _export(self, query: Query) -> Object:
        catalogue = self.world.catalogue
        for name, code in (("dataSet", "E2001"), ("period", "E2002"), ("orgUnit", "E2006")):
            if not query.get(name):
                raise BadRequest(409, f"At least one {name} must be specified", code)
        sets = [catalogue.data_sets.get(name) for name in query["dataSet"]]
        units = set(query["orgUnit"])
        if None in sets or any(catalogue.find("organisationUnits", unit) is None for unit in units):
            raise BadRequest(409, "Data set or org unit not found")
        if query.get("children", ["false"])[0] == "true":
            everywhere = (item["id"] for item in catalogue.lists["organisationUnits"])
            units |= {unit for unit in everywhere if units & {*catalogue.ancestors(unit)}}
        elements = {element for found in sets if found for element in found.elements}
        rows = self.world.store.values(elements, set(query["period"]), units)
        values = [
            {
                "dataElement": row.key.data_element,
                "period": row.key.period,
                "orgUnit": row.key.org_unit,
                "categoryOptionCombo": row.key.category_option_combo,
                "attributeOptionCombo": row.key.attribute_option_combo,
                **({} if row.value is None else {"value": row.value}),
                **({} if row.comment is None else {"comment": row.comment}),
                "storedBy": row.stored_by,
                "created": row.created,
                "lastUpdated": row.last_updated,
                "followup": row.follow_up,
            }
            for row in rows
        ]
        header = {name: query[name][0] for name in ("dataSet", "period", "orgUnit") if len(query[name]) == 1}
        return {**header, "dataValues": values}

    # importing

    def _import(self, request: Request, api_version: int | None) -> Reply:
        if not self.world.user.has("F_DATAVALUE_ADD"):
            return message(403, "Access is denied", "E1006")
        if request.content_type != "application/json":
            return message(415, f"Content type {request.content_type or 'missing'}: the sandbox reads application/json")
        header = read_payload(unpacked(request.body, self._largest_body))
        old = self.world.version < (2, 43, 0)
        options = Options.read(request.query, header, old)
        with self._lock:
            summary = (OldEngine if old else NewEngine)(self.world, header, options).run()
            self.world.store.record(summary.record(self.world.clock().isoformat(), options))
            if request.query.get("async", ["false"])[0] == "true":
                return self._started(summary.document(options))
        return self._imported(summary, options, api_version)

    def _imported(self, summary: Summary, options: Options, api_version: int | None) -> Reply:
        version = self.world.version
        status = 409 if summary.status == "ERROR" or (summary.status == "WARNING" and version < (2, 43, 0)) else 200
        found = summary.document(options)
        below_38 = (api_version or 38) < 38 or (api_version is None and version < (2, 38, 0))
        if version < (2, 42, 0) and below_38:
            return document(status, found)  # no envelope
        words = {
            "SUCCESS": ("OK", "Import was successful."),
            "WARNING": ("WARNING", "Import process completed with warnings, please check import summary."),
            "ERROR": ("ERROR", "An error occurred, please check import summary."),
        }
        envelope_status, text = words[summary.status]
        return document(status, {**_envelope(status, envelope_status, text), "response": found})

    def _started(self, summary: Object) -> Reply:
        job = f"j{len(self._jobs) + 1:010}"
        self._jobs[job] = (summary, self._job_polls)
        response = {
            "responseType": "JobConfigurationWebMessageResponse",
            "name": "DATAVALUE_IMPORT",
            "id": job,
            "created": self.world.clock().isoformat(),
            "jobType": "DATAVALUE_IMPORT",
            "jobStatus": "SCHEDULED",
            "relativeNotifierEndpoint": f"/api/system/tasks/DATAVALUE_IMPORT/{job}",
        }
        return document(200, {**_envelope(200, "OK", "Initiated DATAVALUE_IMPORT"), "response": response})

    def _task(self, job: str) -> Reply:
        with self._lock:
            if job not in self._jobs:
                return document(200, [])
            summary, polls = self._jobs[job]
            self._jobs[job] = (summary, polls - 1)
        notes = [{"level": "INFO", "category": "DATAVALUE_IMPORT", "message": "Process started", "completed": False}]
        if polls <= 0:
            notes.insert(0, {**notes[0], "message": "Import done", "completed": True})
        return document(200, notes)


def version_numbers(version: str) -> Version:
    """The first three numbers of a version such as 2.43.0.1 or 2.44-SNAPSHOT."""
    parts = version.partition("-")[0].split(".")
    numbers = [int(part) if part.isdigit() else 0 for part in parts[:3]]
    return (*numbers, 0, 0, 0)[:3]  # type: ignore[return-value]


def document(status: int, value: Any) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(value, ensure_ascii=False).encode())


def message(status: int, text: str, code: str | None = None) -> Reply:
    """A WebMessage without a response."""
    return document(status, {**_envelope(status, "ERROR", text), **({"errorCode": code} if code else {})})


def _envelope(status: int, kind: str, text: str) -> Object:
    return {"httpStatus": HTTPStatus(status).phrase, "httpStatusCode": status, "status": kind, "message": text}


def _positive(query: Query, name: str, default: int) -> int:
    text = query.get(name, [str(default)])[0]
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise BadRequest(400, f"{name} is a positive number")
    return int(text)


def _projected(item: Object, fields: str) -> Object:
    """The object with the top-level fields that were asked for, each whole."""
    names, depth = [""], 0
    for letter in fields:
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth == 0:
            names.append("")
        elif depth == 0 and letter != "]":
            names[-1] += letter
    shown = {"displayName": item.get("name"), **item} if "displayName" in names else item
    if any(name.startswith((":", "*")) for name in names):
        return shown
    return {name: shown[name] for name in names if name in shown}


def _passes(item: Object, text: str) -> bool:
    path, _, rest = text.partition(":")
    operator, _, wanted = rest.partition(":")
    name, _, inner = path.partition(".")
    found = str((reference(item, name) if inner == "id" else item.get(name)) or "")
    if operator == "eq":
        return found == wanted
    if operator == "in":
        return found in wanted.strip("[]").split(",")
    if operator == "ilike":
        return wanted.lower() in found.lower()
    raise BadRequest(400, f"The sandbox has no filter {text!r}: it knows eq, in and ilike")
