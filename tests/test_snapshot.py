import functools
import gzip
import hashlib
import json
import pickle
import time
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_bridge import identifiers
from dhis2_bridge.findings import SnapshotError
from dhis2_bridge.snapshot import KINDS, DataInputPeriod, Problem, Snapshot, load
from dhis2_bridge.value_types import Accepted, read_option

uid = functools.cache(identifiers.uid)


def ref(*names: str) -> list[dict[str, str]]:
    return [{"id": uid(name)} for name in names]


def obj(name: str, **properties: Any) -> dict[str, Any]:
    return {"id": uid(name), "name": name, **properties}


def small() -> dict[str, Any]:
    """One data set with a disaggregated, a plain and an overridden data element; the default has an unusual UID."""
    return {
        "system": {
            "id": "eed3d451-4ff5-4193-b951-ffcc68954299",
            "version": "2.42.1",
            "contextPath": "https://play.test",
        },
        "organisationUnits": [
            obj("Alder Clinic", code="00123", parent={"id": uid("North")}, openingDate="2010-01-01T00:00:00.000"),
            obj("North", code="D-01", parent={"id": uid("Country")}, closedDate="2025-06-30"),
            obj("Country", code="EX"),
        ],
        "organisationUnitGroups": [obj("Clinics", code="CLINIC", organisationUnits=ref("Alder Clinic"))],
        "categoryOptions": [obj("Male", code="M"), obj("Female", code="F"), obj("<5"), obj("5+"), obj("default")],
        "categories": [
            obj("Sex", categoryOptions=ref("Male", "Female")),
            obj("Age", categoryOptions=ref("<5", "5+")),
            obj("one", categoryOptions=ref("default")),
        ],
        "categoryCombos": [
            obj("Age and sex", categories=ref("Age", "Sex")),
            obj("Sex only", categories=ref("Sex")),
            obj("default", categories=ref("one")),
        ],
        "categoryOptionCombos": [
            combo("<5, Male", "Age and sex", "Male", "<5"),
            combo("<5, Female", "Age and sex", "<5", "Female"),
            combo("Male only", "Sex only", "Male"),
            combo("default", "default", "default"),
        ],
        "optionSets": [obj("Risk", options=ref("High", "Low"), valueType="TEXT")],
        "options": [
            obj("Low", code="LOW", sortOrder=1, optionSet={"id": uid("Risk")}),
            obj("High", code="HIGH", sortOrder=2, optionSet={"id": uid("Risk")}),
        ],
        "dataElements": [
            obj("Cases", code="OPD", valueType="INTEGER", categoryCombo={"id": uid("Age and sex")}),
            obj(
                "Visits", code="ANC", valueType="INTEGER", categoryCombo={"id": uid("default")}, zeroIsSignificant=True
            ),
            obj("Level", valueType="TEXT", categoryCombo={"id": uid("default")}, optionSet={"id": uid("Risk")}),
        ],
        "dataSets": [
            obj(
                "Monthly",
                code="MONTHLY",
                periodType="Monthly",
                categoryCombo={"id": uid("default")},
                organisationUnits=ref("Alder Clinic"),
                dataSetElements=[
                    {"dataElement": {"id": uid("Cases")}},
                    {"dataElement": {"id": uid("Visits")}, "categoryCombo": {"id": uid("Sex only")}},
                    {"dataElement": {"id": uid("Level")}, "dataSet": {"id": uid("Monthly")}},
                ],
                openFuturePeriods=1,
                expiryDays=15.5,
                timelyDays=10,
            )
        ],
    }


def combo(name: str, category_combo: str, *options: str) -> dict[str, Any]:
    return obj(name + category_combo, categoryCombo={"id": uid(category_combo)}, categoryOptions=ref(*options)) | {
        "name": name
    }


