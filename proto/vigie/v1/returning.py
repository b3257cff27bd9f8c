"""When to come back, beside a status: what `Goodbye.retry_after` is where there is no `Goodbye`.

A server that cannot serve a device just now ends the call with UNAVAILABLE, which has the device
try another server. The time is in the call's trailing metadata.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

RETRY_AFTER: Final = "vigie-retry-after-ms"
_MILLISECOND: Final = timedelta(milliseconds=1)
_DIGITS: Final = 12


def told(retry_after: timedelta) -> tuple[tuple[str, str], ...]:
    """The metadata that says so."""
    return ((RETRY_AFTER, str(max(retry_after // _MILLISECOND, 0))),)


def asked(metadata: Iterable[tuple[str, str | bytes]]) -> timedelta | None:
    """The time that the metadata tells; None where it tells none that can be read."""
    for key, value in metadata:
        if key == RETRY_AFTER and isinstance(value, str):
            digits = value.isascii() and value.isdigit() and len(value) <= _DIGITS
            return _MILLISECOND * int(value) if digits else None
    return None
