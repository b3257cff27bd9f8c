"""Lists of devices and of their verdicts. The `DeviceLists`.

A page is found in two steps: its keys in an index, then what `device_entries` shows of them. For
the keys there are two ways. An index of the order (`ix_device_by_...`) holds all that devices are
filtered by, so that it is walked without touching a device that is not in the page. Where a filter
leaves few devices, these are gathered by that filter's own index and put in order: walking would
pass over most of the fleet for them.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from threading import Lock
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    exists,
    func,
    select,
    text,
)

from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Sites
from vigie_server.ports.lists import (
    DeviceEntry,
    DevicesWanted,
    ItemsInJson,
    RuleTally,
    VerdictOfDevice,
)
from vigie_server.ports.pages import Page, Position
from vigie_server.ports.readers import VerdictRecord
from vigie_server.store.database import Database
from vigie_server.store.device_entries import REVOKED, entries, in_json
from vigie_server.store.keyset import keyset, paged, walking
from vigie_server.store.models import (
    EVERY_SITE,
    Certificate,
    DeviceRow,
    RuleCount,
    Site,
    VerdictRow,
)
from vigie_server.store.one_row import rows_of
from vigie_server.store.record_rows import device_key_of, verdict_record
from vigie_server.store.rule_counts import COLUMNS
from vigie_server.store.scopes import BY_SITE, BY_SITE_AND_ID, FEW, Scope, Scopes, at_most
from vigie_server.store.spellings import BY_NAME, begins
from vigie_server.store.tables import table
from vigie_server.store.written_devices import PLACE, UNTIL, Written, written

DEVICE, SITE, VERDICT, COUNT = table(DeviceRow), table(Site), table(VerdictRow), table(RuleCount)
CERTIFICATE = table(Certificate)

ORDERS: Final[dict[str, tuple[str, tuple[ColumnElement[Any], ...]]]] = {
    "id": ("ix_device_by_id", (DEVICE.c.id,)),
    "hostname": (BY_NAME, (DEVICE.c.hostname, DEVICE.c.id)),
    "failing": ("ix_device_by_failing", (DEVICE.c.failing, DEVICE.c.id)),
}
"""The index of each order, and its columns."""
BY_RULE: Final = "ix_verdict_rule_status_device_key"
_DIGITS: Final = 8
"""Of an id, before its first hyphen."""
_AMPLE: Final = 1.5
"""Devices that are looked at, for each of a page."""
BY_DEVICE: Final = "sqlite_autoindex_verdict_1"
"""SQLite's name for the primary key of verdicts, in which devices come first."""
LOOKED_UP: Final = 1_000
"""Devices whose verdict of a rule is looked up one by one."""
STATEMENTS_KEPT: Final = 64
"""Statements of pages that are kept at hand, each for one choice of filters and order."""


