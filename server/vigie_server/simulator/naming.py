"""What tells simulated devices apart: their names, serial numbers, and the accounts of people."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final
from uuid import UUID

from vigie_server.simulator.chance import bytes_of, draws, weighted
from vigie_server.simulator.recorded import Recording, Row, Rows

PLACES: Final = (
    "ACCUEIL",
    "INFIRMERIE",
    "DIRECTION",
    "COMPTABILITE",
    "CUISINE",
    "UNITE-PROTEGEE",
    "KINE",
    "PSYCHOLOGUE",
    "VEILLEURS",
    "EDUCATEURS",
)
"""Where devices of a care home stand; a simulated device is named after one."""

SHARES: Final[Mapping[str, float]] = {"windows": 0.85, "linux": 0.08, "darwin": 0.07}
"""Platforms in a facility: Windows above all."""

_SURNAMES: Final = (  # noqa: SIM905 (one a line would fill a page)
    "arnaud barbier benoit bertin blanc boyer brun carpentier chevalier colin collet "
    "cordier denis dumas fabre faure gaillard gautier gerard giraud guerin hamel henry "
    "jacquet joly lacroix lambert leclerc leroux mallet marchand masson mercier michel "
    "morel noel olivier perrin philippe picard poirier prevost renard renaud roche rolland "
    "roussel royer schmitt texier valentin vidal voisin weber "
).split()
_PERSON: Final = re.compile(r"\w\.\w+")
_OWN_COLUMNS: Final = frozenset({"hostname", "hardware_serial", "hardware_uuid"})


@dataclass(frozen=True, slots=True)
class Names:
    """What a device calls itself, and `seed`, from which the accounts of its people come."""

    hostname: str
    serial: str
    uuid: str
    seed: int


def names_of(seed: int, number: int) -> Names:
    """The names of the fleet's device of this number."""
    return Names(
        hostname=f"{PLACES[number % len(PLACES)]}-{number:03d}",
        serial=f"SIM{number:06d}",
        uuid=str(UUID(bytes=bytes_of(16, "uuid", seed, number))),
        seed=int.from_bytes(bytes_of(6, "people", seed, number), "big"),
    )


def recording_of(recordings: Sequence[Recording], seed: int, number: int) -> int:
    """Which recording the fleet's device of this number shows, as an index.

    The first devices show each recording once; the others follow `SHARES`.
    """
    if number < len(recordings):
        return number
    platforms = _by_platform(tuple(recording.platform for recording in recordings))
    first, second, *_ = draws("recording", seed, number)
    of_platform = platforms[weighted([SHARES.get(name, 0.1) for name, _ in platforms], first)][1]
    return of_platform[int(second * len(of_platform))]


@cache
def _by_platform(platforms: tuple[str, ...]) -> Sequence[tuple[str, Sequence[int]]]:
    """Each platform with the recordings of it, as indexes."""
    return [
        (name, [index for index, platform in enumerate(platforms) if platform == name])
        for name in sorted(set(platforms))
    ]


def people_of(recording: Recording) -> tuple[str, ...]:
    """The accounts in a recording that are people's: an initial, a dot and a surname."""
    rows = recording.topics.get("accounts", ())
    found = {row["username"] for row in rows if _PERSON.fullmatch(row.get("username", ""))}
    return tuple(sorted(found))


def is_personal(rows: Rows, people: Sequence[str]) -> bool:
    """Whether these rows name the device or its people: they are then its own alone."""
    mention = _mention(tuple(people))
    return any(
        value and (name in _OWN_COLUMNS or (mention is not None and mention.search(value)))
        for row in rows
        for name, value in row.items()
    )


def renamed(rows: Rows, names: Names, people: Sequence[str]) -> list[Row]:
    """The rows as this device would say them: its names, and other people's accounts."""
    own = {
        "hostname": names.hostname,
        "hardware_serial": names.serial,
        "hardware_uuid": names.uuid,
    }
    mention = _mention(tuple(people))
    others = dict(zip(people, _others(names.seed, people), strict=True))

    def said(column: str, value: str) -> str:
        if column in own and value:
            return own[column]
        if mention is None or "." not in value:
            return value
        return mention.sub(lambda found: others[found.group()], value)

    return [{column: said(column, value) for column, value in row.items()} for row in rows]


def _others(seed: int, people: Sequence[str]) -> list[str]:
    """Somebody else for each of them, with the same initial: lists stay in the same order."""
    taken = set[int]()
    for index in range(len(people)):
        place = int(draws("somebody", seed, index)[0] * len(_SURNAMES))
        while place in taken:
            place = (place + 1) % len(_SURNAMES)
        taken.add(place)
    surnames = [_SURNAMES[place] for place in sorted(taken)]
    return [f"{person[0]}.{other}" for person, other in zip(people, surnames, strict=True)]


@cache
def _mention(people: tuple[str, ...]) -> re.Pattern[str] | None:
    if not people:
        return None
    return re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, people))})(?![\w-])")


Words = tuple[str, ...]
"""The words that tell a device apart, as JSON has them; all devices of a recording have as many."""


def words_of(names: Names, people: Sequence[str]) -> Words:
    """The device's names, then the accounts of its people."""
    words = (names.hostname, names.serial, names.uuid, *_others(names.seed, people))
    return tuple(json.dumps(word)[1:-1] for word in words)


def replaced(text: str, words: Words, others: Words) -> str:
    """The JSON about one device as it would be about another."""
    for word, other in zip(words, others, strict=True):
        if word in text:
            text = text.replace(word, other)
    return text