def test_org_units_know_their_place() -> None:
    snapshot = Snapshot.from_dict(small())
    clinic = snapshot.org_units[uid("Alder Clinic")]
    assert clinic.path == f"/{uid('Country')}/{uid('North')}/{uid('Alder Clinic')}"
    assert clinic.level == 3
    assert clinic.parent == uid("North")
    assert clinic.opening_date == date(2010, 1, 1)
    assert clinic.closed_date is None
    assert clinic.groups == {uid("Clinics")}
    assert snapshot.org_units[uid("North")].closed_date == date(2025, 6, 30)
    assert snapshot.org_units[uid("Country")].level == 1


def test_the_hierarchy() -> None:
    snapshot = Snapshot.from_dict(small())
    assert snapshot.descends(uid("Alder Clinic"), uid("Country"))
    assert snapshot.descends(uid("North"), uid("North"))
    assert not snapshot.descends(uid("Country"), uid("North"))
    assert not snapshot.descends("nowhere", uid("Country"))
    assert snapshot.children(uid("Country")) == (uid("North"),)
    assert snapshot.children(uid("Alder Clinic")) == ()


def test_groups_by_uid_and_code() -> None:
    snapshot = Snapshot.from_dict(small())
    assert snapshot.in_group(uid("Alder Clinic"), "CLINIC")
    assert snapshot.in_group(uid("Alder Clinic"), uid("Clinics"))
    assert not snapshot.in_group(uid("North"), "CLINIC")
    assert not snapshot.in_group(uid("Alder Clinic"), "HOSPITAL")


def test_a_part_of_a_hierarchy_keeps_its_place_in_the_whole() -> None:
    path = f"/{uid('Country')}/{uid('North')}/{uid('Clinic')}"
    document = {
        "organisationUnits": [
            obj("Ward", parent={"id": uid("Clinic")}),
            obj("Clinic", path=path, level=3, parent={"id": uid("North")}),
            obj("Elsewhere", parent={"id": uid("South")}, level=2),
        ]
    }
    snapshot = Snapshot.from_dict(document)
    ward, elsewhere = snapshot.org_units[uid("Ward")], snapshot.org_units[uid("Elsewhere")]
    assert (ward.path, ward.level) == (f"{path}/{uid('Ward')}", 4)
    assert (elsewhere.path, elsewhere.level) == (f"/{uid('South')}/{uid('Elsewhere')}", 2)
    assert snapshot.descends(uid("Ward"), uid("Country"))
    assert {problem.uid for problem in snapshot.problems} == {uid("Clinic"), uid("Elsewhere")}


def test_a_parent_that_only_the_path_names() -> None:
    document = {"organisationUnits": [obj("A"), obj("B", path=f"/{uid('A')}/{uid('B')}")]}
    snapshot = Snapshot.from_dict(document)
    assert snapshot.org_units[uid("B")].parent == uid("A")
    assert not snapshot.problems


def test_the_category_combination_that_counts() -> None:
    elements = Snapshot.from_dict(small()).data_sets[uid("Monthly")].elements
    assert elements == {
        uid("Cases"): uid("Age and sex"),
        uid("Visits"): uid("Sex only"),
        uid("Level"): uid("default"),
    }


def test_data_set_properties() -> None:
    document = small()
    document["dataSets"][0] |= {
        "periodType": {"name": "Quarterly"},
        "access": {"data": {"read": True, "write": False}},
        "dataInputPeriods": [{"period": {"id": "2024Q1"}, "openingDate": "2024-04-01T00:00:00.000"}],
    }
    data_set = Snapshot.from_dict(document).data_sets[uid("Monthly")]
    assert data_set.period_type == "Quarterly"
    assert data_set.org_units == {uid("Alder Clinic")}
    assert (data_set.open_future_periods, data_set.expiry_days, data_set.timely_days) == (1, 15.5, 10)
    assert data_set.data_input_periods == (DataInputPeriod("2024Q1", date(2024, 4, 1), None),)
    assert data_set.data_write is False