class FleetLists:
    """Reads lists of the fleet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scopes = Scopes()
        self._gathered = Scopes(few=LOOKED_UP)
        self._lock = Lock()
        self._statements: OrderedDict[object, Written] = OrderedDict()

    def devices(
        self, wanted: DevicesWanted, *, after: Position | None, limit: int
    ) -> Page[DeviceEntry]:
        with self._database.listing() as connection:
            scope = self._scopes.seen(connection, wanted.sites)
            query = _page(connection, wanted, scope, scope.here, after=after, limit=limit)
            page = paged(
                rows_of(connection, query),
                limit,
                lambda row: tuple(row[1:]),
                itemgetter(0),
            )
            return Page(entries(connection, page.items), page.after)

    def devices_in_json(
        self, wanted: DevicesWanted, *, after: Position | None, limit: int
    ) -> ItemsInJson:
        if not self._database.is_sqlite:
            return in_json(self.devices(wanted, after=after, limit=limit))
        with self._database.listing() as connection:
            scope = self._scopes.seen(connection, wanted.sites)
            by_id = replace(wanted, sites=None) == DevicesWanted()
            until = _id_until(scope, after, limit) if by_id else None
            while True:
                statement = self._statement(connection, wanted, scope, after, limit, until)
                page = statement.read(
                    connection, sites=scope.sites, after=after, limit=limit, until=until
                )
                if until is None or page.after is not None:
                    return page
                until = None  # what was left out may belong to it

    def _statement(
        self,
        connection: Connection,
        wanted: DevicesWanted,
        scope: Scope,
        after: Position | None,
        limit: int,
        until: str | None,
    ) -> Written:
        """What writes such a page; kept where the way to take depends on the scope alone."""
        bounds = after is None, until is None, limit
        asked = replace(wanted, sites=None), scope.sites is None, scope.few, bounds
        keeps = wanted.rule is None and wanted.hostname is None
        with self._lock:
            found = self._statements.get(asked) if keeps else None
        if found is not None:
            return found
        place = None if after is None else PLACE[: len(after)]
        query = _page(connection, wanted, scope, scope.here_in_one, after=place, limit=limit)
        if until is not None:
            query = query.where(DEVICE.c.id < bindparam(UNTIL, required=True))
        made = written(connection, query, ORDERS[wanted.sort.removeprefix("-")][1])
        if keeps:
            with self._lock:
                self._statements[asked] = made
                if len(self._statements) > STATEMENTS_KEPT:
                    self._statements.popitem(last=False)
        return made

    def verdicts(
        self, device_id: str, *, status: Status | None, after: Position | None, limit: int
    ) -> Page[VerdictRecord]:
        with self._database.listing() as connection:
            key = device_key_of(connection, device_id)
            query = select(VERDICT).where(VERDICT.c.device_key == key)
            if status is not None:
                query = query.where(VERDICT.c.status == status.value)
            rows = connection.execute(keyset(query, (VERDICT.c.rule,), after=after, limit=limit))
            return paged(rows.all(), limit, lambda row: (row.rule,), verdict_record)

    def verdicts_of_rule(
        self,
        rule: str,
        sites: Sites,
        *,
        status: Status | None,
        after: Position | None,
        limit: int,
    ) -> Page[VerdictOfDevice]:
        with self._database.listing() as connection:
            scope = self._gathered.seen(connection, sites)
            query = _of_rule(connection, rule, scope, status=status, after=after, limit=limit)
            rows = connection.execute(query).all()
        return paged(
            rows,
            limit,
            lambda row: (row.status, row.device_key),
            lambda row: VerdictOfDevice(row.device, row.hostname, row.site, verdict_record(row)),
        )

    def tallies(self, sites: Sites) -> Sequence[RuleTally]:
        with self._database.listing() as connection:
            if sites is None:
                counts = [COUNT.c[name] for name in COLUMNS.values()]
                query = select(COUNT.c.rule, *counts).where(COUNT.c.site_key == EVERY_SITE)
            else:
                sums = [func.sum(COUNT.c[name]).label(name) for name in COLUMNS.values()]
                keys = select(SITE.c.key).where(SITE.c.name.in_(sites))
                query = select(COUNT.c.rule, *sums).where(COUNT.c.site_key.in_(keys))
                query = query.group_by(COUNT.c.rule)
            rows = connection.execute(query.order_by(COUNT.c.rule))
            return [
                RuleTally(row.rule, *(int(row[place]) for place in range(1, 1 + len(COLUMNS))))
                for row in rows
            ]


def _id_until(scope: Scope, after: Position | None, limit: int) -> str | None:
    """An id before which a page of a scope of few devices is likely to end; None: there is none.

    Ids are random, so that what lies behind a page need not be gathered and put in order for it:
    of forty sites that is nineteen parts of twenty.
    """
    if not scope.devices:
        return None
    begins = str(after[0])[:_DIGITS] if after else "0"
    try:
        first = int(begins.ljust(_DIGITS, "0"), 16)
    except ValueError:  # somebody else's place
        return None
    end = first + int(_AMPLE * (limit + 1) / scope.devices * 16**_DIGITS)
    return f"{end:0{_DIGITS}x}" if end < 16**_DIGITS else None


def _of_rule(
    connection: Connection,
    rule: str,
    scope: Scope,
    *,
    status: Status | None,
    after: Position | None,
    limit: int,
) -> Select[Any]:
    """A page of a rule's verdicts, by their status and their device's key.

    Of few devices each is looked up. Otherwise the index is walked; of some sites PostgreSQL finds
    the page's places in it before the rows.
    """
    # With one status the key alone is the order: an index seeks the place by it.
    order: tuple[ColumnElement[Any], ...] = (VERDICT.c.status, VERDICT.c.device_key)
    wanted = VERDICT.c.rule == rule
    if status is not None:
        wanted &= VERDICT.c.status == status.value
        order, after = order[1:], None if after is None else after[1:]
    names = DEVICE.c.id.label("device"), DEVICE.c.hostname, SITE.c.name.label("site")
    rows = (
        select(VERDICT, *names)
        .join(DEVICE, DEVICE.c.key == VERDICT.c.device_key)
        .join(SITE, SITE.c.key == DEVICE.c.site_key)
    )
    if scope.few:
        query = walking(rows.where(wanted), VERDICT, BY_DEVICE)
        query = query.where(VERDICT.c.device_key.in_(scope.keys()))
        return keyset(query, order, after=after, limit=limit)
    if scope.here is not None:
        wanted &= scope.holds(VERDICT.c.device_key) if scope.has_few_keys else scope.here
    if not scope.has_few_keys or connection.dialect.name == "sqlite":
        query = walking(rows.where(wanted), VERDICT, BY_RULE)
        return keyset(query, order, after=after, limit=limit)
    places = select(VERDICT.c.status, VERDICT.c.device_key).where(wanted)
    page = keyset(places, order, after=after, limit=limit).subquery("page")
    return (
        rows.join(page, page.c.device_key == VERDICT.c.device_key)
        .where(VERDICT.c.rule == rule)
        .order_by(page.c.status, page.c.device_key)
    )


def _page(
    connection: Connection,
    wanted: DevicesWanted,
    scope: Scope,
    here: ColumnElement[bool] | None,
    *,
    after: Sequence[str | int | ColumnElement[Any]] | None,
    limit: int,
) -> Select[Any]:
    """The keys of a page with their places, and one too many; `here` is the scope's condition."""
    _, columns = ORDERS[wanted.sort.removeprefix("-")]
    return keyset(
        _keys(connection, wanted, scope, here, columns),
        columns,
        after=after,
        limit=limit,
        newest_first=wanted.sort.startswith("-"),
    )


