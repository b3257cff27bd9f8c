"""What processes have used, read from Linux's /proc."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vigie_server.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds of a process, and the memory that it holds and has held at most."""

    cpu_seconds: float
    resident_bytes: int
    peak_bytes: int


def usage_of(pid: int) -> Usage:
    """What a process of this machine has used so far. Raises NotFound."""
    folder = Path("/proc") / str(pid)
    try:
        # After the name in brackets, which may hold anything: state is field 3, utime field 14.
        times = (folder / "stat").read_text("utf-8").rpartition(")")[2].split(maxsplit=13)[11:13]
        status = dict(
            line.split(":", 1) for line in (folder / "status").read_text("utf-8").splitlines()
        )
    except OSError as error:
        raise NotFound(f"no process {pid} in /proc (it has ended, or this is not Linux)") from error
    return Usage(
        sum(map(int, times)) / os.sysconf("SC_CLK_TCK"),
        _bytes(status["VmRSS"]),
        _bytes(status["VmHWM"]),
    )


class Watched:
    """A process whose use is counted from `begin` on. Raises NotFound when there is none."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = self._latest = usage_of(pid)

    def begin(self) -> None:
        """Counts from now on."""
        self._before = usage_of(self._pid)

    def used(self) -> Usage:
        """What it has used since; what was last known once it has ended."""
        with suppress(NotFound):
            self._latest = usage_of(self._pid)
        latest = self._latest
        cpu = latest.cpu_seconds - self._before.cpu_seconds
        return Usage(cpu, latest.resident_bytes, latest.peak_bytes)


def _bytes(text: str) -> int:
    return int(text.split(maxsplit=1)[0]) * 1024
