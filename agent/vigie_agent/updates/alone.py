"""One update at a time, whoever started it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vigie_agent.domain.errors import UpdateFailed
from vigie_agent.updates.disk import Disk


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Raises UpdateFailed while another process updates in this folder."""
    try:
        Disk().folder(folder)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UpdateFailed(f"{folder} cannot be written: {error}") from error
    try:
        _lock(descriptor)
        yield
    except BlockingIOError:
        raise UpdateFailed("another update is under way on this device") from None
    finally:
        os.close(descriptor)  # and the lock with it


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 (only Windows has it)

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
    else:
        import fcntl  # noqa: PLC0415 (Windows has none)

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