def test_the_older_shape_of_data_set_elements() -> None:
    document = small()
    del document["dataSets"][0]["dataSetElements"]
    document["dataSets"][0]["dataElements"] = ref("Cases", "Visits")
    assert Snapshot.from_dict(document).data_sets[uid("Monthly")].elements == {
        uid("Cases"): uid("Age and sex"),
        uid("Visits"): uid("default"),
    }


def test_category_option_combos_are_found_by_their_set() -> None:
    snapshot = Snapshot.from_dict(small())
    wanted = uid("<5, MaleAge and sex")
    assert snapshot.category_option_combo(uid("Age and sex"), frozenset({uid("<5"), uid("Male")})) == wanted
    assert snapshot.category_option_combo(uid("Age and sex"), frozenset({uid("Male")})) is None
    assert snapshot.category_option_combo(uid("Age and sex"), frozenset({uid("5+"), uid("Male")})) is None
    assert snapshot.category_option_combo(uid("Sex only"), frozenset({uid("Male")})) == uid("Male onlySex only")
    assert snapshot.category_option_combos_of(uid("Age and sex")) == (wanted, uid("<5, FemaleAge and sex"))
    assert snapshot.categories_of(uid("Age and sex")) == (uid("Age"), uid("Sex"))
    assert snapshot.options_of(uid("Sex")) == (uid("Male"), uid("Female"))
    assert snapshot.categories_of("nothing") == snapshot.options_of("nothing") == ()


def test_two_combos_of_the_same_options_are_told_and_neither_is_taken() -> None:
    document = small()
    document["categoryOptionCombos"].append(combo("again", "Sex only", "Male"))
    snapshot = Snapshot.from_dict(document)
    assert snapshot.category_option_combo(uid("Sex only"), frozenset({uid("Male")})) is None
    twins = (uid("Male onlySex only"), uid("againSex only"))
    assert snapshot.problems == (Problem("category_combo", uid("Sex only"), "repeated", "categoryOptionCombos", twins),)
    assert "same options" in str(snapshot.problems[0])


def test_the_default_combo_is_found_by_name() -> None:
    snapshot = Snapshot.from_dict(small())
    assert snapshot.default_category_combo == uid("default")
    assert snapshot.default_category_option_combo == uid("defaultdefault")
    assert snapshot.is_default(uid("default"))
    assert not snapshot.is_default(uid("Sex only"))


def test_a_default_combo_without_a_name() -> None:
    document = small()
    del document["categoryOptionCombos"][-1]["name"]
    assert Snapshot.from_dict(document).default_category_option_combo == uid("defaultdefault")


def test_an_instances_own_default(shared: Path) -> None:
    snapshot = load(next((shared / "cases").glob("C35-*")) / "metadata.json")
    assert snapshot.default_category_option_combo == "Xq7DefltC0c"
    assert "HllvX50cXC0" not in snapshot.category_option_combos


def test_a_file_without_a_default() -> None:
    snapshot = Snapshot.from_dict({"organisationUnits": [obj("A")]})
    assert snapshot.default_category_combo is None
    assert snapshot.default_category_option_combo is None
    assert not snapshot.is_default(uid("default"))


def test_an_element_without_combo_has_the_default() -> None:
    document = small()
    del document["dataElements"][1]["categoryCombo"]
    assert Snapshot.from_dict(document).data_elements[uid("Visits")].category_combo == uid("default")
    document["categoryCombos"].pop()
    with pytest.raises(SnapshotError, match="defaults=INCLUDE"):
        Snapshot.from_dict(document)


def test_options_in_the_order_of_the_set() -> None:
    options = Snapshot.from_dict(small()).option_sets[uid("Risk")].options
    assert options.codes == ("HIGH", "LOW")
    assert read_option("high", options) == Accepted("HIGH", normalised=True)


def test_options_that_only_point_to_their_set_follow_their_sort_order() -> None:
    document = small()
    document["optionSets"][0]["options"] = None
    assert Snapshot.from_dict(document).option_sets[uid("Risk")].options.codes == ("LOW", "HIGH")


