"""What the server refuses, in the reader's language.

Refusals are English where they are raised, for programs and the command line. Here they are told
in French, by the file `words/refusals.yaml`; what is not there is told as it is, and marked as
English.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from vigie_server.console.presenters.phrases import Phrases

ENGLISH: Final = "en"
FILE: Final = Path(__file__).parents[1] / "words" / "refusals.yaml"

_MEANT: Final = re.compile(r": did you mean `(?P<name>[^`]*)`\?")
_MEANT_FRENCH: Final = " (vouliez-vous dire «\u00a0{}\u00a0»\u202f?)"
_DAY: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


@dataclass(frozen=True, slots=True)
class FaultSeen:
    """What is wrong in a row of a file. `language` is that of `problem`."""

    line: int | str
    column: int | str
    problem: str
    language: str


@cache
def french() -> Mapping[str, str]:
    """Every refusal that is known, with `{}` for what it names, and how it is told in French."""
    read: Mapping[str, str] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return read


def in_french(refusal: str) -> str | None:
    """What is refused, in French; None where nobody has put it so."""
    found = _MEANT.search(refusal)
    if found is None:
        return _phrases()(refusal)
    told = _phrases()(refusal[: found.start()] + refusal[found.end() :])
    return None if told is None else told + _MEANT_FRENCH.format(found["name"])


def told(refusal: str, language: str) -> tuple[str, str]:
    """What is refused in this language, or else in English, and which of them it is."""
    found = None if language == ENGLISH else in_french(refusal)
    return (refusal, ENGLISH) if found is None else (found, language)


def faults_seen(faults: Sequence[Mapping[str, str | int]], language: str) -> Sequence[FaultSeen]:
    """Each wrong row of a file as a page tells it."""
    return [
        FaultSeen(fault["line"], fault["column"], *told(str(fault["problem"]), language))
        for fault in faults
    ]


def _value(text: str) -> str:
    if (day := _DAY.fullmatch(text)) is not None:
        return f"{day[3]}/{day[2]}/{day[1]}"
    return in_french(text) or text


@cache
def _phrases() -> Phrases:
    return Phrases(french(), _value)
