"""What holds of every connection to PostgreSQL: how long it waits, and that a commit lasts.

A connection of the pool is asked whether it still stands only when there is word on it: a server
that went away has closed it, and one whose network was lost is found by the keep-alive. Asking each
time was a fourth of what a small list sent.
"""

import select
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from vigie_server import clock
from vigie_server.domain.errors import SettingsMalformed

OLDEST: Final = 13
"""The oldest release of PostgreSQL that is tested for and takes every statement of ours."""
ENCODING: Final = "UTF8"
CLOCKS_APART: Final = timedelta(minutes=1)
"""Beyond this, servers that share a store would not agree on what is late, due or over."""
_PROBES: Final = 3
_PREPARE: Final = """
SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false),
  CASE current_setting('synchronous_commit') WHEN 'off'
  THEN set_config('synchronous_commit', 'on', false) END"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Terms:
    """How many connections there are at most, and how long each thing may take."""

    connections: int = 15
    connect_within: timedelta = timedelta(seconds=5)
    statement_within: timedelta = timedelta(minutes=1)
    lock_within: timedelta = timedelta(seconds=10)
    silent_within: timedelta = timedelta(seconds=30)
    retries: int = 5


def postgres_engine(url: URL, terms: Terms) -> Engine:
    """Connections that wait no longer than the terms say; what the URL says itself wins."""
    silent = terms.silent_within
    ours = {
        # libpq counts whole seconds and takes less than two for two
        "connect_timeout": max(2, round(terms.connect_within.total_seconds())),
        "tcp_user_timeout": _milliseconds(silent),
        "keepalives_idle": max(1, round(silent.total_seconds() / (_PROBES + 1))),
        "keepalives_interval": max(1, round(silent.total_seconds() / (_PROBES + 1))),
        "keepalives_count": _PROBES,
        # A standby takes no commit: it is passed over for the next host of the URL, and is as one
        # that is away where it is the only one.
        "target_session_attrs": "read-write",
        "application_name": "vigie-server",
    }
    engine = create_engine(
        url,
        connect_args={name: value for name, value in ours.items() if name not in url.query},
        pool_size=terms.connections,
        max_overflow=0,
        pool_timeout=terms.connect_within.total_seconds(),
    )
    limits = (str(_milliseconds(terms.statement_within)), str(_milliseconds(terms.lock_within)))

    def prepare(connection: Any, _: ConnectionPoolEntry) -> None:
        # A server or a role may be set to acknowledge before the disk has it: not for us.
        connection.execute(_PREPARE, limits)
        connection.commit()

    def require_standing(connection: Any, *_: Any) -> None:
        try:
            standing = not _has_word(connection) or engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            standing = False
        if not standing:
            raise InvalidatePoolError  # the others are as old: the pool makes new ones

    event.listen(engine, "connect", prepare)
    event.listen(engine, "checkout", require_standing)
    return engine


def _has_word(connection: Any) -> bool:
    """Whether something came on a connection that waits for nothing: its end, or a notice."""
    looking = select.poll()
    looking.register(connection.fileno(), select.POLLIN)
    return bool(looking.poll(0))


def require_fit(connection: Connection) -> None:
    """Raises SettingsMalformed for a server that is too old, and a database that cannot hold names.

    Warns of a server that loses commits, and of clocks that differ.
    """
    version = int(str(connection.execute(text("SHOW server_version_num")).scalar_one()))
    if version // 10_000 < OLDEST:
        raise SettingsMalformed(
            f"the store is on PostgreSQL {version // 10_000}: Vigie needs {OLDEST} or newer"
        )
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != ENCODING:
        raise SettingsMalformed(
            f"the database's encoding is {encoding}, which lacks signs that devices report: make "
            f"one in {ENCODING} (createdb --encoding={ENCODING} --template=template0)"
        )
    for name in ("fsync", "full_page_writes"):
        if connection.execute(text(f"SHOW {name}")).scalar_one() == "off":
            log.warning("store_may_lose_commits", setting=name, value="off")
    theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    ahead = clock.utc_now() - theirs
    if abs(ahead) > CLOCKS_APART:
        log.warning("clocks_differ", seconds_ahead_of_store=round(ahead.total_seconds()))


def unlimited(connection: Connection) -> None:
    """Lets the statements of this transaction take as long as they need."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))


def _milliseconds(span: timedelta) -> int:
    return max(1, round(span.total_seconds() * 1000))
