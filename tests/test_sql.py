"""The result of a query as a table: every value as text without loss, and nothing of the login anywhere."""

import contextlib
import gc
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from commanding import Shell
from hypothesis import given
from hypothesis import strategies as st

import dhis2_bridge
from dhis2_bridge import sources
from dhis2_bridge.findings import BridgeError, NotAuthorised, Unreachable, Unreadable, UsageError
from dhis2_bridge.report import words
from dhis2_bridge.sources import database
from dhis2_bridge.sources.sql import KINDS, SqlTable, text_of

VARIABLE = "DHIS2_BRIDGE_DATABASE_URL"
SECRET = "geheim-Zq7"


class Desk:
    """A folder for queries and the database that the environment names."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch

    def use(self, url: str | None) -> None:
        if url is None:
            self._monkeypatch.delenv(VARIABLE, raising=False)
        else:
            self._monkeypatch.setenv(VARIABLE, url)

    def open(self, query: str, name: str = "staff.sql") -> Any:
        path = self.folder / name
        path.write_text(query, encoding="utf-8")
        return sources.open_source(path, name=name)

    def table(self, query: str) -> SqlTable:
        table = self.open(query).table
        assert isinstance(table, SqlTable)
        return table

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows without blanks, by the names of the result."""
        return rows_of(self.table(query))


