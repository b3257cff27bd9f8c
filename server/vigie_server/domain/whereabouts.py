"""Whether a device is at its site: a state and its time, worked out from rows that are not kept.

Guide question 9. A device is off site when none of its gateways' hardware addresses and none of its
own addresses belongs to its site, and nomadic when it is a laptop or tablet that was off site in
the last 30 days. What holds here:

- An address of an interface without hardware of its own (a VPN tunnel) says nothing: a tunnel into
  the facility does not bring the device home.
- A device that is connected nowhere stays where it was, and so does one that falls silent: what
  was last heard off site stays nomadic until it is heard at its site again.
- Nobody can tell for a site that does not say where it is: its laptops and tablets count as
  nomadic.
- A person may say that a device is nomadic or is not; that stands.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from vigie_server.domain.facts import FactRow

NETWORK: Final = "network"
"""The topic that whereabouts are worked out from."""
PLACED_BY: Final = frozenset({"mac", "address", "gateway_mac"})
"""Its columns that tell."""
NOMADIC_FOR: Final = timedelta(days=30)
"""How long a device stays nomadic after it was last off site."""
NOMADIC_CHASSIS: Final = frozenset({"laptop", "tablet"})

ON_SITE: Final = "on_site"
OFF_SITE: Final = "off_site"
NOT_KNOWN: Final = ""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Grounds:
    """Where a site is: its networks, and its gateways' hardware addresses in lower case."""

    networks: tuple[Network, ...] = ()
    gateways: frozenset[str] = frozenset()

    @classmethod
    def of(cls, networks: Iterable[str], gateways: Iterable[str]) -> "Grounds":
        """The grounds that texts name. Raises ValueError for a text that is no network."""
        return cls(
            tuple(ip_network(text, strict=False) for text in networks),
            frozenset(hardware_address(text) for text in gateways),
        )

    @property
    def known(self) -> bool:
        """Whether the site says where it is."""
        return bool(self.networks or self.gateways)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A device's presence since when, when it was last off site, and what a person said of it."""

    presence: str = NOT_KNOWN
    since: datetime | None = None
    last_off_site_at: datetime | None = None
    declared_nomadic: bool | None = None


NO_GROUNDS: Final = Grounds()
NEVER_MOVED: Final = Whereabouts()


def hardware_address(text: str) -> str:
    """As every system's way of writing it becomes one: lower case, colons."""
    return text.strip().lower().replace("-", ":")


def moved(
    before: Whereabouts, rows: Sequence[FactRow], grounds: Grounds, *, now: datetime
) -> Whereabouts:
    """Where the device is by these rows of the topic `network`."""
    presence = _presence(rows, grounds)
    if presence == NOT_KNOWN:
        return before if grounds.known else replace(before, presence=NOT_KNOWN, since=None)
    since = before.since if before.presence == presence else now
    last = now if presence == OFF_SITE else before.last_off_site_at
    return replace(before, presence=presence, since=since, last_off_site_at=last)


def nomadic(whereabouts: Whereabouts, grounds: Grounds, *, chassis: str, now: datetime) -> bool:
    """Whether the device counts as nomadic."""
    if whereabouts.declared_nomadic is not None:
        return whereabouts.declared_nomadic
    if chassis not in NOMADIC_CHASSIS:
        return False
    if not grounds.known:
        return True
    if whereabouts.presence == OFF_SITE:
        return True
    last = whereabouts.last_off_site_at
    return last is not None and now - last < NOMADIC_FOR


def _presence(rows: Sequence[FactRow], grounds: Grounds) -> str:
    gateways = {hardware_address(mac) for row in rows if (mac := _text(row, "gateway_mac"))}
    if gateways & grounds.gateways:
        return ON_SITE
    addresses = {
        address.partition("%")[0]
        for row in rows
        if _text(row, "part") == "interfaces"
        and _is_hardware(_text(row, "mac"))
        and (address := _text(row, "address"))
    }
    found = [parsed for text in addresses if (parsed := _parsed(text)) is not None]
    if not grounds.known or not (found or gateways):
        return NOT_KNOWN
    return ON_SITE if any(_inside(address, grounds.networks) for address in found) else OFF_SITE


def _text(row: FactRow, column: str) -> str:
    value = row.get(column)
    return value if isinstance(value, str) else ""


def _is_hardware(mac: str) -> bool:
    return bool(hardware_address(mac).strip("0:"))


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if address.is_loopback or address.is_link_local else address


def _inside(address: Address, networks: Collection[Network]) -> bool:
    return any(address in network for network in networks)
