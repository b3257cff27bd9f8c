"""Asking the kernel over a netlink socket: the messages, not what they mean."""

import socket
import struct
from collections.abc import Iterator
from typing import Final

ERROR: Final = 2
DONE: Final = 3
_REQUEST_DUMP: Final = 0x301
_HEADER: Final = struct.Struct("=IHHII")
_TIMEOUT: Final = 5.0
_MAX_PARTS: Final = 1000


def dump(protocol: int, kind: int, body: bytes) -> bytes:
    """The kernel's whole answer to a dump request, as it came. Linux only. Raises OSError."""
    request = _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, 1, 0) + body
    family: int = getattr(socket, "AF_NETLINK", -1)
    received = bytearray()
    with socket.socket(family, socket.SOCK_RAW, protocol) as netlink:
        netlink.settimeout(_TIMEOUT)
        netlink.bind((0, 0))
        netlink.send(request)
        for _ in range(_MAX_PARTS):
            part = netlink.recv(1 << 16)
            received += part
            kinds = [kind for kind, _ in messages(part)]
            if not kinds or DONE in kinds or ERROR in kinds:
                break
    return bytes(received)


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each message; stops at what is torn."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes that follow a message's fixed part, by kind; stops at what is torn."""
    found: dict[int, bytes] = {}
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:  # noqa: PLR2004 (its own header)
            break
        found[kind & 0x3FFF] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def refusal(body: bytes) -> OSError | None:
    """What an ERROR message says; None when it only acknowledges."""
    (number,) = struct.unpack_from("=i", body + bytes(4))
    return OSError(-number, "the kernel refused to answer") if number else None