def rows_of(table: SqlTable) -> list[dict[str, Any]]:
    names = ("row", *table.header)
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for frame in table.batches()
        for row in frame.iter_rows()
    ]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with a small database of SQLite; no connection is left open behind it."""
    with contextlib.closing(sqlite3.connect(tmp_path / "hr.db")) as made:
        made.executescript(
            """
            create table staff (id text, code text, rate real, started date);
            insert into staff values ('007', '2212.10', 0.5, '2020-01-31'), ('008', '3221.2', 1.0, null);
            """
        )
    made_desk = Desk(tmp_path, monkeypatch)
    made_desk.use(f"sqlite:///{tmp_path / 'hr.db'}")
    yield made_desk
    gc.collect()


# -- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2212.10", "2212.10"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (12345678901234567890, "12345678901234567890"),
        (0.1, "0.1"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (2.0, "2.0"),
        (Decimal("2212.10"), "2212.10"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.0"), "-0.0"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 10, 30), "2024-02-29T10:30:00"),
        (datetime(2024, 2, 29, 10, 30, tzinfo=timezone(timedelta(hours=5))), "2024-02-29T10:30:00+05:00"),
        (time(10, 30), "10:30:00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (Decimal("NaN"), None),
        (b"x", None),
        ([1], None),
        ({"a": 1}, None),
        (timedelta(1), None),
    ],
)
def test_a_value_as_text(value: Any, text: str | None) -> None:
    assert text_of(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_its_text_again(value: float) -> None:
    text = text_of(value)
    assert text is not None
    assert "e" not in text.lower()
    assert float(text) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_a_decimal_keeps_its_zeros(value: Decimal) -> None:
    assert text_of(value) == str(value) or "E" in str(value)
    assert Decimal(str(text_of(value))) == value


# -- SQLite ----------------------------------------------------------------------------------------------------------


def test_rows_are_numbered_as_the_result_has_them(desk: Desk) -> None:
    source = desk.open("select * from staff order by id desc;\n-- so far")
    assert (source.format, source.evidence) == ("sql", {"encoding": "utf-8", "database": "sqlite"})
    assert isinstance(source.table, SqlTable)
    assert (source.table.header, source.table.header_row) == (("id", "code", "rate", "started"), 0)
    assert rows_of(source.table) == [
        {"row": 1, "id": "008", "code": "3221.2", "rate": "1.0"},
        {"row": 2, "id": "007", "code": "2212.10", "rate": "0.5", "started": "2020-01-31"},
    ]


def test_a_table_is_read_again_and_sees_the_same(desk: Desk) -> None:
    table = desk.table("select id from staff order by id")
    assert rows_of(table) == rows_of(table) == [{"row": 1, "id": "007"}, {"row": 2, "id": "008"}]


def test_batches_go_on_counting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dhis2_bridge.sources.sql.BATCH", 3)
    table = desk.table("with recursive n(x) as (select 1 union all select x + 1 from n where x < 8) select x from n")
    assert [(row["row"], row["x"]) for row in rows_of(table)] == [(n, str(n)) for n in range(1, 9)]
    assert [frame.height for frame in table.batches()] == [3, 3, 2]


def test_no_rows_are_no_batches(desk: Desk) -> None:
    table = desk.table("select id from staff where 1 = 0")
    assert (table.header, list(table.batches())) == (("id",), [])


def test_colons_and_percent_signs_are_what_they_are(desk: Desk) -> None:
    assert desk.rows("select ':id' as a, '100%' as b, '%s' as c from staff where id like '%7'") == [
        {"row": 1, "a": ":id", "b": "100%", "c": "%s"}
    ]


def test_only_the_ending_makes_a_text_a_query(desk: Desk) -> None:
    assert desk.open("select,from\n1,2\n", name="list.csv").format == "csv"
    assert desk.open("select 1 as a", name="QUERY.SQL").format == "sql"
    path = desk.folder / "query.txt"
    path.write_text("select 1 as a", encoding="utf-8")
    assert sources.open_source(path, format="sql").format == "sql"


def test_a_header_twice_has_no_rows(desk: Desk) -> None:
    table = desk.table("select id, code as id, rate from staff")
    assert [(one.code, one.column, one.arguments) for one in table.findings] == [
        ("header.repeated", 2, {"columns": [1, 2]})
    ]
    assert list(table.batches()) == []


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "not_one_select"),
        ("-- nothing", "not_one_select"),
        ("select 1; select 2", "not_one_select"),
        ("delete from staff", "not_one_select"),
        ("with x as (select 1) insert into staff select * from x", "not_one_select"),
        ("select * into other from staff", "not_one_select"),
        ("drop table staff", "not_one_select"),
        ("pragma query_only = off", "not_one_select"),
        ("attach 'other.db' as other", "not_one_select"),
        ("select 'open from staff", "syntax"),
        ("select from staff", "syntax"),
        ("select nowhere from staff", "no_such_column"),
        ("select id from nowhere", "no_such_table"),
        ("select nowhere(id) from staff", "no_such_function"),
    ],
)
def test_what_is_not_one_select_that_the_database_understands(desk: Desk, query: str, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        desk.table(query or "\n")
    finding = caught.value.finding
    assert (finding.code, finding.arguments["reason"], finding.found) == ("sql.refused", reason, None)
    assert finding.arguments.get("name") in {None, "nowhere"}
    assert caught.value.__cause__ is None


def test_a_semicolon_or_a_word_in_a_text_is_no_statement(desk: Desk) -> None:
    query = "select ';' as a, 'delete' as b, \"id\" /* ; drop */ from staff -- ; insert\n where id = '007';;"
    assert desk.rows(query) == [{"row": 1, "a": ";", "b": "delete", "id": "007"}]


def test_the_database_is_not_written_even_if_the_query_would(desk: Desk) -> None:
    table = desk.table("select 1 as a")
    with pytest.raises(Exception, match="readonly"):
        table._database.connection.exec_driver_sql("delete from staff")
    assert len(desk.rows("select * from staff")) == 2


@pytest.mark.parametrize(("expression", "kind"), [("x'00'", "bytes"), ("9e999", "not_a_number")])
def test_a_value_without_a_text_refuses_the_query(desk: Desk, expression: str, kind: str) -> None:
    table = desk.table(f"select 'a' as one, 'b' as two union all select 'c', {expression} order by one")
    with pytest.raises(Unreadable) as caught:
        rows_of(table)
    finding = caught.value.finding
    assert (finding.code, finding.row, finding.column) == ("sql.value", 2, 2)
    assert finding.arguments == {"header": "two", "kind": kind}


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_reasons_and_kinds_have_words(language: str) -> None:
    terms = words.locale(language).terms
    assert {*database.REASONS.values(), "data", "other", "not_one_select"} == set(terms["sql_reason"])
    assert {*KINDS, "other"} == set(terms["sql_kind"])


# -- what is wrong with the address ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        (None, UsageError, f"set {VARIABLE}"),
        (" ", UsageError, f"set {VARIABLE}"),
        (SECRET, UsageError, "no address of a database"),
        (f"postgresql://u:{SECRET}@host:port/x", UsageError, "no address of a database"),
        (f"nothing://u:{SECRET}@host/x", UsageError, "SQLAlchemy does not know"),
        (f"oracle+oracledb://u:{SECRET}@host/x", UsageError, "not installed"),
        (f"postgresql://u:{SECRET}@127.0.0.1:1/x", Unreachable, "does not answer"),
        (f"sqlite:////nowhere/{SECRET}.db", UsageError, "no database file"),
    ],
)
def test_a_wrong_address_is_one_line_without_the_address(desk: Desk, url: str | None, kind: Any, says: str) -> None:
    desk.use(url)
    with pytest.raises(kind, match=says) as caught:
        desk.open("select 1 as a")
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_file_that_is_no_database(desk: Desk) -> None:
    (desk.folder / "no.db").write_text("x" * 5000, encoding="utf-8")
    desk.use(f"sqlite:///{desk.folder / 'no.db'}")
    with pytest.raises(BridgeError):
        desk.rows("select * from staff")


def test_without_the_extra(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(UsageError, match=r"pip install 'dhis2_bridge\[sql\]'"):
        desk.open("select 1 as a")


def test_opening_other_files_needs_no_extra() -> None:
    code = "import sys, dhis2_bridge.sources; assert 'sqlalchemy' not in sys.modules and 'sqlglot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    return Shell(monkeypatch, tmp_path)


def test_inspect_names_the_columns_and_shows_no_row(desk: Desk, shell: Shell) -> None:
    query = desk.folder / "staff.sql"
    query.write_text("select id as person_id, code from staff", encoding="utf-8")
    for options in ((), ("--json",)):
        ran = shell("inspect", str(query), *options)
        assert ran.code == 0
        assert "person_id" in ran.out
        assert "007" not in ran.both
    desk.use(f"postgresql://u:{SECRET}@127.0.0.1:1/x")
    ran = shell("inspect", str(query))
    assert (ran.code, SECRET in ran.both) == (6, False)
    assert "does not answer" in ran.complaint
    desk.use(None)
    assert shell("inspect", str(query)).code == 2


def test_a_query_may_hold_figures_that_are_no_persons(desk: Desk) -> None:
    mapping = """\
