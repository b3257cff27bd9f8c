"""Verdicts as they came from the store, each read when it is first asked for: most never are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from datetime import datetime
from typing import Final, Generic, TypeVar

from vigie_server.domain.records import HeldVerdict
from vigie_server.domain.standing import says_the_same
from vigie_server.domain.verdicts import Status, Verdict

Row = TypeVar("Row")


class UnreadVerdicts(MutableMapping[str, HeldVerdict], Generic[Row]):
    """Verdicts by rule. `read` gives that of a row, `standings` of each row what it comes to.

    `glimpse` gives its status and when it is to be looked at again, `unlike` of the verdicts said
    now those of which not `says_the_same` holds of their rule's row, or that have none. `rows`
    becomes its own. They may hold no more than these need (`glimpses`): then `read_in_full` comes
    before a verdict is asked for.
    """

    __slots__ = ("_glimpse", "_glimpses", "_read", "_reader", "_rows", "_standings", "_unlike")

    def __init__(
        self,
        rows: dict[str, Row],
        read: Callable[[Row], HeldVerdict],
        standings: Callable[[Mapping[str, Row]], list[tuple[str, Status, bool]]],
        glimpse: Callable[[Row], tuple[Status, datetime | None]],
        unlike: Callable[[Mapping[str, Row], Iterable[Verdict], datetime], list[Verdict]],
        *,
        glimpses: bool = False,
    ) -> None:
        self._rows: Final = rows
        self._reader: Final = read
        self._standings: Final = standings
        self._glimpse: Final = glimpse
        self._unlike: Final = unlike
        self._read: Final[dict[str, HeldVerdict]] = {}
        self._glimpses = glimpses

    @property
    def in_full(self) -> bool:
        """Whether every verdict can be asked for."""
        return not (self._glimpses and self._rows)

    def read_in_full(self, rows: Mapping[str, Row]) -> None:
        """Takes the whole rows of verdicts that were not read yet.

        One that is not among them any more is gone with its device's revision.
        """
        for rule in list(self._rows):
            if rule in rows:
                self._rows[rule] = rows[rule]
            else:
                del self._rows[rule]
        self._glimpses = False

    def __getitem__(self, rule: str) -> HeldVerdict:
        found = self._read.get(rule)
        if found is None:
            if self._glimpses and rule in self._rows:
                raise RuntimeError(f"the verdict of {rule} was not read in full")
            found = self._read[rule] = self._reader(self._rows.pop(rule))
        return found

    def __setitem__(self, rule: str, held: HeldVerdict) -> None:
        self._rows.pop(rule, None)
        self._read[rule] = held

    def __delitem__(self, rule: str) -> None:
        if self._rows.pop(rule, None) is None:
            del self._read[rule]

    def __iter__(self) -> Iterator[str]:
        yield from (*self._rows, *self._read)

    def __len__(self) -> int:
        return len(self._rows) + len(self._read)

    def glimpse(self, rule: str) -> tuple[Status, datetime | None] | None:
        """What a rule comes to and when it is looked at again. Nothing more is read."""
        row = self._rows.get(rule)
        if row is None:
            return _glimpse(self._read.get(rule))
        return self._glimpse(row)

    def not_standing(self, said: Iterable[Verdict], now: datetime) -> list[Verdict]:
        """Of these, those for which not `says_the_same` holds of what their rules have.

        Nothing is read of what stands. One call for all of a device, as a fleet has millions.
        """
        rows, read = self._rows, self._read
        found = self._unlike(rows, said, now)
        if not read:
            return found
        return [
            verdict
            for verdict in found
            if verdict.rule in rows
            or (held := read.get(verdict.rule)) is None
            or not says_the_same(held, verdict, now=now)
        ]

    def standings(self) -> Iterable[tuple[str, Status, bool]]:
        """Of each rule what it comes to, and whether that is waived. Nothing more is read."""
        return self._standings(self._rows) + _standings(self._read)


def standings(verdicts: Mapping[str, HeldVerdict]) -> Iterable[tuple[str, Status, bool]]:
    """Of each rule what it comes to, and whether that is waived."""
    return verdicts.standings() if isinstance(verdicts, UnreadVerdicts) else _standings(verdicts)


def not_standing(
    verdicts: Mapping[str, HeldVerdict], said: Iterable[Verdict], now: datetime
) -> list[Verdict]:
    """Of these, those whose rule has no verdict that says the same: the others need no writing.

    For devices without waivers.
    """
    if isinstance(verdicts, UnreadVerdicts):
        return verdicts.not_standing(said, now)
    return [
        verdict
        for verdict in said
        if (held := verdicts.get(verdict.rule)) is None or not says_the_same(held, verdict, now=now)
    ]


def in_full(verdicts: Mapping[str, HeldVerdict]) -> bool:
    """Whether every verdict can be asked for, so that `not_standing` misses none that stands."""
    return not isinstance(verdicts, UnreadVerdicts) or verdicts.in_full


def glimpse(
    verdicts: Mapping[str, HeldVerdict], rule: str
) -> tuple[Status, datetime | None] | None:
    """What a rule comes to and when it is looked at again; None where it has no verdict."""
    if isinstance(verdicts, UnreadVerdicts):
        return verdicts.glimpse(rule)
    return _glimpse(verdicts.get(rule))


def _glimpse(held: HeldVerdict | None) -> tuple[Status, datetime | None] | None:
    return None if held is None else (held.verdict.status, held.next_check_at)


def _standings(verdicts: Mapping[str, HeldVerdict]) -> list[tuple[str, Status, bool]]:
    return [(rule, held.verdict.status, held.waived) for rule, held in verdicts.items()]
