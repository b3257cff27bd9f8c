"""What a report holds of what was read: levels, trends, risks, plan, what is not known."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fakes.a_report import (
    DAY,
    FIREWALL,
    LOCK,
    NOW,
    a_device,
    a_level,
    a_report,
    an_action,
    sources,
    terms,
)
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.facility_report.assembling import site_report
from vigie_server.domain.facility_report.content import Currency, Making, Move, Risk, Trend
from vigie_server.domain.facility_report.risks import risky_devices
from vigie_server.domain.facility_report.sources import DevicesSeen
from vigie_server.domain.facility_report.trends import month_before, move, period_until
from vigie_server.domain.sites import Site
from vigie_server.domain.verdicts import Status


@pytest.mark.parametrize(
    ("now", "days_ago", "before", "found"),
    [
        (1, 10, 0, Move(0, Trend.UP)),
        (1, 10, 3, Move(3, Trend.DOWN)),
        (1, 10, None, Move(None, Trend.NEW)),
        (None, 10, 2, Move(2, Trend.DOWN)),
        (1, 40, 0, Move(1, Trend.SAME)),
        (None, 40, 0, Move(None, Trend.NONE)),
    ],
)
def test_a_level_moved_by_what_changed_since_then(
    now: int | None, days_ago: int, before: int | None, found: Move
) -> None:
    changes = [(NOW - days_ago * DAY, before)]

    assert move(now, changes, NOW - 30 * DAY, kept_since=NOW - 90 * DAY) == found


def test_of_several_changes_the_first_after_the_day_tells_what_it_was() -> None:
    changes = [(NOW - 20 * DAY, 2), (NOW - 5 * DAY, 0), (NOW - 50 * DAY, 4)]

    assert move(1, changes, NOW - 30 * DAY, kept_since=NOW - 90 * DAY) == Move(2, Trend.DOWN)


def test_before_anything_was_followed_nothing_is_said_of_a_level() -> None:
    report = a_report()

    sixth = report.questions[5]
    assert sixth.period == Move(0, Trend.UP)
    assert not sixth.year.known


def test_a_month_is_that_before_the_present_one() -> None:
    period = month_before(datetime(2026, 1, 1, 0, 10, tzinfo=UTC))

    assert period.since == datetime(2025, 12, 1, tzinfo=UTC)
    assert period.until == datetime(2026, 1, 1, tzinfo=UTC)
    assert period.year_ago == datetime(2025, 1, 1, tzinfo=UTC)


def test_there_are_thirteen_questions_whatever_was_assessed() -> None:
    report = a_report(levels=[])

    assert [part.question for part in report.questions] == list(range(1, 14))
    assert all(part.level is None and part.words is None for part in report.questions)


def test_a_question_has_its_evidence_and_that_which_its_levels_ask_for() -> None:
    report = a_report()

    first, sixth = report.questions[0], report.questions[5]
    assert [count.rule for count in sixth.rules] == [FIREWALL]
    assert FIREWALL in [count.rule for count in first.rules]  # a condition of its N3
    (count,) = sixth.rules
    assert (count.passing, count.failing, count.waived, count.unknown) == (1, 1, 0, 0)
    assert [word.item for word in sixth.attested] == ["Q06-professional-internet"]
    assert sixth.attested[0].currency is Currency.DUE_SOON


def test_a_sites_own_rule_stands_under_the_question_that_it_names() -> None:
    own = replace(terms().rules[FIREWALL], id="X-shared-devices", question=8, own=True)
    seen = replace(sources().devices, verdicts={own.id: {Status.FAIL: 2}})

    report = site_report(
        sources(devices=seen),
        replace(terms(), rules={**terms().rules, own.id: own}),
        period=period_until(NOW),
        making=Making(NOW, "", "0.1.0"),
    )

    with_it = [part.question for part in report.questions if part.rules]
    assert with_it == [8]


def test_a_waived_fail_is_told_apart() -> None:
    fifth = a_report().questions[4]

    (count,) = [count for count in fifth.rules if count.rule == LOCK]
    assert (count.failing, count.waived, count.unknown) == (0, 1, 1)


def test_the_plan_has_each_step_once_the_cheapest_first() -> None:
    shared = an_action("attest", "Q03-hardware-updates", words="attester la même chose")
    levels = [
        a_level(2, 0, an_action("mend", "Q02-backup-recent", 5, "cinq")),
        a_level(3, 0, shared, an_action("mend", "Q03-os-supported", 2, "deux")),
        a_level(4, 0, an_action("attest", "Q04-account-review", words="attester"), shared),
        a_level(1, 2, an_action("attest", "Q01-help-desk", words="plus tard")),
    ]

    plan = a_report(levels=levels).plan

    assert [step.words["fr"] for step in plan] == [
        "attester la même chose",
        "attester",
        "plus tard",
        "deux",
        "cinq",
    ]
    assert plan[0].questions == (3, 4)


def test_to_enrol_devices_is_one_step_however_many_rules_want_it() -> None:
    level = a_level(
        1, 0, an_action("enrol", "Q01-hardware", 2), an_action("enrol", "Q01-software", 3)
    )

    (step,) = a_report(levels=[level]).questions[0].steps

    assert step.words["fr"] == "enrôler 3 équipements déclarés qui ne remontent rien"


def test_another_way_than_to_enrol_devices_is_told() -> None:
    action = an_action("enrol", "Q03-auto-update", 2, "enrôler, ou bien : attester")

    (step,) = a_report(levels=[a_level(3, 2, action | {"alternatives": [[{}]]})]).plan

    assert step.words["fr"] == "enrôler, ou bien : attester"


def test_devices_at_risk_come_the_gravest_first_each_once() -> None:
    failing = {FIREWALL: NOW - 9 * DAY, LOCK: NOW - 2 * DAY}
    devices = [
        a_device("silencieux", last_report_at=NOW - 31 * DAY),
        a_device("jamais-vu", last_report_at=None),
        a_device("nomade", nomadic=True, failing={LOCK: NOW}),
        a_device("sédentaire", failing={LOCK: NOW}),
        a_device("critique", failing=failing),
        a_device("volé", state=DeviceState.STOLEN, failing=failing),
        a_device("sain", last_report_at=NOW - 30 * DAY),
    ]

    found = risky_devices(devices, terms().rules, now=NOW, silent_after=30 * DAY)

    assert [(one.hostname, one.risks) for one in found] == [
        ("volé", (Risk.STOLEN, Risk.CRITICAL)),
        ("critique", (Risk.CRITICAL,)),
        ("nomade", (Risk.NOMADIC,)),
        ("jamais-vu", (Risk.SILENT,)),
        ("silencieux", (Risk.SILENT,)),
    ]
    assert found[1].rules == (terms().rules[FIREWALL].title,)
    assert found[1].failing_since == NOW - 9 * DAY


def test_devices_beyond_those_named_are_counted() -> None:
    devices = [a_device(f"poste-{number:02}", last_report_at=None) for number in range(12)]
    seen = DevicesSeen(devices, {}, {}, {})

    report = a_report(devices=seen)

    assert (len(report.risky), report.more_risky) == (10, 2)


def test_how_it_was_measured_says_what_is_not_known() -> None:
    measured = a_report().measured

    assert (measured.declared, measured.counted, measured.heard) == (4, 2, 2)
    assert (measured.pending, measured.waived) == (3, 1)
    assert measured.unknown_percent == 25


def test_a_site_that_declares_no_number_has_no_coverage() -> None:
    report = a_report(sources(site=Site("Les Tilleuls")))

    assert report.measured.declared is None


def test_months_go_back_by_the_calendar() -> None:
    period = period_until(datetime(2026, 3, 31, 12, tzinfo=UTC), 1)

    assert period.since == datetime(2026, 2, 28, 12, tzinfo=UTC)
