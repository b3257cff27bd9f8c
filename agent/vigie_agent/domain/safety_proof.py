"""The proof that a statement asks the driven tables only for places shipped in the agent.

SQLite says how it would read each table (`safety_prepare`). Each scan of a driven table must be
narrowed by at least one constant that lies inside an allowed place, and no condition on a
driving column may lie outside one, or be anything but a constant. So rows from elsewhere cannot
come back, whatever plan the real engine picks, and the table is not asked for anything else.

SQLite does not show the values of `IN` lists at that stage. They are proved by turns: the statement
is prepared again with one element left in each list, and each such variant must put the same
conditions on the same driving columns, now all of them constants inside allowed places.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.domain.safety_links import Link, links_in
from vigie_agent.domain.safety_patterns import place_of
from vigie_agent.domain.safety_places import PLACES, Places, Shape
from vigie_agent.domain.safety_prepare import (
    CannotPrepare,
    Condition,
    Scan,
    prepare,
)
from vigie_agent.domain.safety_rules import Linked, PlacesOf, Rules
from vigie_agent.domain.safety_tables import ALLOWED_TABLES
from vigie_agent.domain.safety_tokens import (
    Edit,
    LiteralList,
    Token,
    edited,
    literal_lists,
    one_each,
)
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


class NotProved(Exception):
    """The text says what the statement may not do, and where it can, how to write it instead."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, and the tokens it consists of."""

    sql: str
    tokens: tuple[Token, ...]

    @property
    def lists(self) -> tuple[LiteralList, ...]:
        """Its lists of two literals or more."""
        return tuple(literal_lists(self.tokens))


def prove(statement: Statement, platform: str) -> frozenset[str]:
    """The tables that the statement reads, all of it proved harmless. Raises NotProved."""
    rules = Rules(platform, PLACES.get(platform, {}))
    links = links_in(statement.tokens, rules.places)
    if links:
        return _proved_with(links, statement, rules)
    return _proved_as(statement, (), rules)


def _proved_with(links: tuple[Link, ...], statement: Statement, rules: Rules) -> frozenset[str]:
    """The proof for a statement that joins driven tables with each other.

    Linked tables are told apart by names of their own. With the links taken away, nothing but
    constants may drive any table, and a linked one may lack a condition. With the links in place,
    each linked one must be narrowed by a constant or by a link; and as SQLite can begin the loops
    with none but a constant, every link hands on what was proved. A place allowed for one of the
    linked tables must be allowed for all of them.
    """
    instances = {each.name: each for link in links for each in (link.left, link.right)}
    names = [each.edit for each in instances.values()]
    _Hearing(Rules(rules.platform, {})).of(statement.sql)  # that it means something as it stands
    for mode in (Linked.TAKEN_AWAY, Linked.IN_PLACE):
        removals = [link.edit for link in links] if mode is Linked.TAKEN_AWAY else []
        read = _proved_as(statement, [*names, *removals], rules.with_links(instances, mode))
    return read


def _proved_as(statement: Statement, edits: Iterable[Edit], rules: Rules) -> frozenset[str]:
    """The proof for one way of writing the statement, and for each literal of its lists in turn."""
    edits, lists = tuple(edits), statement.lists
    whole = _Hearing(rules, lists_may_be_open=bool(lists))
    read, scans = whole.of(edited(statement.sql, edits))
    if whole.open_lists:
        _refuse_lists_of_narrow_places(lists, rules.places)
        for turn in range(max(len(found.literals) for found in lists)):
            variant = edited(statement.sql, [*edits, *one_each(lists, turn)])
            _, varied = _Hearing(rules).of(variant)
            if _shapes(varied, rules.places) != _shapes(scans, rules.places):
                raise NotProved(
                    "a list in it cannot be proved: write a SELECT for each value, with UNION ALL"
                )
    return frozenset(rules.table_of(name) for name in read)


