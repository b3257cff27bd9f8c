"""What stands at sites and was not told yet.

Of critical fails, of which there may be as many as devices, only those without a mark are read.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.notices.occurrences import Occurrence, What
from vigie_server.domain.site_figures import COUNTED
from vigie_server.domain.verdicts import Status
from vigie_server.store import declared_models
from vigie_server.store.models import Audit, Conflict, DeviceRow, VerdictRow
from vigie_server.store.notice_models import NoticeMark
from vigie_server.store.tables import table

DEVICE, VERDICT = table(DeviceRow), table(VerdictRow)
AUDIT, CONFLICT = table(Audit), table(Conflict)
ATTESTATION, WAIVER = table(declared_models.Attestation), table(declared_models.Waiver)
WAIVED = table(declared_models.WaivedDevice)
DOMAIN, MAIL = table(declared_models.MailDomain), table(declared_models.MailVerdict)
CHANGE = table(declared_models.MaturityChange)
MARK: Final = table(NoticeMark)

LOOKED_BACK: Final = timedelta(days=30)
"""What expired or was lost longer ago is told to nobody new."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Final[Mapping[str, str]] = {}

Standing = tuple[int, Occurrence]
"""A site's key, and what stands there."""


@dataclass(frozen=True, slots=True)
class Occurring:
    """Reads what stands. `critical`: ids of critical rules; new devices are spared for `grace`.

    `audited` is how long the audit is kept: what it no longer knows is at least as old.
    """

    critical: Collection[str]
    grace: timedelta
    audited: timedelta

    def untold(
        self, connection: Connection, sites: Collection[int], *, now: datetime
    ) -> Mapping[int, Sequence[Occurrence]]:
        """By site."""
        found = self._failing(connection, sites, now)
        others = [
            *_missing(connection, sites, now - self.audited),
            *_cloned(connection, sites),
            *_mail(connection, sites),
            *_levels(connection, sites, now - LOOKED_BACK),
            *_attestations(connection, sites, now - LOOKED_BACK, now),
            *_waivers(connection, sites, now - LOOKED_BACK, now),
        ]
        by_site: dict[int, list[Occurrence]] = {}
        for site, one in (*found, *_not_told(connection, sites, others)):
            by_site.setdefault(site, []).append(one)
        return by_site

    def _failing(
        self, connection: Connection, sites: Collection[int], now: datetime
    ) -> Iterator[Standing]:
        subject = DEVICE.c.id + " " + VERDICT.c.rule
        marked = and_(
            MARK.c.site_key == DEVICE.c.site_key,
            MARK.c.what == What.CRITICAL.value,
            MARK.c.subject == subject,
            MARK.c.since == VERDICT.c.failing_since,
        )
        query = (
            select(
                DEVICE.c.site_key,
                DEVICE.c.id,
                DEVICE.c.hostname,
                VERDICT.c.rule,
                VERDICT.c.failing_since,
                MARK.c.noticed_at,
            )
            .join(DEVICE, DEVICE.c.key == VERDICT.c.device_key)
            .outerjoin(MARK, marked)
            .where(VERDICT.c.rule.in_(sorted(self.critical)))
            .where(VERDICT.c.status == Status.FAIL.value)
            .where(~VERDICT.c.waived)
            .where(VERDICT.c.failing_since.is_not(None))
            .where(DEVICE.c.site_key.in_(sites))
            .where(DEVICE.c.state.in_([state.value for state in COUNTED]))
            .where(DEVICE.c.enrolled_at <= now - self.grace)
            .where(MARK.c.told_at.is_(None))
        )
        for row in connection.execute(query):
            yield (
                row.site_key,
                Occurrence(
                    What.CRITICAL,
                    f"{row.id} {row.rule}",
                    row.failing_since,
                    row.rule,
                    row.hostname or row.id,
                    _NOTHING,  # it may name accounts, and messages leave the server
                    row.noticed_at,
                ),
            )


def _not_told(
    connection: Connection, sites: Collection[int], standing: Sequence[Standing]
) -> Iterator[Standing]:
    """Those without a mark of being told; one that was noticed knows when."""
    if not standing:
        return
    rows = connection.execute(
        select(MARK)
        .where(MARK.c.site_key.in_(sites))
        .where(MARK.c.what.in_(sorted({one.what.value for _, one in standing})))
    )
    marks = {(row.site_key, row.what, row.subject, row.since): row for row in rows}
    for site, one in standing:
        mark = marks.get((site, one.what.value, one.subject, one.since))
        if mark is None:
            yield site, one
        elif mark.told_at is None:
            yield site, replace(one, noticed_at=mark.noticed_at)


def _last_act(action: ColumnElement[bool]) -> Any:
    """When something was last done to a device."""
    return (
        select(func.max(AUDIT.c.at))
        .where(AUDIT.c.subject == DEVICE.c.id)
        .where(action)
        .scalar_subquery()
    )


