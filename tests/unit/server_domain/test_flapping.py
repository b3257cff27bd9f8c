"""A rule that flaps fails all the while: what a pass must do before a fail counts as over."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.records import HeldVerdict
from vigie_server.domain.standing import standing
from vigie_server.domain.verdicts import Status, Verdict

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOLD = timedelta(minutes=10)


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def after(*steps: tuple[int, Status]) -> HeldVerdict:
    """What is held after these verdicts, each at its minute."""
    held: HeldVerdict | None = None
    for minute, status in steps:
        verdict = Verdict("Q06-firewall-enabled", 1, status, {"en": status.value})
        held = standing(held, verdict, now=at(minute), facts={}, topics=[], hold=HOLD).held
    assert held is not None
    return held


def test_a_fail_counts_at_once() -> None:
    assert after((0, Status.PASS), (5, Status.FAIL)).failing_since == at(5)


def test_a_pass_after_a_fail_is_on_trial_and_says_when_it_ends() -> None:
    mended = after((0, Status.FAIL), (5, Status.PASS))

    assert (mended.failing_since, mended.passing_since) == (at(0), at(5))
    assert mended.next_check_at == at(15)


def test_a_pass_that_lasted_ends_the_fail() -> None:
    mended = after((0, Status.FAIL), (5, Status.PASS), (15, Status.PASS))

    assert (mended.failing_since, mended.passing_since, mended.next_check_at) == (None, None, None)


def test_a_pass_that_is_seen_again_meanwhile_does_not_begin_anew() -> None:
    mended = after((0, Status.FAIL), (5, Status.PASS), (14, Status.PASS), (15, Status.PASS))

    assert mended.failing_since is None


def test_a_fail_during_the_trial_goes_on_from_its_beginning() -> None:
    again = after((0, Status.FAIL), (5, Status.PASS), (9, Status.FAIL))

    assert (again.failing_since, again.passing_since, again.since) == (at(0), None, at(9))


def test_an_unknown_breaks_the_trial_and_ends_nothing() -> None:
    silent = after((0, Status.FAIL), (5, Status.PASS), (9, Status.UNKNOWN))
    back = after((0, Status.FAIL), (5, Status.PASS), (9, Status.UNKNOWN), (16, Status.PASS))

    assert (silent.failing_since, silent.passing_since) == (at(0), None)
    assert (back.failing_since, back.passing_since) == (at(0), at(16))


def test_a_device_that_always_passed_is_on_no_trial() -> None:
    passing = after((0, Status.PASS), (5, Status.UNKNOWN), (9, Status.PASS))

    assert (passing.failing_since, passing.passing_since) == (None, None)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from([Status.PASS, Status.FAIL])), min_size=1)
)
def test_flapping_faster_than_the_hold_never_ends_a_fail(
    flaps: Sequence[tuple[int, Status]],
) -> None:
    steps, minute = [(0, Status.FAIL)], 0
    for wait, status in flaps:
        minute += wait
        steps.append((minute, status))
    passing = 0
    for (begun, status), (ended, _) in zip(steps, [*steps[1:], steps[-1]], strict=True):
        passing = passing + ended - begun if status is Status.PASS else 0
        if passing >= 10:
            return  # it did last

    assert after(*steps).failing_since == at(0)
