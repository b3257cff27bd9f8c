"""A device of a simulated fleet as a run knows it: what it is, has lived, and has to deliver."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from vigie.v1 import snapshot_pb2, telemetry_pb2
from vigie_server.simulator.answers import Answers, digest_only
from vigie_server.simulator.chance import draws
from vigie_server.simulator.collecting import due_topics
from vigie_server.simulator.drift import lived
from vigie_server.simulator.fleet_file import Kept
from vigie_server.simulator.naming import Names, names_of, recording_of
from vigie_server.simulator.spool import Entry, Spool

if TYPE_CHECKING:
    from vigie_server.simulator.session import Session

VERSION = "0.1.0-simulated"
"""The agent version that simulated devices claim."""
ENGINE = "osqueryd"
"""The engine that they claim."""


@dataclass(frozen=True, slots=True)
class Living:
    """How the fleet lives: what every device of it has in common."""

    seed: int
    answers: Answers
    intervals: Mapping[str, int]
    """Seconds between two collections, by topic."""
    period: int
    """Seconds of a device's life between two of its reports."""
    share: float
    """The chance that something has happened to a device in between."""
    not_kept: frozenset[str] = frozenset()
    """Topics that the server keeps no rows of: whole in each session, once."""


class Member:
    """One device. Its life goes on by `collect`; `session` is the open one.

    `failures` in a row, and how often it was `sent_away` by a server that did not serve it, say
    which server it tries. One that was `disabled` is told to stop, and does.
    """

    __slots__ = (
        "busy",
        "disabled",
        "failures",
        "known",
        "life",
        "number",
        "recording",
        "sent_away",
        "session",
        "spool",
    )

    def __init__(self, number: int, kept: Kept, living: Living) -> None:
        self.number = number
        self.life = kept.life
        self.known = kept.known
        self.spool = Spool(kept.seq)
        self.recording = recording_of(living.answers.recordings, living.seed, number)
        self.failures = 0
        self.sent_away = 0
        self.busy = False
        self.disabled = False
        self.session: Session | None = None

    def names(self, living: Living) -> Names:
        """What it calls itself."""
        return names_of(living.seed, self.number)

    def kept(self) -> Kept:
        """How far it has got; what waits in the spool is not kept, as after a lost spool file."""
        return Kept(self.spool.last_seq, self.life, self.known and not self.spool.is_due)

    def collect(self, living: Living, due: float) -> None:
        """Lives one period, and has the answers of it to deliver."""
        self.spool.set_due(due)
        names = self.names(living)
        answers, number = living.answers, self.number
        if not self.known:
            self.known = True
            for topic in answers.topics(self.recording):
                snapshot = answers.snapshot(self.recording, names, topic, self.life)
                self.spool.append(snapshot, is_whole=True, due=due)
            return
        recorded = answers.recorded[self.recording]
        before = self.life
        self.life, happened_to = lived(
            before,
            recorded,
            seed=living.seed,
            number=number,
            seconds=living.period,
            share=living.share,
        )
        intervals = {topic: living.intervals[topic] for topic in recorded}
        phase = draws("collects", living.seed, number)[0]
        topics = due_topics(intervals, before=before.now, now=self.life.now, phase=phase)
        for topic in dict.fromkeys([*topics, *([happened_to] if happened_to else [])]):
            snapshot = answers.snapshot(self.recording, names, topic, self.life)
            is_whole = (
                topic == happened_to
                and answers.snapshot(self.recording, names, topic, before).digest != snapshot.digest
            )
            self.spool.append(snapshot, is_whole=is_whole, due=due)

    def whole(self, living: Living, topics: list[str]) -> list[snapshot_pb2.Snapshot]:
        """These topics' answers of today, with their rows; all of them where none is named."""
        known = living.answers.topics(self.recording)
        names = self.names(living)
        return [
            living.answers.snapshot(self.recording, names, topic, self.life)
            for topic in (topics or known)
            if topic in known
        ]

    def hello(self, living: Living, spool_id: bytes, now: datetime) -> bytes:
        """Its greeting."""
        platform = living.answers.recordings[self.recording].platform
        hello = telemetry_pb2.Hello(
            agent_version=VERSION,
            engine=ENGINE,
            engine_version="5.23.1",
            platform=platform,
            boot_id=boot_id(self.number),
            spool_id=spool_id,
            highest_seq=self.spool.last_seq,
            sent_at=moment(now),
        )
        return telemetry_pb2.SessionRequest(hello=hello).SerializeToString()


def report_of(entries: Sequence[Entry], now: datetime, clock: float) -> bytes:
    """Entries as they are sent together; each was collected when it was due (`clock`: now)."""
    report = telemetry_pb2.Report(seq=entries[-1].seq, sent_at=moment(now))
    spans = [int(max(0.0, clock - (entry.due or clock)) * 1e9) for entry in entries]
    report.collected_at.FromNanoseconds(report.sent_at.ToNanoseconds() - max(spans))
    report.elapsed.FromNanoseconds(max(spans))
    for entry, span in zip(entries, spans, strict=True):
        report.snapshots.append(entry.snapshot if entry.is_whole else digest_only(entry.snapshot))
        if len(entries) > 1:
            report.snapshots[-1].elapsed.FromNanoseconds(span)
    return telemetry_pb2.SessionRequest(report=report).SerializeToString()


def boot_id(number: int) -> str:
    """What a device calls its boot: it is never started again."""
    return f"simulated-{number}"


def moment(now: datetime) -> Timestamp:
    """An instant as it travels."""
    found = Timestamp()
    found.FromDatetime(now)
    return found
