"""The action plan: what reaches the next level of every question, the cheapest first."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from vigie_server.domain.facility_report.content import Step
from vigie_server.domain.maturity import Action, Need
from vigie_server.domain.plurals import Counted
from vigie_server.domain.statements import LANGUAGES

_NOTHING: Final = "?"
_ENROL: Final = {
    "fr": (
        "enrôler {count:équipement déclaré|équipements déclarés} "
        "qui ne {count:|remonte|remontent} rien"
    ),
    "en": ("enrol {count:declared device|declared devices} that {count:|does|do} not report"),
}


def steps_of(
    question: int, level: int | None, actions: Sequence[Mapping[str, Any]]
) -> Sequence[Step]:
    """The actions of a question as they are stored; to enrol devices is one, for all its rules."""
    steps = []
    absent = max((int(action["count"]) for action in actions if _only_enrols(action)), default=0)
    for action in actions:
        words = _words(action)
        if _only_enrols(action):
            if not absent:
                continue
            words = {
                language: text.format(count=Counted.of(absent, language))
                for language, text in _ENROL.items()
            }
            absent = 0
        steps.append(
            Step(
                words={language: words.get(language, _NOTHING) for language in LANGUAGES},
                questions=(question,),
                level=level or 0,
                effort=effort_of(action),
            )
        )
    return steps


def plan(steps: Sequence[Step]) -> Sequence[Step]:
    """Each step once, with the questions it serves.

    Of equal effort, those of the lowest level go first, then those that serve most questions.
    """
    merged: dict[tuple[tuple[str, str], ...], Step] = {}
    for step in steps:
        key = tuple(sorted(step.words.items()))
        known = merged.get(key)
        served = {*step.questions, *(() if known is None else known.questions)}
        level = step.level if known is None else min(step.level, known.level)
        merged[key] = Step(step.words, tuple(sorted(served)), level, step.effort)
    return sorted(
        merged.values(),
        key=lambda step: (step.effort, step.level, -len(step.questions), step.questions),
    )


def effort_of(action: Mapping[str, Any]) -> int:
    """What an action costs as it is stored: the cheapest go first."""
    return Action(_need(action), str(action["subject"]), int(action.get("count", 0))).effort


def _only_enrols(action: Mapping[str, Any]) -> bool:
    return _need(action) is Need.ENROL and not action.get("alternatives")


def _need(action: Mapping[str, Any]) -> Need:
    return Need(action["need"])


def _words(action: Mapping[str, Any]) -> Mapping[str, str]:
    words = action.get("words")
    return words if isinstance(words, dict) else {}
