"""A Mac from the words of its tools to the answers of the packs.

`tests/fixtures/darwin/<scenario>/tools.yaml` holds what tools print and property lists hold. The
real tables read them, the embedded engine hosts the tables, the packs' SQL asks: the answers are
those recorded beside it, on which rules are tested.
"""

import errno
import plistlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from fake_host import a_device, closed
from simulated_machines import PACKS, AnswerRow, Scenario, scenarios
from vigie_agent.domain.answers import Rows
from vigie_agent.domain.packs import Query
from vigie_agent.domain.safety import Approved, check
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.tables import (
    vigie_backups,
    vigie_logging,
    vigie_mac_accounts,
    vigie_time_sync,
)
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.host import CommandResult, Host, Outcome
from vigie_agent.tables.mac_directory import GROUP_ATTRIBUTES, USER_ATTRIBUTES
from yaml_files import read_yaml

NOW: Final = datetime(2026, 11, 20, 8, tzinfo=UTC)
BUDGET: Final = timedelta(seconds=30)
MACS: Final = [scenario for scenario in scenarios() if scenario.platform == "darwin"]
TOPICS: Final = (
    *("accounts", "antivirus", "disk_encryption", "firewall", "local_admins"),
    *("password_policy", "updates", "usb_storage", "vpn"),
    *("inbound_services", "management", "services"),
    *("backups", "logging", "time_sync"),
)
SHARED: Final = ("vigie_backups", "vigie_logging", "vigie_time_sync")
"""Tables that read each system in its own way: they are told that this is a Mac."""
ASKED: Final = [
    query
    for topic in TOPICS
    for query in PACKS[topic].queries
    if query.platforms == {"darwin"} and any(name in query.sql for name in ("vigie_mac_", *SHARED))
]


@dataclass(frozen=True)
class GuardedMac(Host):
    """A Mac whose privacy protection refuses some places to the agent, as it does even to root."""

    guarded: tuple[str, ...] = ()

    def path(self, path: str) -> Path:
        if path.startswith(self.guarded):
            raise PermissionError(errno.EPERM, "Operation not permitted", path)
        return super().path(path)


def a_mac(scenario: Scenario, root: Path) -> Host:
    told = read_yaml(scenario.folder / "tools.yaml")
    programs: dict[str, CommandResult | str] = {
        command: _printed(said) for command, said in told["programs"].items()
    }
    for kind, attributes in (("users", USER_ATTRIBUTES), ("groups", GROUP_ATTRIBUTES)):
        command = f"/usr/bin/dscl -plist . -readall /{kind.title()} {' '.join(attributes)}"
        programs[command] = _plist([_record(record) for record in told[kind]])
    files: dict[str, str | bytes] = dict(told.get("files", {}))
    files |= {path: plistlib.dumps(content) for path, content in told["plists"].items()}
    host = a_device(root, files, programs=programs)
    for path in told.get("closed", ()):
        closed(host, path)
    return GuardedMac(host.root, host.run, guarded=tuple(told.get("guarded", ())))


def _printed(said: Any) -> CommandResult | str:
    if isinstance(said, str):
        return said
    if "exit" in said:
        return CommandResult(Outcome.EXITED, said["exit"], "", said["stderr"])
    heading = f"{said['heading']}\n" if "heading" in said else ""
    return heading + _plist(said["plist"])


def _plist(content: Any) -> str:
    return plistlib.dumps(content).decode()


def _record(short: Mapping[str, Any]) -> dict[str, list[str]]:
    """A record as dscl prints it, from the names and values that matter."""
    record = {}
    for name, value in short.items():
        if name == "policy":
            record["dsAttrTypeNative:accountPolicyData"] = [_plist(value)]
        else:
            values = value if isinstance(value, list) else [value]
            record[f"dsAttrTypeStandard:{name}"] = [str(item) for item in values]
    return record


def answers(host: Host) -> Iterator[tuple[Query, list[AnswerRow]]]:
    of_this_mac = {
        table.name: table
        for tables in (
            vigie_mac_accounts.tables(host, lambda: NOW),
            vigie_backups.tables(host, "darwin"),
            vigie_logging.tables(host, "darwin"),
            vigie_time_sync.tables(host, "darwin"),
        )
        for table in tables
    }
    engine = EmbeddedEngine(
        [
            of_this_mac.get(table.name, table)
            for table in all_tables(host)
            if "darwin" in table.platforms
        ]
    )
    try:
        for query in ASKED:
            approved = check(query.sql, platform="darwin")
            assert isinstance(approved, Approved)
            answer = engine.query(approved.sql, timeout=BUDGET)
            assert isinstance(answer, Rows), (query.name, answer)
            yield query, list(answer.rows)
    finally:
        engine.close()


def _in_order(rows: list[AnswerRow]) -> list[AnswerRow]:
    return sorted(rows, key=lambda row: sorted(row.items()))


@pytest.mark.parametrize("scenario", MACS, ids=[scenario.name for scenario in MACS])
def test_the_tools_of_a_recorded_mac_give_its_recorded_answers(
    scenario: Scenario, tmp_path: Path
) -> None:
    told = list(answers(a_mac(scenario, tmp_path)))

    assert len(told) == len(ASKED) > 15
    for query, rows in told:
        recorded = [row for row in scenario.recorded(query.topic) if row["part"] == query.part]

        assert _in_order(rows) == _in_order(recorded), query.name


def test_two_collections_of_an_idle_mac_are_the_same(tmp_path: Path) -> None:
    (scenario,) = [scenario for scenario in MACS if scenario.name == "partial"]

    first = [rows for _, rows in answers(a_mac(scenario, tmp_path / "first"))]

    assert [rows for _, rows in answers(a_mac(scenario, tmp_path / "second"))] == first
