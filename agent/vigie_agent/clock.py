"""The agent's clocks: the only place that reads them."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from vigie_agent.domain.moments import Moment

_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
_PROCESS_ID = uuid4().hex


def utc_now() -> datetime:
    """The wall clock, aware, in UTC. It may jump."""
    return datetime.now(UTC)  # noqa: TID251 (this is the agent's one clock)


def boot_clock() -> timedelta:
    """Time since boot, sleep included where the system tells it. Never goes back."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return timedelta(seconds=time.monotonic() if clock is None else time.clock_gettime(clock))


def moment() -> Moment:
    """Both clocks, read together."""
    return Moment(utc_now(), boot_clock())


def cpu_time() -> timedelta:
    """CPU time that this process has used, in all its threads."""
    return timedelta(seconds=time.process_time())


def boot_id() -> str:
    """Random text that changes at each boot; of this process where the system gives none.

    Without one a restarted agent cannot prove that the boot clock went on: its older reports then
    travel without their age, which is safe.
    """
    try:
        return _BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        return _PROCESS_ID
