"""The embedded engine answers in the form in which a real osqueryd 5.23.1 answered.

What is true differs from machine to machine; what is compared is columns, their types, outcomes,
texts of errors, and the form of values.
"""

import json
import os
import re
import socket
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from components import required_file
from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.host import Host

BUDGET: Final = timedelta(seconds=30)
TABLES: Final = {table.name: table for table in all_tables(Host())}

NOT_ON_THIS_MACHINE: Final = frozenset({Reason.NO_PERMISSION, Reason.MISSING_TABLE})

# Forms that a text can have, where it has one at all: the first that fits is its form.
FORMS: Final = (
    ("empty", re.compile(r"")),
    ("mode", re.compile(r"0[0-7]{3,4}|[1-7][0-7]{3}")),
    ("md5", re.compile(r"[0-9a-f]{32}")),
    ("sha1", re.compile(r"[0-9a-f]{40}")),
    ("sha256", re.compile(r"[0-9a-f]{64}")),
    ("uuid", re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")),
    ("instant", re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")),
    ("hexadecimal", re.compile(r"0x[0-9a-f]+")),
    ("hardware address", re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")),
    ("address", re.compile(r"\d+(\.\d+){3}|[0-9a-f:]*:[0-9a-f:.]*(%\w+)?")),
    ("path", re.compile(r"/.*", re.DOTALL)),
    ("large octets", re.compile(r"[0-9A-F]{8,}")),
)
# Forms that a value of ours may have too short to be told by.
SHORT: Final[Mapping[str, re.Pattern[str]]] = {"large octets": re.compile(r"([0-9A-F]{2})+")}
# Yes and no are 1 and 0, in no other words; -1 where osqueryd says so of what it cannot tell.
FLAGS: Final[Mapping[str, frozenset[str]]] = {
    "certificates.ca": frozenset("01"),
    "certificates.self_signed": frozenset("01"),
    "chrome_extensions.from_webstore": frozenset({"", "false", "true"}),
    "chrome_extensions.persistent": frozenset("01"),
    "chrome_extensions.state": frozenset({"", "0", "1"}),
    "disk_encryption.encrypted": frozenset("01"),
    "file.symlink": frozenset("01"),
    "firefox_addons.active": frozenset("01"),
    "firefox_addons.autoupdate": frozenset("01"),
    "firefox_addons.disabled": frozenset("01"),
    "firefox_addons.visible": frozenset("01"),
    "interface_details.enabled": frozenset({""}),
    "processes.on_disk": frozenset({"-1", "0", "1"}),
    "usb_devices.removable": frozenset({"-1", "0", "1"}),
}
# Whole numbers that may be empty or -1 although the daemon's machines had none that was.
KERNEL_THREADS: Final = frozenset(
    {
        *("processes.resident_size", "processes.total_size"),
        *("processes.disk_bytes_read", "processes.disk_bytes_written"),
    }
)
SOCKETS_OF_NOBODY: Final = frozenset(
    f"{table}.{column}"
    for table in ("listening_ports", "process_open_sockets")
    for column in ("pid", "fd")
)
# Names of sockets beside paths, unix(7): no program of the daemon's machines had such a name.
NAMED_BY_NO_PATH: Final = frozenset({"listening_ports.path", "process_open_sockets.path"})
NO_AGEING: Final = frozenset(
    f"shadow.{column}" for column in ("min", "max", "warning", "inactive", "expire", "flag")
)
WHOLE_NUMBER: Final = re.compile(r"(-?\d+)?")
REAL: Final = re.compile(r"(-?\d+\.\d+|-?\d(\.\d+)?e[+-]\d+)?")

# Statements that cannot be compared, and why.
NOT_COMPARED: Final = {
    "create table foo(a int)": "the embedded engine keeps nothing between questions",
    "insert into foo values(7)": "the embedded engine keeps nothing between questions",
    "select * from foo": "the embedded engine keeps nothing between questions",
    "drop table users": "refused with a text of our own",
    "begin": "refused",
    "commit": "refused",
    "pragma journal_mode": "refused",
    "select count(*) from sqlite_temp_master": "our tables are in no master table",
    "explain select 1": "the program differs with the version of SQLite",
    "select sqlite_version()": "differs with the version of SQLite",
    "select 1; select 2": "no question of ours holds two statements",
    "select * from curl": "a table that reaches out: refused, and not one of ours",
    "select * from magic": "no rule asks what kind a file is: not one of our tables",
    "select * from yara": "no rule searches files for patterns: not one of our tables",
    "select * from osquery_registry where registry='table' limit 2": "osqueryd's own inner parts",
}
# What marks a statement whose rows are the machine's own. Where osqueryd found nothing, so must we.
OF_THE_MACHINE: Final = (
    *("limit", "count(", "sum(", "%'", "hash", "processes"),
    *("from time", "from users where uid", "directory="),
)


@pytest.fixture(scope="module", autouse=True)
def _abstract_socket() -> Iterator[None]:
    """Programs beside these tests may have one at any time."""
    with socket.socket(socket.AF_UNIX) as named_by_no_path:
        named_by_no_path.bind(f"\0vigie-test-{os.getpid()}")
        named_by_no_path.listen()
        yield


@pytest.fixture(scope="module")
def engine() -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(list(TABLES.values()))
    yield engine
    engine.close()


def _golden() -> Path:
    return required_file("VIGIE_OSQUERY_GOLDEN", "the answers of a real osqueryd")


def _answers(table: str) -> list[Mapping[str, Any]]:
    path = _golden() / f"{table}.json"
    if not path.exists():
        pytest.skip(f"the daemon was not asked about {table}")
    answers: list[Mapping[str, Any]] = json.loads(path.read_text())["answers"]
    return answers


def test_every_table_that_the_daemon_was_asked_about_is_one_of_ours() -> None:
    asked = {path.stem for path in _golden().glob("*.json") if not path.name.startswith("_")}

    assert len(asked) > 40
    assert asked <= set(TABLES)


@pytest.mark.parametrize("table", sorted(n for n in TABLES if not n.startswith("vigie_")))
def test_a_table_answers_in_the_form_of_osqueryd(table: str, engine: EmbeddedEngine) -> None:
    for told in _answers(table):
        answer = engine.query(told["sql"], timeout=BUDGET)

        if isinstance(answer, QueryError) and answer.reason in NOT_ON_THIS_MACHINE:
            pytest.skip(f"{table}: {answer.detail}")
        assert isinstance(answer, Rows), answer
        if "columns" in told:  # some answers were recorded without
            assert list(zip(answer.columns, answer.types, strict=True)) == [
                (column["name"], column["type"]) for column in told["columns"]
            ]
        for column, type_ in zip(answer.columns, answer.types, strict=True):
            ours = {row[column] for row in answer.rows}
            theirs = {row[column] for row in told["rows"]}
            in_form = _paths(ours) if f"{table}.{column}" in NAMED_BY_NO_PATH else ours
            assert _misfits(in_form, theirs, type_) == set(), column
            assert _padded(theirs) or not _padded(ours), column
            assert _holes(f"{table}.{column}", ours, theirs, type_) == set(), column
            assert ours <= FLAGS.get(f"{table}.{column}", ours), column


@pytest.mark.parametrize("name", sorted(FLAGS))
def test_the_daemon_itself_told_a_flag_in_these_words(name: str) -> None:
    table, column = name.split(".")

    told = {row[column] for answer in _answers(table) for row in answer["rows"] if column in row}

    assert told <= FLAGS[name]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("0A:00:27:00:00:00", "08:00:27:53:8b:dd"),
        ("0dd3e3bc6cf96bb1", "0DD3E3BC6CF96BB1"),
        ("usr/bin/bash", "/usr/bin/bash"),
        ("0XFF", "0xff"),
        ("B00CF04C30F405580248FD33E552AF4B84E36652", "b00cf04c30f405580248fd33e552af4b84e36652"),
    ],
)
def test_a_value_of_another_form_would_be_found(ours: str, theirs: str) -> None:
    assert _misfits({ours}, {theirs}, "TEXT") == {ours}
    assert _misfits({theirs, ""}, {theirs}, "TEXT") == set()


def test_a_hole_where_the_daemon_has_a_number_would_be_found() -> None:
    assert _holes("routes.mtu", {"1500", ""}, {"1500"}, "INTEGER") == {""}
    assert _holes("routes.mtu", {"-1"}, {"1500", ""}, "INTEGER") == {"-1"}
    assert _holes("routes.mtu", {"", "-1"}, {"", "-1"}, "INTEGER") == set()
    assert _padded({"Intel ", "b"})


def _paths(values: set[str]) -> set[str]:
    """Those that are not names in the abstract namespace, as the kernel writes them."""
    return {value for value in values if not value.startswith("@")}


def _padded(values: set[str]) -> set[str]:
    """The values with white space around them, as firmware and fixed-width records have it."""
    return {value for value in values if value != value.strip()}


def _holes(name: str, ours: set[str], theirs: set[str], type_: str) -> set[str]:
    """What of "" and -1, two ways to say that a number is not known, the daemon never says here."""
    if type_ in {"TEXT", "DOUBLE"} or not theirs:
        return set()
    known = (
        KERNEL_THREADS
        | SOCKETS_OF_NOBODY
        | NO_AGEING
        | {name for name, words in FLAGS.items() if "-1" in words}
    )
    return set() if name in known else (ours & {"", "-1"}) - theirs


def _misfits(ours: set[str], theirs: set[str], type_: str) -> set[str]:
    """The values whose form is not one that osqueryd gives in this column."""
    if type_ == "DOUBLE":
        return {value for value in ours if not REAL.fullmatch(value)}
    if type_ != "TEXT":
        return {value for value in ours if not WHOLE_NUMBER.fullmatch(value)}
    forms = {_form(value) for value in theirs} - {"empty"}
    if len(forms) != 1 or forms == {"text"}:
        return set()
    (form,) = forms
    if form == "large octets" and not any(re.search("[A-F]", value) for value in theirs):
        return set()  # they may as well be numbers
    short = SHORT.get(form)
    return {
        value
        for value in ours
        if _form(value) not in {form, "empty"} and not (short and short.fullmatch(value))
    }


def _form(text: str) -> str:
    return next((name for name, form in FORMS if form.fullmatch(text)), "text")


def _statements() -> list[str]:
    """Every statement of the reference that can be compared; none where there is no reference."""
    folder = os.environ.get("VIGIE_OSQUERY_GOLDEN")
    if not folder:
        return []
    told = json.loads((Path(folder) / "_sql_behaviour.json").read_text())
    return [sql for sql in dict.fromkeys(e["sql"] for e in told) if sql not in NOT_COMPARED]


@pytest.mark.parametrize(
    "sql", [sql for sql in dict.fromkeys(_statements()) if sql not in NOT_COMPARED]
)
def test_sql_behaves_as_in_osqueryd(sql: str, engine: EmbeddedEngine) -> None:
    entries = json.loads((_golden() / "_sql_behaviour.json").read_text())
    told = next(entry for entry in entries if entry["sql"] == sql)

    answer = engine.query(sql, timeout=BUDGET)

    if told["code"]:
        assert isinstance(answer, QueryError)
        assert answer.detail == told["message"]
    else:
        assert isinstance(answer, Rows), answer
        assert list(zip(answer.columns, answer.types, strict=True)) == [
            next(iter(column.items())) for column in told["columns"]
        ]
        if told["n"] == 0 or not any(mark in sql for mark in OF_THE_MACHINE):
            assert [dict(row) for row in answer.rows] == told["rows"]
