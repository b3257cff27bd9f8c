"""The proof that a statement asks the driven tables only for places shipped in the agent.

SQLite says how it would read each table (`safety_prepare`). Each scan of a driven table must be
narrowed by at least one constant that lies inside an allowed place, and no condition on a
driving column may lie outside one, or be anything but a constant. So rows from elsewhere cannot
come back, whatever plan the real engine picks, and the table is not asked for anything else.

SQLite does not show the values of `IN` lists at that stage. They are proved by turns: the statement
is prepared again with one element left in each list, and each such variant must put the same
conditions on the same driving columns, now all of them constants inside allowed places.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from vigie_agent.domain.safety_patterns import place_of
from vigie_agent.domain.safety_places import PLACES, Places, Shape
from vigie_agent.domain.safety_prepare import (
    CannotPrepare,
    Condition,
    Scan,
    StandIn,
    prepare,
)
from vigie_agent.domain.safety_tables import ALLOWED_TABLES
from vigie_agent.domain.safety_tokens import LiteralList, value_of, with_one_each
from vigie_agent.domain.table import Operator

_DRIVERS: Final = frozenset({Operator.EQUALS, Operator.LIKE})
_EXACT: Final = frozenset({Operator.EQUALS})
_HARMLESS: Final = frozenset(
    {
        Operator.GREATER_THAN,
        Operator.LESS_THAN,
        Operator.GREATER_THAN_OR_EQUALS,
        Operator.LESS_THAN_OR_EQUALS,
        68,  # <>
        69,  # IS NOT
        70,  # IS NOT NULL
        71,  # IS NULL
    }
)
"""SQLite's operators that no table is driven by: the rows are filtered with them afterwards."""

PlacesOf = Mapping[str, Mapping[str, Places]]
"""By table and driving column."""


class NotProved(Exception):
    """The text says what the statement may not do, and where it can, how to write it instead."""


def prove(statement: str, lists: tuple[LiteralList, ...], platform: str) -> frozenset[str]:
    """The tables that the statement reads, all of it proved harmless. Raises NotProved."""
    places = PLACES.get(platform, {})
    tables = tuple(_stand_ins(statement, platform))
    whole = _Hearing(places, lists_may_be_open=bool(lists))
    read, scans = whole.of(statement, tables, platform)
    if whole.open_lists:
        _refuse_lists_of_narrow_places(lists, places)
        for turn in range(max(len(found.literals) for found in lists)):
            variant = with_one_each(statement, lists, turn)
            _, varied = _Hearing(places, lists_may_be_open=False).of(variant, tables, platform)
            if _shapes(varied, places) != _shapes(scans, places):
                raise NotProved(
                    "a list in it cannot be proved: write a SELECT for each value, with UNION ALL"
                )
    return read


def _stand_ins(statement: str, platform: str) -> Iterator[StandIn]:
    """Stand-ins for the allowed tables whose names occur in the text at all."""
    text = statement.lower()
    for table in ALLOWED_TABLES.values():
        if platform in table.platforms and table.name in text:
            yield StandIn(
                table.name,
                tuple((column.name, platform in column.shown_on) for column in table.columns),
            )


def _refuse_lists_of_narrow_places(lists: Iterable[LiteralList], places: PlacesOf) -> None:
    """A list takes turns apart from other lists, which would hide pairs of key and name."""
    values = {value_of(literal) for found in lists for literal in found.literals}
    for columns in places.values():
        for column, driver in columns.items():
            for value in values if driver.only else ():
                if place_of(value, driver) in driver.only:
                    raise NotProved(f"write {column} = '{value}', not in a list")


def _shapes(
    scans: Iterable[Scan], places: PlacesOf
) -> frozenset[tuple[str, frozenset[tuple[str, int]]]]:
    return frozenset(
        (
            scan.table,
            frozenset(
                (condition.column, condition.operator)
                for condition in scan.conditions
                if condition.operator in _DRIVERS and condition.column in _watched(places, scan)
            ),
        )
        for scan in scans
        if scan.table in places
    )


def _watched(places: PlacesOf, scan: Scan) -> frozenset[str]:
    columns = places[scan.table]
    return frozenset(columns) | {driver.only_column for driver in columns.values()}


