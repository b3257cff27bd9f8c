"""What came to the history of verdicts and acts since the last look, in whatever order.

On PostgreSQL a row's key is given out before its transaction ends, so a lower one may come to light
after a higher one was read. A look reads what it has not read above a key up to which nothing can
come any more: the newest key of an earlier look, once every transaction that was open then is over.
"""

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Table, func, or_, select, text

from vigie_server.ports.assessing import Followed, Progress
from vigie_server.ports.tokens import Role
from vigie_server.store.accesses import LOOKED
from vigie_server.store.models import (
    ApiToken,
    Audit,
    DeviceRow,
    EnrolmentToken,
    Site,
    TransitionRow,
)
from vigie_server.store.question_models import QuestionRow
from vigie_server.store.tables import table

TRANSITION, AUDIT = table(TransitionRow), table(Audit)
DEVICE, SITE = table(DeviceRow), table(Site)
API_TOKEN, TOKEN, QUESTION = table(ApiToken), table(EnrolmentToken), table(QuestionRow)

LATE_BY: Final = 10_000
"""Keys below the newest one that may come to light after the very first look."""
AT_ONCE: Final = 500
_OF_NO_SITE: Final = (
    LOOKED,
    "signed in",
    "signed out",
    "refused a sign-in",
    "was refused a change of ",
    "changed the password",
    "renewed the app of one-time codes",
    "made a setup code",
    "set up an account",
    "made an account",
    "changed an account",
    "reset an account",
    "linked an account",
    "unlinked an account",
)
"""How acts begin that nothing of a site follows from; their subjects are people."""
_ABOUT: Final = (
    select(
        AUDIT.c.action,
        DEVICE.c.site_key.label("device_site"),
        SITE.c.key.label("site"),
        API_TOKEN.c.role,
        API_TOKEN.c.sites.label("reach"),
        or_(TOKEN.c.key.is_not(None), QUESTION.c.key.is_not(None)).label("of_no_site"),
    )
    .select_from(AUDIT)
    .outerjoin(DEVICE, DEVICE.c.id == AUDIT.c.subject)
    .outerjoin(SITE, SITE.c.name == AUDIT.c.subject)
    .outerjoin(API_TOKEN, API_TOKEN.c.id == AUDIT.c.subject)
    .outerjoin(TOKEN, TOKEN.c.id == AUDIT.c.subject)
    .outerjoin(QUESTION, QUESTION.c.id == AUDIT.c.subject)
)
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

    Those of people's accounts, of live questions and of what lets devices in, and that somebody
    looked (`web/watching.py`), change nothing that a site is assessed by. Programs' tokens do where
    they are contractors'.
    """
    found: set[int] = set()
    reached: set[str] = set()
    for keys in _parts(acts):
        for row in connection.execute(_ABOUT.where(AUDIT.c.key.in_(keys))):
            if row.action.startswith(_OF_NO_SITE) or row.of_no_site:
                continue
            if row.device_site is not None or row.site is not None:
                found.add(row.device_site if row.device_site is not None else row.site)
            elif row.role is None or (row.role == Role.CONTRACTOR.value and row.reach is None):
                return None
            elif row.role == Role.CONTRACTOR.value:
                reached.update(json.loads(row.reach))
    return found | _keys_of(connection, reached)


def _keys_of(connection: Connection, names: Collection[str]) -> set[int]:
    found: set[int] = set()
    ordered = sorted(names)
    for start in range(0, len(ordered), AT_ONCE):
        some = ordered[start : start + AT_ONCE]
        found.update(connection.execute(select(SITE.c.key).where(SITE.c.name.in_(some))).scalars())
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
