"""Chance that repeats: numbers that depend on a seed and on what is decided, and nothing else."""

import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

_DRAWS: Final = struct.Struct("<4Q")
_SCALE: Final = 2.0**-64


def draws(*decided: int | str) -> tuple[float, float, float, float]:
    """Four numbers from 0 up to 1, the same for the same words and numbers."""
    text = "\0".join(map(str, decided)).encode()
    first, second, third, fourth = _DRAWS.unpack(blake2b(text, digest_size=32).digest())
    return first * _SCALE, second * _SCALE, third * _SCALE, fourth * _SCALE


def weighted(weights: Sequence[float], draw: float) -> int:
    """Which of the weights the draw falls on, as an index."""
    left = draw * sum(weights)
    for index, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return index
    return len(weights) - 1


def bytes_of(size: int, *decided: int | str) -> bytes:
    """As many bytes, at most 64, the same for the same words and numbers."""
    return blake2b("\0".join(map(str, decided)).encode(), digest_size=size).digest()