def _refuse_lists_of_narrow_places(lists: Iterable[LiteralList], places: PlacesOf) -> None:
    """A list takes turns apart from other lists, which would hide pairs of key and name."""
    values = {literal.unquoted for found in lists for literal in found.literals}
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

    def __init__(self, rules: Rules, *, lists_may_be_open: bool = False) -> None:
        self._rules = rules
        self._lists_may_be_open = lists_may_be_open
        self._objection = ""
        self._lacking = ""
        self.open_lists = False

    def of(self, statement: str) -> tuple[frozenset[str], tuple[Scan, ...]]:
        """The tables read and the scans considered. Raises NotProved on any objection."""
        try:
            read, scans = prepare(statement, self._rules.stand_ins(statement), self._relied_on)
        except CannotPrepare as error:
            unplanned = self._lacking if "no query solution" in str(error) else ""
            words = _in_our_words(str(error), self._rules.platform)
            raise NotProved(self._objection or unplanned or words) from error
        if self._objection:
            raise NotProved(self._objection)
        return read, scans

    def _relied_on(self, scan: Scan) -> tuple[Condition, ...] | None:
        drivers = self._rules.places.get(scan.table)
        if drivers is None:
            return ()
        driving = [
            condition
            for condition in scan.conditions
            if condition.column in drivers and condition.operator not in _HARMLESS
        ]
        for condition in driving:
            objection = self._objection_to(condition, scan)
            self._objection = self._objection or objection
        relied_on = tuple(
            condition for condition in (*driving, *_names(scan, drivers)) if condition.usable
        )
        lack = self._lack(scan, drivers, relied_on)
        self._lacking = self._lacking or lack
        return None if lack else relied_on

    def _lack(
        self, scan: Scan, drivers: Mapping[str, Places], relied_on: tuple[Condition, ...]
    ) -> str:
        """What the scan needs and has not; it may have it in another plan."""
        columns = {condition.column for condition in relied_on}
        table = self._rules.table_of(scan.table)
        if not columns & set(drivers) and self._rules.links_of(scan.table) is not Linked.TAKEN_AWAY:
            return _how_to_narrow(table, drivers)
        for condition in relied_on:
            places = drivers.get(condition.column)
            place = place_of(condition.value or "", places) if places else None
            if places and place in places.only and places.only_column not in columns:
                return f"below {place}, narrow {places.only_column} by = or IN"
        return ""

    def _objection_to(self, condition: Condition, scan: Scan) -> str:
        """What is wrong with a condition on a driving column; empty when nothing is."""
        objections = (
            self._objection_for(places, condition, scan)
            for places in self._rules.places_for(scan.table, condition.column)
        )
        return next(filter(None, objections), "")

    def _objection_for(self, places: Places, condition: Condition, scan: Scan) -> str:
        name = f"{self._rules.table_of(scan.table)}.{condition.column}"
        exact = places.shape is Shape.NAME
        if not places.allowed:
            return f"{name} may not be used: narrow the table by another column"
        if condition.operator not in (_EXACT if exact else _DRIVERS):
            return f"{name} may only be narrowed by =, IN{'' if exact else ' or LIKE'}"
        if condition.value is None:
            return self._objection_to_unknown(condition, name, scan)
        place = place_of(condition.value, places)
        if place is None:
            return f"{name}: '{condition.value}' is not a place that this agent looks at"
        return self._objection_to_names(place, places, scan)

    def _objection_to_unknown(self, condition: Condition, name: str, scan: Scan) -> str:
        if condition.one_of and self._lists_may_be_open:
            self.open_lists = True
            return ""
        is_link = condition.operator == Operator.EQUALS and not condition.one_of
        if is_link and self._rules.links_of(scan.table) is Linked.IN_PLACE:
            return ""
        return (
            f"{name} may only be compared with values written in the statement (=, IN, LIKE; not "
            "OR), or in a join ON a.path = b.path with another table that is"
        )

    def _objection_to_names(self, place: str, places: Places, scan: Scan) -> str:
        """Some places hold secrets beside settings: there, only named values are read."""
        names = places.only.get(place)
        if names is None:
            return ""
        if self._rules.links_of(scan.table) is not Linked.NOT:
            return f"below {place}, secrets lie beside settings: it cannot be joined"
        for condition in scan.on(places.only_column):
            if not _may_name(condition):
                continue
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


def _names(scan: Scan, drivers: Mapping[str, Places]) -> Iterable[Condition]:
    """The conditions by which a scan keeps to named values."""
    columns = {places.only_column for places in drivers.values() if places.only}
    return (each for each in scan.conditions if each.column in columns and _may_name(each))


def _may_name(condition: Condition) -> bool:
    constant = condition.value is not None or condition.one_of
    return condition.operator == Operator.EQUALS and constant


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
