"""Evidence as it lies in the store: the canonical form, compressed when that pays.

The canonical form is what the digest is computed over, so stored evidence proves itself.
"""

import zlib
from collections.abc import Iterator, Mapping
from typing import Final

_COMPRESS_FROM: Final = 1024
_FASTEST: Final = 1
_ZLIB: Final = 0x78
"""First byte of a zlib stream; the canonical form begins with a letter."""


def packed(form: bytes) -> bytes:
    """The bytes to store."""
    return form if len(form) < _COMPRESS_FROM else zlib.compress(form, _FASTEST)


def unpacked(stored: bytes) -> bytes:
    """The canonical form that was stored."""
    return zlib.decompress(stored) if stored[0] == _ZLIB else stored


class Forms(Mapping[str, bytes]):
    """Canonical forms by topic, uncompressed when looked at: many are known by their digest."""

    __slots__ = ("_stored",)

    def __init__(self) -> None:
        self._stored: Final[dict[str, bytes]] = {}

    def keep(self, topic: str, stored: bytes) -> None:
        """Adds what is stored of a topic."""
        self._stored[topic] = stored

    def __getitem__(self, topic: str) -> bytes:
        return unpacked(bytes(self._stored[topic]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)