mapping: practice-query
version: 1
data_set: MONTHLY
org_unit: {column: facility, match: code}
period: {column: month, type: Monthly}
data_element: {column: line, match: code}
value: {column: figure}
"""
    (desk.folder / "mapping.yaml").write_text(mapping, encoding="utf-8")
    query = desk.folder / "figures.sql"
    query.write_text(
        "select 'FAC_01' as facility, '202609' as month, 'BEDS' as line, 20 as figure union all "
        "select 'FAC_01', '202609', 'POWER', 1.5 order by line",
        encoding="utf-8",
    )
    practice = Path(__file__).resolve().parents[1] / "docs" / "practice.json"
    made = dhis2_bridge.convert(query, desk.folder / "mapping.yaml", practice)
    assert [(row["value"], row["row"]) for row in made.ready.iter_rows(named=True)] == [("20", 1), ("1.5", 2)]
    assert made.exit_code == 0


# -- PostgreSQL ------------------------------------------------------------------------------------------------------


def as_another(*command: str) -> list[str]:
    """A command as somebody who is not root, which the server refuses to be."""
    if os.getuid():
        return list(command)
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]


@pytest.fixture(scope="session")
def server(tmp_path_factory: Any) -> Iterator[str]:
    """A server of its own in a folder of its own, reached by its socket: how it is addressed, without a database."""
    path = os.pathsep.join([os.environ["PATH"], *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin")))])
    tools = {name: shutil.which(name, path=path) for name in ("initdb", "postgres", "pg_ctl", "setpriv")}
    if absent := [name for name, path in tools.items() if path is None]:
        pytest.skip(f"no PostgreSQL server on this machine ({', '.join(absent)})")
    home = Path("/tmp") / f"dhis2-bridge-{uuid.uuid4().hex[:12]}"  # a socket's path has to be short
    home.mkdir()
    try:
        if not os.getuid():
            shutil.chown(home, "nobody", "nogroup")
        data, secret = home / "data", home / "secret"
        secret.write_text(SECRET, encoding="utf-8")
        secret.chmod(0o644)

        def run(*command: str) -> None:
            nothing = subprocess.DEVNULL
            subprocess.run(as_another(*command), stdout=nothing, stderr=nothing, check=True, cwd=home, timeout=60)

        options = ["--username=bridge", f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]
        run(str(tools["initdb"]), "-D", str(data), *options, "--locale=C")
        settings = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off"
        start = (str(tools["pg_ctl"]), "-D", str(data), "-w", "-l", str(home / "log"))
        run(*start, "-o", settings, "start")
        try:
            yield f"postgresql://bridge:{SECRET}@/postgres?host={home}"
        finally:
            run(*start[:-2], "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgres(desk: Desk, server: str) -> Desk:
    desk.use(server)
    return desk


def run_sql(server: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as made:
        for statement in statements:
            made.execute(statement)  # type: ignore[call-overload]


def test_types_of_postgresql(postgres: Desk) -> None:
    assert postgres.rows(
        """
        select 1::smallint as small, 9223372036854775807 as big, 2212.10::numeric as code, 1e25::numeric as huge,
               0.1::float8 as f8, 0.1::real as f4, true as yes, false as no, null::text as nothing, ' ' as space,
               date '2024-02-29' as day, timestamp '2024-02-29 10:30' as stamp, time '10:30' as clock,
               timestamptz '2024-02-29 10:30+05' at time zone 'UTC' as zoned,
               '00000000-0000-0000-0000-000000000001'::uuid as id,
               'Oʻzbekiston, Ғ'::varchar(20) as word, 'a'::"char" as c
        """
    ) == [
        {
            "row": 1,
            "small": "1",
            "big": "9223372036854775807",
            "code": "2212.10",
            "huge": "10000000000000000000000000",
            "f8": "0.1",
            "f4": "0.1",
            "yes": "true",
            "no": "false",
            "day": "2024-02-29",
            "stamp": "2024-02-29T10:30:00",
            "clock": "10:30:00",
            "zoned": "2024-02-29T05:30:00",
            "id": "00000000-0000-0000-0000-000000000001",
            "word": "Oʻzbekiston, Ғ",
            "c": "a",
        }
    ]


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("'\\x00'::bytea", "bytes"),
        ("array[1]", "list"),
        ("'{\"a\": 2212.10}'::json", "object"),
        ("'{}'::jsonb", "object"),
        ("interval '1 day'", "other"),
        ("'NaN'::numeric", "not_a_number"),
        ("'Infinity'::float8", "not_a_number"),
        ("int4range(1, 2)", "other"),
    ],
)
def test_values_of_postgresql_without_a_text(postgres: Desk, expression: str, kind: str) -> None:
    with pytest.raises(Unreadable) as caught:
        postgres.rows(f"select {expression} as a")
    assert caught.value.finding.arguments == {"header": "a", "kind": kind}


def test_colons_casts_and_percent_signs_of_postgresql(postgres: Desk) -> None:
    query = "select ':x' as a, '1'::text as b, 5 % 3 as c, 'it''s' as d where 'ab' like '%b' -- 100%, :y"
    assert postgres.rows(query) == [{"row": 1, "a": ":x", "b": "1", "c": "2", "d": "it's"}]


def test_a_long_result_is_streamed(postgres: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    table = postgres.table("select n, repeat('x', 1000) as long from generate_series(1, 100000) as n order by n;")
    frames = table.batches()
    first = next(frames)
    assert first.height == 20_000
    assert [frame["row"][0] for frame in frames] == [20_001, 40_001, 60_001, 80_001]


def test_all_passes_see_one_state(postgres: Desk, server: str) -> None:
    run_sql(server, "drop table if exists now", "create table now (n int)", "insert into now values (1)")
    table = postgres.table("select n from now order by n")
    before = rows_of(table)
    run_sql(server, "insert into now values (2)")
    assert rows_of(table) == before == [{"row": 1, "n": "1"}]
    assert len(postgres.rows("select n from now")) == 2


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("select 1 as a,\n  nowhere from pg_class", {"reason": "no_such_column", "line": 2, "column": 3}),
        ("select 1 as a\nfrom nowhere", {"reason": "no_such_table", "line": 2, "column": 6}),
        ("select nowhere(1)", {"reason": "no_such_function", "line": 1, "column": 8}),
        ("select 1 a b c", {"reason": "syntax", "line": 1, "column": 12}),
        (f"select 'a{SECRET}'::int", {"reason": "data"}),
        ("select 1 / (n - 3) from generate_series(1, 5) as n", {"reason": "data"}),
        ("select nextval('kept')", {"reason": "read_only"}),
        ("select pg_read_file('/etc/passwd')", {"reason": "not_allowed"}),
    ],
)
def test_what_postgresql_refuses(postgres: Desk, server: str, query: str, arguments: dict[str, Any]) -> None:
    run_sql(
        server,
        "create sequence if not exists kept",
        "do $$ begin create role reader login password 'reader'; exception when duplicate_object then null; end $$",
        "grant usage on sequence kept to reader",
    )
    postgres.use(server.replace(f"bridge:{SECRET}", "reader:reader"))
    with pytest.raises(Unreadable) as caught:
        postgres.rows(query)
    finding = caught.value.finding
    assert finding.code == "sql.refused"
    assert {name: value for name, value in finding.arguments.items() if name != "state"} == arguments
    assert SECRET not in words.sentence(finding) + str(caught.value)
    assert caught.value.__cause__ is None


def test_a_login_that_is_refused(postgres: Desk, server: str) -> None:
    for login in ("bridge:wrong", f"nobody-here:{SECRET}x"):
        postgres.use(server.replace(f"bridge:{SECRET}", login))
        with pytest.raises(NotAuthorised) as caught:
            postgres.open("select 1 as a")
        assert caught.value.exit_code == 8
        assert login.partition(":")[2] not in str(caught.value)
    # 28... is the state of a refused login, and here no more than a part of a name.
    for name in ("nowhere", "nowhere28000"):
        postgres.use(server.replace("/postgres?", f"/{name}?"))
        with pytest.raises(Unreachable):
            postgres.open("select 1 as a")


def test_a_connection_that_is_lost_on_the_way_uses_nothing(postgres: Desk, server: str) -> None:
    table = postgres.table("select n from generate_series(1, 100000) as n")
    frames = table.batches()
    next(frames)
    run_sql(server, "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()")
    with pytest.raises(Unreachable) as caught:
        list(frames)
    assert caught.value.exit_code == 6


def test_nothing_of_the_rows_or_the_login_is_logged(postgres: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert len(postgres.rows(f"select 'row-{SECRET}' as a")) == 1
        with contextlib.suppress(BridgeError):
            postgres.rows(f"select 'row-{SECRET}'::int as a")
    assert SECRET not in caplog.text