def _keys(
    connection: Connection,
    wanted: DevicesWanted,
    scope: Scope,
    here: ColumnElement[bool] | None,
    columns: Sequence[ColumnElement[Any]],
) -> Select[Any]:
    """The keys of the devices that are wanted, with their places, by the shortest way."""
    index = ORDERS[wanted.sort.removeprefix("-")][0]
    named = None if wanted.hostname is None else begins(connection, wanted.hostname)
    query = _narrowed(select(DEVICE.c.key, *columns), wanted, here, named)
    if scope.few:
        gathered = BY_SITE_AND_ID if index == ORDERS["id"][0] else BY_SITE
        return walking(_judged_so(query, wanted), DEVICE, gathered)
    if wanted.revoked:
        # No index tells these; the table of certificates is narrow, and soon looked through.
        withdrawn = select(CERTIFICATE.c.device_key).where(CERTIFICATE.c.revoked_at.is_not(None))
        return _judged_so(query.where(DEVICE.c.key.in_(withdrawn)), wanted)
    if wanted.rule is not None and wanted.status is not None:
        holding = walking(select(VERDICT.c.device_key), VERDICT, BY_RULE).where(
            VERDICT.c.rule == wanted.rule, VERDICT.c.status == wanted.status.value
        )
        if at_most(connection, holding, FEW):
            return query.where(DEVICE.c.key.in_(holding))
    if named is not None and index != ORDERS["hostname"][0]:
        so_named = walking(select(DEVICE.c.key), DEVICE, ORDERS["hostname"][0]).where(named)
        if at_most(connection, so_named, FEW):
            index = ORDERS["hostname"][0]
    return walking(_judged_so(query, wanted), DEVICE, index)


def _narrowed(
    query: Select[Any],
    wanted: DevicesWanted,
    here: ColumnElement[bool] | None,
    named: ColumnElement[bool] | None,
) -> Select[Any]:
    if here is not None:
        query = query.where(here)
    for column, value in (
        (DEVICE.c.state, wanted.state),
        (DEVICE.c.platform, wanted.platform),
        (DEVICE.c.compliant, wanted.compliant),
        (DEVICE.c.nomadic, wanted.nomadic),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.revoked is not None:
        query = query.where(text(REVOKED if wanted.revoked else f"NOT {REVOKED}"))
    return query if named is None else query.where(named)


def _judged_so(query: Select[Any], wanted: DevicesWanted) -> Select[Any]:
    """Devices with such a verdict, each looked up."""
    if wanted.rule is None and wanted.status is None:
        return query
    verdict = select(VERDICT.c.device_key).where(VERDICT.c.device_key == DEVICE.c.key)
    if wanted.rule is not None:
        verdict = verdict.where(VERDICT.c.rule == wanted.rule)
    if wanted.status is not None:
        verdict = verdict.where(VERDICT.c.status == wanted.status.value)
    if wanted.rule is not None and wanted.status is not None:
        verdict = walking(verdict, VERDICT, BY_RULE)
    return query.where(exists(verdict))
