"""A topic that declares no personal data names nobody."""

import re
from collections.abc import Mapping
from typing import Final

import pytest

from components import required_file
from simulated_machines import PACKS, Scenario, Schema, SimulatedMachine, TableRows, scenarios
from vigie_agent import bundled

TOPICS: Final = bundled.read_topics(bundled.folder("topics"))

every_scenario: Final = pytest.mark.parametrize(
    "scenario", scenarios(), ids=[f"{each.platform}-{each.name}" for each in scenarios()]
)


@every_scenario
def test_no_account_that_is_named_after_a_person_stands_where_none_is_declared(
    scenario: Scenario,
) -> None:
    people = {row["username"] for row in scenario.recorded("accounts") if "." in row["username"]}

    named = [
        (name, column, value)
        for name, topic in TOPICS.items()
        if topic.personal_data is None
        for row in scenario.recorded(name)
        for column, value in row.items()
        if any(re.search(rf"\b{re.escape(person)}\b", value) for person in people)
    ]

    assert named == []


def test_every_platform_has_a_device_with_accounts_that_are_named_after_people() -> None:
    platforms = {
        scenario.platform
        for scenario in scenarios()
        if any("." in row["username"] for row in scenario.recorded("accounts"))
    }

    assert platforms == {"windows", "darwin", "linux"}


@pytest.mark.parametrize(
    ("query", "path", "told"),
    [
        ("listeners_linux_tcp", "/home/m.bernard/Mme Roy/server", "/home/*/server"),
        ("listeners_linux_tcp", "/home/ehpad/m.bernard/bin/server", "/home/*/server"),
        ("listeners_linux_tcp", "/usr/sbin/cupsd", "/usr/sbin/cupsd"),
        ("listeners_linux_tcp", None, ""),
        ("listeners_darwin_tcp", "/Users/d.durand/App.app/Contents/App", "/Users/*/App"),
        ("listeners_darwin_tcp", "/usr/libexec/rapportd", "/usr/libexec/rapportd"),
        ("listeners_windows_tcp", r"C:\Users\c.martin\AppData\x\a.exe", r"C:\Users\*\a.exe"),
        ("listeners_windows_tcp", r"c:\users\c.martin\a.exe", r"c:\users\*\a.exe"),
        ("listeners_windows_tcp", r"C:\Windows\System32\svchost.exe", None),
    ],
)
def test_of_a_program_in_a_persons_folder_only_its_name_is_told(
    query: str, path: str | None, told: str | None
) -> None:
    published = required_file("VIGIE_OSQUERY_SCHEMA", "osquery's published schema")
    (asked,) = (each for each in PACKS["listeners"].queries if each.name == query)
    (platform,) = asked.platforms
    socket = {"protocol": 6, "state": "LISTEN", "local_address": "::", "local_port": 8080}
    tables: Mapping[str, TableRows] = {
        "process_open_sockets": [{**socket, "pid": 900}],
        "processes": [{"pid": 900, "name": "x", "path": path}],
    }
    machine = SimulatedMachine(Schema.of(platform, published), tables)

    (row,) = (row for row in machine.ask(asked.sql)[1] if row["collected"] == "yes")

    machine.close()
    assert row["path"] == (path if told is None else told)