def test_options_within_their_set() -> None:
    document = {"optionSets": [obj("Risk", options=[None, {"code": "B", "name": "Bee"}, {"code": "A", "name": "Ay"}])]}
    options = Snapshot.from_dict(document).option_sets[uid("Risk")].options
    assert options.names == {"B": ("Bee",), "A": ("Ay",)}


def test_index_by_uid_and_code() -> None:
    document = small()
    document["organisationUnits"].append(obj("Twin", code="00123"))
    snapshot = Snapshot.from_dict(document)
    assert snapshot.index("org_unit", "uid")[uid("North")] == (uid("North"),)
    assert snapshot.index("org_unit", "code")["00123"] == (uid("Alder Clinic"), uid("Twin"))
    assert "123" not in snapshot.index("org_unit", "code")
    assert "d-01" not in snapshot.index("org_unit", "code")
    assert list(snapshot.uids("data_set")) == [uid("Monthly")]
    assert snapshot.index("org_unit", "code") is snapshot.index("org_unit", "code")


@pytest.mark.parametrize(
    "values",
    [
        [{"attribute": {"id": uid("SOATO")}, "value": "1703202"}, {"attribute": {"id": uid("other")}, "value": "x"}],
        [{"attribute": uid("SOATO"), "value": "1703202"}],
        {uid("SOATO"): {"value": "1703202"}},
        {uid("SOATO"): "1703202"},
    ],
)
def test_index_by_attribute_in_every_shape(values: Any) -> None:
    document = small() | {"attributes": [obj("SOATO")]}
    document["organisationUnits"][0]["attributeValues"] = values
    snapshot = Snapshot.from_dict(document)
    assert snapshot.index("org_unit", f"ATTRIBUTE:{uid('SOATO')}") == {"1703202": (uid("Alder Clinic"),)}
    assert snapshot.index("attribute", "name") == {"soato": (uid("SOATO"),)}


def test_index_by_name_folds_and_knows_translations() -> None:
    document = small()
    document["organisationUnits"][0]["translations"] = [
        {"property": "NAME", "locale": "ru", "value": "Поликлиника  Ольха"},
        {"property": "DESCRIPTION", "locale": "ru", "value": "Описание"},
    ]
    index = Snapshot.from_dict(document).index("org_unit", "name")
    assert index["alder clinic"] == (uid("Alder Clinic"),)
    assert index["поликлиника ольха"] == (uid("Alder Clinic"),)
    assert "описание" not in index


def test_labels_count_where_no_name_and_no_other_label_is_the_same() -> None:
    document = {
        "organisationUnits": [
            obj("First", shortName="Alone", formName="Shown"),
            obj("Second", shortName="Both"),
            obj("Third", shortName="Both"),
            obj("Fourth", shortName="First"),
            obj("Fifth", shortName="Fifth", translations=[{"property": "SHORT_NAME", "value": "Beshinchi"}]),
        ]
    }
    index = Snapshot.from_dict(document).index("org_unit", "name")
    assert index["alone"] == index["shown"] == index["first"] == (uid("First"),)
    assert "both" not in index
    assert index["fifth"] == index["beshinchi"] == (uid("Fifth"),)


def test_latin_index_joins_the_scripts() -> None:
    document = {"organisationUnits": [obj("Чирчиқ"), obj("Olmazor")]}
    snapshot = Snapshot.from_dict(document)
    assert snapshot.latin_index("org_unit")["chirchiq"] == (uid("Чирчиқ"),)
    assert "chirchiq" not in snapshot.index("org_unit", "name")


def test_same_names_stay_apart(shared: Path) -> None:
    snapshot = load(shared / "cases" / "_metadata" / "metadata.json")
    assert len(snapshot.index("org_unit", "name")["cedar clinic"]) == 2
    described = {snapshot.describe("org_unit", one) for one in snapshot.index("org_unit", "name")["cedar clinic"]}
    assert described == {
        "Cedar Clinic (1E05), North District, Example Country",
        "Cedar Clinic (00987), South District, Example Country",
    }


