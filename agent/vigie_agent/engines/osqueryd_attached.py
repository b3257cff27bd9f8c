"""An osqueryd that somebody else runs: asked, never restarted, and left alone when it struggles."""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from vigie_agent.domain.answers import QueryError, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.engines.osqueryd import Daemon, OsquerydEngine
from vigie_agent.engines.osqueryd_wire import Connection, open_socket

FIRST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(minutes=10)

USUAL_SOCKETS: Final = {
    "linux": (Path("/var/osquery/osquery.em"), Path("/run/osquery/osquery.em")),
    "darwin": (Path("/var/osquery/osquery.em"),),
    "win32": (Path(r"\\.\pipe\osquery.em"),),
}


class AttachedDaemon:
    """Backs off after each failure in a row: 15 seconds, then twice as long, up to ten minutes.

    No table of ours is registered in it: whoever manages it could query them.
    """

    def __init__(self, path: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._failures = 0
        self._not_before = 0.0

    def socket(self, *, deadline: float) -> Path:  # noqa: ARG002 (nothing to wait for)
        """See Daemon."""
        left = self._not_before - self._monotonic()
        if self._failures and left > 0:
            raise EngineLost(f"osqueryd at {self._path} failed: it is left alone for a while")
        return self._path

    def connected(self, connection: Connection, *, deadline: float) -> None:
        """See Daemon."""

    def answered(self, answer: Rows | QueryError) -> Rows | QueryError:
        """See Daemon."""
        self._failures = 0
        return answer

    def failed(self) -> None:
        """See Daemon."""
        pause = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
        self._failures = min(self._failures + 1, 10)
        self._not_before = self._monotonic() + pause.total_seconds()

    def close(self) -> None:
        """See Daemon."""


def attached_engine(path: Path) -> OsquerydEngine:
    """An engine that asks the osqueryd which listens on `path`."""
    daemon: Daemon = AttachedDaemon(path)
    return OsquerydEngine(daemon, connect)


def connect(path: Path, deadline: float) -> Connection:
    """A connection to the osqueryd at `path`, by this system's kind of socket."""
    if sys.platform == "win32":
        from vigie_agent.engines.osqueryd_pipe import open_pipe  # noqa: PLC0415 (Windows only)

        return open_pipe(path, deadline=deadline)
    return open_socket(path, deadline=deadline)


def running_osqueryd(platform: str = sys.platform) -> Path | None:
    """The socket of an osqueryd that runs on this machine, if one is in its usual place."""
    return next((path for path in USUAL_SOCKETS.get(platform, ()) if path.exists()), None)
