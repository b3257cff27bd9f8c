"""How each family of devices is written: the lines of a few devices of one site at once.

A line is `family{device="<id>",site="<site>",...} value`. What the lines of a block share is put
together once, so that a line costs one formatting.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.verdicts import Status
from vigie_server.metrics import families
from vigie_server.metrics.device_rows import CODE_OF, SINGLE, STATUSES, WAIVED, DeviceRow, RuleNames
from vigie_server.metrics.exposition import Family, number

_SINGLE_FAMILIES: Final = {
    "compliant": families.COMPLIANT,
    "ratio": families.RATIO,
    "clock_skew": families.CLOCK_SKEW,
    "nomadic": families.NOMADIC,
    "missing_since": families.MISSING_SINCE,
    "conflicts": families.CONFLICTS,
    "unknown_since": families.UNKNOWN_SINCE,
}


class Column(Protocol):
    """One family of devices."""

    family: Family

    def differs(self, before: DeviceRow, after: DeviceRow) -> bool:
        """Whether the device's lines may differ."""
        ...

    def lines(self, rows: Sequence[DeviceRow], site: str) -> str:
        """The lines of these devices of one site, whose name is escaped."""
        ...


@dataclass
class Info:
    """The one family that carries names."""

    family: Family = families.INFO

    def differs(self, before: DeviceRow, after: DeviceRow) -> bool:
        return before.hostname != after.hostname or before.described != after.described

    def lines(self, rows: Sequence[DeviceRow], site: str) -> str:
        head, tail = _around(self.family, site)
        return "".join(
            [
                f'{head}{row.label}{tail},hostname="{row.hostname}",{row.described}}} 1\n'
                for row in rows
            ]
        )


@dataclass
class Single:
    """A family with one line a device at most: a place in `DeviceRow.values`."""

    family: Family
    place: int

    def differs(self, before: DeviceRow, after: DeviceRow) -> bool:
        return before.values[self.place] != after.values[self.place]

    def lines(self, rows: Sequence[DeviceRow], site: str) -> str:
        head, tail = _around(self.family, site)
        place = self.place
        return "".join(
            [f"{head}{row.label}{tail}}} {value}\n" for row in rows if (value := row.values[place])]
        )


@dataclass
class State:
    """One line a device that is not active: few, so that the family costs next to nothing."""

    family: Family = families.STATE

    def differs(self, before: DeviceRow, after: DeviceRow) -> bool:
        return before.state != after.state

    def lines(self, rows: Sequence[DeviceRow], site: str) -> str:
        head, tail = _around(self.family, site)
        return "".join(
            [
                f'{head}{row.label}{tail},state="{row.state}"}} 1\n'
                for row in rows
                if row.state != DeviceState.ACTIVE
            ]
        )


@dataclass
class Groups:
    """One line a group that picks the device: none where no groups are declared."""

    family: Family = families.GROUPS

    def differs(self, before: DeviceRow, after: DeviceRow) -> bool:
        return before.groups != after.groups

    def lines(self, rows: Sequence[DeviceRow], site: str) -> str:
        head, tail = _around(self.family, site)
        return "".join(
            [
                f'{head}{row.label}{tail},group="{group}"}} 1\n'
                for row in rows
                for group in row.groups
            ]
        )


@dataclass
class LastReport:
    """Moves with every visit of a device, and nothing else does then."""

    family: Family = families.LAST_REPORT

    def differs(self, before: DeviceRow, after: DeviceRow) -> bool:
        return before.seen != after.seen

    def lines(self, rows: Sequence[DeviceRow], site: str) -> str:
        head, tail = _around(self.family, site)
        return "".join([f"{head}{row.label}{tail}}} {row.seen}\n" for row in rows if row.seen])


@dataclass
class RuleCompliant:
    """One line a rule that passes or fails, or that fails where there are too many devices."""

    names: RuleNames
    failing_only: bool = False
    family: Family = families.RULE_COMPLIANT
    _ends: list[tuple[str, ...]] = field(default_factory=list)

    def differs(self, before: DeviceRow, after: DeviceRow) -> bool:
        return before.statuses != after.statuses

    def lines(self, rows: Sequence[DeviceRow], site: str) -> str:
        ends = self._line_ends()
        head, tail = _around(self.family, site)
        written: list[str] = []
        for row in rows:
            start = f'{head}{row.label}{tail},rule="'
            written += [
                start + end
                for status, of_rule in zip(row.statuses, ends, strict=False)
                if (end := of_rule[status])
            ]
        return "".join(written)

    def show_failing_only(self, only: bool) -> None:  # noqa: FBT001 (the one thing it is about)
        """Which rules are shown from now on: blocks that were written before are to be replaced."""
        self.failing_only = only
        self._ends.clear()

    def _line_ends(self) -> list[tuple[str, ...]]:
        """What follows the start of a line, by rule and status; empty where there is no line."""
        for rule in self.names.names[len(self._ends) :]:
            shown = {WAIVED: "0", CODE_OF[Status.FAIL]: "0"}
            if not self.failing_only:
                shown[CODE_OF[Status.PASS]] = "1"
            self._ends.append(
                tuple(
                    f'{rule}"}} {shown[code]}\n' if code in shown else ""
                    for code in range(len(STATUSES))
                )
            )
        return self._ends


@dataclass
class FailingSince:
    """One line a rule that fails, or failed before it became unknown."""

    names: RuleNames
    family: Family = families.FAILING_SINCE

    def differs(self, before: DeviceRow, after: DeviceRow) -> bool:
        return before.failing != after.failing or before.spared_until != after.spared_until

    def lines(self, rows: Sequence[DeviceRow], site: str) -> str:
        head, tail = _around(self.family, site)
        names = self.names.names
        written: list[str] = []
        for row in rows:
            if row.spared_until is None and row.failing:
                start = f'{head}{row.label}{tail},rule="'
                flat = iter(row.failing)
                written += [
                    f'{start}{names[int(place)]}"}} {number(at)}\n'
                    for place, at in zip(flat, flat, strict=True)
                ]
        return "".join(written)


@dataclass
class Rules:
    """One line a status, zero included, so that a sum over the fleet has no gaps."""

    family: Family = families.RULES

    def differs(self, before: DeviceRow, after: DeviceRow) -> bool:
        return before.statuses != after.statuses

    def lines(self, rows: Sequence[DeviceRow], site: str) -> str:
        head, tail = _around(self.family, site)
        ends = [(code, f',status="{name}"}} ') for code, name in enumerate(STATUSES) if name]
        return "".join(
            [
                f"{head}{row.label}{tail}{end}{row.statuses.count(code)}\n"
                for row in rows
                for code, end in ends
            ]
        )


def columns(names: RuleNames, measures: Sequence[Family]) -> Sequence[Column]:
    """All families of devices in the order in which they are shown."""
    single = {what: place for place, what in enumerate(SINGLE)}
    return (
        Info(),
        *(Single(_SINGLE_FAMILIES[what], single[what]) for what in ("compliant", "ratio")),
        RuleCompliant(names),
        FailingSince(names),
        Rules(),
        *(Single(_SINGLE_FAMILIES[what], single[what]) for what in ("clock_skew", "nomadic")),
        *(Single(family, len(SINGLE) + place) for place, family in enumerate(measures)),
        LastReport(),
        State(),
        *(
            Single(_SINGLE_FAMILIES[what], single[what])
            for what in ("missing_since", "conflicts", "unknown_since")
        ),
        Groups(),
    )


def _around(family: Family, site: str) -> tuple[str, str]:
    """What stands before a device's id in a line, and what follows it."""
    return f'{family.name}{{device="', f'",site="{site}"'
