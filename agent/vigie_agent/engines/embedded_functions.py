"""SQL functions of osquery's dialect that plain SQLite lacks, or has with another result.

Left out on purpose: `regex_match` and `regex_split`. Python's regular expressions cannot be
interrupted and hold the whole agent while they run, so one bad pattern would stop it; a query
that needs them is told "no such function".
"""

import base64
import binascii
import hashlib
import ipaddress
import math
from collections.abc import Callable, Mapping
from typing import Final

import apsw

from vigie_agent.engines.embedded_values import answer_text

_Sql = str | int | float | bytes | None


def register_functions(connection: apsw.Connection) -> None:
    """Makes osquery's functions known to `connection`."""
    for name, (arguments, function) in _FUNCTIONS.items():
        connection.create_scalar_function(name, function, arguments, deterministic=True)


def _bytes(value: _Sql) -> bytes:
    return value if isinstance(value, bytes) else answer_text(value).encode()


def _digest(algorithm: Callable[[bytes], "hashlib._Hash"]) -> Callable[[_Sql], str | None]:
    def digest(value: _Sql) -> str | None:
        return None if value is None else algorithm(_bytes(value)).hexdigest()

    return digest


def _md5(data: bytes) -> "hashlib._Hash":
    return hashlib.md5(data, usedforsecurity=False)


def _sha1(data: bytes) -> "hashlib._Hash":
    return hashlib.sha1(data, usedforsecurity=False)


def _split(text: _Sql, separators: _Sql, index: _Sql) -> str | None:
    """The part of `text` at `index`, split at any of the characters; empty parts do not count."""
    if text is None or not isinstance(separators, str) or not isinstance(index, int):
        return None
    whole = answer_text(text)
    for separator in separators[1:]:
        whole = whole.replace(separator, separators[0])
    parts = [part.strip() for part in whole.split(separators[0]) if part] if separators else [whole]
    return parts[index] if 0 <= index < len(parts) else None


def _to_base64(value: _Sql) -> str | None:
    return None if value is None else base64.b64encode(_bytes(value)).decode()


def _from_base64(value: _Sql) -> str | None:
    if value is None:
        return None
    try:
        return base64.b64decode(_bytes(value), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _conditional_to_base64(value: _Sql) -> str | None:
    """The text itself if it is ASCII, else its base64."""
    if value is None:
        return None
    data = _bytes(value)
    return data.decode() if data.isascii() else _to_base64(data)


def _inet_aton(value: _Sql) -> int | None:
    try:
        return int(ipaddress.IPv4Address(answer_text(value)))
    except ValueError:
        return None


def _in_cidr_block(block: _Sql, address: _Sql) -> int | None:
    try:
        network = ipaddress.ip_network(answer_text(block), strict=False)
        return int(ipaddress.ip_address(answer_text(address)) in network)
    except ValueError:
        return None


def _real(function: Callable[[float], float]) -> Callable[[_Sql], float | None]:
    """A mathematical function: NULL for what is no number, or outside its domain."""

    def of(value: _Sql) -> float | None:
        try:
            return None if value is None else function(float(value))
        except (ValueError, OverflowError):
            return None

    return of


_FUNCTIONS: Final[Mapping[str, tuple[int, Callable[..., str | int | float | None]]]] = {
    "md5": (1, _digest(_md5)),
    "sha1": (1, _digest(_sha1)),
    "sha256": (1, _digest(hashlib.sha256)),
    "split": (3, _split),
    "to_base64": (1, _to_base64),
    "from_base64": (1, _from_base64),
    "conditional_to_base64": (1, _conditional_to_base64),
    "inet_aton": (1, _inet_aton),
    "in_cidr_block": (2, _in_cidr_block),
    # SQLite has these with another result: whole reals, and the decimal logarithm.
    "ceil": (1, _real(math.ceil)),
    "floor": (1, _real(math.floor)),
    "log": (1, _real(math.log)),
    "square": (1, _real(lambda number: number * number)),
}
