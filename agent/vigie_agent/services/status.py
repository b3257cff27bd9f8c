"""How a running agent is doing, kept in one small file for `vigie-agent status`."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from vigie_agent.domain.moments import Moment
from vigie_agent.domain.snapshot import Snapshot
from vigie_agent.services.state_file import read_state, write_state

log = structlog.get_logger()

WRITE_EVERY: Final = timedelta(seconds=10)
"""How often the file is written at most: it is for people."""

_START_TAKES: Final = 120  # seconds between a process's birth and its agent's, at the very most


class StatusBoard:
    """What the parts of a running agent say of themselves. Losing it costs nothing but the view."""

    def __init__(
        self,
        path: Path,
        *,
        started: Moment,
        pid: int,
        facts: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        """`facts` gives what is worth asking for only when the file is written."""
        self._path = path
        self._facts_at_writing = facts
        self._facts: dict[str, Any] = {"pid": pid, "started_at": _text(started.wall)}
        self._topics: dict[str, dict[str, Any]] = {}
        self._write_from = started.boot
        self._failing = False

    def tell(self, **facts: object) -> None:
        """Keeps facts for the next write: text, numbers, booleans; instants become text."""
        for name, fact in facts.items():
            self._facts[name] = _text(fact) if isinstance(fact, datetime) else fact

    def collected(self, snapshot: Snapshot, now: Moment) -> None:
        """Keeps what became of one topic's collection."""
        self._topics.setdefault(snapshot.topic, {}).update(
            collected_at=_text(now.wall),
            status=str(snapshot.status),
            message=snapshot.message,
            rows=len(snapshot.rows),
            milliseconds=snapshot.cost.wall // timedelta(milliseconds=1),
        )

    def waiting(self, waits: Mapping[str, timedelta], now: Moment) -> None:
        """Keeps when each topic is due, and writes the file if it is time to."""
        for topic, wait in waits.items():
            self._topics.setdefault(topic, {})["due_in_seconds"] = int(wait.total_seconds())
        for topic in self._topics.keys() - waits.keys():
            del self._topics[topic]
        if now.boot >= self._write_from:
            self._write_from = now.boot + WRITE_EVERY
            self.write(now)

    def write(self, now: Moment) -> None:
        """Writes the file. A disk that refuses is logged once, not each time."""
        state = {
            **self._facts,
            **self._facts_at_writing(),
            "written_at": _text(now.wall),
            "topics": self._topics,
        }
        try:
            write_state(self._path, state)
        except OSError as error:
            if not self._failing:
                log.warning("status_not_written", error=str(error))
            self._failing = True
        else:
            self._failing = False


def read_status(path: Path) -> dict[str, Any] | None:
    """What a running agent last wrote; None when there is nothing. Raises OSError."""
    return read_state(path)


def is_alive(status: Mapping[str, Any]) -> bool:
    """Whether the agent that wrote `status` still runs."""
    import psutil  # noqa: PLC0415 (only `status` looks at processes)

    try:
        process = psutil.Process(status["pid"])
        started = datetime.fromisoformat(status["started_at"])
        return bool(abs(process.create_time() - started.timestamp()) < _START_TAKES)
    except (KeyError, TypeError, ValueError, psutil.Error):
        return False


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")
