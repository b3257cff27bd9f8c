"""What a device says in its session, free of the wire: greetings, reports and their limits.

Everything here was sent by a device that may be broken or hostile. `refusal` is the gate: a report
that passes it is safe to store and to judge.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import lt
from typing import Final

from vigie.v1.digest import DIGEST_BYTES
from vigie_server.domain.made_often import made_often

STATUSES: Final = (
    "unspecified",
    "ok",
    "error",
    "timeout",
    "missing_table",
    "no_permission",
    "refused",
    "denylisted",
    "too_large",
)
"""Lower-case names of `vigie.v1.SnapshotStatus`, by number."""

SPOOL_ID_BYTES: Final = 16
MAX_SEQ: Final = 2**63 - 1
MAX_TOPIC_VERSION: Final = 2**31 - 1
_TOPIC: Final = re.compile(r"[a-z0-9_][a-z0-9_.\-]{0,127}", re.ASCII)
_BYTES_PER_CODE_POINT: Final = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What one device may send; told in Welcome, enforced here."""

    max_message_bytes: int = 4 * 1024 * 1024
    max_snapshots_per_report: int = 64
    max_rows_per_snapshot: int = 10_000
    max_columns_per_snapshot: int = 64
    max_value_bytes: int = 64 * 1024
    max_in_flight: int = 16


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of a session. All of it is claims: the certificate says who speaks."""

    agent_version: str
    engine: str
    engine_version: str
    platform: str
    boot_id: str
    spool_id: bytes
    highest_seq: int
    config_digest: bytes
    store_epoch: bytes
    dropped_reports: int
    sent_at: datetime | None


@made_often
class Snapshot:
    """One topic's answer as it travelled; with `unchanged`, only its digest did.

    `status` is the number of `vigie.v1.SnapshotStatus`; `values` are the rows' values, row after
    row, each in the order of `columns`. `elapsed` since its collection; None: as the report's.
    """

    topic: str
    topic_version: int
    digest: bytes
    status: int
    message: str
    unchanged: bool
    columns: Sequence[str]
    values: Sequence[str]
    row_count: int
    query_digest: bytes
    elapsed: timedelta | None = None


@made_often
class Report:
    """Snapshots of different topics. `elapsed` since the first of them was collected.

    None when the machine booted in between.
    """

    seq: int
    sent_at: datetime | None
    elapsed: timedelta | None
    snapshots: Sequence[Snapshot]


@made_often
class Heartbeat:
    """Says that the device lives."""

    sent_at: datetime | None
    pending_reports: int


def hello_refusal(hello: Hello) -> str | None:
    """Why this greeting breaks the protocol; None when it does not."""
    if len(hello.spool_id) != SPOOL_ID_BYTES:
        return "hello: spool_id is not 16 bytes"
    if not hello.boot_id:
        return "hello: boot_id is empty"
    if hello.highest_seq > MAX_SEQ or hello.dropped_reports > MAX_SEQ:
        return "hello: a number is out of range"
    texts = (hello.agent_version, hello.engine, hello.engine_version, hello.platform, hello.boot_id)
    if any(len(text) > 128 or "\0" in text for text in texts):  # noqa: PLR2004 (a short text)
        return "hello: a text is too long or holds a NUL"
    return None


def refusal(report: Report, limits: Limits) -> str | None:
    """Why this report can never be accepted; None when its shape is right.

    The text names the topic and the limit, never a value. Digests are checked where the canonical
    form is made, see `evidence_of`.
    """
    if len(report.snapshots) > limits.max_snapshots_per_report:
        return f"more than {limits.max_snapshots_per_report} snapshots in a report"
    seen = set()
    for snapshot in report.snapshots:
        if (problem := _snapshot_refusal(snapshot, limits)) is not None:
            return problem
        if snapshot.topic in seen:
            return f"{snapshot.topic}: twice in one report"
        seen.add(snapshot.topic)
    return None


def _snapshot_refusal(snapshot: Snapshot, limits: Limits) -> str | None:
    if _TOPIC.fullmatch(snapshot.topic) is None:
        return "a topic's name is not one"
    problem = _head_problem(snapshot) or (
        _unchanged_problem(snapshot)
        if snapshot.unchanged
        else _size_problem(snapshot, limits) or _text_problem(snapshot, limits)
    )
    return None if problem is None else f"{snapshot.topic}: {problem}"


def _head_problem(snapshot: Snapshot) -> str | None:
    if not 0 < snapshot.topic_version <= MAX_TOPIC_VERSION:
        return "topic_version is out of range"
    if len(snapshot.digest) != DIGEST_BYTES:
        return f"digest is not {DIGEST_BYTES} bytes"
    if not 0 < snapshot.status < len(STATUSES):
        return "status is not one"
    return None


def _unchanged_problem(snapshot: Snapshot) -> str | None:
    if snapshot.columns or snapshot.values or snapshot.row_count:
        return "unchanged, yet rows travel"
    return None


def _size_problem(snapshot: Snapshot, limits: Limits) -> str | None:
    columns, values = snapshot.columns, snapshot.values
    if len(columns) > limits.max_columns_per_snapshot:
        return f"more than {limits.max_columns_per_snapshot} columns"
    if snapshot.row_count > limits.max_rows_per_snapshot:
        return f"more than {limits.max_rows_per_snapshot} rows"
    if len(columns) * snapshot.row_count != len(values):
        return "columns times rows is not the number of values"
    if not all(map(lt, columns, columns[1:])):
        return "columns are not in alphabetical order"
    return None


def _text_problem(snapshot: Snapshot, limits: Limits) -> str | None:
    columns, values, limit = snapshot.columns, snapshot.values, limits.max_value_bytes
    # Nearly always all of them together are no longer than one may be.
    if len("".join(values)) * _BYTES_PER_CODE_POINT > limit and any(
        len(value) * _BYTES_PER_CODE_POINT > limit and len(value.encode()) > limit
        for value in values
    ):
        return f"a value is longer than {limit} bytes"
    texts = (*columns, snapshot.message)
    if len("".join(texts)) > limit and max(map(len, texts)) > limit:
        return f"a text is longer than {limit} bytes"
    return None
