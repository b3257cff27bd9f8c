"""Evidence as it lies in the store: the canonical form, compressed when that pays.

The canonical form is what the digest is computed over, so stored evidence proves itself.
"""

import zlib
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
