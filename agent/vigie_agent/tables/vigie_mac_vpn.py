"""vigie_mac_vpn: the VPN configurations that macOS knows, and their state (macOS)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import SCUTIL, Unanswered, read_answer

COLUMNS: Final = (
    text("name", "Name of the configuration"),
    text("kind", "IPSec, PPP:L2TP, VPN:<identifier of its application>, ..."),
    integer("enabled", "It may be used"),
    integer("connected", "It is connected now"),
    *COLLECTED,
)
"""One row a configuration of the current set of networks; no row when there is none."""

_HEADING: Final = "available network connection services"
_SERVICE: Final = re.compile(
    r"^(?P<enabled>\*?)\s*\((?P<state>[^)]*)\)\s+(?P<id>[0-9A-Fa-f-]{36})\s+(?P<rest>.*)$"
)
_NAME: Final = re.compile(r'"(?P<name>.*)"')
_KIND: Final = re.compile(r"\[(?P<kind>[^\]]*)\]\s*$")


@dataclass(frozen=True, slots=True)
class Configuration:
    """One service of `scutil --nc list`."""

    name: str
    kind: str
    enabled: bool
    connected: bool


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_mac_vpn",
            COLUMNS,
            lambda _request: list(_rows(host)),
            platforms=frozenset({"darwin"}),
            description="VPN configurations of macOS and their state",
        ),
    )


def configurations_in(said: str) -> tuple[Configuration, ...] | None:
    """What `scutil --nc list` lists; None when this is no answer of it."""
    lines = said.splitlines()
    if not any(line.strip().lower().startswith(_HEADING) for line in lines):
        return None
    return tuple(_configuration(found) for line in lines if (found := _SERVICE.match(line.strip())))


def _configuration(found: re.Match[str]) -> Configuration:
    rest = found["rest"]
    named, kind = _NAME.search(rest), _KIND.search(rest)
    return Configuration(
        name=named["name"] if named else _KIND.sub("", rest).strip(),
        kind=kind["kind"] if kind else "",
        enabled=bool(found["enabled"]),
        connected=found["state"].strip().lower() == "connected",
    )


def _rows(host: Host) -> Iterator[TableRow]:
    try:
        found = read_answer(host, configurations_in, SCUTIL, "--nc", "list")
    except Unanswered as why:
        yield not_collected(str(why))
        return
    for configuration in found:
        yield collected(
            name=configuration.name,
            kind=configuration.kind,
            enabled=int(configuration.enabled),
            connected=int(configuration.connected),
        )
