"""Snapshots: a topic's rows in canonical form, with the digest that tells whether they changed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from vigie.v1.digest import canonical_rows, snapshot_digest


class Status(StrEnum):
    """How a topic's collection ended; the names of `vigie.v1.SnapshotStatus`."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    MISSING_TABLE = "missing_table"
    NO_PERMISSION = "no_permission"
    REFUSED = "refused"
    DENYLISTED = "denylisted"
    TOO_LARGE = "too_large"


STATUS_NUMBERS: Final[Mapping[Status, int]] = {
    status: number for number, status in enumerate(Status, start=1)
}
"""The enum's numbers on the wire, in the order of `snapshot.proto`."""

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a collection cost: wall time, and CPU time of the agent process."""

    wall: timedelta = timedelta()
    cpu: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The answer to one topic at one moment: columns and rows in canonical order."""

    topic: str
    topic_version: int
    status: Status
    message: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    digest: bytes
    query_digest: bytes = b""
    cost: Cost = Cost()

    @classmethod
    def of(
        cls,
        *,
        topic: str,
        topic_version: int,
        status: Status,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        message: str = "",
        query_digest: bytes = b"",
        cost: Cost | None = None,
    ) -> "Snapshot":
        """A snapshot in canonical form, whatever the order of the columns and rows given.

        Lone surrogates (file names in no known encoding) become U+FFFD: they cannot travel.
        """
        ordered_columns, ordered_rows = canonical_rows(columns, [_sound(row) for row in rows])
        message = _sound([message])[0]
        return cls(
            topic=topic,
            topic_version=topic_version,
            status=status,
            message=message,
            columns=ordered_columns,
            rows=tuple(ordered_rows),
            digest=snapshot_digest(
                topic=topic,
                topic_version=topic_version,
                status=STATUS_NUMBERS[status],
                message=message,
                columns=ordered_columns,
                values=[value for row in ordered_rows for value in row],
            ),
            query_digest=query_digest,
            cost=cost or Cost(),
        )


def _sound(texts: Sequence[str]) -> Sequence[str]:
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [_LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text) for text in texts]
    return texts


@dataclass(frozen=True, slots=True)
class Report:
    """Snapshots collected at one moment.

    `boot_id` and `boot_clock` (time since boot, sleep included) let the sender tell the server how
    old the report is without trusting the wall clock.
    """

    collected_at: datetime
    boot_id: str
    boot_clock: timedelta
    snapshots: tuple[Snapshot, ...]
