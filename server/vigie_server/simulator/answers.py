"""What simulated devices answer: recorded rows, drifted, under each device's own names."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from vigie.v1 import snapshot_pb2
from vigie.v1.digest import canonical_rows, snapshot_digest
from vigie_server.domain.topics import Topic
from vigie_server.simulator.drift import Life, drifted
from vigie_server.simulator.naming import Names, is_personal, people_of, renamed
from vigie_server.simulator.recorded import Recording, Rows

REMEMBERED: Final = 4096
"""Snapshots kept ready: the devices of a fleet resemble one another."""


class Answers:
    """The answers of a fleet whose recordings are moved to `epoch`."""

    def __init__(
        self, recordings: Sequence[Recording], topics: Mapping[str, Topic], epoch: datetime
    ) -> None:
        self._topics = topics
        self.recordings: Final = recordings
        self.born: Final = Life(int(epoch.astimezone(UTC).timestamp()))
        """The life that every device starts with."""
        self.recorded: Final = [recording.moved_to(epoch, topics) for recording in recordings]
        """By recording, then by topic: what a device answers before anything happens to it."""
        self.people: Final = [people_of(recording) for recording in recordings]
        self._personal = [
            frozenset(topic for topic, rows in answers.items() if is_personal(rows, people))
            for answers, people in zip(self.recorded, self.people, strict=True)
        ]
        self._ready = OrderedDict[Hashable, snapshot_pb2.Snapshot]()

    def topics(self, recording: int) -> Sequence[str]:
        """The topics that devices of this recording answer."""
        return list(self.recorded[recording])

    def personal(self, recording: int) -> frozenset[str]:
        """Those of its topics whose answers name the device or its people."""
        return self._personal[recording]

    def snapshot(
        self, recording: int, names: Names, topic: str, life: Life
    ) -> snapshot_pb2.Snapshot:
        """A topic's whole snapshot. It is shared: to be read, not written."""
        seen = life.seen(topic)
        personal = topic in self._personal[recording]
        key = (recording, topic, seen, names if personal else None)
        known = self._ready.get(key)
        if known is not None:
            self._ready.move_to_end(key)
            return known
        rows = drifted(self.recorded[recording][topic], seen)
        if personal:
            rows = renamed(rows, names, self.people[recording])
        made = self._ready[key] = whole(self._topics[topic], rows)
        if len(self._ready) > REMEMBERED:
            self._ready.popitem(last=False)
        return made


def whole(topic: Topic, rows: Rows) -> snapshot_pb2.Snapshot:
    """A topic's snapshot with all its rows, in canonical order, with its digest."""
    names = tuple(topic.columns)
    columns, ordered = canonical_rows(
        names, [[row.get(name, "") for name in names] for row in rows]
    )
    values = [value for row in ordered for value in row]
    status = snapshot_pb2.SNAPSHOT_STATUS_OK
    return snapshot_pb2.Snapshot(
        topic=topic.name,
        topic_version=topic.version,
        digest=snapshot_digest(
            topic=topic.name,
            topic_version=topic.version,
            status=status,
            message="",
            columns=columns,
            values=values,
        ),
        status=status,
        columns=columns,
        values=values,
        row_count=len(ordered),
    )


def digest_only(snapshot: snapshot_pb2.Snapshot) -> snapshot_pb2.Snapshot:
    """The snapshot as it travels when the server has its content already."""
    return snapshot_pb2.Snapshot(
        topic=snapshot.topic,
        topic_version=snapshot.topic_version,
        digest=snapshot.digest,
        status=snapshot.status,
        unchanged=True,
    )
