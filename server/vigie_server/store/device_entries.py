"""What a page of a list shows of its devices, read by their keys.

One statement a page, as the driver takes it and without a layer between: making statements and
turning rows into objects cost a page of a hundred more than the database did. The rules that a
device fails come joined, because a row a rule would cost more than all else of the page. SQLite
tells a clock's skew to fifteen digits.
"""

import json
from collections.abc import Sequence
from typing import Final

from pydantic_core import to_json
from sqlalchemy import Connection

from vigie_server.domain.score import Figures
from vigie_server.ports.lists import BETWEEN_ITEMS, DeviceEntry, ItemsInJson, ListedDevice
from vigie_server.ports.pages import Page
from vigie_server.store.instants import from_store_or_none
from vigie_server.store.one_row import Plain, read

_BETWEEN: Final = " "
_WAIVED: Final = "!"
"""Stands before a rule whose fail was accepted. No rule's id holds one, nor a space."""

REVOKED: Final = "(device.disabled <> '' AND device.state <> 'retired')"
"""`Device.revoked` in SQL."""
_BEFORE: Final = 6
"""Columns before those of `ListedDevice`."""
_CONVERTED: Final = -5
"""Where the columns begin that the two databases, or we, keep in another form."""
_COLUMNS: Final = """device.key, device.passing, device.failing, device.unknown, device.compliant,
  (SELECT {joined}(CASE WHEN waived THEN '!' || rule ELSE rule END, ' ')
    FROM verdict {failing} WHERE device_key = device.key AND status = 'fail'),
  device.id, site.name, device.profile, device.state, device.hostname, device.platform, device.os,
  device.os_version, device.chassis, device.agent_version,
  device.enrolled_at, device.last_report_at, device.clock_skew_seconds, device.nomadic,
  {revoked}"""
_SHOWN: Final = """SELECT {columns}
FROM device JOIN site ON site.key = device.site_key WHERE device.key {among}"""
_ON_SQLITE: Final = _SHOWN.format(
    columns="json_group_array(json_array({}))".format(
        _COLUMNS.format(
            joined="group_concat", failing="INDEXED BY ix_verdict_failing", revoked=REVOKED
        )
    ),
    among="IN (SELECT value FROM json_each(?))",
)
_ON_POSTGRES: Final = _SHOWN.format(
    columns=_COLUMNS.format(joined="string_agg", failing="", revoked=REVOKED), among="= ANY(%s)"
)


def entries(connection: Connection, keys: Sequence[int]) -> list[DeviceEntry]:
    """The devices of these keys, in the keys' order."""
    rows: Sequence[Plain]
    if connection.dialect.name == "sqlite":
        asked = (json.dumps(keys),)
        rows = read(connection.exec_driver_sql(_ON_SQLITE, asked).scalar_one())
    else:
        rows = connection.exec_driver_sql(_ON_POSTGRES, (list(keys),)).all()
    found = {row[0]: _entry(row) for row in rows}
    return [found[key] for key in keys]


def in_json(page: Page[DeviceEntry]) -> ItemsInJson:
    """The page as JSON, where the database does not write it."""
    items = BETWEEN_ITEMS.join(to_json(entry.fields()) for entry in page.items)
    return ItemsInJson(items, len(page.items), page.after)


def _entry(row: Plain) -> DeviceEntry:
    _, passing, failing, unknown, compliant, rules = row[:_BEFORE]
    enrolled_at, last_report_at, skew, nomadic, revoked = row[_CONVERTED:]
    failed, waived = _rules(rules)
    return DeviceEntry(
        ListedDevice._make(
            (
                *row[_BEFORE:_CONVERTED],
                from_store_or_none(enrolled_at),
                from_store_or_none(last_report_at),
                skew,
                bool(nomadic),
                bool(revoked),
            )
        ),
        Figures(passing, failing, unknown, None if compliant is None else bool(compliant)),
        failed,
        waived,
    )


def _rules(joined: str | None) -> tuple[list[str], list[str]]:
    """The rules that fail, and those of them that are waived."""
    if joined is None:
        return [], []
    if _WAIVED not in joined:
        return sorted(joined.split(_BETWEEN)), []
    rules = joined.split(_BETWEEN)
    return (
        sorted(rule.removeprefix(_WAIVED) for rule in rules),
        sorted(rule.removeprefix(_WAIVED) for rule in rules if rule.startswith(_WAIVED)),
    )
