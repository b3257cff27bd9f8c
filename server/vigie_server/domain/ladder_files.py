"""The ladder of maturity levels as data: `queries/guide/site/maturity.yaml` and `levels.yaml`.

`maturity.yaml` says what each level of each question asks (its head documents the conditions),
`levels.yaml` how each level reads, in our words. Read strictly: an id that names nothing is refused
with file, line and what was probably meant, so that no level waits for a condition nobody can meet.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie_server.domain.documents import Section, Texts, read_document
from vigie_server.domain.maturity import (
    LEVELS,
    AnyOf,
    Attested,
    Condition,
    Ladder,
    OfSite,
    Population,
    Share,
)
from vigie_server.domain.suggesting import meant

QUESTIONS: Final = tuple(range(1, 14))

LevelWords = Mapping[int, Mapping[int, Texts]]
"""How each level of each question reads: by question, then by level, 0 to 4."""

_ID: Final = re.compile(r"Q(0[1-9]|1[0-3])-[a-z0-9]+(-[a-z0-9]+)*")
_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class KnownIds:
    """What conditions may name. None: not listed here, an id must have its form."""

    rules: Collection[str] | None = None
    site_rules: Collection[str] | None = None
    attestations: Collection[str] | None = None


def load_ladder(path: Path, known: KnownIds) -> Ladder:
    """The conditions of a file, for all questions and levels. Raises RulesMalformed."""
    document = read_document(path)
    ladder = {
        question: {level: _conditions(section, f"N{level}", known) for level in LEVELS}
        for question, section in _questions(document)
    }
    document.close()
    return ladder


def rules_of(ladder: Ladder) -> frozenset[str]:
    """The rules that conditions name, of devices and of sites."""
    found: set[str] = set()
    waiting = [one for levels in ladder.values() for held in levels.values() for one in held]
    while waiting:
        match waiting.pop():
            case Share(rule=rule) | OfSite(rule=rule):
                found.add(rule)
            case AnyOf(lists=lists):
                waiting += [one for held in lists for one in held]
            case Attested():
                pass
    return frozenset(found)


def load_level_words(path: Path) -> LevelWords:
    """The words of a file, for all questions and levels. Raises RulesMalformed."""
    document = read_document(path)
    words = {}
    for question, section in _questions(document):
        words[question] = {level: section.both_languages(f"N{level}") for level in (0, *LEVELS)}
        section.close()
    document.close()
    return words


def _questions(document: Section) -> list[tuple[int, Section]]:
    held = document.section("questions")
    found = [(number, held.section(str(number))) for number in QUESTIONS]
    held.close()
    return found


def _conditions(section: Section, key: str, known: KnownIds) -> tuple[Condition, ...]:
    found = tuple(_condition(one, known) for one in section.sections(key))
    if not found:
        raise section.wrong(f"must hold conditions under `{key}`")
    if key == f"N{LEVELS[-1]}":
        section.close()
    return found


def _condition(section: Section, known: KnownIds) -> Condition:
    condition: Condition
    if "share" in section or "every" in section:
        key = "share" if "share" in section else "every"
        of = Population(section.choice("of", frozenset(Population))) if "of" in section else None
        condition = Share(
            _named(section, key, known.rules, "rule"), of or Population.ALL, every=key == "every"
        )
    elif "site" in section:
        condition = OfSite(_named(section, "site", known.site_rules, "rule of a site"))
    elif "attested" in section:
        condition = Attested(
            _named(section, "attested", known.attestations, "attestation"),
            value=section.text("value") if "value" in section else None,
            at_least=_number(section, "at_least") if "at_least" in section else None,
        )
    elif "any" in section:
        lists = tuple(
            tuple(_condition(one, known) for one in held)
            for held in section.lists_of_sections("any")
        )
        if not lists or not all(lists):
            raise section.wrong("must hold lists of conditions", "any")
        condition = AnyOf(lists)
    else:
        raise section.wrong("must be one of share, every, site, attested, any")
    section.close()
    return condition


def _named(section: Section, key: str, known: Collection[str] | None, kind: str) -> str:
    name = section.text(key)
    if known is None:
        if _ID.fullmatch(name) is None:
            raise section.wrong(f"`{name}` is not an id such as Q02-restore-test", key)
    elif name not in known:
        raise section.wrong(f"there is no {kind} `{name}`{meant(name, known)}", key)
    return name


def _number(section: Section, key: str) -> float:
    text = section.text(key)
    if _NUMBER.fullmatch(text) is None:
        raise section.wrong("must be a number", key)
    return float(text)
