from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vigie_server.domain.facts import Fact
from vigie_server.domain.records import HeldVerdict
from vigie_server.domain.standing import standing
from vigie_server.domain.verdicts import Status, Verdict
from written_cells import WrittenCells

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
FACTS = {"firewall": Fact("firewall", 3, "ok", "", frozenset(), WrittenCells(()), NOW)}


def a_verdict(
    status: Status, *names: str, reason: str = "why", next_check_at: datetime | None = None
) -> Verdict:
    return Verdict(
        rule="Q06-firewall-enabled",
        rule_version=1,
        status=status,
        reason={"en": reason},
        offending=tuple({"name": name} for name in names),
        next_check_at=next_check_at,
    )


def held(verdict: Verdict, *, failing_since: datetime | None = None) -> HeldVerdict:
    return HeldVerdict(verdict, NOW, failing_since, verdict.next_check_at)


def test_a_first_verdict_is_a_transition_from_nothing() -> None:
    stands = standing(
        None, a_verdict(Status.FAIL, "ipv6"), now=NOW, facts=FACTS, topics=["firewall", "vpn"]
    )

    assert stands.transition is not None
    assert stands.transition.before is None
    assert stands.transition.topic_versions == {"firewall": 3}
    assert stands.held.failing_since == NOW
    assert stands.written is not None
    assert stands.written.evidence_at == NOW


def test_the_same_verdict_writes_nothing() -> None:
    known = held(a_verdict(Status.FAIL, "ipv6"), failing_since=NOW)

    stands = standing(known, a_verdict(Status.FAIL, "ipv6"), now=LATER, facts=FACTS, topics=[])

    assert (stands.held, stands.written, stands.transition) == (known, None, None)


def test_other_deciding_rows_are_a_transition_and_keep_the_beginning() -> None:
    known = held(a_verdict(Status.FAIL, "ipv6"), failing_since=NOW)

    stands = standing(known, a_verdict(Status.FAIL, "ipv4"), now=LATER, facts=FACTS, topics=[])

    assert stands.transition is not None
    assert (stands.held.since, stands.held.failing_since) == (NOW, NOW)


def test_another_wording_is_written_without_a_transition() -> None:
    known = held(a_verdict(Status.PASS))

    stands = standing(
        known, a_verdict(Status.PASS, reason="in other words"), now=LATER, facts=FACTS, topics=[]
    )

    assert stands.written is not None
    assert stands.transition is None


@pytest.mark.parametrize(
    ("stored", "new", "written"),
    [
        (LATER, LATER + timedelta(hours=1), False),  # the sweeper looks early, which is harmless
        (LATER, LATER - timedelta(minutes=1), True),
        (LATER, None, False),
        (None, LATER, True),
    ],
)
def test_the_next_check_is_written_when_the_stored_one_would_be_too_late(
    stored: datetime | None, new: datetime | None, *, written: bool
) -> None:
    known = held(a_verdict(Status.PASS, next_check_at=stored))

    stands = standing(
        known, a_verdict(Status.PASS, next_check_at=new), now=NOW, facts=FACTS, topics=[]
    )

    assert (stands.written is not None) is written


def test_a_failure_lasts_through_unknown_until_it_is_mended() -> None:
    failing = standing(None, a_verdict(Status.FAIL), now=NOW, facts=FACTS, topics=[]).held

    silent = standing(failing, a_verdict(Status.UNKNOWN), now=LATER, facts=FACTS, topics=[]).held
    spared = standing(
        silent, a_verdict(Status.NOT_APPLICABLE), now=LATER, facts=FACTS, topics=[]
    ).held

    assert silent.failing_since == NOW
    assert spared.failing_since is None


def test_a_stored_check_that_is_due_is_written_again_although_the_verdict_is_the_same() -> None:
    known = held(a_verdict(Status.PASS, next_check_at=LATER))
    again = a_verdict(Status.PASS, next_check_at=LATER + timedelta(hours=1))

    early = standing(known, again, now=NOW, facts=FACTS, topics=[])
    due = standing(known, again, now=LATER, facts=FACTS, topics=[])

    assert early.written is None
    assert due.written is not None
    assert due.held.next_check_at == LATER + timedelta(hours=1)
    assert due.transition is None


@pytest.mark.parametrize(
    ("before", "was_waived", "after", "move"),
    [
        (None, False, Status.PASS, True),
        (Status.PASS, False, Status.PASS, False),
        (Status.PASS, False, Status.UNKNOWN, True),
        (Status.FAIL, False, Status.FAIL, False),
        (Status.FAIL, True, Status.FAIL, True),  # its waiver is over
    ],
)
def test_counts_move_with_what_a_verdict_comes_to_and_not_with_its_words(
    before: Status | None, after: Status, *, was_waived: bool, move: bool
) -> None:
    known = None if before is None else replace(held(a_verdict(before)), waived=was_waived)

    stands = standing(
        known, a_verdict(after, reason="in other words"), now=NOW, facts=FACTS, topics=[]
    )

    assert stands.written is not None
    assert stands.written.counts_move is move
