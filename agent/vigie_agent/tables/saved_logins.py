"""How many passwords a browser's store holds: a number, never a site, a name or a password.

Stores belong to accounts that nobody trusts: they are read whole with a bound and opened in memory,
so that neither a pipe, a lock nor a schema made to run for ever holds the agent up, and nothing is
written beside them.
"""

import json
import sqlite3
from contextlib import closing
from typing import Final

MAX_BYTES: Final = 16 * 1024 * 1024
_WAL: Final = b"\x02\x02"
_ROLLBACK: Final = b"\x01\x01"
_VERSIONS_AT: Final = slice(18, 20)
_STEPS_BETWEEN_LOOKS: Final = 100_000
_MOST_LOOKS: Final = 200


class UnreadableStore(ValueError):
    """These bytes are no store of passwords that can be counted."""


def count_chromium_logins(data: bytes) -> int:
    """The saved passwords in a `Login Data`. Raises UnreadableStore.

    Sites for which the person chose "never" have a row without a password: they do not count.
    """
    if not data:
        return 0  # created, and nothing written yet
    if data[_VERSIONS_AT] == _WAL:  # in memory there is no log to go with it
        data = data[: _VERSIONS_AT.start] + _ROLLBACK + data[_VERSIONS_AT.stop :]
    try:
        with closing(sqlite3.connect(":memory:")) as opened:
            opened.deserialize(data)
            looks = iter(range(_MOST_LOOKS))
            opened.set_progress_handler(lambda: next(looks, None) is None, _STEPS_BETWEEN_LOOKS)
            return _counted(opened)
    except sqlite3.Error as error:
        raise UnreadableStore(f"not a store of passwords: {error}") from error


def _counted(opened: sqlite3.Connection) -> int:
    opened.execute("PRAGMA trusted_schema = OFF")
    made = opened.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'logins'"
    ).fetchone()
    if made is None or not str(made[0]).upper().startswith("CREATE TABLE"):
        raise UnreadableStore("not a store of passwords: it has no table of logins")
    columns = {row[0] for row in opened.execute("SELECT name FROM pragma_table_info('logins')")}
    never = " WHERE blacklisted_by_user = 0" if "blacklisted_by_user" in columns else ""
    (count,) = opened.execute(f"SELECT count(*) FROM logins{never}").fetchone()  # noqa: S608 (a literal of ours)
    return int(count)


def count_firefox_logins(data: bytes) -> int:
    """The saved passwords in a `logins.json`. Raises UnreadableStore.

    What is marked as deleted, and Firefox's own key for its accounts, are not saved passwords.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableStore("not a store of passwords: it is no sound JSON") from error
    logins = document.get("logins") if isinstance(document, dict) else None
    if not isinstance(logins, list):
        raise UnreadableStore("not a store of passwords: it has no list of logins")
    return sum(
        1
        for login in logins
        if isinstance(login, dict)
        and not login.get("deleted")
        and not str(login.get("hostname", "")).startswith("chrome://")
    )
