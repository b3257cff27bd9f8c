"""Waivers: a person accepted the risk of a rule's fail, on devices listed one by one, until a day.

A waiver is an overlay. It never changes a verdict: the rule goes on failing underneath, with its
transitions. What it accepts are the rows that decided when it was granted, by their key columns. A
row that is not among them reopens it for that device, for good: what was accepted was another risk.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vigie_server.domain.attesting import LONGEST_TEXT, months_after
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.facts import FactRow
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.suggesting import meant
from vigie_server.domain.verdicts import Status, Verdict

MOST_DEVICES: Final = 1000


@dataclass(frozen=True, slots=True)
class Waiver:
    """A waiver as one device is under it. `rows` hold the key columns of what it accepts."""

    key: int
    rule: str
    rows: tuple[FactRow, ...]
    expires_at: datetime

    def covers(self, offending: Sequence[FactRow]) -> bool:
        """Whether each row is one of those accepted, whatever its other columns have become.

        A fail that no row decided is another one than a fail of accepted rows: what was there and
        wrong may be gone altogether.
        """
        if not offending:
            return not self.rows
        return all(self._accepts(row) for row in offending)

    def _accepts(self, row: FactRow) -> bool:
        return any(
            all(column in row and row[column] == cell for column, cell in accepted.items())
            for accepted in self.rows
        )


@dataclass(frozen=True, slots=True)
class Overlay:
    """What the waivers of a rule make of its verdict on a device.

    `until` is when the overlay can change without evidence. `reopened` are the waivers that this
    verdict ends for the device, `left` those that go on.
    """

    waived: bool = False
    until: datetime | None = None
    reopened: tuple[Waiver, ...] = ()
    left: tuple[Waiver, ...] = ()


NO_OVERLAY: Final = Overlay()


def overlay(
    waivers: Sequence[Waiver], verdict: Verdict, *, was_waived: bool, now: datetime
) -> Overlay:
    """What the rule's waivers come to under its new verdict.

    A fail is waived while one waiver in force covers each of its rows. Silence reopens nothing: an
    unknown after a waived fail stays under the waiver. A pass leaves the waiver for the same rows,
    should they come back.
    """
    in_force = [waiver for waiver in waivers if now < waiver.expires_at]
    if not in_force:
        return NO_OVERLAY
    until = min(waiver.expires_at for waiver in in_force)
    match verdict.status:
        case Status.FAIL:
            covering = [waiver for waiver in in_force if waiver.covers(verdict.offending)]
            reopened = tuple(waiver for waiver in in_force if waiver not in covering)
            return Overlay(
                waived=bool(covering),
                until=min((waiver.expires_at for waiver in covering), default=None),
                reopened=reopened,
                left=tuple(covering),
            )
        case Status.UNKNOWN:
            return Overlay(was_waived, until if was_waived else None, (), tuple(in_force))
        case Status.PASS | Status.NOT_APPLICABLE:
            return Overlay(left=tuple(in_force))


def accepted_rows(
    offending: Sequence[FactRow], keys: Collection[str], *, row_limit: int
) -> tuple[FactRow, ...]:
    """What a waiver is bound to: the key columns of the rows that decide now.

    Raises DeclarationRefused where a verdict may hold fewer rows than decided: a waiver cannot
    accept what nobody was shown.
    """
    if len(offending) >= row_limit:
        raise DeclarationRefused(
            f"{row_limit} rows or more decide: a waiver cannot name them all, mend some first"
        )
    bound = []
    for row in offending:
        named = {column: cell for column, cell in row.items() if column in keys}
        bound.append(named or dict(row))
    return tuple(bound)


@dataclass(frozen=True, slots=True)
class RowKeys:
    """How the rows of a rule's verdicts are told apart, and how many a verdict holds."""

    columns: frozenset[str]
    row_limit: int


def row_keys(catalogue: Catalogue, rule_id: str) -> RowKeys:
    """Of a rule in force. Raises DeclarationRefused, with the nearest id there is."""
    rule = catalogue.rules.get(rule_id)
    if rule is None:
        raise DeclarationRefused(
            "waivers are of what devices fail, listed one by one; rules of a site and on mail have "
            f"none: there is no rule of devices {rule_id}{meant(rule_id, catalogue.rules)}"
        )
    keys = {key for topic in rule.reads for key in catalogue.topics[topic].keys}
    return RowKeys(frozenset(keys | {"part"}), rule.row_limit)


@dataclass(frozen=True, slots=True)
class NewWaiver:
    """What a person asks to be accepted, and who approves it."""

    rule: str
    devices: tuple[str, ...]
    reason: str
    author: str
    approver: str
    expires_at: datetime | None = None


def checked(given: NewWaiver, *, now: datetime, months: int) -> NewWaiver:
    """The waiver as it is recorded, with its end. Raises DeclarationRefused."""
    for name, text in (
        ("reason", given.reason),
        ("author", given.author),
        ("approver", given.approver),
    ):
        if not text.strip():
            raise DeclarationRefused(f"{name}: must be given")
        if len(text) > LONGEST_TEXT:
            raise DeclarationRefused(f"{name}: at most {LONGEST_TEXT} characters")
    if same_person(given.author, given.approver):
        raise DeclarationRefused("approver: must not be the author")
    devices = tuple(dict.fromkeys(given.devices))
    if not 1 <= len(devices) <= MOST_DEVICES:
        raise DeclarationRefused(f"devices: list 1 to {MOST_DEVICES} of them")
    latest = months_after(now, months)
    expires_at = given.expires_at or latest
    if not now < expires_at <= latest:
        raise DeclarationRefused(
            f"expires_at: after now and by {latest:%Y-%m-%d} ({months} months at most)"
        )
    return NewWaiver(
        rule=given.rule,
        devices=devices,
        reason=given.reason.strip(),
        author=given.author.strip(),
        approver=given.approver.strip(),
        expires_at=expires_at,
    )


def same_person(one: str, other: str) -> bool:
    """Whether two names are one, however they are spaced or capitalised."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()
