"""One gzip file of parts that were compressed apart, so that what has not changed is kept.

A part is raw deflate that ends at a byte and is not the last (a sync flush, RFC 1951). Put between
gzip's header and end (RFC 1952) parts are one member, which every reader of gzip takes: some stop
after the first of several. The checksum of the whole follows from those of the parts, without their
text: CRC-32 is linear over polynomials of bits.
"""

import zlib
from collections.abc import Iterable
from functools import lru_cache
from struct import pack
from typing import Final, NamedTuple

LEVEL: Final = 1
"""Of zlib: level 6 takes longer and saves little (`docs/performance.md`)."""
HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""No name, no time, an unknown system."""
_LAST: Final = b"\x03\x00"
"""An empty block that is the last one."""
_POLYNOMIAL: Final = 0xEDB88320
"""Of CRC-32, the bits reversed."""
_ONE: Final = 1 << 31
_LENGTHS_KEPT: Final = 8_192


class Checksum(NamedTuple):
    """CRC-32 and length of some text."""

    crc: int = 0
    size: int = 0

    def __add__(self, after: "Checksum") -> "Checksum":  # type: ignore[override]
        """Of both texts, one after the other."""
        shifted = _times(_zeros(after.size), self.crc) if self.crc else 0
        return Checksum(shifted ^ after.crc, self.size + after.size)

    @classmethod
    def of_all(cls, parts: Iterable["Checksum"]) -> "Checksum":
        """Of the texts one after another."""
        whole = cls()
        for part in parts:
            whole += part
        return whole


def deflated(text: bytes) -> tuple[bytes, Checksum]:
    """The text as a part, and its checksum."""
    compressing = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    part = compressing.compress(text) + compressing.flush(zlib.Z_SYNC_FLUSH)
    return part, Checksum(zlib.crc32(text), len(text))


def inflated(part: bytes) -> bytes:
    """The text of a part."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(part)


def end(whole: Checksum) -> bytes:
    """What follows the last part."""
    return _LAST + pack("<II", whole.crc, whole.size & 0xFFFFFFFF)


def _times(one: int, other: int) -> int:
    """The product of two polynomials modulo that of CRC-32; the highest bit is x to the zeroth."""
    product, bit = 0, _ONE
    while one:
        if one & bit:
            product ^= other
            one ^= bit
        bit >>= 1
        other = (other >> 1) ^ _POLYNOMIAL if other & 1 else other >> 1
    return product


@lru_cache(_LENGTHS_KEPT)
def _zeros(size: int) -> int:
    """What to multiply a checksum by when so many bytes follow: x to the power of their bits."""
    power, square = _ONE, _byte_squares()
    at = 0
    while size:
        if size & 1:
            power = _times(square[at], power)
        size >>= 1
        at += 1
    return power


@lru_cache(1)
def _byte_squares() -> tuple[int, ...]:
    """X to the power of 8, 16, 32, ...: as many as a length of 63 bits needs."""
    squares = [1 << 23]
    while len(squares) < 63:  # noqa: PLR2004 (said above)
        squares.append(_times(squares[-1], squares[-1]))
    return tuple(squares)