def test_a_code_that_is_anothers_uid(shared: Path) -> None:
    snapshot = load(next((shared / "cases").glob("C73-*")) / "metadata.json")
    assert snapshot.index("org_unit", "code")["fCWutTOK4oC"] == ("MgDvzEVLLF1",)
    assert snapshot.index("org_unit", "uid")["fCWutTOK4oC"] == ("fCWutTOK4oC",)


def test_indexes_that_cannot_be() -> None:
    snapshot = Snapshot.from_dict(small())
    with pytest.raises(ValueError, match="scheme"):
        snapshot.index("org_unit", "UUID")
    with pytest.raises(KeyError):
        snapshot.index("orgUnit", "code")


def test_names_for_people() -> None:
    snapshot = Snapshot.from_dict(small())
    assert snapshot.name("data_element", uid("Cases")) == "Cases"
    assert snapshot.name("data_element", "unknown") == "unknown"
    assert snapshot.describe("category_option", uid("<5")) == f"<5 ({uid('<5')})"
    assert snapshot.describe("data_element", "unknown") == "unknown (unknown)"


@pytest.mark.parametrize(
    ("version", "read", "engine"),
    [
        ("2.42.4.1", (2, 42), "old"),
        ("2.43.0", (2, 43), "new"),
        ("2.44-SNAPSHOT", (2, 44), "new"),
        ("2.5", (2, 5), "old"),
        ("43.0", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_the_engine_follows_the_version(version: str | None, read: tuple[int, int] | None, engine: str | None) -> None:
    snapshot = Snapshot.from_dict(small() | {"system": {"version": version}})
    assert snapshot.identity.version == read
    assert snapshot.engine == engine


def test_identity_of_a_plain_export_and_of_a_pulled_file() -> None:
    plain = Snapshot.from_dict(small()).identity
    assert plain.system_id == "eed3d451-4ff5-4193-b951-ffcc68954299"
    assert plain.base_url == "https://play.test"
    assert plain.user is None
    assert plain.authorities is None
    assert plain.capture_org_units is None
    me = {"username": "importer", "authorities": ["F_DATAVALUE_ADD"], "organisationUnits": ref("Country")}
    ours = {"base_url": "https://hmis.test", "name": "Test", "pulled": "2024-05-01T10:00:00Z", "user": me}
    pulled = Snapshot.from_dict(small() | {"dhis2_bridge": ours}).identity
    assert (pulled.base_url, pulled.name, pulled.exported) == ("https://hmis.test", "Test", "2024-05-01T10:00:00Z")
    assert pulled.user == "importer"
    assert pulled.authorities == frozenset({"F_DATAVALUE_ADD"})
    assert pulled.capture_org_units == frozenset({uid("Country")})


def test_a_gzipped_export_is_the_same_snapshot(tmp_path: Path) -> None:
    data = json.dumps(small()).encode()
    (tmp_path / "plain.json").write_bytes(data)
    (tmp_path / "packed.json").write_bytes(gzip.compress(data))
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf" + data)
    plain, packed = load(tmp_path / "plain.json"), load(str(tmp_path / "packed.json"))
    assert plain.identity == packed.identity
    assert plain.identity.sha256 == hashlib.sha256(data).hexdigest()
    assert plain.data_sets == packed.data_sets == load(tmp_path / "marked.json").data_sets


def test_a_snapshot_travels_between_processes() -> None:
    snapshot = Snapshot.from_dict(small())
    copy = pickle.loads(pickle.dumps(snapshot))
    assert copy.data_sets == snapshot.data_sets
    assert copy.option_sets[uid("Risk")].options.codes == ("HIGH", "LOW")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"{", "broken JSON"),
        (b'{"organisationUnits": [', "broken JSON"),
        (b"[]", "list, not an object"),
        (b"<!DOCTYPE html><html>", "login"),
        (b"<?xml version='1.0'?><metadata/>", "XML"),
        (b"PK\x03\x04", "ZIP"),
        ("{}".encode("utf-16"), "UTF-16"),
        (gzip.compress(b'{"a": 1}', mtime=0)[:-4], "damaged gzip"),
        (gzip.compress(b'{"a": 1}', mtime=0)[:12] + b"\xff" * 9, "damaged gzip"),
        (b'{"dataValues": []}', "data values"),
        (b'{"httpStatus": "Unauthorized", "message": "Bad login"}', "Bad login"),
        (b'{"indicators": []}', "none of"),
    ],
)
def test_files_that_are_no_metadata_export(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(data)
    with pytest.raises(SnapshotError, match=message) as raised:
        load(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="cannot be read"):
        load(tmp_path / "absent.json")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(b" " * 3_000_000))
    with pytest.raises(SnapshotError, match="more than 1,000,000 bytes"):
        load(path, limit=1_000_000)


