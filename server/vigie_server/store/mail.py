"""Mail domains, their verdicts, and what follows for their sites. The `MailStore`."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Row, delete, func, or_, select, type_coerce, update

from vigie_server.domain.errors import DeclarationRefused, NotFound
from vigie_server.domain.mail.findings import RULES, Finding
from vigie_server.domain.mail.sites import of_site
from vigie_server.domain.verdicts import Status
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, Sites
from vigie_server.ports.mail import Due, MailDomain, MailStanding, MailTransition, MailVerdict
from vigie_server.store import changes, declared_models
from vigie_server.store.database import Database, retried
from vigie_server.store.models import Site
from vigie_server.store.rejudging import record_act
from vigie_server.store.sites_by_name import site_key
from vigie_server.store.tables import table

DOMAIN, VERDICT = table(declared_models.MailDomain), table(declared_models.MailVerdict)
TRANSITION = table(declared_models.MailTransition)
SITE, SITE_VERDICT = table(Site), table(declared_models.SiteVerdict)

MOST: Final = 100
"""Mail domains of one site."""
_MILLISECOND: Final = 1_000


class MailDomains:
    """What sites declare of their mail domains, and what was found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def domains(self, within: Sites) -> Sequence[MailDomain]:
        with self._database.reading() as connection:
            return _domains(connection, None if within is None else sorted(within))

    def of_site(self, site: str) -> Sequence[MailDomain]:
        with self._database.reading() as connection:
            site_key(connection, site)
            return _domains(connection, [site])

    @retried
    def put(
        self,
        site: str,
        domain: str,
        selectors: Sequence[str],
        act: Act,
        require: Require[MailDomain] = whatever,
    ) -> None:
        with self._database.writing() as connection:
            site_of = site_key(connection, site, lock=True)
            require(_held(connection, site, domain))
            values = {"selectors": json.dumps(list(selectors)), "next_check_at": None}
            changed = connection.execute(
                update(DOMAIN)
                .where(DOMAIN.c.site_key == site_of)
                .where(DOMAIN.c.domain == domain)
                .values(**values)
            ).rowcount
            if not changed:
                held = connection.execute(
                    select(func.count()).where(DOMAIN.c.site_key == site_of)
                ).scalar_one()
                if held >= MOST:
                    raise DeclarationRefused(f"a site has at most {MOST} mail domains")
                connection.execute(
                    DOMAIN.insert().values(
                        site_key=site_of, domain=domain, created_at=act.at, **values
                    )
                )
                _judge_site(connection, site_of, now=act.at)
            record_act(connection, act, f"declared mail domain {domain}", site)

    @retried
    def remove(
        self, site: str, domain: str, act: Act, require: Require[MailDomain] = whatever
    ) -> None:
        with self._database.writing() as connection:
            site_key(connection, site, lock=True)
            row = _found(connection, site, domain)
            require(_held(connection, site, domain))
            connection.execute(delete(VERDICT).where(VERDICT.c.domain_key == row.key))
            connection.execute(delete(DOMAIN).where(DOMAIN.c.key == row.key))
            _judge_site(connection, row.site_key, now=act.at)
            record_act(connection, act, f"removed mail domain {domain}", site)
            changes.tell_mail(connection)

    @retried
    def ask(self, site: str, domain: str, act: Act) -> None:
        with self._database.writing() as connection:
            row = _found(connection, site, domain)
            connection.execute(
                update(DOMAIN).where(DOMAIN.c.key == row.key).values(next_check_at=None)
            )
            record_act(connection, act, f"asked for a check of mail domain {domain}", site)

    @retried
    def take_due(self, now: datetime, *, limit: int, hold: timedelta) -> Sequence[Due]:
        due = or_(DOMAIN.c.next_check_at.is_(None), DOMAIN.c.next_check_at <= now)
        first = (
            select(DOMAIN.c.domain)
            .where(due)
            .order_by(func.coalesce(DOMAIN.c.next_check_at, 0), DOMAIN.c.key)
            .limit(limit)
        )
        with self._database.reading() as connection:  # most rounds find nothing, and lock nothing
            if connection.execute(first).first() is None:
                return ()
        with self._database.writing() as connection:
            names = list(dict.fromkeys(connection.execute(first).scalars()))
            rows = connection.execute(
                select(DOMAIN)
                .where(DOMAIN.c.domain.in_(names))
                .order_by(DOMAIN.c.key)
                .with_for_update()
            ).all()
            # Another process may have taken them while this one waited for the lock.
            still = {row.domain for row in rows if (row.next_check_at or now) <= now}
            found: dict[tuple[str, str], list[int]] = {}
            for row in rows:
                if row.domain in still:
                    found.setdefault((row.domain, row.selectors), []).append(row.key)
            held = [key for keys in found.values() for key in keys]
            connection.execute(
                update(DOMAIN).where(DOMAIN.c.key.in_(held)).values(next_check_at=now + hold)
            )
        return [
            Due(name, tuple(json.loads(selectors)), tuple(keys))
            for (name, selectors), keys in found.items()
        ]

    def take(self, site: str, domain: str) -> Due:
        with self._database.reading() as connection:
            row = _found(connection, site, domain)
        return Due(row.domain, tuple(json.loads(row.selectors)), (row.key,))

    @retried
    def write(
        self,
        keys: Sequence[int],
        findings: Mapping[str, Finding],
        *,
        now: datetime,
        next_check_at: datetime,
    ) -> None:
        with self._database.writing() as connection:
            of_these = DOMAIN.c.key.in_(list(keys))
            sites = connection.execute(select(DOMAIN.c.site_key).where(of_these).distinct())
            _lock_sites(connection, sites.scalars().all())
            rows = connection.execute(
                select(DOMAIN).where(of_these).order_by(DOMAIN.c.key).with_for_update()
            ).all()
            for row in rows:
                for rule, finding in findings.items():
                    _keep_verdict(connection, row, rule, finding, now=now)
                connection.execute(
                    update(DOMAIN)
                    .where(DOMAIN.c.key == row.key)
                    .values(checked_at=now, next_check_at=next_check_at)
                )
            for site_of in sorted({row.site_key for row in rows}):
                _judge_site(connection, site_of, now=now)
            changes.tell_mail(connection)

    def transitions(self, site: str, domain: str, *, limit: int) -> Sequence[MailTransition]:
        with self._database.reading() as connection:
            site_of = site_key(connection, site)
            rows = connection.execute(
                select(TRANSITION)
                .where(TRANSITION.c.site_key == site_of)
                .where(TRANSITION.c.domain == domain)
                .order_by(TRANSITION.c.key.desc())
                .limit(limit)
            ).all()
            if not rows:
                _found(connection, site, domain)
        return [
            MailTransition(
                rule=row.rule,
                before=None if row.before is None else Status(row.before),
                after=Status(row.after),
                at=row.at,
                reason=json.loads(row.reason),
            )
            for row in rows
        ]

    def mark(self) -> object:
        # The sum: of two processes that check, the later one to write may have begun earlier.
        checked_at = func.sum(type_coerce(DOMAIN.c.checked_at, BigInteger) // _MILLISECOND)
        with self._database.reading() as connection:
            found = connection.execute(select(func.count(), func.max(DOMAIN.c.key), checked_at))
            return tuple(found.one())

    def standings(self) -> Sequence[MailStanding]:
        with self._database.reading() as connection:
            rows = connection.execute(
                select(
                    SITE.c.name,
                    DOMAIN.c.domain,
                    VERDICT.c.rule,
                    VERDICT.c.status,
                    VERDICT.c.failing_since,
                )
                .join(DOMAIN, DOMAIN.c.key == VERDICT.c.domain_key)
                .join(SITE, SITE.c.key == DOMAIN.c.site_key)
                .order_by(SITE.c.name, DOMAIN.c.domain, VERDICT.c.rule)
            )
            return [
                MailStanding(row.name, row.domain, row.rule, Status(row.status), row.failing_since)
                for row in rows
            ]


def _domains(connection: Connection, sites: Sequence[str] | None) -> Sequence[MailDomain]:
    query = (
        select(DOMAIN, SITE.c.name.label("site"))
        .join(SITE, SITE.c.key == DOMAIN.c.site_key)
        .order_by(SITE.c.name, DOMAIN.c.domain)
    )
    of_these = select(DOMAIN.c.key).join(SITE, SITE.c.key == DOMAIN.c.site_key)
    if sites is not None:
        query = query.where(SITE.c.name.in_(sites))
        of_these = of_these.where(SITE.c.name.in_(sites))
    verdicts: dict[int, dict[str, MailVerdict]] = {}
    held = select(VERDICT).where(VERDICT.c.domain_key.in_(of_these)).order_by(VERDICT.c.rule)
    for row in connection.execute(held):
        verdicts.setdefault(row.domain_key, {})[row.rule] = MailVerdict(
            rule=row.rule,
            finding=_finding(row),
            since=row.since,
            failing_since=row.failing_since,
            checked_at=row.checked_at,
        )
    return [
        MailDomain(
            site=row.site,
            domain=row.domain,
            selectors=tuple(json.loads(row.selectors)),
            checked_at=row.checked_at,
            next_check_at=row.next_check_at,
            verdicts=verdicts.get(row.key, {}),
        )
        for row in connection.execute(query)
    ]


def _held(connection: Connection, site: str, domain: str) -> MailDomain | None:
    found = _domains(connection, [site])
    return next((held for held in found if held.domain == domain), None)


def _found(connection: Connection, site: str, domain: str) -> Row[Any]:
    row = connection.execute(
        select(DOMAIN)
        .where(DOMAIN.c.site_key == site_key(connection, site))
        .where(DOMAIN.c.domain == domain)
    ).one_or_none()
    if row is None:
        raise NotFound(f"site {site} has no mail domain {domain}")
    return row


def _finding(row: Row[Any]) -> Finding:
    return Finding(Status(row.status), json.loads(row.reason), tuple(json.loads(row.detail)))


def _keep_verdict(
    connection: Connection, domain: Row[Any], rule: str, finding: Finding, *, now: datetime
) -> None:
    where = (VERDICT.c.domain_key == domain.key, VERDICT.c.rule == rule)
    before = connection.execute(select(VERDICT).where(*where)).one_or_none()
    failing_since = None if before is None else before.failing_since
    match finding.status:
        case Status.FAIL:
            failing_since = failing_since or now
        case Status.PASS | Status.NOT_APPLICABLE:
            failing_since = None
        case Status.UNKNOWN:
            pass
    values = {**_written(finding), "failing_since": failing_since, "checked_at": now}
    if before is None:
        connection.execute(
            VERDICT.insert().values(domain_key=domain.key, rule=rule, since=now, **values)
        )
    else:
        since = before.since if before.status == finding.status else now
        connection.execute(update(VERDICT).where(*where).values(since=since, **values))
    if before is None or before.status != finding.status:
        connection.execute(
            TRANSITION.insert().values(
                site_key=domain.site_key,
                domain=domain.domain,
                rule=rule,
                before=None if before is None else before.status,
                after=finding.status.value,
                at=now,
                reason=values["reason"],
            )
        )


def _lock_sites(connection: Connection, keys: Sequence[int]) -> None:
    """Sites first, then domains, each in order: two transactions never wait for each other."""
    connection.execute(
        select(SITE.c.key).where(SITE.c.key.in_(keys)).order_by(SITE.c.key).with_for_update()
    )


def _judge_site(connection: Connection, site_of: int, *, now: datetime) -> None:
    """Brings the verdicts of a locked site up to date with those of its domains."""
    found: dict[str, dict[str, Finding | None]] = {rule: {} for rule in RULES}
    domains = connection.execute(
        select(DOMAIN.c.key, DOMAIN.c.domain).where(DOMAIN.c.site_key == site_of)
    ).all()
    held: dict[tuple[int, str], Finding] = {
        (row.domain_key, row.rule): _finding(row)
        for row in connection.execute(
            select(VERDICT).where(VERDICT.c.domain_key.in_([row.key for row in domains]))
        )
    }
    for row in domains:
        for rule in RULES:
            found[rule][row.domain] = held.get((row.key, rule))
    for rule, findings in found.items():
        _keep_site_verdict(connection, site_of, rule, of_site(findings), now=now)
    changes.tell_assessed(connection, site_of)


def _keep_site_verdict(
    connection: Connection, site_of: int, rule: str, finding: Finding | None, *, now: datetime
) -> None:
    verdicts = SITE_VERDICT
    where = (verdicts.c.site_key == site_of, verdicts.c.rule == rule)
    if finding is None:  # no mail domain: nothing is said of the site
        connection.execute(delete(verdicts).where(*where))
        return
    values = {**_written(finding), "judged_at": now}
    before = connection.execute(select(verdicts.c.status).where(*where)).scalar()
    if before is None:
        connection.execute(
            verdicts.insert().values(site_key=site_of, rule=rule, since=now, **values)
        )
        return
    if before != finding.status:
        values["since"] = now
    connection.execute(update(verdicts).where(*where).values(**values))


def _written(finding: Finding) -> dict[str, Any]:
    return {
        "status": finding.status.value,
        "reason": json.dumps(dict(finding.reason), ensure_ascii=False),
        "detail": json.dumps([dict(row) for row in finding.detail], ensure_ascii=False),
    }
