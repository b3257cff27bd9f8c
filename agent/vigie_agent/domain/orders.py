"""What the server may order: other packs, other intervals, limits, and live questions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from vigie_agent.domain.snapshot import Status


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What this device collects, beyond or instead of what it was shipped with.

    A pack takes the place of the shipped pack of the same name. No SQL in it is trusted: each
    query passes the agent's own allow-list or is refused.
    """

    digest: bytes = b""
    packs: Mapping[str, str] = field(default_factory=dict)
    topic_intervals: Mapping[str, timedelta] = field(default_factory=dict)
    disabled_topics: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server takes of one snapshot; over it, it travels as too large, without rows.

    `max_snapshots` of them may travel in one report.
    """

    max_message_bytes: int = 4 * 1024 * 1024
    max_rows: int = 20_000
    max_columns: int = 128
    max_value_bytes: int = 64 * 1024
    max_snapshots: int = 1


@dataclass(frozen=True, slots=True)
class LiveQuestion:
    """One SELECT asked of this device now. `asked_by` and `purpose` are shown to its user."""

    ask_id: str
    sql: str
    timeout: timedelta
    max_rows: int
    asked_by: str
    purpose: str


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """The answer to a live question; `rows` follow the order of `columns`."""

    ask_id: str
    status: Status
    message: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
