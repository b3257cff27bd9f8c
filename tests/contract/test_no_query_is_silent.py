"""Every query of the packs has something to tell, somewhere on each of its platforms.

A condition that no row can meet looks like a healthy device for ever. So each query must give a row
on a recorded device, or on the few rows that are written down here for what those do not have.
"""

from collections.abc import Mapping
from typing import Final

import pytest

from components import required_file
from simulated_machines import (
    PACKS,
    PLATFORMS,
    AnswerRow,
    Schema,
    SimulatedMachine,
    TableRows,
    scenarios,
)

DENIED: Final[Mapping[str, TableRows]] = {"osquery_schedule": [{"name": "theirs", "denylisted": 1}]}
WRITTEN: Final[Mapping[str, Mapping[str, TableRows]]] = {
    "agent_health_darwin_queries": DENIED,
    "agent_health_linux_queries": DENIED,
    "agent_health_windows_queries": DENIED,
    "agent_health_linux_extensions": {
        "osquery_extensions": [{"name": "vigie", "version": "0.1.0", "type": "extension"}]
    },
    "agent_health_linux_settings": {
        "osquery_flags": [{"name": "disable_events", "value": "true", "default_value": "false"}]
    },
    "backups_darwin_marker": {
        "vigie_backups": [{"part": "marker", "collected": "yes", "why": "", "mechanism": "marker"}]
    },
    "backups_linux_agents": {
        "systemd_units": [
            {"id": "veeamservice.service", "active_state": "active", "load_state": "loaded"}
        ]
    },
    "bluetooth_linux_policy": {
        "vigie_radios": [{"part": "policy", "collected": "yes", "why": "", "name": "btusb"}]
    },
    "vpn_windows_configurations": {
        "vigie_win_vpn": [{"name": "Les Lilas", "collected": "yes", "why": ""}]
    },
}
"""Rows on which a query speaks that is silent on every recorded device."""

NEVER_A_FACT: Final = {
    "local_admins_windows_nested": "its rows say what cannot be known, and none is one of the cases"
}
"""Queries whose every row has `collected = no`, and why that is so."""


@pytest.fixture(scope="module")
def schemas() -> Mapping[str, Schema]:
    published = required_file("VIGIE_OSQUERY_SCHEMA", "osquery's published schema")
    return {platform: Schema.of(platform, published) for platform in PLATFORMS}


@pytest.fixture(scope="module")
def told(schemas: Mapping[str, Schema]) -> Mapping[str, list[AnswerRow]]:
    """What each query tells on the recorded devices of its platforms."""
    answers: dict[str, list[AnswerRow]] = {}
    for scenario in scenarios():
        machine = SimulatedMachine(schemas[scenario.platform], scenario.tables())
        for pack in PACKS.values():
            for query in pack.queries:
                if scenario.platform in query.platforms:
                    answers.setdefault(query.name, []).extend(machine.ask(query.sql)[1])
        machine.close()
    return answers


def test_every_query_tells_a_fact_on_a_recorded_device_or_on_the_rows_written_here(
    told: Mapping[str, list[AnswerRow]],
) -> None:
    silent = {
        name for name, rows in told.items() if not any(row["collected"] == "yes" for row in rows)
    }

    assert silent <= WRITTEN.keys() | NEVER_A_FACT.keys(), "record or write down what it is about"


def test_every_query_is_asked_of_a_recorded_device(told: Mapping[str, list[AnswerRow]]) -> None:
    assert told.keys() == {query.name for pack in PACKS.values() for query in pack.queries}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_query_tells_a_fact_on_the_rows_written_here(
    name: str, schemas: Mapping[str, Schema]
) -> None:
    ((query, platform),) = (
        (query, platform)
        for pack in PACKS.values()
        for query in pack.queries
        for platform in query.platforms
        if query.name == name
    )
    machine = SimulatedMachine(schemas[platform], WRITTEN[name])

    _, rows = machine.ask(query.sql)

    machine.close()
    assert [row["collected"] for row in rows if row["collected"] == "yes"] == ["yes"]


@pytest.mark.parametrize("name", NEVER_A_FACT)
def test_a_query_that_never_tells_a_fact_still_says_what_is_not_known(
    name: str, told: Mapping[str, list[AnswerRow]]
) -> None:
    assert told[name]
    assert all(row["collected"] == "no" and row["why"] for row in told[name])
