"""Paths of the device: what is there, and links followed as the device itself would."""

import errno
import stat
from typing import Final

from vigie_agent.tables.host import Host

_MAX_STEPS: Final = 200


def real_path(host: Host, path: str) -> str:
    """`path` with every link followed as the device itself would, whatever `host.root` is.

    Raises OSError (ELOOP) for links without end.
    """
    waiting, real = path.split("/")[::-1], ""
    for _ in range(_MAX_STEPS):
        if not waiting:
            return real or "/"
        match waiting.pop():
            case "" | ".":
                continue
            case "..":
                real = real.rpartition("/")[0]
                continue
            case name:
                step = f"{real}/{name}"
        try:
            target = str(host.path(step).readlink())
        except OSError:
            real = step
            continue
        waiting += target.split("/")[::-1]
        real = "" if target.startswith("/") else real
    raise OSError(errno.ELOOP, "links without end", path)


def is_there(host: Host, path: str) -> bool:
    """Whether `path` exists, links followed; False also where this process may not look."""
    try:
        host.path(path).stat()
    except OSError:
        return False
    return True


def is_folder(host: Host, path: str) -> bool:
    """Whether `path` is a folder, links followed; False also where this process may not look."""
    try:
        return stat.S_ISDIR(host.path(path).stat().st_mode)
    except OSError:
        return False
