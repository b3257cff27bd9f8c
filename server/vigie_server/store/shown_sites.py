"""What sites came to, for metrics of every server over the store. The `ShownSites`."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from vigie_server.domain.verdicts import Status
from vigie_server.ports.mail import MailStanding
from vigie_server.store.assessments import MATURITY
from vigie_server.store.database import Database
from vigie_server.store.mail import MailDomains
from vigie_server.store.site_seen import SITE, SITE_VERDICT


class StoredSites:
    """Reads levels and verdicts of sites. Blocking: call it from a worker thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mail = MailDomains(database)

    def shown(
        self, sites: Sequence[str] | None
    ) -> Mapping[str, tuple[Mapping[int, int | None], Mapping[str, Status]]]:
        which = SITE.c.name.in_(list(sites)) if sites is not None else SITE.c.key.is_not(None)
        with self._database.reading() as connection:
            names = connection.execute(select(SITE.c.name).where(which)).scalars()
            found: dict[str, tuple[dict[int, int | None], dict[str, Status]]] = {
                name: ({}, {}) for name in names
            }
            for name, question, level in connection.execute(
                select(SITE.c.name, MATURITY.c.question, MATURITY.c.level)
                .join(SITE, SITE.c.key == MATURITY.c.site_key)
                .where(which)
            ):
                found[name][0][question] = level
            for name, rule, status in connection.execute(
                select(SITE.c.name, SITE_VERDICT.c.rule, SITE_VERDICT.c.status)
                .join(SITE, SITE.c.key == SITE_VERDICT.c.site_key)
                .where(which)
            ):
                found[name][1][rule] = Status(status)
        return found

    def standings(self) -> Sequence[MailStanding]:
        return self._mail.standings()