def test_one_page_of_a_longer_answer() -> None:
    with pytest.raises(SnapshotError, match="one page of 5"):
        Snapshot.from_dict(small() | {"pager": {"page": 1, "pageCount": 5}})
    assert Snapshot.from_dict(small() | {"pager": {"page": 1, "pageCount": 1}}).data_sets


def test_all_faults_are_told_at_once() -> None:
    document = small()
    document["organisationUnits"] += [obj("North"), {"name": "nameless"}, {"id": "too short"}]
    document["dataElements"][0]["valueType"] = 5
    document["dataSets"][0]["expiryDays"] = "15"
    document["categories"] = {"id": uid("Sex")}
    document["categoryOptions"][0]["translations"] = [None, "NAME"]
    with pytest.raises(SnapshotError) as raised:
        Snapshot.from_dict(document, source="export.json")
    lines = str(raised.value).splitlines()
    assert all(line.startswith("export.json: ") for line in lines)
    for told in (
        f"organisationUnits[3]: the id {uid('North')} stands twice",
        "organisationUnits[4]: the id is no UID: None",
        "organisationUnits[5]: the id is no UID: 'too short'",
        f"dataElements {uid('Cases')}: valueType is no text",
        f"dataSets {uid('Monthly')}: expiryDays is no number",
        "categories is no list of objects",
        f"categoryOptions {uid('Male')}: translations is no list of objects",
    ):
        assert any(told in line for line in lines)


def test_many_faults_are_counted() -> None:
    with pytest.raises(SnapshotError, match="and 15 more faults"):
        Snapshot.from_dict({"organisationUnits": [{"id": str(number)} for number in range(25)]})


@pytest.mark.parametrize("length", [1, 2, 5])
def test_org_units_in_a_circle(length: int) -> None:
    units = [obj(f"U{i}", parent={"id": uid(f"U{(i + 1) % length}")}) for i in range(length)]
    with pytest.raises(SnapshotError, match="lead back"):
        Snapshot.from_dict({"organisationUnits": [obj("fine"), *units]})


def test_a_deep_hierarchy() -> None:
    units = [obj("U0"), *(obj(f"U{i}", parent={"id": uid(f"U{i - 1}")}) for i in range(1, 2000))]
    snapshot = Snapshot.from_dict({"organisationUnits": units[::-1]})
    assert snapshot.org_units[uid("U1999")].level == 2000


def without(collection: str, name: str) -> dict[str, Any]:
    document = small()
    document[collection] = [one for one in document[collection] if one["id"] != uid(name)]
    return document


@pytest.mark.parametrize(
    ("collection", "name"),
    [
        ("categoryCombos", "Age and sex"),
        ("categoryCombos", "Sex only"),
        ("categories", "Age"),
        ("optionSets", "Risk"),
    ],
)
def test_what_a_data_set_needs_and_lacks(collection: str, name: str) -> None:
    snapshot = Snapshot.from_dict(without(collection, name), source="export.json")
    with pytest.raises(SnapshotError, match=f"export.json: .*{uid(name)}"):
        snapshot.require(uid("Monthly"))


