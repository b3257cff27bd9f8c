"""Which addresses the server may call when a name of others leads there."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network

_NAT64: Final = ip_network("64:ff9b::/96")


def may_call(address: str, allowed: Sequence[Network]) -> bool:
    """Whether it is an address of the public Internet, or in a network that is allowed."""
    found: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(found, IPv6Address):
        # What carries an IPv4 address leads to it.
        if found.scope_id is not None:
            return False
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        found = inner or found
    if any(found in network for network in allowed):
        return True
    return found.is_global and not found.is_multicast and not found.is_reserved
