"""Who did what, for readers. The `AuditTrail`."""

from typing import Any, Final

from sqlalchemy import Row, select

from vigie_server.ports.lists import ActsWanted, AuditedAct
from vigie_server.ports.pages import Page, Position
from vigie_server.store.database import Database
from vigie_server.store.instants import to_store
from vigie_server.store.keyset import between, ends, keyset, paged, walking
from vigie_server.store.models import Audit
from vigie_server.store.tables import table

AUDIT: Final = table(Audit)
_AT: Final = AUDIT.c.at


class Acts:
    """Reads the audit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acts(self, wanted: ActsWanted, *, after: Position | None, limit: int) -> Page[AuditedAct]:
        query = select(AUDIT)
        index = "ix_audit_at_key"
        if wanted.actor is not None:
            query, index = query.where(AUDIT.c.actor == wanted.actor), "ix_audit_actor_at_key"
        if wanted.subject is not None:
            query, index = query.where(AUDIT.c.subject == wanted.subject), "ix_audit_subject_at_key"
        downwards = wanted.sort == "-at"
        reach = ends(wanted.since, wanted.until, after, newest_first=downwards)
        query = query.where(*between(_AT, *reach))
        query = walking(query, AUDIT, index)
        query = keyset(query, (_AT, AUDIT.c.key), after=after, limit=limit, newest_first=downwards)
        with self._database.listing(once=True) as connection:
            rows = connection.execute(query).all()
        return paged(rows, limit, lambda row: (to_store(row.at), row.key), _act)


def _act(row: Row[Any]) -> AuditedAct:
    return AuditedAct(row.at, row.actor, row.action, row.subject)
