"""The sentence beside a verdict, in French and English: of rules' own templates, or ours.

A template is text with `{name}` or `{name:form}`; nothing else of Python's formatting is taken, so
that a rule file can name values and do nothing more. Forms: `date` (UNIX seconds to a day) and
`days` (seconds to whole days). Device text is data: control characters become spaces and long
values are cut.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Final

from vigie_server.domain.conditions import Problem, ProblemKind
from vigie_server.domain.documents import Texts
from vigie_server.domain.facts import Fact, FactRow

LANGUAGES: Final = ("fr", "en")
ROWS_NAMED: Final = 5
STATEMENTS_KEPT: Final = 256
MAX_VALUE: Final = 80

_DAY: Final = 86_400
_DATE: Final = {"fr": "%d/%m/%Y", "en": "%Y-%m-%d"}
_NOTHING: Final = {"fr": "inconnu", "en": "unknown"}
_YES: Final = {"fr": "oui", "en": "yes"}
_NO: Final = {"fr": "non", "en": "no"}
_NEVER: Final = {"fr": "jamais", "en": "never"}
_NONE: Final = {"fr": "aucun", "en": "none"}
_MORE: Final = {"fr": "… et {count} de plus", "en": "… and {count} more"}
_FORMS: Final = frozenset({"", "date", "days"})


class TemplateMalformed(ValueError):
    """The text is not a template over the names it may use."""


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence in one language with places for values."""

    language: str
    segments: tuple[tuple[str, str, str], ...]  # literal text, then a name ("" at the end), a form

    @classmethod
    def of(cls, text: str, language: str, names: Collection[str]) -> "Template":
        """The template of a text. Raises TemplateMalformed for a name that is not in `names`."""
        try:
            parsed = list(Formatter().parse(text))
        except ValueError as error:
            raise TemplateMalformed(f"is not a template: {error}") from error
        segments = []
        for literal, name, form, conversion in parsed:
            if name is None:
                segments.append((literal, "", ""))
                continue
            if name not in names:
                raise TemplateMalformed(f"names {{{name}}}, which it cannot know")
            if conversion or form not in _FORMS:
                raise TemplateMalformed(f"gives {{{name}}} a form that does not exist")
            segments.append((literal, name, form or ""))
        return cls(language, tuple(segments))

    def render(self, value_of: Callable[[str], object]) -> str:
        """The sentence with its values."""
        pieces = []
        for literal, name, form in self.segments:
            pieces.append(literal)
            if name:
                pieces.append(shown(value_of(name), form, self.language))
        return "".join(pieces)


class Shown(str):
    """Text that is already as people read it: not cut again."""

    __slots__ = ()


_ABSENT: Final = Shown()  # a column that this row's topic does not have


