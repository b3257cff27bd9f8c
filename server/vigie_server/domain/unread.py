"""Verdicts as they came from the store, each read when it is first asked for: most never are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeVar

from vigie_server.domain.records import HeldVerdict
from vigie_server.domain.standing import says_the_same
from vigie_server.domain.verdicts import Status, Verdict

Row = TypeVar("Row")


class Glance(Protocol):
    """What all verdicts of a device come to together: it tells whether every one of them stands."""

    @property
    def rules(self) -> Sequence[str]: ...

    def stands(self, said: Sequence[Verdict], now: datetime) -> bool:
        """Whether it is known that `says_the_same` holds of these, and that there are no others."""
        ...


class UnreadVerdicts(MutableMapping[str, HeldVerdict], Generic[Row]):
    """Verdicts by rule. `read` gives that of a row, `standings` of each row what it comes to.

    `glimpse` gives its status and when it is to be looked at again, `unlike` of the verdicts said
    now those of which not `says_the_same` holds of their rule's row, or that have none. `rows`
    becomes its own. They may hold no more than these need (`glimpses`), or there may be none but a
    `glance` at all of them: then `read_in_full` comes before a verdict is asked for.
    """

    __slots__ = (
        "_glance",
        "_glimpse",
        "_glimpses",
        "_read",
        "_reader",
        "_rows",
        "_standings",
        "_stood",
        "_unlike",
    )

    def __init__(
        self,
        rows: dict[str, Row],
        read: Callable[[Row], HeldVerdict],
        standings: Callable[[Mapping[str, Row]], list[tuple[str, Status, bool]]],
        glimpse: Callable[[Row], tuple[Status, datetime | None]],
        unlike: Callable[[Mapping[str, Row], Iterable[Verdict], datetime], list[Verdict]],
        *,
        glimpses: bool = False,
        glance: Glance | None = None,
    ) -> None:
        self._rows: Final = rows
        self._reader: Final = read
        self._standings: Final = standings
        self._glimpse: Final = glimpse
        self._unlike: Final = unlike
        self._read: Final[dict[str, HeldVerdict]] = {}
        self._glimpses = glimpses
        self._glance = glance
        self._stood: Sequence[Verdict] | None = None
        """What was said last, where it is known by the glance that it stands."""

    @property
    def in_full(self) -> bool:
        """Whether every verdict can be asked for."""
        return self._glance is None and not (self._glimpses and self._rows)

    @property
    def is_countable(self) -> bool:
        """Whether `standings` is known."""
        return self._glance is None or self._stood is not None

    def read_in_full(self, rows: Mapping[str, Row]) -> None:
        """Takes the whole rows of verdicts that were not read yet.

        One that is not among them any more is gone with its device's revision.
        """
        if self._glance is not None:
            self._glance = self._stood = None
            self._rows.update(rows)
        for rule in list(self._rows):
            if rule in rows:
                self._rows[rule] = rows[rule]
            else:
                del self._rows[rule]
        self._glimpses = False

    def __getitem__(self, rule: str) -> HeldVerdict:
        found = self._read.get(rule)
        if found is None:
            if self._glance is not None or (self._glimpses and rule in self._rows):
                raise RuntimeError(f"the verdict of {rule} was not read in full")
            found = self._read[rule] = self._reader(self._rows.pop(rule))
        return found

    def get(self, rule: str, default: Any = None) -> Any:  # the Mapping's asks twice
        found = self._read.get(rule)
        if found is not None:
            return found
        return self[rule] if rule in self._rows or self._glance is not None else default

    def __setitem__(self, rule: str, held: HeldVerdict) -> None:
        self._refuse_unread()
        self._rows.pop(rule, None)
        self._read[rule] = held

    def __delitem__(self, rule: str) -> None:
        self._refuse_unread()
        if self._rows.pop(rule, None) is None:
            del self._read[rule]

    def __iter__(self) -> Iterator[str]:
        yield from (*self._rows, *self._read) if self._glance is None else self._glance.rules

    def __len__(self) -> int:
        if self._glance is not None:
            return len(self._glance.rules)
        return len(self._rows) + len(self._read)

    def _refuse_unread(self) -> None:
        if self._glance is not None:
            raise RuntimeError("the verdicts were not read in full")

    def glimpse(self, rule: str) -> tuple[Status, datetime | None] | None:
        """What a rule comes to and when it is looked at again. Nothing more is read.

        None where there is no verdict, or nothing but a glance at all of them.
        """
        row = self._rows.get(rule)
        if row is None:
            return _glimpse(self._read.get(rule))
        return self._glimpse(row)

    def not_standing(self, said: Sequence[Verdict], now: datetime) -> Sequence[Verdict]:
        """Of these, those for which not `says_the_same` holds of what their rules have.

        Nothing is read of what stands. One call for all of a device, as a fleet has millions. By a
        glance, all or none of them.
        """
        if self._glance is not None:
            self._stood = said if self._glance.stands(said, now) else None
            return said if self._stood is None else ()
        rows, read = self._rows, self._read
        found = self._unlike(rows, said, now) if rows else said
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
        if self._stood is not None:
            return [(verdict.rule, verdict.status, False) for verdict in self._stood]
        self._refuse_unread()
        return self._standings(self._rows) + _standings(self._read)


def standings(verdicts: Mapping[str, HeldVerdict]) -> Iterable[tuple[str, Status, bool]]:
    """Of each rule what it comes to, and whether that is waived."""
    return verdicts.standings() if isinstance(verdicts, UnreadVerdicts) else _standings(verdicts)


def not_standing(
    verdicts: Mapping[str, HeldVerdict], said: Sequence[Verdict], now: datetime
) -> Sequence[Verdict]:
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


def is_countable(verdicts: Mapping[str, HeldVerdict]) -> bool:
    """Whether `standings` is known."""
    return not isinstance(verdicts, UnreadVerdicts) or verdicts.is_countable


def glimpse(
    verdicts: Mapping[str, HeldVerdict], rule: str
) -> tuple[Status, datetime | None] | None:
    """What a rule comes to and when it is looked at again; None where that is not at hand."""
    if isinstance(verdicts, UnreadVerdicts):
        return verdicts.glimpse(rule)
    return _glimpse(verdicts.get(rule))


def _glimpse(held: HeldVerdict | None) -> tuple[Status, datetime | None] | None:
    return None if held is None else (held.verdict.status, held.next_check_at)


def _standings(verdicts: Mapping[str, HeldVerdict]) -> list[tuple[str, Status, bool]]:
    return [(rule, held.verdict.status, held.waived) for rule, held in verdicts.items()]
