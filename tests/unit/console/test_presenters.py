"""From records to what pages show."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vigie_server.console.presenters.device import by_question, rows_of, steps
from vigie_server.console.presenters.levels import before, mean, moved, trend
from vigie_server.console.presenters.overview import in_order, site_line
from vigie_server.console.presenters.site import QuestionSeen, Step, first_steps
from vigie_server.console.presenters.software import product_in
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.sites import Site
from vigie_server.domain.verdicts import Status
from vigie_server.ports.maturity import LevelChange
from vigie_server.ports.pages import Position
from vigie_server.ports.readers import VerdictRecord
from vigie_server.ports.site_lists import SiteEntry

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def a_change(question: int, old: int | None, new: int | None, days_ago: int) -> LevelChange:
    return LevelChange(question, old, new, {}, NOW - days_ago * DAY)


def a_verdict(rule: str, status: Status, *, waived: bool = False) -> VerdictRecord:
    return VerdictRecord(rule, 1, status, {"fr": "x"}, (), NOW, None, NOW, None, waived)


def test_levels_of_an_earlier_day_are_what_later_changes_left() -> None:
    levels = {1: 3, 2: None, 3: 1}
    changes = [a_change(1, 2, 3, 10), a_change(2, 4, None, 20), a_change(1, 0, 2, 200)]

    earlier = before(levels, changes, NOW - 90 * DAY)

    assert earlier == {1: 2, 2: 4, 3: 1}
    assert moved(levels, earlier) == -3


def test_a_trend_steps_at_each_change_and_ends_now() -> None:
    changes = [a_change(1, 1, 4, 50), a_change(2, None, 1, 500)]

    chart = trend({1: 4, 2: 1}, changes, since=NOW - 100 * DAY, now=NOW)

    assert chart.whole
    assert [round(point.mean * 13) for point in chart.points] == [2, 5, 5]
    assert chart.line == "0,115 300,115 300,108 600,108 600,108"
    assert chart.height == 108
    assert all(at.day == 1 and 0 <= place <= 540 for place, at in chart.months)


def test_a_trend_begins_when_a_question_was_assessed_first() -> None:
    changes = [a_change(1, None, 2, 25), a_change(2, None, None, 30), a_change(1, 2, 4, 10)]

    chart = trend({1: 4, 2: None}, changes, since=NOW - 100 * DAY, now=NOW)

    assert not chart.whole
    assert [(point.at, round(point.mean * 13)) for point in chart.points] == [
        (NOW - 25 * DAY, 2),
        (NOW - 10 * DAY, 4),
        (NOW, 4),
    ]
    assert chart.line.startswith("450,")


def test_a_trend_of_what_was_never_assessed_has_no_earlier_figure() -> None:
    chart = trend({1: None}, [], since=NOW - 100 * DAY, now=NOW)

    assert (chart.whole, [point.at for point in chart.points]) == (False, [NOW])


def test_a_site_that_was_assessed_first_meanwhile_has_moved_from_nothing() -> None:
    since = NOW - 90 * DAY
    entry = SiteEntry(Site("A"), {1: 2})

    fresh = site_line(entry, {}, [a_change(1, None, 2, 10)], {}, since)
    known = site_line(entry, {}, [a_change(1, 1, 2, 10)], {}, since)

    assert (fresh.moved, fresh.assessed) == (None, True)
    assert (known.moved, known.assessed) == (1, True)


def test_what_to_begin_with_is_the_cheapest_of_the_lowest_levels_each_once() -> None:
    def seen(number: int, level: int, *steps: tuple[str, str, int]) -> QuestionSeen:
        held = [Step(need, subject, {}, effort) for need, subject, effort in steps]
        return QuestionSeen(number, {}, level, {}, {}, {}, held, None)

    first = first_steps(
        [
            seen(1, 2, ("attest", "a", 1), ("mend", "m", 9)),
            seen(2, 0, ("attest", "b", 1), ("enrol", "m", 5)),
            seen(3, 1, ("attest", "a", 1)),
        ],
        3,
    )

    assert [(one.question, one.step.subject) for one in first] == [(2, "b"), (3, "a"), (2, "m")]


def test_a_site_that_was_never_assessed_has_no_trend() -> None:
    line = site_line(SiteEntry(Site("A"), {}), {}, [], {}, NOW)

    assert line.moved is None
    assert line.levels == [None] * 13
    assert mean({}) == 0


def test_devices_that_wait_are_told_apart_from_those_that_count() -> None:
    sizes = {
        DeviceState.ACTIVE: 5,
        DeviceState.LOST: 1,
        DeviceState.PENDING: 2,
        DeviceState.QUARANTINED: 1,
        DeviceState.RETIRED: 9,
    }

    line = site_line(SiteEntry(Site("A"), {1: 1}), sizes, [], {}, NOW)

    assert (line.devices, line.pending) == (6, 3)


def names_in(order: Any, *, limit: int = 2) -> list[str]:
    levels = {"c": 2, "B": 2, "a": 1, "A": 1}
    entries = [SiteEntry(Site(name), {1: level}) for name, level in levels.items()]
    sizes = {name: {DeviceState.ACTIVE: level} for name, level in levels.items()}
    found: list[str] = []
    after: Position | None = None
    while after is not None or not found:
        page = in_order(entries, sizes, order, after=after, limit=limit)
        found += [entry.site.name for entry in page.items]
        after = page.after
    return found


@pytest.mark.parametrize("figure", ["level", "devices"])
def test_sites_that_are_alike_keep_the_order_of_their_names_from_page_to_page(figure: str) -> None:
    assert names_in(f"-{figure}") == ["B", "c", "A", "a"]
    assert names_in(figure) == ["A", "a", "B", "c"]
    assert names_in(figure, limit=1) == ["A", "a", "B", "c"]


def test_the_worst_verdict_comes_first_and_a_rule_that_is_gone_still_shows() -> None:
    records = [
        a_verdict("Q05-min-length", Status.PASS),
        a_verdict("Q05-gone", Status.UNKNOWN),
        a_verdict("Q05-old", Status.FAIL, waived=True),
    ]

    (question,) = by_question(records, {}, {5: {"fr": "Mots de passe"}}, "linux")

    assert [seen.record.rule for seen in question.verdicts] == [
        "Q05-old",
        "Q05-gone",
        "Q05-min-length",
    ]
    assert question.verdicts[0].kind == "waived"
    assert question.failing == 0


def test_rows_of_several_shapes_share_one_table() -> None:
    shown = rows_of([{"name": "a", "port": 22}, {"name": None, "path": "/x"}])

    assert shown.columns == ["name", "port", "path"]
    assert shown.cells == [["a", 22, None], [None, None, "/x"]]


def test_steps_lose_their_numbers_and_keep_numbers_inside() -> None:
    assert steps("1. Ouvrez.\n2. Attendez 10. minutes.") == ["Ouvrez.", "Attendez 10. minutes."]
    assert steps("Appelez.") == ["Appelez."]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Chrome before 110", "Chrome avant 110"),
        ("Firefox 116 to 139", "Firefox 116 à 139"),
        ("VLC 2 or before", "VLC 2 et antérieurs"),
        ("Adobe Reader X and XI", "Adobe Reader X et XI"),
        ("Java 8 of Oracle, without a subscription", "Java 8 d'Oracle, sans abonnement"),
        ("Adobe Flash Player", "Adobe Flash Player"),
    ],
)
def test_spans_of_versions_are_said_in_french(name: str, told: str) -> None:
    assert (product_in("fr", name), product_in("en", name)) == (told, name)
