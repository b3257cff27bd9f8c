"""The part of the fleet that a caller sees, and whether it is small enough to be gathered.

A small part is found by its sites and put in order; a large one is met often enough while the
order of the whole fleet is walked.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock, local
from time import monotonic
from typing import Any, Final
from weakref import ReferenceType, ref

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    Transaction,
    bindparam,
    func,
    select,
    true,
)

from vigie_server.ports.declaring import Sites
from vigie_server.store.keyset import walking
from vigie_server.store.models import DeviceRow, Site
from vigie_server.store.tables import table

DEVICE, SITE = table(DeviceRow), table(Site)

FEW: Final = 5_000
"""Devices that are gathered and put in order for a page."""
BY_SITE: Final = "ix_device_site_key_state"
BY_SITE_AND_ID: Final = "ix_device_site_key_id"
KEPT: Final = 256
"""Scopes kept at hand."""
SITES_BY_KEYS: Final = 200
"""Sites whose devices' keys are gathered once for a page of what is theirs."""
LOOK_AGAIN: Final = 60.0
"""Seconds until the devices of a scope are counted again."""
SITES: Final = "sites"
"""The parameter of `Scope.here_in_one`: the keys of the sites, as JSON."""
_STAMP: Final = (
    "SELECT (SELECT count(*) FROM site), (SELECT max(key) FROM site), "
    "(SELECT created_at FROM site ORDER BY key DESC LIMIT 1)"
)
"""Tells one set of sites from every other: a key of SQLite may come again, with a later instant."""
_Stamp = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """The keys of the sites that are seen; None: every site.

    `devices`: how many there are, where they are few.
    """

    sites: tuple[int, ...] | None
    devices: int | None = None

    @property
    def few(self) -> bool:
        """Whether the devices of the scope are few enough to be gathered."""
        return self.devices is not None

    @property
    def here(self) -> ColumnElement[bool] | None:
        """The condition on a device's site; None where every site is seen."""
        return None if self.sites is None else DEVICE.c.site_key.in_(self.sites)

    @property
    def here_in_one(self) -> ColumnElement[bool] | None:
        """The same for SQLite, with one parameter: a statement that is the same for all scopes."""
        if self.sites is None:
            return None
        keys = func.json_each(bindparam(SITES, required=True, type_=Text)).table_valued("value")
        return DEVICE.c.site_key.in_(select(keys.c.value))

    @property
    def has_few_keys(self) -> bool:
        """Whether `holds` is worth its while: of many sites most rows are met soon."""
        return self.sites is not None and len(self.sites) <= SITES_BY_KEYS

    def holds(self, device_key: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a row's device is of the scope, by its key; for a scope of some sites.

        The keys are gathered once, and in an index that ends with the device no row is read for
        them. PostgreSQL would make a join of it, and look up the device of each row.
        """
        return device_key.in_(self.keys()).is_(true())

    def keys(self) -> Select[Any]:
        """The keys of the devices of the scope; for a scope of some sites."""
        query = walking(select(DEVICE.c.key), DEVICE, BY_SITE)
        return query.where(DEVICE.c.site_key.in_(self.sites or ()))


@dataclass(frozen=True, slots=True)
class _Kept:
    scope: Scope
    stamp: _Stamp
    good_until: float


class Scopes:
    """What callers see, found by the names of their sites and kept for their next page.

    A scope is kept while the sites are the same: no name of a site changes, and each comes with a
    key or an instant that none had before. How many devices it holds is only about the way to
    take, and looked at again after `LOOK_AGAIN`. Safe to use from several threads.
    """

    def __init__(
        self,
        *,
        few: int | None = None,
        kept: int = KEPT,
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        self._few = FEW if few is None else few
        self._at_most = kept
        self._monotonic = monotonic
        self._lock = Lock()
        self._kept: OrderedDict[frozenset[str], _Kept] = OrderedDict()
        self._last = local()
        """Of each thread: the last transaction that was looked in, and the stamp that it saw."""

    def seen(self, connection: Connection, sites: Sites) -> Scope:
        """The scope of these sites, by name; that of every site where none is left out."""
        if sites is None:
            return Scope(None)
        stamp = self._stamp(connection)
        now = self._monotonic()
        with self._lock:
            kept = self._kept.get(sites)
        if kept is not None and kept.stamp == stamp and now < kept.good_until:
            return kept.scope
        scope = self._found(connection, sites, every=stamp[0] or 0)
        with self._lock:
            self._kept[sites] = _Kept(scope, stamp, now + LOOK_AGAIN)
            self._kept.move_to_end(sites)
            if len(self._kept) > self._at_most:
                self._kept.popitem(last=False)
        return scope

    def _stamp(self, connection: Connection) -> _Stamp:
        """What tells the sites; looked at once in a transaction that reads, which sees one moment.

        Pages that are answered in one look at the store have it together.
        """
        held: tuple[ReferenceType[Transaction], _Stamp] | None = getattr(self._last, "held", None)
        begun = connection.get_transaction()
        if begun is not None and held is not None and held[0]() is begun:
            return held[1]
        stamp: _Stamp = tuple(connection.exec_driver_sql(_STAMP).one())
        if begun is not None:
            self._last.held = ref(begun), stamp
        return stamp

    def _found(self, connection: Connection, sites: frozenset[str], *, every: int) -> Scope:
        query = select(SITE.c.key).where(SITE.c.name.in_(sites))
        keys = tuple(connection.execute(query).scalars())
        if keys and len(keys) == every:
            return Scope(None)
        number = counted(connection, Scope(keys).keys(), self._few)
        return Scope(keys, None if number > self._few else number)


def at_most(connection: Connection, query: Select[Any], few: int) -> bool:
    """Whether a query has no more rows than this; looks at one more at most."""
    return counted(connection, query, few) <= few


def counted(connection: Connection, query: Select[Any], few: int) -> int:
    """How many rows a query has, up to one more than this."""
    some = query.limit(few + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())
