"""What the server holds of a device while it speaks, and what one step changes in the store.

A `DeviceRecord` runs ahead of the store by the changes that wait for their commit. Its `revision`
rises with every change, and the store takes a change only on top of the revision it was made from:
an older session, another replica or an administrator's act makes the next commit fail, the record
is thrown away (`stale`), and the device resumes from what is committed. Nothing is merged.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime

from vigie_server.domain.devices import Device
from vigie_server.domain.facts import Fact
from vigie_server.domain.made_often import made_often
from vigie_server.domain.score import Figures
from vigie_server.domain.surroundings import NOTHING_AROUND, Surroundings
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.domain.waivers import Waiver
from vigie_server.domain.whereabouts import NO_GROUNDS, Grounds


@made_often
class HeldSnapshot:
    """The newest snapshot of one topic. `revision` finds its evidence in the store.

    `fact` is None until a rule needs it, and for topics that no rule reads.
    """

    digest: bytes
    observed_at: datetime
    revision: int
    fact: Fact | None


@made_often
class HeldVerdict:
    """A verdict as it stands. `next_check_at` may be earlier than the verdict's own, never later.

    Leaving an early instant in the store is harmless (the sweeper looks, and writes the later one),
    and saves a write for each report that only makes evidence fresher.

    `failing_since` outlasts a pass that is not old enough to be believed: `passing_since` says when
    that one began. `waived` marks a fail under a waiver, and an unknown that came after it.
    """

    verdict: Verdict
    since: datetime
    failing_since: datetime | None
    next_check_at: datetime | None
    passing_since: datetime | None = None
    waived: bool = False


@dataclass(slots=True, eq=False)
class DeviceRecord:
    """One device, ready to take the next report. `grounds` are its site's.

    `around` is applied to `device` already. `session_revision` is the revision at which its newest
    session began, in whichever process. `on_their_way` are changes that were made on it and whose
    commit has not ended: until then its revision is not one that the store has given it.
    """

    key: int
    device: Device
    revision: int
    spool_id: bytes
    last_seq: int
    boot_ids: tuple[str, ...]
    judged_with: str
    enrolled_at: datetime
    grounds: Grounds = NO_GROUNDS
    disabled: str = ""
    last_seen_at: datetime | None = None
    around: Surroundings = NOTHING_AROUND
    snapshots: dict[str, HeldSnapshot] = field(default_factory=dict)
    verdicts: MutableMapping[str, HeldVerdict] = field(default_factory=dict)
    waivers: dict[str, tuple[Waiver, ...]] = field(default_factory=dict)
    figures: Figures | None = None
    engine: str = ""
    dropped_reports: int = 0
    committed_seq: int = 0
    session_revision: int = 0
    on_their_way: int = 0
    stale: bool = False


@made_often
class Evidence:
    """New content of a topic, kept as history. `content` is the canonical form, uncompressed."""

    topic: str
    digest: bytes
    status: int
    seq: int
    content: bytes
    query_digest: bytes
    observed_at: datetime


@made_often
class Transition:
    """A verdict that changed. `before` is None when the rule had never been judged."""

    rule: str
    before: Status | None
    after: Status
    verdict: Verdict
    topic_versions: Mapping[str, int]


@made_often
class WrittenVerdict:
    """A verdict to store as it stands, with the versions of the topics it was judged on.

    `counts_move` is false where the one before it came to the same, waived or not: then how many
    devices hold each verdict of the rule is as before. `words_move` is false where it is known that
    the one before it says the same of the same time, and nothing but its next check, or what it was
    judged on, is another.
    """

    held: HeldVerdict
    evidence_at: datetime | None
    topic_versions: Mapping[str, int]
    counts_move: bool = True
    words_move: bool = True


@made_often
class DeviceChange:
    """All that one step (a report, a sweep) changes; committed whole or not at all.

    `revision_before` fences it. `seen` are topics whose content is unchanged and whose
    `observed_at` rose. `retracted` are rules that no longer exist, `reopened` the keys of waivers
    that a new row ended for this device. `figures` are over all its verdicts, None where judging
    has not changed them. `heard`: the device itself gave rise to it. What lists are sorted and
    filtered by is written where it is not as before alone: `described` for what the device is and
    where, `judged_anew` for the rules that its verdicts stand for. `reshown`: what metrics show of
    the device itself is another, be it that it is nomadic now.
    """

    key: int
    device_id: str
    at: datetime
    revision_before: int
    revision: int
    spool_id: bytes
    last_seq: int
    device: Device
    judged_with: str
    evidence: tuple[Evidence, ...] = ()
    seen: tuple[tuple[str, datetime], ...] = ()
    verdicts: tuple[WrittenVerdict, ...] = ()
    transitions: tuple[Transition, ...] = ()
    retracted: tuple[str, ...] = ()
    reopened: tuple[int, ...] = ()
    rejected: tuple[int, str] | None = None
    figures: Figures | None = None
    heard: bool = True
    described: bool = True
    judged_anew: bool = True
    reshown: bool = False

    @property
    def is_shown(self) -> bool:
        """Whether readers see something else than when the device was heard."""
        return bool(self.verdicts or self.retracted or self.evidence or self.reshown)
