"""All that a site is judged on, as grouped queries: what they return does not grow with the fleet.

The exceptions are the few devices that actions name, bounded for each rule, and the devices of
groups that something is attested of (`attested_groups`).

The larger statements are put together once: doing it again for each site costs more than the store
takes to answer them.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    func,
    select,
    type_coerce,
)

from vigie_server.domain.maturity import (
    NAMED,
    Attestation,
    Outcome,
    Population,
    RuleStanding,
    SiteStanding,
)
from vigie_server.domain.site_figures import COUNTED, FRESH, ContractorToken, SiteFigures
from vigie_server.domain.site_guide import FIREWALL, SOFTWARE
from vigie_server.domain.traits import ENDED_MARK
from vigie_server.domain.verdicts import Status
from vigie_server.ports.assessing import SiteSeen
from vigie_server.ports.tokens import Role
from vigie_server.store.attested_groups import words_of_groups
from vigie_server.store.declared_models import Attestation as AttestationRow
from vigie_server.store.declared_models import (
    DeviceTrait,
    InventoryReview,
    ParameterOverride,
    TraitSource,
)
from vigie_server.store.declared_models import SiteVerdict as SiteVerdictRow
from vigie_server.store.instants import to_store
from vigie_server.store.keyset import walking
from vigie_server.store.models import ApiToken, DeviceRow, Site, SnapshotRow, VerdictRow
from vigie_server.store.tables import table

SITE, DEVICE, VERDICT = table(Site), table(DeviceRow), table(VerdictRow)
SNAPSHOT, SOURCE, TRAIT = table(SnapshotRow), table(TraitSource), table(DeviceTrait)
ATTESTATION, REVIEW = table(AttestationRow), table(InventoryReview)
OVERRIDE, SITE_VERDICT, TOKEN = table(ParameterOverride), table(SiteVerdictRow), table(ApiToken)

_DAY: Final = 86_400_000_000
"""Microseconds, as instants are stored."""
NOMADIC: Final = func.coalesce(DEVICE.c.declared_nomadic, DEVICE.c.nomadic)

_OF_DEVICE: Final = "sqlite_autoindex_verdict_1"
_TRAITS_OF_DEVICE: Final = "sqlite_autoindex_device_trait_1"
"""SQLite's names for the primary keys, in which devices come first. Left alone it takes rules and
topics first, and goes through the whole fleet for each site."""

Versions = Mapping[tuple[str, str], Mapping[str, int]]
"""By system and product, how many devices have which version."""
Shared = Mapping[Population, Collection[str]]
"""Rules that devices are counted by."""


OF_SITE: Final[BindParameter[int]] = bindparam("site", type_=BigInteger)
"""The site, in statements that are put together once."""
_NOW: Final[BindParameter[datetime]] = bindparam("now")
_FRESH_FROM: Final[BindParameter[datetime]] = bindparam("fresh_from")
_OPEN: Final = (Status.FAIL.value, Status.UNKNOWN.value)
_BETWEEN: Final = "\n"
"""Between names: of one that holds it (a device says what it likes) two are told."""
KEPT: Final = 16
"""Statements of each kind; a server has one set of rules, and few populations and topics."""


def counted_at(site: int | BindParameter[int]) -> ColumnElement[bool]:
    """The devices of a site that count."""
    return (DEVICE.c.site_key == site) & DEVICE.c.state.in_([state.value for state in COUNTED])


_HERE: Final = select(SITE).where(SITE.c.key == OF_SITE)
VERDICTS_OF: Final = select(SITE_VERDICT).where(SITE_VERDICT.c.site_key == OF_SITE)
_NEWEST: Final = (
    select(ATTESTATION)
    .where(ATTESTATION.c.site_key == OF_SITE)
    .where(ATTESTATION.c.group_key.is_(None))
    .where(ATTESTATION.c.withdrawn_at.is_(None))
    .order_by(ATTESTATION.c.key)
)
_OVERRIDES: Final = (
    select(OVERRIDE)
    .where(OVERRIDE.c.scope == "site")
    .where(OVERRIDE.c.scope_key == OF_SITE)
    .where(OVERRIDE.c.rule.in_(bindparam("rules", expanding=True)))
)
_REVIEWS: Final = (
    select(REVIEW.c.inventory, func.max(REVIEW.c.at).label("at"))
    .where(REVIEW.c.site_key == OF_SITE)
    .group_by(REVIEW.c.inventory)
)
_CONTRACTORS: Final = (
    select(TOKEN)
    .where(TOKEN.c.role == Role.CONTRACTOR.value)
    .where(TOKEN.c.revoked_at.is_(None))
    .where(TOKEN.c.expires_at > _NOW)
)


def site_seen(
    connection: Connection, site: int, *, shared: Shared, own: Collection[str], now: datetime
) -> SiteSeen | None:
    """None: there is no such site. `own` are the rules of sites that are decided here."""
    row = connection.execute(_HERE, {"site": site}).one_or_none()
    if row is None:
        return None
    heard = _heard(connection, site, now)
    counted = sum(heard.values())
    newest = _newest(connection, site)
    attestations, until = _attestations(newest, now)
    of_groups, until_of_groups = words_of_groups(
        connection, site, counted=counted, of_site=attestations, now=now
    )
    until = min((end for end in (until, until_of_groups) if end is not None), default=None)
    memory, others = _site_verdicts(connection, site, own)
    told = _told(connection, site, now)
    versions, ended = _versions(connection, site, now)
    figures = SiteFigures(
        declared_devices=row.declared_devices,
        counted=counted,
        heard={ago: count for ago, count in heard.items() if ago is not None},
        software_told=told[SOFTWARE],
        versions=versions,
        ended=ended,
        firewall_told=told[FIREWALL],
        configurations=_configurations(connection, site, now),
        reviews=_reviews(connection, site),
        attestations=attestations,
        contractors=_contractors(connection, row.name, now),
    )
    standing = SiteStanding(
        declared_devices=row.declared_devices,
        reporting=counted,
        rules=_standing(connection, site, shared),
        site_rules=others,
        attestations=attestations,
        expired=_expired(newest, now),
        of_groups=of_groups,
    )
    return SiteSeen(row.name, figures, standing, memory, _overrides(connection, site, own), until)


def _heard(connection: Connection, site: int, now: datetime) -> Mapping[int | None, int]:
    rows: list[Any] = list(connection.execute(_heard_ago(), {"site": site, "at": to_store(now)}))
    return {None if row[0] is None else int(row[0]): row[1] for row in rows}


@lru_cache(maxsize=1)
def _heard_ago() -> Select[int, int]:
    """How many devices were heard how many days ago."""
    last = type_coerce(DEVICE.c.last_report_at, BigInteger)
    ago = ((bindparam("at", type_=BigInteger) - last) // _DAY).label("ago")
    return select(ago, func.count()).where(counted_at(OF_SITE)).group_by("ago")


def _standing(
    connection: Connection, site: int, shared: Shared
) -> Mapping[tuple[str, Population], RuleStanding]:
    rules = tuple(sorted({rule for of in shared.values() for rule in of}))
    if not rules:
        return {}
    of_site = {"site": site}
    devices = Counter[bool](
        {bool(row[0]): row[1] for row in connection.execute(_nomadic_ones(), of_site)}
    )
    found: dict[tuple[str, bool], dict[str, tuple[int, str | None]]] = {}
    for rule, nomadic, status, count, names in connection.execute(_stand(rules), of_site):
        found.setdefault((rule, bool(nomadic)), {})[status] = count, names
    return {
        (rule, of): _standing_of(
            [found.get((rule, side), {}) for side in sides], sum(devices[side] for side in sides)
        )
        for of, wanted in shared.items()
        for sides in [(True,) if of is Population.NOMADIC else (True, False)]
        for rule in wanted
    }


def _standing_of(sides: Sequence[Mapping[str, tuple[int, str | None]]], there: int) -> RuleStanding:
    """What the devices of these sides come to, of which so many are there."""
    none = 0, None
    passing = sum(side.get(Status.PASS.value, none)[0] for side in sides)
    failing = sum(side.get(Status.FAIL.value, none)[0] for side in sides)
    beside = sum(side.get(Status.NOT_APPLICABLE.value, none)[0] for side in sides)
    named: list[str] = []
    for side in sides:
        for status in _OPEN:
            names = side.get(status, none)[1]
            if names:
                named += names.split(_BETWEEN)
    return RuleStanding(
        applies=there - beside,
        passing=passing,
        judged=passing + failing > 0,
        open=tuple(sorted(named)[:NAMED]),
    )


@lru_cache(maxsize=1)
def _nomadic_ones() -> Select[Any, int]:
    """How many devices are nomadic, and how many are not."""
    return select(NOMADIC, func.count()).where(counted_at(OF_SITE)).group_by(NOMADIC)


@lru_cache(maxsize=KEPT)
def _stand(rules: tuple[str, ...]) -> Select[Any]:
    """How many devices stand how under each rule, nomadic or not, and which do not pass.

    By their names, or the ids of those that have none yet. All in one walk: each verdict that is
    read costs more than a name that is given.
    """
    name = case((DEVICE.c.hostname != "", DEVICE.c.hostname), else_=DEVICE.c.id)
    names = func.aggregate_strings(name, _BETWEEN)
    standing = (
        select(
            VERDICT.c.rule,
            NOMADIC.label("nomadic"),
            VERDICT.c.status,
            func.count(),
            case((VERDICT.c.status.in_(_OPEN), names), else_=None),
        )
        .join(DEVICE, DEVICE.c.key == VERDICT.c.device_key)
        .where(counted_at(OF_SITE))
        .where(VERDICT.c.rule.in_(rules))
        .group_by(VERDICT.c.rule, NOMADIC, VERDICT.c.status)
    )
    return walking(standing, VERDICT, _OF_DEVICE)


def in_force(
    connection: Connection, site: int, now: datetime
) -> Mapping[str, tuple[Attestation, datetime | None]]:
    """What is attested of the whole site, with its expiry: the newest word on each item holds."""
    return _in_force(_newest(connection, site), now)


def _in_force(
    newest: Mapping[str, Any], now: datetime
) -> Mapping[str, tuple[Attestation, datetime | None]]:
    return {
        item: (
            Attestation(Outcome(row.outcome), None if row.value is None else json.loads(row.value)),
            row.expires_at,
        )
        for item, row in newest.items()
        if row.expires_at is None or row.expires_at > now
    }


def _newest(connection: Connection, site: int) -> Mapping[str, Any]:
    """The newest word on each item that was not taken back, whether it still counts or not."""
    return {row.item: row for row in connection.execute(_NEWEST, {"site": site})}


def _expired(newest: Mapping[str, Any], now: datetime) -> Mapping[str, datetime]:
    return {
        item: row.expires_at
        for item, row in newest.items()
        if row.expires_at is not None
        and row.expires_at <= now
        and row.outcome != Outcome.NOT_HELD.value
    }


def _attestations(
    newest: Mapping[str, Any], now: datetime
) -> tuple[Mapping[str, Attestation], datetime | None]:
    held = _in_force(newest, now)
    ends = [ends_at for _, ends_at in held.values() if ends_at is not None]
    return {item: said for item, (said, _) in held.items()}, min(ends, default=None)


def _site_verdicts(
    connection: Connection, site: int, own: Collection[str]
) -> tuple[Mapping[str, Mapping[str, object]], Mapping[str, Status]]:
    memory, others = {}, {}
    for row in connection.execute(VERDICTS_OF, {"site": site}):
        if row.rule in own:
            memory[row.rule] = json.loads(row.detail)
        else:
            others[row.rule] = Status(row.status)
    return memory, others


def _overrides(
    connection: Connection, site: int, own: Collection[str]
) -> Mapping[str, Mapping[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for row in connection.execute(_OVERRIDES, {"site": site, "rules": sorted(own)}):
        found.setdefault(row.rule, {})[row.name] = json.loads(row.value)
    return found


def _reviews(connection: Connection, site: int) -> Mapping[str, datetime]:
    rows = connection.execute(_REVIEWS, {"site": site})
    return {row.inventory: row.at for row in rows}


def _contractors(connection: Connection, site: str, now: datetime) -> tuple[ContractorToken, ...]:
    rows = connection.execute(_CONTRACTORS, {"now": now})
    return tuple(
        ContractorToken(
            name=row.name,
            everywhere=row.sites is None,
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
        )
        for row in rows
        if row.sites is None or site in json.loads(row.sites)
    )


def _fresh() -> ColumnElement[bool]:
    """Sources of counted devices that tell, whose newest answer is still fresh.

    An answer that came since traits were last taken leaves those of the answer before it standing
    until the next round: a device that reports just now is not one that tells nothing.
    """
    return (
        counted_at(OF_SITE)
        & (SNAPSHOT.c.device_key == SOURCE.c.device_key)
        & (SNAPSHOT.c.topic == SOURCE.c.topic)
        & (SNAPSHOT.c.observed_at >= _FRESH_FROM)
        & (DEVICE.c.key == SOURCE.c.device_key)
        & SOURCE.c.told
    )


def _told(connection: Connection, site: int, now: datetime) -> Counter[str]:
    rows = connection.execute(_telling(), {"site": site, "fresh_from": now - FRESH})
    return Counter({row[0]: row[1] for row in rows})


@lru_cache(maxsize=1)
def _telling() -> Select[Any]:
    """How many devices tell of each topic."""
    return (
        select(SOURCE.c.topic, func.count())
        .select_from(SOURCE, SNAPSHOT, DEVICE)
        .where(_fresh())
        .group_by(SOURCE.c.topic)
    )


def _traits(connection: Connection, site: int, topic: str, now: datetime) -> list[Any]:
    """System, name and value of the traits, with how many devices have them."""
    return list(connection.execute(_traits_of(topic), {"site": site, "fresh_from": now - FRESH}))


@lru_cache(maxsize=KEPT)
def _traits_of(topic: str) -> Select[Any]:
    columns = (DEVICE.c.platform, TRAIT.c.name, TRAIT.c.value)
    query = (
        select(*columns, func.count())
        .select_from(SOURCE, SNAPSHOT, DEVICE, TRAIT)
        .where(_fresh())
        .where(TRAIT.c.device_key == SOURCE.c.device_key)
        .where(TRAIT.c.topic == SOURCE.c.topic)
        .where(TRAIT.c.topic == topic)
        .group_by(*columns)
    )
    return walking(query, TRAIT, _TRAITS_OF_DEVICE)


def _versions(connection: Connection, site: int, now: datetime) -> tuple[Versions, Versions]:
    """Of watched products, and of those past their end."""
    watched: dict[tuple[str, str], dict[str, int]] = {}
    ended: dict[tuple[str, str], dict[str, int]] = {}
    for platform, name, value, count in _traits(connection, site, SOFTWARE, now):
        into = ended if name.startswith(ENDED_MARK) else watched
        into.setdefault((platform, name.removeprefix(ENDED_MARK)), {})[value] = count
    return watched, ended


def _configurations(
    connection: Connection, site: int, now: datetime
) -> Mapping[str, Mapping[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for platform, _, value, count in _traits(connection, site, FIREWALL, now):
        found.setdefault(platform, {})[value] = count
    return found