def _missing(
    connection: Connection, sites: Collection[int], audited_since: datetime
) -> Iterator[Standing]:
    declared = {
        DeviceState.LOST.value: "declared lost",
        DeviceState.STOLEN.value: "declared stolen",
    }
    for state, action in declared.items():
        declared_at = _last_act(AUDIT.c.action == action).label("declared_at")
        query = (
            select(DEVICE, declared_at)
            .where(DEVICE.c.site_key.in_(sites))
            .where(DEVICE.c.state == state)
            .where(DEVICE.c.disabled == "")
            .where(DEVICE.c.last_report_at.is_not(None))
        )
        for row in connection.execute(query):
            if row.last_report_at > (row.declared_at or audited_since):
                since = row.declared_at or _EPOCH
                yield (
                    row.site_key,
                    Occurrence(
                        What.MISSING, row.id, since, state, row.hostname or row.id, _NOTHING
                    ),
                )


def _cloned(connection: Connection, sites: Collection[int]) -> Iterator[Standing]:
    quarantined_at = _last_act(AUDIT.c.action.like("quarantined: %")).label("quarantined_at")
    of_sites = DEVICE.c.site_key.in_(sites)
    in_quarantine = select(DEVICE, quarantined_at).where(
        of_sites, DEVICE.c.state == DeviceState.QUARANTINED.value
    )
    for row in connection.execute(in_quarantine):
        since = row.quarantined_at or _EPOCH
        yield (
            row.site_key,
            Occurrence(What.CLONED, row.id, since, "clone", row.hostname or row.id, _NOTHING),
        )
    claims = (
        select(CONFLICT.c.key, CONFLICT.c.at, DEVICE.c.site_key, DEVICE.c.id, DEVICE.c.hostname)
        .join(DEVICE, DEVICE.c.key == CONFLICT.c.device_key)
        .where(of_sites, CONFLICT.c.settled_at.is_(None), DEVICE.c.disabled == "")
    )
    for row in connection.execute(claims):
        subject = f"claim {row.key}"
        yield (
            row.site_key,
            Occurrence(What.CLONED, subject, row.at, "claim", row.hostname or row.id, _NOTHING),
        )


def _mail(connection: Connection, sites: Collection[int]) -> Iterator[Standing]:
    query = (
        select(DOMAIN.c.site_key, DOMAIN.c.domain, MAIL.c.rule, MAIL.c.reason, MAIL.c.failing_since)
        .join(DOMAIN, DOMAIN.c.key == MAIL.c.domain_key)
        .where(DOMAIN.c.site_key.in_(sites))
        .where(MAIL.c.status == Status.FAIL.value)
        .where(MAIL.c.failing_since.is_not(None))
    )
    for row in connection.execute(query):
        subject, reason = f"{row.domain} {row.rule}", json.loads(row.reason)
        yield (
            row.site_key,
            Occurrence(What.MAIL, subject, row.failing_since, row.rule, row.domain, reason),
        )


def _levels(connection: Connection, sites: Collection[int], since: datetime) -> Iterator[Standing]:
    newest = (
        select(func.max(CHANGE.c.key))
        .where(CHANGE.c.site_key.in_(sites))
        .where(CHANGE.c.at > since)
        .group_by(CHANGE.c.site_key, CHANGE.c.question)
    )
    for row in connection.execute(select(CHANGE).where(CHANGE.c.key.in_(newest))):
        if row.before is not None and (row.after is None or row.after < row.before):
            after = "-" if row.after is None else f"N{row.after}"
            of = f"question {row.question}"
            name = f"N{row.before} → {after}"
            yield (
                row.site_key,
                Occurrence(What.LEVEL, of, row.at, of, name, json.loads(row.reason)),
            )


def _recent(column: ColumnElement[Any], since: datetime, now: datetime) -> ColumnElement[bool]:
    return and_(column > since, column <= now)


def _attestations(
    connection: Connection, sites: Collection[int], since: datetime, now: datetime
) -> Iterator[Standing]:
    """The newest words on items, of the site or of a group, that have expired."""
    newest = (
        select(func.max(ATTESTATION.c.key))
        .where(ATTESTATION.c.site_key.in_(sites))
        .group_by(ATTESTATION.c.site_key, ATTESTATION.c.item, ATTESTATION.c.group_key)
    )
    query: Select[Any] = (
        select(ATTESTATION)
        .where(_recent(ATTESTATION.c.expires_at, since, now))
        .where(ATTESTATION.c.withdrawn_at.is_(None))
        .where(ATTESTATION.c.key.in_(newest))
    )
    for row in connection.execute(query):
        subject = f"{row.item} {row.group_key or ''}".rstrip()
        yield (
            row.site_key,
            Occurrence(What.ATTESTATION, subject, row.expires_at, row.item, "", _NOTHING),
        )


def _waivers(
    connection: Connection, sites: Collection[int], since: datetime, now: datetime
) -> Iterator[Standing]:
    there = (
        exists()
        .where(WAIVED.c.waiver_key == WAIVER.c.key)
        .where(DEVICE.c.key == WAIVED.c.device_key)
        .where(DEVICE.c.state != DeviceState.RETIRED.value)
    )
    query = (
        select(WAIVER)
        .where(WAIVER.c.site_key.in_(sites))
        .where(_recent(WAIVER.c.expires_at, since, now))
        .where(or_(WAIVER.c.ended_at.is_(None), WAIVER.c.ended_at > WAIVER.c.expires_at))
        .where(there)
    )
    for row in connection.execute(query):
        yield (
            row.site_key,
            Occurrence(
                What.WAIVER, f"w{row.key}", row.expires_at, row.rule, f"w{row.key}", _NOTHING
            ),
        )
