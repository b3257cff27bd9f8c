"""What came to the history of verdicts and acts since the last look, in whatever order.

On PostgreSQL a row's key is given out before its transaction ends, so a lower one may come to light
after a higher one was read. A look reads what it has not read above a key up to which nothing can
come any more: the newest key of an earlier look, once every transaction that was open then is over.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Table, func, select, text

from vigie_server.ports.assessing import Followed, Progress
from vigie_server.store.models import Audit, DeviceRow, Site, TransitionRow
from vigie_server.store.tables import table

TRANSITION, AUDIT = table(TransitionRow), table(Audit)
DEVICE, SITE = table(DeviceRow), table(Site)

LATE_BY: Final = 10_000
"""Keys below the newest one that may come to light after the very first look."""
AT_ONCE: Final = 500
_OPEN: Final = text(
    "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT), "
    "CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)"
)


def from_here(connection: Connection, verdicts_at: datetime) -> Progress:
    """Everything that can be seen now was followed."""
    _, horizon = _open(connection)
    followed = []
    for of in (TRANSITION, AUDIT):
        newest = int(connection.execute(select(func.max(of.c.key))).scalar() or 0)
        whole = newest if horizon == 0 else max(0, newest - LATE_BY)
        followed.append(Followed(whole, newest, frozenset(_above(connection, of, whole))))
    return Progress(followed[0], followed[1], verdicts_at, horizon)


_LOOKED: Final = "GET /%"
"""How the notes of what contractors looked at begin."""


def since(
    connection: Connection, progress: Progress, verdicts_at: datetime
) -> tuple[Collection[int], Collection[int], Progress]:
    """The keys of transitions and of acts that came since, and how far they were followed now."""
    oldest, horizon = _open(connection)
    ended = oldest >= progress.horizon  # all that were open at the last look
    found: list[Collection[int]] = []
    followed: list[Followed] = []
    for of, before in ((TRANSITION, progress.transition), (AUDIT, progress.audit)):
        keys = frozenset(_above(connection, of, before.whole))
        found.append(keys - before.read)
        newest = max(keys, default=before.newest)
        whole = before.newest if ended else before.whole
        if horizon == 0:
            whole = newest
        followed.append(Followed(whole, newest, frozenset(key for key in keys if key > whole)))
    return found[0], found[1], Progress(followed[0], followed[1], verdicts_at, horizon)


def sites_of(connection: Connection, transitions: Collection[int]) -> set[int]:
    """The sites of the devices of these transitions."""
    found: set[int] = set()
    for keys in _parts(transitions):
        query = (
            select(DEVICE.c.site_key)
            .join(TRANSITION, TRANSITION.c.device_key == DEVICE.c.key)
            .where(TRANSITION.c.key.in_(keys))
        )
        found.update(connection.execute(query.distinct()).scalars())
    return found


def sites_named(connection: Connection, acts: Collection[int]) -> set[int] | None:
    """The sites that these acts are about, or whose devices; None: they may concern any.

    That somebody looked (`web/watching.py`) changes nothing of any.
    """
    found: set[int] = set()
    for keys in _parts(acts):
        query = (
            select(DEVICE.c.site_key, SITE.c.key)
            .select_from(AUDIT)
            .outerjoin(DEVICE, DEVICE.c.id == AUDIT.c.subject)
            .outerjoin(SITE, SITE.c.name == AUDIT.c.subject)
            .where(AUDIT.c.key.in_(keys), AUDIT.c.action.not_like(_LOOKED))
        )
        for row in connection.execute(query):
            if row.site_key is None and row.key is None:
                return None
            found.add(row.site_key if row.site_key is not None else row.key)
    return found


def _open(connection: Connection) -> tuple[int, int]:
    """The oldest open transaction and the next one to begin; 0 where each ends before the next."""
    if connection.dialect.name == "sqlite":
        return 0, 0
    oldest, upcoming = connection.execute(_OPEN).one()
    return int(oldest), int(upcoming)


def _above(connection: Connection, of: Table, key: int) -> Iterable[int]:
    return connection.execute(select(of.c.key).where(of.c.key > key)).scalars()


def _parts(keys: Collection[int]) -> Iterable[list[int]]:
    ordered = sorted(keys)
    return (ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE))
