"""What becomes of a standing verdict when its rule is judged again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from vigie_server.domain.facts import Fact
from vigie_server.domain.records import HeldVerdict, Transition, WrittenVerdict
from vigie_server.domain.verdicts import Status, Verdict


@dataclass(frozen=True, slots=True)
class Standing:
    """What to hold, what to write (None: nothing), and the transition, if there is one."""

    held: HeldVerdict
    written: WrittenVerdict | None
    transition: Transition | None


def standing(
    held: HeldVerdict | None,
    verdict: Verdict,
    *,
    now: datetime,
    facts: Mapping[str, Fact],
    topics: Iterable[str],
) -> Standing:
    """The verdict as it stands after `verdict`; a transition when status or deciding rows changed.

    A new wording of the reason alone is written and makes no transition.
    """
    if held is not None and says_the_same(held, verdict):
        return Standing(held, None, None)
    moved = held is None or held.verdict.status != verdict.status
    since = now if held is None or moved else held.since
    next_held = HeldVerdict(
        verdict=verdict,
        since=since,
        failing_since=_failing_since(held, verdict.status, now),
        next_check_at=verdict.next_check_at,
    )
    read = [facts[topic] for topic in topics if topic in facts]
    versions = {fact.topic: fact.topic_version for fact in read}
    written = WrittenVerdict(
        held=next_held,
        evidence_at=min((fact.observed_at for fact in read), default=None),
        topic_versions=versions,
    )
    if held is not None and not moved and held.verdict.offending == verdict.offending:
        return Standing(next_held, written, None)
    before = None if held is None else held.verdict.status
    transition = Transition(verdict.rule, before, verdict.status, verdict, versions)
    return Standing(next_held, written, transition)


def says_the_same(held: HeldVerdict, verdict: Verdict) -> bool:
    """Whether nothing needs writing: same verdict, and the stored next check is early enough."""
    known = held.verdict
    if known is verdict:
        return True
    if (
        known.status != verdict.status
        or known.rule_version != verdict.rule_version
        or known.offending != verdict.offending
        or known.reason != verdict.reason
        or known.measures != verdict.measures
    ):
        return False
    if verdict.next_check_at is None:
        return True
    return held.next_check_at is not None and held.next_check_at <= verdict.next_check_at


def _failing_since(held: HeldVerdict | None, status: Status, now: datetime) -> datetime | None:
    """From the first fail until pass or not applicable, through unknown."""
    earlier = None if held is None else held.failing_since
    match status:
        case Status.FAIL:
            return earlier or now
        case Status.UNKNOWN:
            return earlier
        case Status.PASS | Status.NOT_APPLICABLE:
            return None
