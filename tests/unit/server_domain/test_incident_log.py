"""The chain of an incident log, and its export."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.incident_log import (
    BEGINNING,
    Entry,
    NewEntry,
    as_csv,
    broken_at,
    checked,
    digest_of,
)

SITE = "Les Tilleuls"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_log(*texts: str, site: str = SITE) -> list[Entry]:
    entries: list[Entry] = []
    for number, text in enumerate(texts, start=1):
        note = NewEntry(NOW + timedelta(minutes=number), "C. Durand", text)
        before = entries[-1].digest if entries else BEGINNING
        digest = digest_of(before, site, number, note, NOW)
        entries.append(Entry(number, note.happened_at, NOW, note.person, text, digest))
    return entries


@given(st.lists(st.text(max_size=40), max_size=6), st.data())
def test_any_change_of_any_entry_is_found(texts: list[str], data: st.DataObject) -> None:
    entries = a_log(*texts)
    assert broken_at(SITE, entries) is None
    if not entries:
        return
    place = data.draw(st.integers(0, len(entries) - 1))
    other = data.draw(st.text(max_size=40).filter(lambda text: text != entries[place].text))

    changed = [*entries[:place], replace(entries[place], text=other), *entries[place + 1 :]]

    assert broken_at(SITE, changed) == place + 1


def test_entries_that_change_places_or_sites_are_found() -> None:
    first, second = a_log("un", "deux")

    assert broken_at(SITE, [second, first]) == 1
    assert broken_at("Les Lilas", [first, second]) == 1
    assert broken_at(SITE, [second]) == 1


def test_what_moves_between_person_and_text_is_found() -> None:
    (entry,) = a_log("b")
    moved = replace(entry, person="C. Durandb", text="")

    assert broken_at(SITE, [moved]) == 1


@pytest.mark.parametrize(
    ("note", "told"),
    [
        (NewEntry(NOW, " ", "texte"), "person"),
        (NewEntry(NOW, "C. Durand", "\n"), "text"),
        (NewEntry(NOW, "C. Durand", "a" * 10_001), "text"),
        (NewEntry(NOW + timedelta(hours=1), "C. Durand", "texte"), "happened_at"),
    ],
)
def test_what_an_entry_lacks_is_told(note: NewEntry, told: str) -> None:
    with pytest.raises(DeclarationRefused, match=told):
        checked(note, now=NOW)


def test_an_entry_is_recorded_without_the_space_around_it() -> None:
    assert checked(NewEntry(NOW, " C. Durand ", " vu \n"), now=NOW) == NewEntry(
        NOW, "C. Durand", "vu"
    )


@pytest.mark.parametrize(("language", "delimiter"), [("fr", ";"), ("en", ",")])
def test_no_cell_of_the_export_is_taken_for_a_formula(language: str, delimiter: str) -> None:
    texts: Sequence[str] = ("=1+1", "+33 1", "-cmd", "@x", "deux\nlignes; et, plus", "ordinaire")
    exported = as_csv(a_log(*texts), language)

    rows = list(csv.reader(exported.splitlines(keepends=True), delimiter=delimiter))

    assert [row[3] for row in rows[1:]] == [
        "'=1+1",
        "'+33 1",
        "'-cmd",
        "'@x",
        "deux\nlignes; et, plus",
        "ordinaire",
    ]
    assert rows[1][1] == "2026-03-01 12:01:00"
    assert {len(row) for row in rows} == {6}
