"""What a person can attest of a site, as data, and what a given attestation must hold.

`queries/guide/attestations/q<NN>.yaml`, one file a question of the guide: `question` and
`attestations`, a list. Unknown keys are refused, with file and line. An item:

`id`             the catalogue's, e.g. `Q02-restore-test`
`title`          what is attested (fr, en, as every text)
`do`, `proof`    what to do to be able to attest it, and which document proves it
`level`          the maturity level it is a condition of, 1 to 4; absent: of none
`of`             the question that level is of, where it is another one
`months`         how long it holds, where it is not 12 months
`value`          `kind` and `about`, where it carries one: `days` (a span), `count`, `percent` (a
                 whole number of 0 to 100) or `yes_no`
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from vigie_server.domain.documents import Section, Texts, read_document
from vigie_server.domain.errors import DeclarationRefused, RulesMalformed
from vigie_server.domain.suggesting import meant

DEFAULT_MONTHS: Final = 12
LONGEST_TEXT: Final = 2000
MOST_DAYS: Final = 3660

_ID: Final = re.compile(r"Q(0[1-9]|1[0-3])-[a-z0-9]+(-[a-z0-9]+)*")
_HIGHEST_LEVEL: Final = 4
_LAST_QUESTION: Final = 13
_MONTHS_A_YEAR: Final = 12
_SHORTEST_MONTH: Final = 28
_KEYS: Final = ("id", "title", "do", "proof", "level", "of", "months", "value")

AttestedValue = int | str | None
"""What an attestation carries: a whole number, `yes` or `no`, or nothing."""


class Outcome(StrEnum):
    """What a person found. `not_applicable` is "sans objet", and wants a reason."""

    HELD = "held"
    NOT_HELD = "not_held"
    NOT_APPLICABLE = "not_applicable"


class ValueKind(StrEnum):
    """What an item carries beside its outcome."""

    DAYS = "days"
    COUNT = "count"
    PERCENT = "percent"
    YES_NO = "yes_no"


BOUNDS: Final[Mapping[ValueKind, tuple[int, int]]] = {
    ValueKind.DAYS: (1, MOST_DAYS),
    ValueKind.PERCENT: (0, 100),
    ValueKind.COUNT: (0, 1_000_000),
}
"""The least and the most of the numbers that items carry."""


@dataclass(frozen=True, slots=True)
class AttestedItem:
    """One thing that can be attested. `level` is a condition of question `level_of`."""

    id: str
    question: int
    title: Texts
    to_do: Texts
    proof: Texts
    level: int | None
    level_of: int
    months: int
    value: ValueKind | None
    value_about: Texts | None

    def expiry(self, at: datetime) -> datetime:
        """Until when an attestation of this moment holds, unless its author says earlier."""
        return months_after(at, self.months)


@dataclass(frozen=True, slots=True)
class NewAttestation:
    """What a person attests. `group` is the name of a group of devices, None for the site."""

    item: str
    outcome: Outcome
    author: str
    value: AttestedValue = None
    reason: str = ""
    document: str = ""
    group: str | None = None
    expires_at: datetime | None = None


class AttestationCatalogue:
    """Every item by its id.

    `rules` are measured: nobody attests them, and a person may say that one does not apply to a
    site. A level asks for it where no device is there that the rule applies to.
    """

    def __init__(
        self, items: Mapping[str, AttestedItem], rules: frozenset[str] = frozenset()
    ) -> None:
        self.items: Final = items
        self.rules: Final = rules

    def item(self, item_id: str) -> AttestedItem:
        """Raises DeclarationRefused, with the nearest id there is."""
        found = self.items.get(item_id)
        if found is None:
            hint = meant(item_id, self.items)
            raise DeclarationRefused(f"there is no attestation {item_id}{hint}")
        return found

    def known(self, item_id: str) -> None:
        """Raises DeclarationRefused where nothing can be said of it."""
        if item_id not in self.rules:
            self.item(item_id)

    def checked(self, given: NewAttestation, *, now: datetime) -> NewAttestation:
        """The attestation as it is recorded, with its expiry. Raises DeclarationRefused."""
        item = None if given.item in self.rules else self.item(given.item)
        if item is None and (
            given.outcome is not Outcome.NOT_APPLICABLE or given.value is not None
        ):
            raise DeclarationRefused(
                f"outcome: {given.item} is measured; a person may only say not_applicable of it"
            )
        for name, text in (
            ("author", given.author),
            ("reason", given.reason),
            ("document", given.document),
        ):
            if len(text) > LONGEST_TEXT:
                raise DeclarationRefused(f"{name}: at most {LONGEST_TEXT} characters")
        if not given.author.strip():
            raise DeclarationRefused("author: who attests must be named")
        if given.outcome is Outcome.NOT_APPLICABLE and not given.reason.strip():
            raise DeclarationRefused("reason: not applicable needs a reason")
        months = DEFAULT_MONTHS if item is None else item.months
        latest = months_after(now, months)
        expires_at = given.expires_at or latest
        if not now < expires_at <= latest:
            raise DeclarationRefused(
                f"expires_at: after now and by {latest:%Y-%m-%d} ({months} months)"
            )
        return NewAttestation(
            item=given.item,
            outcome=given.outcome,
            author=given.author.strip(),
            value=None if item is None else _value(item, given),
            reason=given.reason.strip(),
            document=given.document.strip(),
            group=given.group,
            expires_at=expires_at,
        )


def months_after(at: datetime, months: int) -> datetime:
    """The same day and hour so many months later; the month's last day where it is shorter."""
    total = at.month - 1 + months
    year, month = at.year + total // _MONTHS_A_YEAR, total % _MONTHS_A_YEAR + 1
    day = at.day
    while True:
        try:
            return at.replace(year=year, month=month, day=day)
        except ValueError:
            if day <= _SHORTEST_MONTH:  # the year 9999 is where datetime ends
                return datetime.max.replace(tzinfo=UTC)
            day -= 1


