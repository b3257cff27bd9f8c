"""Answers become facts once, by the declaration of their topic."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.bundled import topics_folder
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.facts import Fact
from vigie_server.domain.topics import Topic, load_topics

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
DISK: Final = """
topic: disk
version: 2
title: {fr: Disque, en: Disk}
purpose: {fr: Pour essai, en: For trial}
guide_questions: [9]
interval: 3600
personal_data: none
retention_days: 90
keys: [part, volume]
columns:
  volume: {type: text, about: Where it is mounted}
  encrypted: {type: boolean}
  percent: {type: integer, unit: percent}
  load: {type: real}
  since: {type: timestamp}
parts:
  volumes: {platforms: [linux, windows], empty: unknown}
  sticks: {platforms: [linux], empty: fact}
"""


def load(tmp_path: Path, text: str) -> Topic:
    (tmp_path / "disk.yaml").write_text(text, encoding="utf-8")
    return load_topics(tmp_path)["disk"]


@pytest.fixture
def disk(tmp_path: Path) -> Topic:
    return load(tmp_path, DISK)


def convert(topic: Topic, columns: Sequence[str], *rows: Sequence[str]) -> Fact:
    return topic.convert(
        topic_version=2,
        status="ok",
        message="",
        columns=columns,
        values=[value for row in rows for value in row],
        observed_at=NOW,
    )


def test_values_are_converted_by_the_type_of_their_column(disk: Topic) -> None:
    columns = ["collected", "encrypted", "load", "part", "percent", "since", "volume", "why"]

    fact = convert(disk, columns, ["yes", "0", "1.5", "volumes", "100", "1790000000", "/", ""])

    assert fact.rows == (
        {
            "collected": True,
            "encrypted": False,
            "load": 1.5,
            "part": "volumes",
            "percent": 100,
            "since": 1_790_000_000,
            "volume": "/",
            "why": "",
        },
    )
    assert fact.unreadable == {}
    assert fact.columns == frozenset(columns)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("true", True), ("yes", True), ("YES", True), ("0", False), ("no", False)],
)
def test_a_boolean_is_spelt_in_the_ways_that_are_declared(
    disk: Topic, text: str, value: bool
) -> None:
    assert convert(disk, ["encrypted"], [text]).rows == ({"encrypted": value},)


def test_no_value_is_null_except_in_a_text(disk: Topic) -> None:
    fact = convert(disk, ["encrypted", "load", "percent", "volume"], ["", "", "", ""])

    assert fact.rows == ({"encrypted": None, "load": None, "percent": None, "volume": ""},)
    assert fact.unreadable == {}


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("percent", "many"),
        ("percent", "1.5"),
        ("percent", "1_000"),
        ("percent", " 7"),
        ("percent", "٣"),
        ("percent", "99999999999999999999"),
        ("load", "nan"),
        ("load", "inf"),
        ("load", "1,5"),
        ("since", "2026-11-20"),
        ("encrypted", "2"),
        ("encrypted", "oui"),
    ],
)
def test_a_text_where_a_number_should_be_is_named_with_an_example(
    disk: Topic, column: str, text: str
) -> None:
    fact = convert(disk, [column], [text])

    assert fact.rows == ({column: None},)
    assert fact.unreadable == {column: text}


def test_a_readable_row_beside_an_unreadable_one_keeps_its_value(disk: Topic) -> None:
    fact = convert(disk, ["percent"], ["12"], ["many"], ["-3"])

    assert [row["percent"] for row in fact.rows] == [12, None, -3]
    assert fact.unreadable == {"percent": "many"}


def test_the_example_of_an_unreadable_value_is_short(disk: Topic) -> None:
    fact = convert(disk, ["percent"], ["x" * 5000])

    assert len(fact.unreadable["percent"]) == 60


def test_a_column_that_is_not_declared_is_dropped(disk: Topic) -> None:
    fact = convert(disk, ["colour", "volume"], ["blue", "/"])

    assert fact.rows == ({"volume": "/"},)
    assert fact.columns == {"volume"}


def test_a_declared_column_that_did_not_travel_is_absent(disk: Topic) -> None:
    fact = convert(disk, ["volume"], ["/"])

    assert "encrypted" not in fact.columns
    assert "encrypted" not in fact.rows[0]


def test_rows_are_kept_even_where_no_column_is_known(disk: Topic) -> None:
    fact = convert(disk, ["colour"], ["blue"], ["red"])

    assert fact.rows == ({}, {})


def test_an_answer_without_columns_has_no_rows(disk: Topic) -> None:
    assert convert(disk, []).rows == ()


@given(st.lists(st.lists(st.text(), min_size=5, max_size=5), max_size=6))
def test_no_answer_is_too_strange_to_convert(rows: list[list[str]]) -> None:
    topic = load_topics(topics_folder())["disk_encryption"]

    fact = convert(topic, ["encrypted", "part", "percent", "system", "volume"], *rows)

    assert [row["volume"] for row in fact.rows] == [row[4] for row in rows]


@given(
    st.lists(
        st.tuples(*[st.sampled_from(["", "1", "no", "0.5", "many", "-7", "volumes"])] * 6),
        min_size=1,
        max_size=4,
    )
)
def test_a_row_alone_is_the_one_in_its_place_among_all(rows: list[tuple[str, ...]]) -> None:
    topic = load_topics(topics_folder())["disk_encryption"]
    columns = ["colour", "encrypted", "part", "percent", "system", "volume"]
    alone, all_of_them = convert(topic, columns, *rows), convert(topic, columns, *rows)

    for place, row in enumerate(all_of_them.rows):
        found = alone.cells.row(place)

        assert found == row
        assert [found.get(name, "?") for name in columns] == [row.get(n, "?") for n in columns]
        assert [type(cell) for cell in found.values()] == [type(cell) for cell in row.values()]
        assert alone.cells.row(place) is found
        assert all_of_them.cells.row(place) is row
    assert alone.unreadable == all_of_them.unreadable


def test_texts_of_some_rows_are_those_that_all_rows_show(disk: Topic) -> None:
    columns = ["colour", "percent", "volume"]
    fact = convert(disk, columns, ["red", "1", "/"], ["red", "2", "/home"], ["", "", ""])

    for places in ((), (0,), (2, 0), (1, 1)):
        found = fact.cells.texts("volume", places)

        assert found == [fact.rows[place]["volume"] for place in places]
    assert [fact.cells.texts(name, (0,)) for name in ("colour", "percent", "part")] == [None] * 3


def test_what_goes_without_saying_in_an_answer_of_a_pack_is_in_a_row_alone(disk: Topic) -> None:
    named = replace(disk, name="pack.badges.readers", parts={"main": disk.parts["volumes"]})
    alone, all_of_them = convert(named, ["volume"], ["/"]), convert(named, ["volume"], ["/"])

    assert alone.cells.row(0) == all_of_them.rows[0]
    assert alone.cells.texts("part", (0,)) is None
    assert alone.cells.row(0).get("collected") is True
    assert alone.cells.row(0).get("percent", "absent") == "absent"


def test_many_layouts_are_not_remembered_for_ever(disk: Topic) -> None:
    for number in range(200):
        convert(disk, [f"colour{number}", "volume"], ["blue", "/"])

    assert len(disk._layouts) <= 32  # noqa: SLF001 (the bound is not visible from outside)


def test_parts_are_told_by_platform(disk: Topic) -> None:
    assert [part.name for part in disk.parts_on("linux")] == ["volumes", "sticks"]
    assert [part.name for part in disk.parts_on("windows")] == ["volumes"]
    assert disk.parts_on("darwin") == ()


def test_the_topics_that_come_with_the_server_load() -> None:
    topics = load_topics(topics_folder())

    assert {"inventory", "accounts", "firewall", "antivirus", "local_admins"} <= topics.keys()
    assert topics["local_admins"].personal_data is not None
    assert topics["firewall"].personal_data is None


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("version: 2", "version: two", "disk.yaml:3: `version` must be a whole number"),
        ("topic: disk", "topic: disks", "disk.yaml: it declares the topic disks"),
        ("{type: boolean}", "{type: bool}", "disk.yaml:13: `type` must be one of"),
        ("{type: boolean}", "{type: boolean, kind: 3}", "disk.yaml:13: `kind` is not a key"),
        ("  load:", "  part:", "cannot have a column `part`"),
        ("[linux, windows]", "[linux, beos]", "disk.yaml:18: `platforms` must be some of"),
        ("[linux, windows]", "[linux, mac]", "windows: did you mean `darwin`?"),
        ("empty: fact", "empty: perhaps", "disk.yaml:19: `empty` must be one of"),
        ("keys: [part, volume]", "keys: [part, colour]", "names `colour`, which is no column"),
        ("en: Disk}", "de: Platte}", "lacks `en`"),
        ("interval: 3600", "interval: 3600\ninterval: 60", "`interval` is twice"),
        ("personal_data: none", "personal_data: some", "must be one of none"),
        ("parts:", "not_on: {linux: {fr: a, en: b}}\nparts:", "`not_on` names linux, where there"),
        ("parts:", "not_on: {beos: {fr: a, en: b}}\nparts:", "`not_on` names beos, where there"),
        ("parts:", "not_on: {darwin: {fr: a}}\nparts:", "lacks `en`"),
        ("topic: disk", "- disk", "disk.yaml:3: it is not YAML"),
    ],
)
def test_a_malformed_declaration_is_refused_with_file_and_place(
    tmp_path: Path, was: str, becomes: str, says: str
) -> None:
    assert was in DISK

    with pytest.raises(RulesMalformed) as refused:
        load(tmp_path, DISK.replace(was, becomes, 1))

    assert says in str(refused.value)


def test_a_declaration_may_say_why_a_platform_has_no_part(tmp_path: Path) -> None:
    why = "not_on: {darwin: {fr: Rien n'en parle., en: Nothing tells it.}}\nparts:"

    topics = load(tmp_path, DISK.replace("parts:", why, 1))

    assert "darwin" not in {name for part in topics.parts.values() for name in part.platforms}


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesMalformed, match="holds no topic"):
        load_topics(tmp_path)
