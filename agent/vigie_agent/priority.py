"""Makes this process the last to be served: the people at the device come first."""

import os
import sys
from typing import Final

import structlog

log = structlog.get_logger()

_WINDOWS_BELOW_NORMAL: Final = 0x4000


def lower_priority(*, niceness: int, idle_io: bool) -> None:
    """Lowers CPU and disk priority as far as the system lets us. Never raises."""
    import psutil  # noqa: PLC0415 (only long-running and collecting commands need it)

    process = psutil.Process()
    try:
        if sys.platform == "win32":
            process.nice(_WINDOWS_BELOW_NORMAL)
            return
        if os.getpriority(os.PRIO_PROCESS, 0) < niceness:
            process.nice(niceness)
        if idle_io and sys.platform == "linux":
            process.ionice(psutil.IOPRIO_CLASS_IDLE)
    except (psutil.Error, OSError) as error:
        log.info("priority_not_lowered", error=str(error))
