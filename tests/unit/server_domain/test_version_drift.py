"""Versions that differ, and for how long they may."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.version_drift import Drift, Memory, Product, drift_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WINDOW = timedelta(days=30)
FIREFOX = ("windows", "Firefox")


def look(day: int, held: Mapping[str, int], before: Drift | None = None) -> Drift:
    """What is found on a day, with the memory of the look before."""
    memory = Memory(None, {}) if before is None else Memory.of(before.memory.kept())
    at = NOW + timedelta(days=day)
    return drift_of({FIREFOX: held} if held else {}, memory, window=WINDOW, now=at)


def test_one_version_is_no_drift() -> None:
    found = look(0, {"140.5": 12})

    assert not found.mixed
    assert not found.overdue


def test_a_version_is_overdue_when_a_newer_one_has_been_there_for_the_whole_window() -> None:
    first = look(0, {"140.5": 12})
    second = look(1, {"140.5": 10, "141.0": 2}, first)
    soon = look(30, {"140.5": 2, "141.0": 10}, second)
    late = look(31, {"140.5": 2, "141.0": 10}, soon)

    assert second.mixed
    assert not second.overdue
    assert not soon.overdue
    assert soon.until == NOW + timedelta(days=31)
    assert late.overdue == [("Firefox, windows", ["140.5"])]


def test_a_product_that_changes_often_gives_no_grace_for_ever() -> None:
    found = look(0, {"140": 12})
    for day, newest in ((10, "141"), (20, "142"), (30, "143"), (45, "144")):
        found = look(day, {"140": 1, newest: 11}, found)

    assert found.overdue == [("Firefox, windows", ["140"])]


def test_versions_are_compared_as_numbers() -> None:
    first = look(0, {"9.0": 1, "10.0": 1})
    late = look(40, {"9.0": 1, "10.0": 1}, first)

    assert late.overdue == [("Firefox, windows", ["9.0"])]


def test_before_a_whole_window_was_watched_nothing_can_be_told_of_a_mix() -> None:
    first = look(0, {"140": 1, "141": 1})

    assert not first.watched_long_enough
    assert look(30, {"140": 1}, first).watched_long_enough


def test_silence_in_between_does_not_begin_the_window_anew() -> None:
    first = look(0, {"140": 1, "141": 1})
    silent = look(10, {}, first)
    late = look(31, {"140": 1, "141": 1}, silent)

    assert late.overdue == [("Firefox, windows", ["140"])]


def test_a_memory_that_is_not_readable_begins_anew() -> None:
    assert Memory.of({"began": "yesterday", "seen": 3}).began is None
    assert Memory.of({}).began is None


@given(
    held=st.dictionaries(
        st.tuples(st.sampled_from(["windows", "linux"]), st.sampled_from(["a", "b"])),
        st.dictionaries(st.text(max_size=6), st.integers(1, 9), min_size=1, max_size=30),
    )
)
def test_what_is_remembered_is_bounded_and_comes_back_whole(
    held: Mapping[Product, Mapping[str, int]],
) -> None:
    first = drift_of(held, Memory(None, {}), window=WINDOW, now=NOW)
    again = drift_of(held, Memory.of(first.memory.kept()), window=WINDOW, now=NOW)

    assert again.memory == first.memory
    assert all(
        set(first.memory.seen[product]) == set(versions) for product, versions in held.items()
    )
