"""What the packs answer does not change while nothing happens, on any of the recorded devices.

Each device is asked twice: as it was written down, and as it is some time later. Then its programs
were started again (other process numbers, always the same of one program) and everything that
moves by itself has moved: counters, free room, handles, times of access, clocks.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from components import required_file
from simulated_machines import (
    PACKS,
    PLATFORMS,
    Scenario,
    Schema,
    SimulatedMachine,
    TableRows,
    scenarios,
)

ANYWHERE: Final = frozenset(
    {
        *("pid", "parent", "ppid", "pgroup", "upid", "uppid", "fd", "socket", "net_namespace"),
        *("atime", "blocks_free", "blocks_available", "inodes_free", "free_space", "job_id"),
        *("ipackets", "opackets", "ibytes", "obytes", "current_capacity"),
        *("percent_remaining", "amperage", "voltage", "minutes_until_empty", "current_clock_speed"),
        *("load_percentage", "elapsed_time", "resident_size", "total_size", "user_time", "threads"),
        *("system_time", "disk_bytes_read", "disk_bytes_written", "handle_count", "rssi", "noise"),
        *("dhcp_lease_expires", "dhcp_lease_obtained", "executions", "last_executed", "wall_time"),
        *("average_memory", "last_memory", "output_size", "instance_id", "packets", "bytes"),
    }
)
"""Columns that move by themselves, whatever table they are in."""

OF_TABLE: Final[Mapping[str, frozenset[str]]] = {
    "processes": frozenset({"start_time"}),
    "osquery_info": frozenset({"start_time"}),
    "time": frozenset({"unix_time", "hour", "minutes", "seconds", "day"}),
    "uptime": frozenset({"total_seconds", "days", "hours", "minutes", "seconds"}),
    "interface_details": frozenset({"last_change"}),
    "logged_in_users": frozenset({"time"}),
}
"""Columns that move by themselves in one table."""

SPAN: Final = 7919
SYSTEMS_OWN: Final = range(5)
"""Numbers that stay: 0 stands for nothing, init is process 1, the system of Windows 4."""

every_scenario: Final = pytest.mark.parametrize(
    "scenario", scenarios(), ids=[f"{each.platform}-{each.name}" for each in scenarios()]
)


@pytest.fixture(scope="module")
def schemas() -> Mapping[str, Schema]:
    published = required_file("VIGIE_OSQUERY_SCHEMA", "osquery's published schema")
    return {platform: Schema.of(platform, published) for platform in PLATFORMS}


@every_scenario
def test_what_moves_by_itself_changes_no_answer(
    scenario: Scenario, schemas: Mapping[str, Schema]
) -> None:
    schema, written = schemas[scenario.platform], scenario.tables()

    before = dict(_answers(scenario.platform, schema, written))
    after = dict(_answers(scenario.platform, schema, some_time_later(schema, written)))

    assert before
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}


def test_a_machine_some_time_later_has_moved(schemas: Mapping[str, Schema]) -> None:
    written: Mapping[str, TableRows] = {
        "processes": [{"pid": 1, "name": "systemd"}, {"pid": 40, "name": "cupsd"}],
        "users": [{"uid": 0}],
    }

    later = some_time_later(schemas["linux"], written)

    first, process = later["processes"]
    assert first["pid"] == 1
    assert (process["pid"], process["name"]) == (40 + SPAN, "cupsd")
    assert process["resident_size"] == SPAN
    assert later["users"] == written["users"]


def some_time_later(schema: Schema, tables: Mapping[str, TableRows]) -> Mapping[str, TableRows]:
    """The same tables, in which each number that moves is larger; those unwritten have a value."""
    return {
        name: [{**row, **dict(_moved(schema, name, row))} for row in rows]
        for name, rows in tables.items()
    }


def _moved(schema: Schema, table: str, row: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    if table.startswith("vigie_"):  # hides what moves: its own tests say so
        return
    for column in schema.tables[table].keys() & (ANYWHERE | OF_TABLE.get(table, frozenset())):
        try:
            value = int(str(row.get(column) or 0))
        except ValueError:
            continue
        if column not in row or value > SYSTEMS_OWN[-1]:
            yield column, value + SPAN


def _answers(
    platform: str, schema: Schema, tables: Mapping[str, TableRows]
) -> Iterator[tuple[str, list[tuple[tuple[str, str], ...]]]]:
    machine = SimulatedMachine(schema, tables)
    try:
        for pack in PACKS.values():
            for query in pack.queries:
                if platform in query.platforms:
                    rows = machine.ask(query.sql)[1]
                    yield query.name, sorted(tuple(sorted(row.items())) for row in rows)
    finally:
        machine.close()