def shown(value: object, form: str, language: str) -> str:
    """A value as people read it."""
    if isinstance(value, Shown):
        return value
    if value is None or value == "":
        return _NEVER[language] if form == "date" else _NOTHING[language]
    if isinstance(value, bool):
        return _YES[language] if value else _NO[language]
    if isinstance(value, int | float) and form == "date":
        return _day(value, language)
    if isinstance(value, int | float) and form == "days":
        return str(int(value // _DAY))
    text = str(value)
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


class Statement:
    """A sentence in both languages about rows, remembered: a fleet says the same things often."""

    __slots__ = ("_columns", "_known", "_names", "_none", "_row", "_some")

    def __init__(
        self,
        some: Mapping[str, Template],
        none: Mapping[str, Template],
        row: Mapping[str, Template],
    ) -> None:
        """`none` is said where there are no rows; `row` is how each of them is shown."""
        self._some: Final = some
        self._none: Final = none
        self._row: Final = row
        outer = _names(some) | _names(none)
        self._columns: Final = tuple(sorted(_names(row))) if "rows" in outer else ()
        self._names: Final = tuple(sorted(outer - {"rows", "count"}))
        self._known: Final[dict[tuple[object, ...], Texts]] = {}

    def said(self, rows: Sequence[FactRow], value_of: Callable[[str], object]) -> Texts:
        """The sentences about these rows; `value_of` gives the other values that they name."""
        columns = self._columns
        cells = tuple(
            [tuple([row.get(column, _ABSENT) for column in columns]) for row in rows[:ROWS_NAMED]]
        )
        values = tuple([value_of(name) for name in self._names])
        key = (len(rows), cells, values)
        known = self._known.get(key)
        if known is None:
            known = self._worded(len(rows), cells, dict(zip(self._names, values, strict=True)))
            if len(self._known) >= STATEMENTS_KEPT:
                self._known.clear()
            self._known[key] = known
        return known

    def _worded(
        self, count: int, cells: Sequence[Sequence[object]], values: Mapping[str, object]
    ) -> Texts:
        sentences = {}
        for language, template in (self._some if count else self._none).items():
            known = {**values, "count": count, "rows": Shown(_NONE[language])}
            if count and language in self._row:
                known["rows"] = Shown(self._rows(count, cells, self._row[language]))
            sentences[language] = template.render(known.get)
        return sentences

    def _rows(self, count: int, cells: Sequence[Sequence[object]], row: Template) -> str:
        """The first rows, one after the other, and how many more there are."""
        shown_rows = [row.render(dict(zip(self._columns, cell, strict=True)).get) for cell in cells]
        if count > len(cells):
            shown_rows.append(_MORE[row.language].format(count=count - len(cells)))
        return ", ".join(shown_rows)


def _names(templates: Mapping[str, Template]) -> set[str]:
    return {name for template in templates.values() for _, name, _ in template.segments if name}


def _day(seconds: float, language: str) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(_DATE[language])
    except (ValueError, OverflowError, OSError):  # a year that no calendar has
        return _NOTHING[language]


# --- What the judge says itself -------------------------------------------------------------------

_STATUS: Final[Mapping[str, Texts]] = {
    "error": {"fr": "la question a échoué sur le poste", "en": "the query failed on the device"},
    "timeout": {
        "fr": "le poste n'a pas répondu à temps à la question",
        "en": "the device did not answer the query in time",
    },
    "missing_table": {
        "fr": "le moteur du poste n'a pas la table nécessaire",
        "en": "the device's engine lacks the table it takes",
    },
    "no_permission": {
        "fr": "l'agent n'a pas les droits de lire cette information",
        "en": "the agent lacks the rights to read this",
    },
    "refused": {
        "fr": "l'agent a refusé la question par sécurité",
        "en": "the agent refused the query for safety",
    },
    "denylisted": {
        "fr": "la question, trop longue à exécuter, est écartée pour un jour",
        "en": "the query overran and is set aside for a day",
    },
    "too_large": {
        "fr": "la réponse dépasse la taille acceptée",
        "en": "the answer is larger than what is accepted",
    },
}
_OTHER_STATUS: Final[Texts] = {
    "fr": "la collecte n'a pas abouti",
    "en": "the collection did not succeed",
}
_PROBLEM: Final[Mapping[ProblemKind, Texts]] = {
    ProblemKind.ERROR: {
        "fr": "La règle n'a pas pu être évaluée sur ces données",
        "en": "The rule could not be evaluated on this data",
    },
    ProblemKind.BUDGET: {
        "fr": "Trop de lignes : l'évaluation de la règle a dépassé son budget",
        "en": "Too many rows: the rule's evaluation exceeded its budget",
    },
    ProblemKind.NOT_BOOLEAN: {
        "fr": "La règle n'a pas donné de réponse par oui ou non",
        "en": "The rule did not answer yes or no",
    },
    ProblemKind.NOT_NUMBER: {
        "fr": "La règle n'a pas donné le nombre attendu",
        "en": "The rule did not give the number it should",
    },
}

NOT_APPLICABLE_PLATFORM: Final[Texts] = {
    "fr": "Sans objet sur ce système.",
    "en": "Not applicable to this system.",
}
NOT_APPLICABLE_DEVICE: Final[Texts] = {
    "fr": "Sans objet pour cet équipement.",
    "en": "Not applicable to this device.",
}
PLATFORM_NOT_KNOWN: Final[Texts] = {
    "fr": "Le système de cet équipement n'est pas encore connu.",
    "en": "The device's system is not known yet.",
}


def never_reported(title: Texts) -> Texts:
    """The topic has never been answered."""
    return {
        "fr": f"Aucune donnée reçue : « {title['fr']} ».",
        "en": f"Never reported: “{title['en']}”.",
    }


def other_version(title: Texts, fact: Fact, wanted: int) -> Texts:
    """The answer follows another version of the topic than the rule reads."""
    return {
        "fr": (
            f"« {title['fr']} » : la réponse suit la version {fact.topic_version} de la question, "
            f"la règle lit la version {wanted}. Mettez l'agent à jour."
        ),
        "en": (
            f"“{title['en']}”: the answer follows version {fact.topic_version} of the question, "
            f"the rule reads version {wanted}. Update the agent."
        ),
    }


def too_old(title: Texts, observed_at: datetime, max_age: timedelta) -> Texts:
    """The evidence is older than the rule takes."""
    days = max(1, round(max_age / timedelta(days=1)))
    seconds = observed_at.timestamp()
    return {
        "fr": (
            f"« {title['fr']} » : dernière preuve du {_day(seconds, 'fr')}, "
            f"plus ancienne que {days} jours."
        ),
        "en": (f"“{title['en']}”: last evidence of {_day(seconds, 'en')}, older than {days} days."),
    }


def not_ok(title: Texts, fact: Fact) -> Texts:
    """The collection failed; the agent's own words follow."""
    said = _STATUS.get(fact.status, _OTHER_STATUS)
    detail = f" ({shown(fact.message, '', 'en')})" if fact.message else ""
    return {
        "fr": f"« {title['fr']} » : {said['fr']}{detail}.",
        "en": f"“{title['en']}”: {said['en']}{detail}.",
    }


def nothing_collected(title: Texts) -> Texts:
    """No row, where that proves nothing."""
    return {
        "fr": f"« {title['fr']} » : rien n'a été collecté.",
        "en": f"“{title['en']}”: nothing was collected.",
    }


def column_missing(title: Texts, column: str) -> Texts:
    """A column that the rule reads did not travel."""
    return {
        "fr": f"« {title['fr']} » : la colonne {column} manque dans la réponse.",
        "en": f"“{title['en']}”: column {column} is missing from the answer.",
    }


def column_unreadable(title: Texts, column: str, example: str) -> Texts:
    """A column that the rule reads holds text that is not of its type."""
    value = shown(example, "", "en")
    return {
        "fr": f"« {title['fr']} » : la colonne {column} contient une valeur illisible ({value}).",
        "en": f"“{title['en']}”: column {column} holds an unreadable value ({value}).",
    }


def parts_missing(title: Texts, missing: Mapping[str, str]) -> Texts:
    """Parts that the rule reads could not be; `missing` holds why by part, "" where no row came."""
    pieces_fr, pieces_en = [], []
    for part, why in missing.items():
        said = shown(why, "", "en") if why else ""
        pieces_fr.append(f"{part} ({_why_in_french(said) if said else 'aucune réponse'})")
        pieces_en.append(f"{part} ({said or 'no answer'})")
    return {
        "fr": f"« {title['fr']} » : non lu : {', '.join(pieces_fr)}.",
        "en": f"“{title['en']}”: not read: {', '.join(pieces_en)}.",
    }


def parameter_wrong(name: str) -> Texts:
    """A setting of the rule, overridden for the device, is not of its type."""
    return {
        "fr": f"Le réglage {name} de cette règle n'a pas une valeur utilisable.",
        "en": f"The setting {name} of this rule has no usable value.",
    }


def problem(found: Problem) -> Texts:
    """The rule itself failed."""
    said = _PROBLEM[found.kind]
    detail = shown(found.detail, "", "en")
    return {language: f"{said[language]} ({detail})." for language in LANGUAGES}


def _why_in_french(why: str) -> str:
    reason, separator, detail = why.partition(":")
    said = _STATUS.get(reason.strip())
    if said is None:
        return why
    return said["fr"] + (f" :{detail}" if separator and detail.strip() else "")