class _Hearing:
    """Hears every scan that SQLite considers for one statement, and objects where it must."""

    def __init__(self, places: PlacesOf, *, lists_may_be_open: bool) -> None:
        self._places = places
        self._lists_may_be_open = lists_may_be_open
        self._objection = ""
        self._unnarrowed = ""
        self.open_lists = False

    def of(
        self, statement: str, tables: tuple[StandIn, ...], platform: str
    ) -> tuple[frozenset[str], tuple[Scan, ...]]:
        """The tables read and the scans considered. Raises NotProved on any objection."""
        try:
            read, scans = prepare(statement, tables, self._relied_on)
        except CannotPrepare as error:
            unplanned = self._unnarrowed if "no query solution" in str(error) else ""
            reason = self._objection or unplanned or _in_our_words(str(error), platform)
            raise NotProved(reason) from error
        if self._objection:
            raise NotProved(self._objection)
        return read, scans

    def _relied_on(self, scan: Scan) -> tuple[Condition, ...] | None:
        drivers = self._places.get(scan.table)
        if drivers is None:
            return ()
        driving = [
            condition
            for condition in scan.conditions
            if condition.column in drivers and condition.operator not in _HARMLESS
        ]
        for condition in driving:
            objection = self._objection_to(condition, drivers[condition.column], scan)
            self._objection = self._objection or objection
        usable = tuple(condition for condition in driving if condition.usable)
        if not usable:
            self._unnarrowed = self._unnarrowed or _how_to_narrow(scan.table, drivers)
            return None
        names = {places.only_column for places in drivers.values() if places.only}
        return usable + tuple(
            condition
            for condition in scan.conditions
            if condition.column in names and _may_name(condition)
        )

    def _objection_to(self, condition: Condition, places: Places, scan: Scan) -> str:
        """What is wrong with a condition on a driving column; empty when nothing is."""
        name = f"{scan.table}.{condition.column}"
        if not places.allowed:
            return f"{name} may not be used: narrow {scan.table} by another column"
        exact = places.shape is Shape.NAME
        if condition.operator not in (_EXACT if exact else _DRIVERS):
            return f"{name} may only be narrowed by =, IN{'' if exact else ' or LIKE'}"
        if condition.value is None:
            return self._objection_to_unknown(condition, name)
        place = place_of(condition.value, places)
        if place is None:
            return f"{name}: '{condition.value}' is not a place that this agent looks at"
        return self._objection_to_names(place, places, scan)

    def _objection_to_unknown(self, condition: Condition, name: str) -> str:
        if condition.one_of and self._lists_may_be_open:
            self.open_lists = True
            return ""
        return (
            f"{name} may only be compared with values written in the statement (=, IN, LIKE; not "
            "OR); to join it, put each side in a WITH ... AS MATERIALIZED (...) with its own"
        )

    def _objection_to_names(self, place: str, places: Places, scan: Scan) -> str:
        """Some places hold secrets beside settings: there, only named values are read."""
        names = places.only.get(place)
        if names is None:
            return ""
        conditions = [
            condition for condition in scan.on(places.only_column) if _may_name(condition)
        ]
        if not conditions:
            return f"below {place}, narrow {places.only_column} by = or IN"
        for condition in conditions:
            if condition.value is None and condition.one_of and self._lists_may_be_open:
                self.open_lists = True
            elif condition.value is None or condition.value not in names:
                return f"below {place}, {places.only_column} may only be {', '.join(names)}"
            elif not names[condition.value] and places.content_column in scan.columns_read:
                return (
                    f"{condition.value} may be looked for (count(*)), "
                    f"but its {places.content_column} is never read"
                )
        return ""


def _may_name(condition: Condition) -> bool:
    constant = condition.value is not None or condition.one_of
    return condition.operator == Operator.EQUALS and condition.usable and constant


def _how_to_narrow(table: str, drivers: Mapping[str, Places]) -> str:
    columns = " or ".join(column for column, places in drivers.items() if places.allowed)
    if not columns:
        return f"{table} is not read on this platform"
    return (
        f"{table} needs a condition on {columns} in each part of the statement: "
        "=, IN or LIKE with values written in it"
    )


def _in_our_words(problem: str, platform: str) -> str:
    _, found, missing = problem.partition("no such table: ")
    if not found:
        return problem
    table = ALLOWED_TABLES.get(missing.removeprefix("main.").lower())
    if table is not None and platform not in table.platforms:
        return f"{table.name} is not a table of {platform}"
    return f"{missing} is not a table that this agent reads"
