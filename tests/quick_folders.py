"""Folders in memory, for tests that no disk has a part in.

Stores wait for the disk at each commit, and a PostgreSQL database is made for each test, of some
three hundred files: on a disk that is most of what such tests take. Nothing they show depends on
it: programs are killed, the power is not cut.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # noqa: S108 (what mkdtemp makes there is ours alone)
ROOM: Final = 4 << 30
"""Bytes that have to be free there; a run takes a tenth of it."""


def quick_folder() -> Path:
    """A new folder: in memory where there is room and programs may run, or on the disk."""
    return Path(tempfile.mkdtemp(prefix="vigie-test-", dir=MEMORY if _may_be_used() else None))


def _may_be_used() -> bool:
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        return False
    programs = not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    return programs and shutil.disk_usage(MEMORY).free > ROOM
