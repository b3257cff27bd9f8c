"""Cursors: where a page of a list begins, opaque to who sends it back.

A cursor holds a place in the order of a list and a mark of the list, its filters and its order. It
grants nothing: what a caller sees is decided by its token on each page, and a cursor that somebody
made up leads to another place of the same list at most.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hashlib import blake2b
from typing import Final

from vigie_server.domain.errors import CursorRefused
from vigie_server.ports.pages import Position

LONGEST: Final = 2_048
"""Characters of a cursor."""
_FORM: Final = 1
_HEAD: Final = 2  # form and mark
_MARK_BYTES: Final = 6
_BIGGEST: Final = 2**63
_AGAIN: Final = "ask for the first page again, without `cursor`"

Kinds = tuple[type[str] | type[int], ...]
"""What the places of a list are made of."""


def mark_of(listing: str) -> str:
    """Tells a list from every other: `listing` is its path with filters and order."""
    return blake2b(listing.encode(), digest_size=_MARK_BYTES).hexdigest()


def cursor_of(listing: str, place: Position) -> str:
    """The cursor of the page that begins after this place."""
    text = json.dumps([_FORM, mark_of(listing), *place], separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(listing: str, kinds: Kinds, cursor: str) -> Position:
    """The place that a cursor of this list tells. Raises CursorRefused."""
    form, mark, *place = _read(cursor)
    if form != _FORM or len(place) != len(kinds):
        raise CursorRefused(f"cursor: it is not one of this version: {_AGAIN}")
    if mark != mark_of(listing):
        raise CursorRefused(
            f"cursor: it belongs to another list, or to other filters or another order: {_AGAIN}"
        )
    for value, kind in zip(place, kinds, strict=True):
        if type(value) is not kind or not _bindable(value):
            raise CursorRefused(f"cursor: it is damaged: {_AGAIN}")
    return tuple(place)


def _read(cursor: str) -> list[str | int]:
    damaged = CursorRefused(f"cursor: it is damaged: {_AGAIN}")
    if len(cursor) > LONGEST:
        raise damaged
    try:
        told = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (NotBase64, ValueError, RecursionError) as error:
        raise damaged from error
    if not isinstance(told, list) or len(told) < _HEAD:
        raise damaged
    return told


def _bindable(value: str | int) -> bool:
    """Whether both databases take the value."""
    if isinstance(value, int):
        return -_BIGGEST <= value < _BIGGEST
    try:
        return "\0" not in value and bool(value.encode() or True)
    except UnicodeEncodeError:
        return False
