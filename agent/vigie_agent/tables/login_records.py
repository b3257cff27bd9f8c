"""Registers of logins: utmp and wtmp, lastlog, and their SQLite successors (wtmpdb, lastlog2)."""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_UTMP: Final = struct.Struct("=hxxi32s4s32s256shhiii16s20x")
_UTMP_WIDE: Final = struct.Struct("=hxxi32s4s32s256shhqqq16s20x4x")
_LASTLOG: Final = struct.Struct("=i32s256s")

USER_PROCESS: Final = 7


@dataclass(frozen=True, slots=True)
class LoginRecord:
    """One record of utmp or wtmp. `type` is utmp.h's number, `time` UNIX seconds."""

    type: int
    pid: int
    tty: str
    user: str
    host: str
    time: int


def read_utmp(data: bytes, *, wide: bool = False) -> tuple[LoginRecord, ...]:
    """The records of a utmp or wtmp file; a torn last one is left out.

    `wide`: of a system whose utmp has 64-bit times, such as Linux on ARM64.
    """
    layout = _UTMP_WIDE if wide else _UTMP
    whole = len(data) - len(data) % layout.size
    return tuple(
        LoginRecord(kind, pid, _string(line), _string(user), _string(host), seconds)
        for kind, pid, line, _, user, host, _, _, _, seconds, _, _ in layout.iter_unpack(
            data[:whole]
        )
    )


def read_lastlog(data: bytes) -> dict[int, int]:
    """The last login by uid; uids that never logged in are left out."""
    whole = len(data) - len(data) % _LASTLOG.size
    times = (seconds for seconds, _, _ in _LASTLOG.iter_unpack(data[:whole]))
    return {uid: seconds for uid, seconds in enumerate(times) if seconds > 0}


def read_wtmpdb(path: Path) -> dict[str, int]:
    """The last login by user name in a wtmpdb database. Raises OSError."""
    return _by_user(path, "SELECT User, max(Login) / 1000000 FROM wtmp WHERE Type = 3 GROUP BY 1")


def read_lastlog2(path: Path) -> dict[str, int]:
    """The last login by user name in a lastlog2 database. Raises OSError."""
    return _by_user(path, "SELECT Name, max(Time) FROM Lastlog2 GROUP BY 1")


def _by_user(path: Path, sql: str) -> dict[str, int]:
    path.stat()  # says "no such file" or "permission denied", which SQLite does not
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            return {
                user: seconds
                for user, seconds in opened.execute(sql)
                if isinstance(user, str) and isinstance(seconds, int) and seconds > 0
            }
    except sqlite3.Error as error:
        raise OSError(0, f"{path.name} could not be read: {error}", str(path)) from error


def newest(records: Iterator[tuple[str, int]]) -> dict[str, int]:
    """The greatest time of each name."""
    found: dict[str, int] = {}
    for name, seconds in records:
        found[name] = max(seconds, found.get(name, 0))
    return found


def _string(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")