def _value(item: AttestedItem, given: NewAttestation) -> AttestedValue:
    value = None if isinstance(given.value, bool) else given.value  # a flag is no number
    if item.value is None or given.outcome is not Outcome.HELD:
        if given.value is not None:
            raise DeclarationRefused(f"value: {item.id} carries none here")
        return None
    match item.value, value:
        case ValueKind.YES_NO, "yes" | "no":
            return value
        case kind, int() if kind in BOUNDS and BOUNDS[kind][0] <= value <= BOUNDS[kind][1]:
            return value
    wanted = {
        ValueKind.YES_NO: "yes or no",
        ValueKind.DAYS: f"a number of days, 1 to {MOST_DAYS}",
        ValueKind.PERCENT: "a whole number of 0 to 100",
        ValueKind.COUNT: "a whole number",
    }
    raise DeclarationRefused(f"value: {item.id} carries {wanted[item.value]}")


def load_attestations(folder: Path, *, rules: frozenset[str] = frozenset()) -> AttestationCatalogue:
    """The items of a folder. Raises RulesMalformed, naming file, line and key."""
    items: dict[str, AttestedItem] = {}
    for path in sorted(folder.glob("*.yaml")):
        document = read_document(path)
        question = document.whole("question")
        if path.stem != f"q{question:02}":
            raise document.wrong(f"does not belong to {path.name}", "question")
        for section in document.sections("attestations"):
            item = _read_item(section, question)
            if item.id in items:
                raise section.wrong("is there twice", "id")
            items[item.id] = item
        document.close()
    if not items:
        raise RulesMalformed(f"{folder.name}: it holds no attestation")
    return AttestationCatalogue(items, rules)


def _read_item(section: Section, question: int) -> AttestedItem:
    _refuse_unknown(section)
    item_id = section.text("id")
    if _ID.fullmatch(item_id) is None or int(item_id[1:3]) != question:
        raise section.wrong("must be the catalogue's, of this question", "id")
    level = section.whole("level") if "level" in section else None
    if level is not None and not 1 <= level <= _HIGHEST_LEVEL:
        raise section.wrong("must be 1 to 4", "level")
    level_of = section.whole("of", question)
    if not 1 <= level_of <= _LAST_QUESTION or ("of" in section and level is None):
        raise section.wrong("must be the question of `level`", "of")
    months = section.whole("months", DEFAULT_MONTHS)
    if not 1 <= months <= DEFAULT_MONTHS:
        raise section.wrong("must be 1 to 12", "months")
    kind, about = _read_value(section)
    item = AttestedItem(
        id=item_id,
        question=question,
        title=section.both_languages("title"),
        to_do=section.both_languages("do"),
        proof=section.both_languages("proof"),
        level=level,
        level_of=level_of,
        months=months,
        value=kind,
        value_about=about,
    )
    section.close()
    return item


def _read_value(section: Section) -> tuple[ValueKind | None, Texts | None]:
    if "value" not in section:
        return None, None
    value = section.section("value")
    kind = ValueKind(value.choice("kind", frozenset(ValueKind)))
    about = value.both_languages("about")
    value.close()
    return kind, about


def _refuse_unknown(section: Section) -> None:
    for key in section.keys():  # noqa: SIM118 (a Section is not a mapping)
        if key not in _KEYS:
            raise section.wrong(f"is not a key of an attestation{meant(key, _KEYS)}", key)
