"""Asset cards: what a person knows of a device and no query sees, field by field."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Final

from vigie_server.domain.declared import Declarations, Said
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.suggesting import folded, meant

TEXT_CHARACTERS: Final = 255
MOST_ROLES: Final = 32
EARLIEST: Final = 1980
LATEST: Final = 2200

Cell = str | tuple[str, ...]
"""A field's value as it is kept: a text, a day in ISO, a word of a list, or roles."""

_ROLE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_BETWEEN_ROLES: Final = re.compile(r"[\s,;|]+")
_FRENCH_DAY: Final = re.compile(r"\A([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})\Z")
_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class CardField:
    """A field: the name that rules see, its names in both languages, and how it is read."""

    declares: str
    fr: str
    en: str
    read: Callable[[str], Cell]

    @property
    def is_day(self) -> bool:
        return self.read is day


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a device, by field; fields that are absent are not known."""

    cells: Mapping[str, Cell] = field(default_factory=dict)

    def with_cells(self, changes: Mapping[str, Cell | None]) -> "Card":
        """With other values; None takes a value away."""
        merged = {**self.cells, **changes}
        return Card({name: cell for name in FIELDS if (cell := merged.get(name))})

    def as_json(self) -> str:
        """By the names that rules see."""
        return json.dumps({FIELDS[name].declares: cell for name, cell in self.cells.items()})

    def declared(self) -> Declarations:
        """As rules see it: days are their first instant, in UNIX seconds."""
        said: dict[str, Said] = {}
        for name, cell in self.cells.items():
            known = FIELDS[name]
            said[known.declares] = _instant(str(cell)) if known.is_day else cell
        if any(name.startswith("asset.") for name in said):
            said["asset.recorded"] = True
        return said


def card_of_json(text: str) -> Card:
    """A stored card. Fields of another version are left out."""
    stored = json.loads(text)
    cells: dict[str, Cell] = {}
    for name, known in FIELDS.items():
        found = stored.get(known.declares)
        if found:
            cells[name] = tuple(found) if isinstance(found, list) else str(found)
    return Card(cells)


def cells_of(given: Mapping[str, object]) -> Mapping[str, Cell | None]:
    """Fields as somebody gave them: texts, a list of roles, None to take away.

    Raises DeclarationRefused, naming the field.
    """
    cells: dict[str, Cell | None] = {}
    for name, value in given.items():
        if name not in FIELDS:
            raise DeclarationRefused(
                f"an asset card has no field `{name}`{meant(name, FIELDS)} "
                f"(it has {', '.join(FIELDS)})"
            )
        if isinstance(value, list | tuple) and all(isinstance(role, str) for role in value):
            value = " ".join(value)  # noqa: PLW2901 (the same thing, as it is typed)
        if value is not None and not isinstance(value, str):
            raise DeclarationRefused(f"`{name}` of an asset card is a text")
        try:
            cells[name] = FIELDS[name].read(value) if value and value.strip() else None
        except ValueError as error:
            raise DeclarationRefused(f"`{name}`: {error}") from error
    return cells


def day(text: str) -> str:
    """The day in ISO of `2026-03-01` or `01/03/2026`. Raises ValueError."""
    given = text.strip()
    iso = _FRENCH_DAY.sub(lambda found: f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}", given)
    try:
        found = date.fromisoformat(iso if _ISO_DAY.fullmatch(iso) else "")
    except ValueError as error:
        raise ValueError(
            f"{given!r} is not a day: write 2026-03-01 or 01/03/2026 (day, month, year)"
        ) from error
    if not EARLIEST <= found.year <= LATEST:
        raise ValueError(f"the year {found.year} is not likely: check the day")
    return found.isoformat()


def _text(text: str) -> str:
    kept = " ".join(text.split())
    if len(kept) > TEXT_CHARACTERS or not kept.isprintable():
        raise ValueError(f"write at most {TEXT_CHARACTERS} printable characters")
    return kept


def _roles(text: str) -> tuple[str, ...]:
    roles = tuple(dict.fromkeys(filter(None, _BETWEEN_ROLES.split(text.strip().lower()))))
    for role in roles:
        if _ROLE.fullmatch(role) is None:
            raise ValueError(f"{role!r} is not a role such as stores-data")
    if len(roles) > MOST_ROLES:
        raise ValueError(f"a device has at most {MOST_ROLES} roles")
    return roles


def _one_of(words: Mapping[str, tuple[str, ...]]) -> Callable[[str], str]:
    known = {folded(said): word for word, others in words.items() for said in (word, *others)}

    def read(text: str) -> str:
        found = known.get(folded(text))
        if found is None:
            told = ", ".join(f"{word} ({others[0]})" for word, others in words.items())
            raise ValueError(f"{text.strip()!r} is none of {told}{meant(text, known)}")
        return found

    return read


_WORDS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "usage": {
        "dedicated": ("dédié", "dédiée", "individuel", "individuelle"),
        "shared": ("partagé", "partagée"),
    },
    "owner": {
        "facility": ("établissement", "structure"),
        "personal": ("personnel", "personnelle"),
    },
}
"""Fields of a few words: what is kept, and how people say it, the usual French first."""

FIELDS: Final[Mapping[str, CardField]] = {
    "supplier": CardField("asset.supplier", "Fournisseur", "Supplier", _text),
    "purchased_at": CardField("asset.purchased_at", "Date d'achat", "Purchased on", day),
    "place": CardField("asset.place", "Lieu d'utilisation", "Place of use", _text),
    "usage": CardField("asset.usage", "Usage", "Usage", _one_of(_WORDS["usage"])),
    "warranty_ends_at": CardField(
        "asset.warranty_ends_at", "Fin de garantie", "End of warranty", day
    ),
    "maintenance_contract": CardField(
        "asset.maintenance_contract", "Contrat de maintenance", "Maintenance contract", _text
    ),
    "renewal_planned_at": CardField(
        "asset.renewal_planned_at", "Renouvellement prévu", "Renewal planned on", day
    ),
    "last_maintenance_at": CardField(
        "asset.last_maintenance_at", "Dernière maintenance", "Last maintenance", day
    ),
    "owner": CardField("asset.owner", "Propriétaire", "Owner", _one_of(_WORDS["owner"])),
    "roles": CardField("device.roles", "Rôles", "Roles", _roles),
}
"""By the name used in the API and in files."""


def _instant(iso: str) -> int:
    return int(datetime.combine(date.fromisoformat(iso), time(), tzinfo=UTC).timestamp())


def cell_in(language: str, name: str, cell: Cell) -> str:
    """The cell of a field as people of the language read and write it."""
    if isinstance(cell, tuple):
        return " ".join(cell)
    others = _WORDS.get(name, {}).get(cell, ())
    return others[0] if others and language == "fr" else cell
