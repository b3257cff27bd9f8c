"""How much memory this process may use: the machine's, or its container's if that is less."""

import os
from pathlib import Path
from typing import Final

LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
ASSUMED: Final = 2 * 1024**3
"""Where the system does not tell."""


def memory_bytes(limit: Path = LIMIT) -> int:
    """Bytes."""
    return min(_machine(), _container(limit))


def _machine() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return ASSUMED


def _container(limit: Path) -> int:
    try:
        return int(limit.read_text("ascii"))
    except (OSError, ValueError):  # no container, or "max"
        return 2**63
