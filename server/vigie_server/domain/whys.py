"""Why something could not be read, as the agent says it in English, told in both languages.

`queries/whys.yaml` holds a saying for each text: `en` as packs, tables and engines word it, `fr` as
people read it. A part of the text that varies has a name and a form in `en`, `{file:path}`, and its
name alone in `fr`:

(none)      one word: an account, a program
`path`      a file, a folder or a registry key
`number`    digits
`text`      words of a program or of the system: a saying, or shown quoted in French
`why`       a saying in its turn

`statuses` word the reasons that an engine gives before its detail (`timeout: no answer in 30 s`).
A text that is no saying, of a newer agent or of a site's own pack, is shown quoted as it came.
Device text is data: what a placeholder took is put in as it is, cut, without control characters.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie_server.domain.documents import Section, Texts, read_document
from vigie_server.domain.statements import LANGUAGES, shown

LONGEST: Final = 1000
"""Longer texts are no sayings: nothing of ours is."""
REMEMBERED: Final = 1024

_WHY: Final = "why"
_TEXT: Final = "text"
_FORMS: Final = {
    "": r"[^\s:]+",
    "path": r"(?:[A-Za-z]:)?(?=[^:]*[/\\])[^:]+",
    "number": r"-?[0-9]+",
    _TEXT: r".+?",
    _WHY: r".+?",
}
_PLACE: Final = re.compile(r"\{([a-z_]+)(?::([a-z]+))?\}")
_DEEPEST: Final = 3
_BETWEEN: Final = ("; ", ", ")  # what stands between the sayings of one row
_MOST_JOINED: Final = 4


@dataclass(frozen=True, slots=True)
class Saying:
    """A text of the agent, and how it is told. `pieces`: literal texts and, oddly placed, names."""

    en: str
    pattern: re.Pattern[str] | None
    forms: Mapping[str, str]
    pieces: Mapping[str, Sequence[str]]

    @property
    def literal(self) -> int:
        """How much of the text is its own words: of two that fit, the one with more is meant."""
        return sum(len(piece) for piece in self.pieces["en"][::2])


@dataclass(frozen=True, slots=True)
class _Told:
    texts: Texts
    made_of: tuple[str, ...]  # `en` of the sayings in it, "" for words that are none


class Whys:
    """All sayings, compiled once. Judges share it: what it remembers is set in single steps."""

    def __init__(self, sayings: Iterable[Saying], statuses: Mapping[str, Texts]) -> None:
        known = tuple(sayings)
        self.sayings: Final = tuple(saying.en for saying in known)
        self._statuses: Final = statuses
        self._exact: Final = {
            saying.en: _Told({lang: saying.pieces[lang][0] for lang in LANGUAGES}, (saying.en,))
            for saying in known
            if saying.pattern is None
        }
        self._patterns: Final = sorted(
            ((saying.pattern, saying) for saying in known if saying.pattern is not None),
            key=lambda pair: -pair[1].literal,
        )
        self._remembered: Final[dict[str, _Told]] = {}

    def told(self, text: str) -> Texts:
        """The text in French and English."""
        return self._told(text).texts

    def made_of(self, text: str) -> tuple[str, ...]:
        """The sayings (`en`) that the text is made of; "" stands for words that are none."""
        return self._told(text).made_of

    def status(self, name: str) -> Texts:
        """What the status of a collection that did not succeed means."""
        return self._statuses.get(name) or self._statuses["other"]

    def message(self, text: str, parts: Mapping[str, Texts]) -> Texts:
        """The message of a topic that was not collected: `<part>: <why>`, for each of its parts.

        `parts` are what they are called, by name.
        """
        names = "|".join(re.escape(part) for part in parts)
        begun = re.compile(rf"(?:^|; )({names}): ") if names else None
        found = begun.split(text[:LONGEST]) if begun else [text]
        if len(found) == 1 or found[0]:
            return self.told(text)
        told = [(part, self.told(why)) for part, why in zip(found[1::2], found[2::2], strict=True)]
        return {
            "fr": " ; ".join(f"{parts[part]['fr']} : {why['fr']}" for part, why in told),
            "en": "; ".join(f"{parts[part]['en']}: {why['en']}" for part, why in told),
        }

    def _told(self, text: str) -> _Told:
        if len(text) > LONGEST:
            return _quoted(text)
        told = self._exact.get(text) or self._remembered.get(text)
        if told is None:
            told = self._found(text, 0) or _quoted(text)
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[text] = told
        return told

    def _found(self, text: str, depth: int) -> _Told | None:
        exact = self._exact.get(text)
        if exact is not None or depth == _DEEPEST:
            return exact
        reason, separator, detail = text.partition(": ")
        if reason in self._statuses:
            return self._after_status(self._statuses[reason], detail if separator else "", depth)
        doubtful: _Told | None = None
        for pattern, saying in self._patterns:
            matched = pattern.fullmatch(text)
            if matched is not None:
                found = self._rendered(saying, matched.groupdict(), depth)
                if "" not in found.made_of:
                    return found
                doubtful = doubtful or found
        return self._several(text, depth) or doubtful

    def _several(self, text: str, depth: int) -> _Told | None:
        """Sayings that one row joins; only where each of them is one."""
        for between in _BETWEEN:
            pieces = text.split(between)
            if 1 < len(pieces) <= _MOST_JOINED:
                told = [self._found(piece, depth + 1) for piece in pieces]
                found = [piece for piece in told if piece is not None and "" not in piece.made_of]
                if len(found) == len(pieces):
                    return _Told(
                        {
                            lang: between.join(one.texts[lang] for one in found)
                            for lang in LANGUAGES
                        },
                        tuple(en for one in found for en in one.made_of),
                    )
        return None

    def _after_status(self, status: Texts, detail: str, depth: int) -> _Told:
        if not detail.strip():
            return _Told(status, ())
        inner = self._found(detail, depth + 1) or _quoted(detail)
        return _Told(
            {
                "fr": f"{status['fr']} : {inner.texts['fr']}",
                "en": f"{status['en']}: {inner.texts['en']}",
            },
            inner.made_of,
        )

    def _rendered(self, saying: Saying, values: Mapping[str, str], depth: int) -> _Told:
        by_name: dict[str, Texts] = {}
        made_of = [saying.en]
        for name, value in values.items():
            form = saying.forms[name]
            if form in {_WHY, _TEXT}:
                inner = self._found(value, depth + 1) or _quoted(value)
                made_of += inner.made_of if form == _WHY else filter(None, inner.made_of)
                by_name[name] = inner.texts
            else:
                by_name[name] = dict.fromkeys(LANGUAGES, shown(value, "", "en"))
        texts = {
            language: "".join(
                by_name[piece][language] if place % 2 else piece
                for place, piece in enumerate(saying.pieces[language])
            )
            for language in LANGUAGES
        }
        return _Told(texts, tuple(made_of))


def load_whys(path: Path) -> Whys:
    """The sayings of a file. Raises RulesMalformed, naming file, line and key."""
    document = read_document(path)
    statuses = {
        name: section.both_languages("text")
        for name, section in document.named_sections("statuses")
    }
    if "other" not in statuses:
        raise document.wrong("must hold `other`, for a status of a newer agent", "statuses")
    sayings: dict[str, Saying] = {}
    for section in document.sections("whys"):
        saying = _saying(section)
        if saying.en in sayings:
            raise section.wrong("is there twice", "en")
        sayings[saying.en] = saying
    document.close()
    return Whys(sayings.values(), statuses)


def _saying(section: Section) -> Saying:
    texts = {language: section.line_of_text(language) for language in LANGUAGES}
    section.close()
    pieces: dict[str, Sequence[str]] = {}
    for language, text in texts.items():
        pieces[language] = _PLACE.sub("\0\\1\0", text).split("\0")
        if any("{" in piece or "}" in piece for piece in pieces[language][::2]):
            raise section.wrong("has a brace that is no placeholder", language)
    forms = {name: form or "" for name, form in _PLACE.findall(texts["en"])}
    if any(form for _, form in _PLACE.findall(texts["fr"])):
        raise section.wrong("gives a form, which belongs to `en`", "fr")
    if len(forms) != len(pieces["en"]) // 2 or sorted(forms) != sorted(pieces["fr"][1::2]):
        raise section.wrong("must name what `en` names, each once", "fr")
    if unknown := sorted(set(forms.values()) - set(_FORMS)):
        raise section.wrong(f"gives the form {unknown[0]}, which does not exist", "en")
    return Saying(texts["en"], _pattern(pieces["en"], forms), forms, pieces)


def _pattern(pieces: Sequence[str], forms: Mapping[str, str]) -> re.Pattern[str] | None:
    if not forms:
        return None
    parts = [
        f"(?P<{piece}>{_FORMS[forms[piece]]})" if place % 2 else re.escape(piece)
        for place, piece in enumerate(pieces)
    ]
    return re.compile("".join(parts), re.DOTALL)


def _quoted(text: str) -> _Told:
    value = shown(text, "", "en")
    return _Told({"fr": f"« {value} »", "en": value}, ("",))
