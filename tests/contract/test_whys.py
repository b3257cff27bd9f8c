"""Every `why` that packs, tables and engines can say has its French, and no French is for nothing.

What can be said is found by reading the sources (`whys_said.py`), so that a text nobody's test
provokes is found too. What the recorded devices say is held against the sayings as well.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

import pytest

from simulated_machines import FIXTURES, PACKS
from vigie_server.bundled import whys_file
from vigie_server.domain.whys import load_whys
from whys_said import Said, said_in_python, said_in_sql, whys_in_sql

WHYS: Final = load_whys(whys_file())

IN_SQL: Final = {
    said.text: said
    for pack in PACKS.values()
    for query in pack.queries
    for said in said_in_sql(query.name, query.sql)
}
QUERIES: Final = {query.name: query.sql for pack in PACKS.values() for query in pack.queries}
NOT_A_WHY: Final = {
    "group {}, by the directory": "a `via` of administrators",
    "limit of the machine": "a `source` of the screen lock",
    "new ones": "a word in a `detail` of the policy on USB storage",
    "no such plugin: {} {}": "answered to osqueryd, which words its own failure",
    "{} cannot {}": "answered to osqueryd, which words its own failure",
    "{} {}": "a line of sudoers, a release of APT",
}
"""What reading finds although it never stands in a `why`, and where it stands."""

OF_THE_SYSTEM: Final = frozenset(
    {
        # The C library's words for an error (`OSError.strerror`).
        "Permission denied",
        "Operation not permitted",
        "No such file or directory",
        "Not a directory",
        "Is a directory",
        "Input/output error",
        "Too many levels of symbolic links",
        "File name too long",
        "Stale file handle",
        "No such device",
        "No such device or address",
        "Connection timed out",
        "Connection refused",
        "Too many open files",
        "Cannot allocate memory",
        "Invalid argument",
        "File too large",
        "Device or resource busy",
        "Transport endpoint is not connected",
        "Function not implemented",
        "Operation not supported",
        "Protocol not supported",
        # SQLite's.
        "no such table: mounts",
        "no such column: size",
        # How a command ended, as `tables/host.py` names it.
        "missing",
        "exited",
        "not_started",
        "timed_out",
        "too_long",
        "timed out",
        "not started",
        "too long",
    }
)
"""What a `why` can hold that no source of ours words as a sentence."""


@cache
def in_python() -> Mapping[str, Said]:
    """All that tables and engines can say; reading every source of the agent takes a second."""
    return {said.text: said for said in said_in_python()}


def is_told(said: Said) -> bool:
    return any("" not in WHYS.made_of(example) for example in said.examples())


def lacking(all_said: Iterable[Said]) -> list[str]:
    """What `queries/whys.yaml` lacks, and where it is said."""
    return [f"{said.where}: {said.text}" for said in all_said if not is_told(said)]


def test_what_a_query_says_of_a_part_that_was_not_read_has_its_french() -> None:
    assert IN_SQL
    assert lacking(IN_SQL.values()) == []


def test_what_a_table_or_an_engine_says_of_what_was_not_read_has_its_french() -> None:
    said = [said for text, said in in_python().items() if text not in NOT_A_WHY]

    assert said
    assert lacking(said) == []


def test_what_the_system_says_has_its_french() -> None:
    assert [text for text in sorted(OF_THE_SYSTEM) if "" in WHYS.made_of(text)] == []


def test_a_query_says_why_in_texts_of_its_own_or_in_those_of_a_table() -> None:
    assert QUERIES
    for name, sql in QUERIES.items():
        said = whys_in_sql(sql)

        assert said, name
        assert all(one == "why" or one.startswith(("'", "CASE ")) for one in said), (name, said)


def test_no_saying_is_for_what_nothing_can_say() -> None:
    can_be_said = [
        *(
            example
            for said in (*IN_SQL.values(), *in_python().values())
            for example in said.examples()
        ),
        *OF_THE_SYSTEM,
    ]

    used = {saying for text in can_be_said for saying in WHYS.made_of(text)}

    assert set(WHYS.sayings) - used == set()


def test_what_is_no_why_is_still_found() -> None:
    assert NOT_A_WHY.keys() <= in_python().keys()


def test_all_that_the_recorded_devices_could_not_read_is_told_in_french() -> None:
    said = {
        row["why"]
        for path in FIXTURES.glob("*/*/*.json")
        for row in json.loads(path.read_text("utf-8"))
        if isinstance(row, dict) and row.get("why")
    }

    assert said
    assert {text for text in said if "" in WHYS.made_of(text)} == set()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("there is no /etc/shadow", id="kept in a field, then given"),
        pytest.param("/proc/self/mountinfo could not be read", id="given as it is"),
        pytest.param("{} locks this desktop, and no file tells after how long", id="returned"),
        pytest.param("permission denied", id="looked up in a table of words"),
        pytest.param("it is not on a disk of this machine", id="the default of a look-up"),
        pytest.param("there is an rpm database, but rpm is not installed to read it", id="raised"),
        pytest.param("the settings of the screen lock: {}", id="by a function kept in a field"),
        pytest.param("the list of profiles", id="an argument on its way"),
        pytest.param("the answer lacks the columns {}", id="appended to a list"),
    ],
)
def test_reading_the_sources_finds_a_text_wherever_it_comes_from(text: str) -> None:
    assert text in in_python()
