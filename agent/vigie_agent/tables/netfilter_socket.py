"""The kernel's own list of nftables base chains, for machines where `nft` is not installed.

It tells chains, hooks and policies, and how many rules each holds, not the rules: enough to know
that nothing filters.
"""

import struct
from collections.abc import Callable
from typing import Final

from vigie_agent.tables import netlink
from vigie_agent.tables.packet_filter import Chain

_NETLINK_NETFILTER: Final = 12
_GET_CHAINS: Final = (10 << 8) | 4  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN
_NEW_CHAIN: Final = (10 << 8) | 3
_FAMILY_HEADER: Final = 4

_TABLE, _NAME, _HOOK, _POLICY, _USE, _TYPE = 1, 3, 4, 5, 6, 7
_FAMILIES: Final = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_HOOKS: Final = ("prerouting", "input", "forward", "output", "postrouting", "ingress")

DumpChains = Callable[[], bytes]
"""Asks the kernel; raises OSError: PermissionError without rights."""


def dump_chains() -> bytes:
    """The kernel's answer to "which chains are there", as it came. Raises OSError."""
    return netlink.dump(_NETLINK_NETFILTER, _GET_CHAINS, bytes(_FAMILY_HEADER))


def read_chains(answer: bytes) -> tuple[tuple[Chain, int], ...]:
    """The base chains in `answer`, each with how many rules it holds.

    Raises OSError (PermissionError) when the kernel refused.
    """
    found: list[tuple[Chain, int]] = []
    for kind, body in netlink.messages(answer):
        if kind == netlink.ERROR and (refusal := netlink.refusal(body)):
            raise refusal
        if kind == _NEW_CHAIN and len(body) > _FAMILY_HEADER:
            attributes = netlink.attributes(body[_FAMILY_HEADER:])
            if _HOOK in attributes:
                found.append(_chain(body[0], attributes))
    return tuple(found)


def _chain(family: int, attributes: dict[int, bytes]) -> tuple[Chain, int]:
    hook = netlink.attributes(attributes[_HOOK])
    number = _big_endian(hook.get(1, b""))
    (priority,) = struct.unpack(">i", hook.get(2, b"")[:4].rjust(4, b"\0"))
    chain = Chain(
        family=_FAMILIES.get(family, str(family)),
        table=_string(attributes.get(_TABLE, b"")),
        name=_string(attributes.get(_NAME, b"")),
        type=_string(attributes.get(_TYPE, b"")),
        hook=_HOOKS[number] if number < len(_HOOKS) else str(number),
        priority=priority,
        policy="accept" if _big_endian(attributes.get(_POLICY, b"")) else "drop",
    )
    return chain, _big_endian(attributes.get(_USE, b""))


def _big_endian(data: bytes) -> int:
    return int.from_bytes(data[:4], "big")


def _string(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "replace")
