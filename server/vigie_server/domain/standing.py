"""What becomes of a standing verdict when its rule is judged again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from vigie_server.domain.facts import Fact
from vigie_server.domain.made_often import made_often
from vigie_server.domain.records import HeldVerdict, Transition, WrittenVerdict
from vigie_server.domain.verdicts import Status, Verdict, digest_of
from vigie_server.domain.waivers import NO_OVERLAY, Overlay, Waiver, overlay

HOLD: Final = timedelta(hours=1)
"""How long a pass after a fail must last before the fail counts as over (a setting)."""


@made_often
class Standing:
    """What to hold, what to write (None: nothing), and the transition, if there is one."""

    held: HeldVerdict
    written: WrittenVerdict | None
    transition: Transition | None
    overlay: Overlay = NO_OVERLAY


def standing(
    held: HeldVerdict | None,
    verdict: Verdict,
    *,
    now: datetime,
    facts: Mapping[str, Fact],
    topics: Iterable[str],
    waivers: Sequence[Waiver] = (),
    hold: timedelta = HOLD,
    differs: bool = False,
) -> Standing:
    """The verdict as it stands after `verdict`; a transition when status or deciding rows changed.

    A new wording of the reason alone is written and makes no transition, and so are the beginning
    and end of a waiver: underneath, nothing has moved. `differs` of a verdict under no waiver of
    which it is known that not `says_the_same` holds.
    """
    if held is not None and not waivers and not differs and says_the_same(held, verdict, now=now):
        return Standing(held, None, None)
    over = NO_OVERLAY
    if waivers:
        was_waived = held is not None and held.waived
        over = overlay(waivers, verdict, was_waived=was_waived, now=now)
    moved = held is None or held.verdict.status != verdict.status
    since = now if held is None or moved else held.since
    failing_since, passing_since = _lasting(held, verdict.status, now, hold)
    next_check_at = _earlier(verdict.next_check_at, over.until)
    if passing_since is not None:
        next_check_at = _earlier(next_check_at, passing_since + hold)
    next_held = HeldVerdict(
        verdict, since, failing_since, next_check_at, passing_since, over.waived
    )
    if held is not None and waivers and _stands(held, next_held, now):
        return Standing(held, None, None, over)
    versions: dict[str, int] = {}
    evidence_at: datetime | None = None
    for topic in topics:
        fact = facts.get(topic)
        if fact is not None:
            versions[topic] = fact.topic_version
            evidence_at = _earlier(evidence_at, fact.observed_at)
    counts_move = moved or (held is not None and held.waived is not over.waived)
    words_move = held is None or not _known_to_say(held, next_held)
    written = WrittenVerdict(next_held, evidence_at, versions, counts_move, words_move)
    if held is not None and not moved and held.verdict.offending == verdict.offending:
        return Standing(next_held, written, None, over)
    before = None if held is None else held.verdict.status
    transition = Transition(verdict.rule, before, verdict.status, verdict, versions)
    return Standing(next_held, written, transition, over)


def says_the_same(held: HeldVerdict, verdict: Verdict, *, now: datetime) -> bool:
    """Whether nothing needs writing: same verdict, and the stored next check is early enough.

    A stored check that is due is over with this look: it is written again, or the sweeper would
    find it due for ever. The end of a pass on trial is such a check. For rules without waivers: one
    that was waived is no longer.
    """
    if held.waived or (held.next_check_at is not None and held.next_check_at <= now):
        return False
    if held.verdict is verdict:
        return True
    wanted = verdict.next_check_at
    if wanted is not None and (held.next_check_at is None or held.next_check_at > wanted):
        return False
    return _same_words(held.verdict, verdict)


def _same_words(known: Verdict, verdict: Verdict) -> bool:
    return (
        known.status is verdict.status
        and known.rule_version == verdict.rule_version
        and known.offending == verdict.offending
        and known.reason == verdict.reason
        and known.measures == verdict.measures
    )


def _known_to_say(held: HeldVerdict, other: HeldVerdict) -> bool:
    """Whether they are known to differ by their next checks at most: by a digest that is stored."""
    return (
        held.verdict.digest is not None
        and held.verdict.digest == digest_of(other.verdict)
        and held.since == other.since
        and held.failing_since == other.failing_since
        and held.passing_since == other.passing_since
        and held.waived is other.waived
    )


def _stands(held: HeldVerdict, other: HeldVerdict, now: datetime) -> bool:
    """As `says_the_same`, of a verdict under waivers."""
    if held.next_check_at is not None and held.next_check_at <= now:
        return False
    return (
        held.waived == other.waived
        and held.failing_since == other.failing_since
        and held.passing_since == other.passing_since
        and _same_words(held.verdict, other.verdict)
        and _early_enough(held.next_check_at, other.next_check_at)
    )


def _early_enough(stored: datetime | None, wanted: datetime | None) -> bool:
    return wanted is None or (stored is not None and stored <= wanted)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)


def _lasting(
    held: HeldVerdict | None, status: Status, now: datetime, hold: timedelta
) -> tuple[datetime | None, datetime | None]:
    """Since when the rule fails, and since when a pass that may end this is on trial.

    From the first fail until not applicable, or a pass that has lasted: a rule that flaps fails all
    the while. Through unknown, which also breaks a trial.
    """
    earlier = None if held is None else held.failing_since
    if earlier is None and status is not Status.FAIL:
        return None, None
    match status:
        case Status.FAIL:
            return earlier or now, None
        case Status.UNKNOWN:
            return earlier, None
        case Status.NOT_APPLICABLE:
            return None, None
        case Status.PASS:
            passing_since = (held and held.passing_since) or now
            if now - passing_since >= hold:
                return None, None
            return earlier, passing_since