@pytest.mark.parametrize(
    ("collection", "name"),
    [
        ("organisationUnits", "Alder Clinic"),
        ("organisationUnits", "North"),
        ("categoryOptions", "5+"),
        ("dataElements", "Cases"),
        ("options", "Low"),
    ],
)
def test_what_is_missing_and_not_needed_is_remembered(collection: str, name: str) -> None:
    snapshot = Snapshot.from_dict(without(collection, name))
    snapshot.require(uid("Monthly"))
    assert any(uid(name) in problem.uids for problem in snapshot.problems)
    assert any(uid(name) in str(problem) for problem in snapshot.problems)
    assert uid(name) not in snapshot.data_sets[uid("Monthly")].elements


def test_a_whole_file_has_no_problems() -> None:
    snapshot = Snapshot.from_dict(small())
    assert snapshot.problems == ()
    snapshot.require(uid("Monthly"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just(uid("North")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "code", "value"]), inner),
    max_leaves=4,
)
PLACES = [
    (collection, key)
    for collection, listed in small().items()
    if isinstance(listed, list)
    for key in sorted({key for one in listed for key in one} | {"translations", "attributeValues", "path", "access"})
]


@given(st.sampled_from(PLACES), json_values)
def test_a_property_of_any_shape_is_read_or_told(place: tuple[str, str], value: Any) -> None:
    collection, key = place
    document = small()
    document[collection][-1][key] = value
    try:
        snapshot = Snapshot.from_dict(document, sha256="")
    except SnapshotError as error:
        assert collection in str(error)
    else:
        for kind in KINDS:
            snapshot.index(kind, "name")


@given(st.sampled_from([*KINDS.values(), "options", "system", "dhis2_bridge", "pager"]), json_values)
def test_a_collection_of_any_shape_is_read_or_told(collection: str, value: Any) -> None:
    document = small()
    document[collection] = value
    try:
        Snapshot.from_dict(document, sha256="")
    except SnapshotError as error:
        assert str(error).startswith("metadata: ")


@pytest.mark.parametrize("package", ["tb_agg_metadata.json", "hiv_agg_metadata.json"])
def test_real_packages_hold_what_their_data_sets_need(shared: Path, package: str) -> None:
    path = shared / "reference" / "who" / package
    snapshot = load(path)
    document = orjson.loads(path.read_bytes())
    assert snapshot.problems == ()
    assert snapshot.engine is None
    assert len(snapshot.data_elements) == len(document["dataElements"])
    assert snapshot.default_category_option_combo == "HllvX50cXC0"
    for data_set in snapshot.data_sets.values():
        snapshot.require(data_set.uid)
        assert data_set.elements
    for one in snapshot.category_option_combos.values():
        assert snapshot.category_option_combo(one.category_combo, one.category_options) == one.uid
        if not snapshot.is_default(one.category_combo):
            assert len(one.category_options) == len(snapshot.categories_of(one.category_combo))


def test_a_country_loads_in_about_a_second() -> None:
    units: list[dict[str, Any]] = [{"id": "C0000000000", "name": "Country"}]
    units += [{"id": f"R{i:010}", "name": f"Region {i}", "parent": {"id": "C0000000000"}} for i in range(200)]
    units += [
        {
            "id": f"F{i:010}",
            "name": f"Clinic {i}",
            "shortName": f"C{i}",
            "code": f"{i:06}",
            "parent": {"id": f"R{i % 200:010}"},
            "openingDate": "2010-01-01T00:00:00.000",
            "attributeValues": [{"attribute": {"id": "A0000000000"}, "value": str(i)}],
        }
        for i in range(30_000)
    ]
    document = {"organisationUnits": units[::-1]}
    started = time.perf_counter()
    snapshot = Snapshot.from_dict(document, sha256="")
    assert time.perf_counter() - started < 5  # half a second alone on a core; the machines of tests are busy
    assert snapshot.index("org_unit", "code")["029999"] == ("F0000029999",)
    assert snapshot.org_units["F0000000007"].level == 3
