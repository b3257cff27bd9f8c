"""Incident logs in the store: entries are added, one after the other, and never changed.

The digest of each entry is noted in the audit too: entries cut off at the end are missed there.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from vigie_server.domain.incident_log import BEGINNING, Entry, NewEntry, broken_at, digest_of
from vigie_server.ports.declaring import Act
from vigie_server.ports.incidents import LogCheck
from vigie_server.store.database import Database, retried
from vigie_server.store.declared_models import Incident
from vigie_server.store.models import Audit
from vigie_server.store.rejudging import record_act
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.tables import table

INCIDENT, AUDIT = table(Incident), table(Audit)

_NOTED: Final = re.compile(r"incident ([0-9]{1,9}): ([0-9a-f]{64})")


class Incidents:
    """The `IncidentLog` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def append(self, site: str, given: NewEntry, act: Act) -> tuple[Entry, bool]:
        with self._database.writing() as connection:
            at_site = site_key(connection, site, lock=True)  # one entry after the other
            known = connection.execute(
                select(INCIDENT)
                .where(INCIDENT.c.site_key == at_site)
                .where(INCIDENT.c.happened_at == given.happened_at)
                .where(INCIDENT.c.person == given.person)
                .where(INCIDENT.c.text == given.text)
            ).first()
            if known is not None:
                return incident_entry(known), False
            last = connection.execute(
                select(INCIDENT.c.number, INCIDENT.c.digest)
                .where(INCIDENT.c.site_key == at_site)
                .order_by(INCIDENT.c.number.desc())
                .limit(1)
            ).one_or_none()
            number = 1 if last is None else last.number + 1
            before = BEGINNING if last is None else bytes(last.digest)
            digest = digest_of(before, site, number, given, act.at)
            entry = Entry(number, given.happened_at, act.at, given.person, given.text, digest)
            connection.execute(
                INCIDENT.insert().values(
                    site_key=at_site,
                    number=number,
                    happened_at=entry.happened_at,
                    recorded_at=entry.recorded_at,
                    person=entry.person,
                    text=entry.text,
                    digest=digest,
                )
            )
            record_act(connection, act, f"incident {number}: {digest.hex()}", site)
        return entry, True

    def entries(self, site: str) -> Sequence[Entry]:
        with self._database.reading() as connection:
            return _entries(connection, site_key(connection, site))

    def check(self, site: str) -> LogCheck:
        with self._database.reading() as connection:
            entries = _entries(connection, site_key(connection, site))
            noted = _noted(connection, site)
        wrong = broken_at(site, entries)
        differing = [
            entry.number
            for entry in entries
            if noted.get(entry.number, entry.digest.hex()) != entry.digest.hex()
        ]
        first = min([*differing, *([] if wrong is None else [wrong])], default=None)
        newest = max(noted, default=0)
        return LogCheck(
            entries=len(entries),
            head=entries[-1].digest.hex() if entries else "",
            broken_at=first,
            missing=max(0, newest - (entries[-1].number if entries else 0)),
        )


def _entries(connection: Connection, site: int) -> list[Entry]:
    rows = connection.execute(
        select(INCIDENT).where(INCIDENT.c.site_key == site).order_by(INCIDENT.c.number)
    )
    return [incident_entry(row) for row in rows]


def _noted(connection: Connection, site: str) -> dict[int, str]:
    """The digests by number that the audit noted first."""
    rows = connection.execute(
        select(AUDIT.c.action)
        .where(AUDIT.c.subject == site)
        .where(AUDIT.c.action.startswith("incident "))
        .order_by(AUDIT.c.key.desc())
    )
    found = (_NOTED.fullmatch(row.action) for row in rows)
    return {int(noted[1]): noted[2] for noted in found if noted is not None}


def incident_entry(row: Row[Any]) -> Entry:
    """The entry of a row."""
    return Entry(
        row.number, row.happened_at, row.recorded_at, row.person, row.text, bytes(row.digest)
    )
