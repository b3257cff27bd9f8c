"""The kernel's own list of nftables base chains, for machines where `nft` is not installed.

It tells chains, hooks and policies, not rules: enough to know that nothing filters.
"""

import socket
import struct
from collections.abc import Callable, Iterator
from typing import Final

from vigie_agent.tables.packet_filter import Chain

_NETLINK_NETFILTER: Final = 12
_GET_CHAINS: Final = (10 << 8) | 4  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN
_NEW_CHAIN: Final = (10 << 8) | 3
_REQUEST_DUMP: Final = 0x301
_ERROR: Final = 2
_DONE: Final = 3
_HEADER: Final = struct.Struct("=IHHII")
_TIMEOUT: Final = 5.0
_MAX_MESSAGES: Final = 1000

_TABLE, _NAME, _HOOK, _POLICY, _USE, _TYPE = 1, 3, 4, 5, 6, 7
_FAMILIES: Final = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_HOOKS: Final = ("prerouting", "input", "forward", "output", "postrouting", "ingress")

DumpChains = Callable[[], bytes]
"""Asks the kernel; raises OSError: PermissionError without rights."""


def dump_chains() -> bytes:
    """The kernel's answer to "which chains are there", as it came. Linux only. Raises OSError."""
    request = _HEADER.pack(20, _GET_CHAINS, _REQUEST_DUMP, 1, 0) + struct.pack("=BBH", 0, 0, 0)
    family: int = getattr(socket, "AF_NETLINK", -1)
    received = bytearray()
    with socket.socket(family, socket.SOCK_RAW, _NETLINK_NETFILTER) as netlink:
        netlink.settimeout(_TIMEOUT)
        netlink.bind((0, 0))
        netlink.send(request)
        for _ in range(_MAX_MESSAGES):
            part = netlink.recv(1 << 16)
            received += part
            kinds = [kind for kind, _ in _messages(part)]
            if not kinds or _DONE in kinds or _ERROR in kinds:
                break
    return bytes(received)


def read_chains(answer: bytes) -> tuple[tuple[Chain, int], ...]:
    """The base chains in `answer`, each with how many rules it holds.

    Raises PermissionError or OSError when the kernel refused.
    """
    found: list[tuple[Chain, int]] = []
    for kind, body in _messages(answer):
        if kind == _ERROR and (number := -struct.unpack_from("=i", body + bytes(4))[0]):
            raise OSError(number, "the kernel did not list its nftables chains")
        if kind == _NEW_CHAIN and len(body) > 4:  # noqa: PLR2004 (after the family's header)
            attributes = dict(_attributes(body[4:]))
            if _HOOK in attributes:
                found.append(_chain(body[0], attributes))
    return tuple(found)


def _chain(family: int, attributes: dict[int, bytes]) -> tuple[Chain, int]:
    hook = dict(_attributes(attributes[_HOOK]))
    number = _big_endian(hook.get(1, b""))
    (priority,) = struct.unpack(">i", hook.get(2, bytes(4))[:4].rjust(4, b"\0"))
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


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:  # noqa: PLR2004 (its own header)
            return
        yield kind & 0x3FFF, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def _big_endian(data: bytes) -> int:
    return int.from_bytes(data[:4], "big")


def _string(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "replace")
