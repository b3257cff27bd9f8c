"""A page of devices as JSON that SQLite writes itself: rows are never objects of ours.

Turning a page of a hundred into objects, and these into JSON, held the interpreter for longer than
the database took to find it; while SQLite writes, another thread may run. The statement of a page
is kept: what differs from page to page (the place, the sites of the caller) are its parameters.
SQLite tells ratios and a clock's skew to fifteen digits.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam

from vigie_server.ports.lists import BETWEEN_ITEMS, ItemsInJson
from vigie_server.ports.pages import Position
from vigie_server.store.device_entries import REVOKED
from vigie_server.store.scopes import SITES

_INSTANT: Final = """CASE WHEN {0} IS NULL THEN NULL
  ELSE strftime('%Y-%m-%dT%H:%M:%S', {0} / 1000000, 'unixepoch')
  || CASE WHEN {0} % 1000000 THEN printf('.%06dZ', {0} % 1000000) ELSE 'Z' END END"""
_BOOLEAN: Final = "CASE {0} WHEN 1 THEN json('true') WHEN 0 THEN json('false') END"
_JOINED: Final = """coalesce('"' || group_concat(rule, '","'){0} || '"', '')"""
_RULES: Final = """(SELECT ',"failing_rules":[' || {failing} || '],"waived_rules":[' || {waived}
  || ']}}' FROM verdict INDEXED BY ix_verdict_failing
  WHERE device_key = device.key AND status = 'fail')"""
"""The end of an item, from one look at the device's fails. No rule's id has to be quoted."""
_PLAIN: Final = (
    "profile",
    "state",
    "hostname",
    "platform",
    "os",
    "os_version",
    "chassis",
    "agent_version",
)
_FIELDS: Final[Mapping[str, str]] = {
    "id": "device.id",
    "site": "site.name",
    **{name: f"device.{name}" for name in _PLAIN},
    "enrolled_at": _INSTANT.format("device.enrolled_at"),
    "last_report_at": _INSTANT.format("device.last_report_at"),
    "clock_skew_seconds": "device.clock_skew_seconds",
    "nomadic": _BOOLEAN.format("coalesce(device.nomadic, 0)"),
    "revoked": _BOOLEAN.format(REVOKED),
    "compliant": _BOOLEAN.format("device.compliant"),
    "compliance_ratio": "CAST(device.passing AS REAL)"
    " / nullif(device.passing + device.failing + device.unknown, 0)",
}
"""Those of `DeviceEntry.fields`, in its order, up to the rules."""
_OBJECT: Final = "rtrim(json_object({fields}), '}}') || {rules}".format(
    fields=", ".join(f"'{name}', {value}" for name, value in _FIELDS.items()),
    rules=_RULES.format(
        failing=_JOINED.format(""), waived=_JOINED.format(" FILTER (WHERE waived)")
    ),
)
"""The object is opened again for the rules: its last field is a number or null."""
# CROSS JOIN: in the order in which the page was found.
# Columns have short names: the driver's are looked at again each time.
_WRITTEN: Final = """SELECT count(*) AS number,
  CAST(group_concat({item}, {between}) AS BLOB) AS items,
  group_concat({place}, char(10)) AS places
FROM ({page}) AS page CROSS JOIN device ON device.key = page.key
CROSS JOIN site ON site.key = device.site_key"""
_BETWEEN: Final = f"'{BETWEEN_ITEMS.decode()[0]}' || char(10)"

_PLACES: Final = ("place_1", "place_2")
PLACE: Final[tuple[ColumnElement[Any], ...]] = tuple(
    bindparam(name, required=True) for name in _PLACES
)
"""Stand for the place that a page begins after; orders have two columns at most."""
UNTIL: Final = "until"
"""The parameter of an id before which a page ends."""


@dataclass(frozen=True, slots=True)
class Written:
    """The statement of a page: what the driver takes, and its parameters in their order."""

    sql: str
    names: tuple[str, ...]
    values: Mapping[str, Any]

    def read(
        self,
        connection: Connection,
        *,
        sites: Sequence[int] | None,
        after: Position | None,
        limit: int,
        until: str | None = None,
    ) -> ItemsInJson:
        """The page. `limit` is that of the statement, less the row too many."""
        given = dict(self.values)
        if sites is not None:
            given[SITES] = json.dumps(sites)
        if until is not None:
            given[UNTIL] = until
        given.update(zip(_PLACES, after or (), strict=False))
        row = connection.exec_driver_sql(self.sql, tuple(given[name] for name in self.names)).one()
        if row.number <= limit:
            return ItemsInJson(row.items or b"", row.number, None)
        last = json.loads(row.places.split("\n")[limit - 1])
        return ItemsInJson(row.items.rpartition(BETWEEN_ITEMS)[0], limit, tuple(last))


def written(
    connection: Connection, page: Select[Any], columns: Sequence[ColumnElement[Any]]
) -> Written:
    """The statement that writes the devices of a page, which gives keys and these columns."""
    compiled = page.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    names = [column.key for column in columns]
    place = f"json_array({', '.join(f'page.{name}' for name in names)})"
    sql = _WRITTEN.format(item=_OBJECT, between=_BETWEEN, place=place, page=compiled)
    return Written(sql, tuple(compiled.positiontup or ()), compiled.params)
