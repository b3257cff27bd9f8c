"""Devices whose name begins so, in whatever capital and small letters.

A fleet writes its names in one or two ways. Which ways there are of a beginning is found by leaps
through the index of names, a few for each way; then every way is a range of that index, where a
comparison of folded names would read them all, and folds differ between databases.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from vigie_server.domain.letter_cases import (
    Cases,
    cases_of,
    first_spelling,
    is_spelling,
    spelling_after,
)
from vigie_server.store.keyset import walking
from vigie_server.store.models import DeviceRow
from vigie_server.store.tables import table

DEVICE = table(DeviceRow)
BY_NAME: Final = "ix_device_by_hostname"
LEAPS: Final = 100
"""Through the index; where names are written in more ways, each is compared letter by letter."""
_HIGHEST: Final = "\U0010ffff"


def begins(connection: Connection, name: str) -> ColumnElement[bool]:
    """The condition on devices whose name begins like this, in any letters."""
    cases = cases_of(name)
    found = _spellings(connection, cases)
    if found is None:
        return and_(
            *(
                func.substr(DEVICE.c.hostname, place, 1).in_(ways)
                for place, ways in enumerate(cases, 1)
            )
        )
    written = found or (name,)
    ranges = [_range(one, one) for one in written]
    if len(ranges) == 1:
        return ranges[0]
    return and_(_range(written[0], written[-1]), or_(*ranges))


def _spellings(connection: Connection, cases: Cases) -> Sequence[str] | None:
    """The spellings that names begin with, in order; None: there are many."""
    found: list[str] = []
    wanted: str | None = first_spelling(cases) if cases else None
    for _ in range(LEAPS):
        if wanted is None:
            return found
        query = walking(select(DEVICE.c.hostname), DEVICE, BY_NAME)
        name = connection.execute(
            query.where(DEVICE.c.hostname >= wanted).order_by(DEVICE.c.hostname).limit(1)
        ).scalar()
        if name is None:
            return found
        begun = str(name)[: len(cases)]
        if is_spelling(cases, begun):
            found.append(begun)
        wanted = spelling_after(cases, begun)
    return None


def _range(first: str, last: str) -> ColumnElement[bool]:
    """A range of the index, where `LIKE` would depend on the database's collation."""
    return and_(DEVICE.c.hostname >= first, DEVICE.c.hostname < last + _HIGHEST)
