"""Reads what a rule decides by: its conditions, what it says in each case, and its measures.

The parts of the decision are compiled together, once; only where that fails is each of them looked
at, so that the one that is malformed is told at its line.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from vigie_server.domain.column_words import words_by_column
from vigie_server.domain.condition_words import explained
from vigie_server.domain.conditions import (
    Branch,
    Compiler,
    Condition,
    ConditionMalformed,
    Decision,
    Kind,
)
from vigie_server.domain.documents import Mistakes, Section
from vigie_server.domain.parameters import Parameter, ParameterType
from vigie_server.domain.rule_names import TEXT_LITERAL, stands_alone
from vigie_server.domain.rules import DEVICE_FIELDS, MOVING, Conditions, Outcome, Read, Wording
from vigie_server.domain.statements import LANGUAGES, Statement, Template, TemplateMalformed
from vigie_server.domain.suggesting import meant
from vigie_server.domain.topics import Topic
from vigie_server.domain.verdicts import Status

UNDECIDED: Final = Decision(None)  # of a rule that is refused
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_METRIC: Final = re.compile(r"vigie_device_[a-z0-9_]+")
TAKEN_METRICS: Final = frozenset(
    {
        "vigie_device_clock_skew_seconds",
        "vigie_device_compliance_ratio",
        "vigie_device_compliant",
        "vigie_device_group_info",
        "vigie_device_identity_conflicts",
        "vigie_device_info",
        "vigie_device_last_report_timestamp_seconds",
        "vigie_device_missing_since_timestamp_seconds",
        "vigie_device_nomadic",
        "vigie_device_rule_compliant",
        "vigie_device_rule_failing_since_timestamp_seconds",
        "vigie_device_rules",
        "vigie_device_state",
        "vigie_device_unknown_since_timestamp_seconds",
    }
)
"""What the server itself tells of a device: a second family of the name would spoil the page."""
_LOOP: Final = re.compile(r"\.(?:all|exists|exists_one|filter|map)\(\s*(\w+)\s*,")
_NOW: Final = re.compile(r"\bnow\b")
_WITHOUT_ANSWER: Final = (
    ("not_applicable_when", Status.NOT_APPLICABLE),
    ("unknown_when", Status.UNKNOWN),
)
_MEASURED: Final = frozenset({Status.PASS, Status.FAIL})
_VIEW: Final = re.compile(r"^v[0-9a-f]{12}\.")
_NAMED_OF_DEVICE: Final = frozenset({"device.os", "device.os_version", "device.chassis", *MOVING})
_KINDS: Final[Mapping[ParameterType, Kind]] = {
    ParameterType.INTEGER: Kind.INTEGER,
    ParameterType.REAL: Kind.REAL,
    ParameterType.TEXT: Kind.TEXT,
    ParameterType.DAY: Kind.TEXT,
    ParameterType.FLAG: Kind.FLAG,
    ParameterType.LIST: Kind.LIST,
    ParameterType.TABLE: Kind.TABLE,
    ParameterType.PRODUCTS: Kind.PRODUCTS,
}


def listed(section: Section, key: str) -> tuple[Section, ...]:
    """The sections under a key that holds a list of them."""
    return tuple(section.sections(key))


def parameter_names(section: Section) -> tuple[str, ...]:
    """The names of a rule's parameters, those that are malformed too."""
    if not section.is_section("parameters"):
        return ()
    return section.section("parameters").keys()


def _asides(outcome: Outcome, conditions: Conditions) -> tuple[Condition, ...]:
    """What the judge asks beside the decision when it comes to this."""
    wanted: list[Condition] = []
    for name in outcome.statement.names:
        kind, _, rest = name.partition(".")
        if kind == "v":
            wanted.append(conditions.figures[rest])
        elif kind == "w":
            wanted += [wording.when for wording in conditions.words[rest]]
    if outcome.status is Status.PASS and conditions.fresh_until is not None:
        wanted.append(conditions.fresh_until)
    if outcome.status in _MEASURED:
        wanted += conditions.measures.values()
    return tuple(wanted)


class ConditionsReader:
    """What one rule decides by. `mistakes` gathers what is wrong; a part that is wrong is left out.

    `expressions` (each with its place) and `templates` are all that were read.
    """

    def __init__(self, section: Section, topics: Mapping[str, Topic], mistakes: Mistakes) -> None:
        self._section = section
        self._topics = topics
        self._mistakes = mistakes
        self.expressions: list[tuple[str, Section, str]] = []
        self.templates: list[Template] = []
        self._unchecked: list[tuple[str, Section, str]] = []  # but as parts of the decision

    def read(
        self, container: str, reads: Mapping[str, Read], parameters: Mapping[str, Parameter]
    ) -> tuple[Conditions, Mapping[str, str]]:
        """What it decides by, and the help of its measures by their names."""
        section, attempt = self._section, self._mistakes.attempt
        own = {f"p.{name}": Kind.ANY for name in parameter_names(section)}  # with malformed ones
        own |= {f"p.{name}": _KINDS[parameter.type] for name, parameter in parameters.items()}
        applies = None
        if "applies" in section:
            of_device = Compiler(container, shared=DEVICE_FIELDS, own=own, bindings={})
            applies = self._condition(of_device, section, "applies")

        compiler = self._compiler(container, reads, own)
        words = self._words(compiler)
        outcomes, branches = self._outcomes(compiler, self._row(reads))
        values, helps = self._measures(compiler)
        figures = {
            name: self._condition(compiler, section.section("figures"), name)
            for name in attempt(partial(section.texts, "figures"), {})
        }
        conditions = Conditions(
            applies=applies,
            decision=UNDECIDED,
            outcomes=outcomes,
            fresh_until=(
                self._condition(compiler, section, "fresh_until")
                if "fresh_until" in section
                else None
            ),
            figures={name: figure for name, figure in figures.items() if figure is not None},
            words=words,
            branches=branches,
            measures=values,
            bindings=compiler.bindings,
        )
        if self._mistakes:
            self._check_parts(compiler)
        else:
            branches = tuple(
                replace(branch, asides=_asides(outcome, conditions))
                for branch, outcome in zip(branches, outcomes, strict=True)
            )
            decision = attempt(partial(self._decided, compiler, branches), UNDECIDED)
            conditions = replace(conditions, decision=decision, branches=branches)
        depends_on_time = any(
            _NOW.search(TEXT_LITERAL.sub("", text)) for text, _, _ in self.expressions
        )
        if depends_on_time and "fresh_until" not in section:
            self._mistakes.add(section.wrong("depends on `now` and does not say `fresh_until`"))
        return conditions, helps

    def _compiler(
        self, container: str, reads: Mapping[str, Read], own: Mapping[str, Kind]
    ) -> Compiler:
        section = self._section
        shared = dict(DEVICE_FIELDS) | {"now": Kind.INTEGER}
        for read in reads.values():
            shared[read.variable + ".observed_at"] = Kind.INTEGER
            shared[read.variable + ".count"] = Kind.INTEGER
            if read.columns:
                shared[read.variable + ".rows"] = Kind.ROWS
        bindings = self._mistakes.attempt(partial(section.texts, "let"), {})
        for name in bindings:
            if _NAME.fullmatch(name) is None:
                self._mistakes.add(section.wrong(f"holds `{name}`, which is not a name", "let"))
        bindings = {name: text for name, text in bindings.items() if _NAME.fullmatch(name)}
        compiler = Compiler(container, shared=shared, own=own, bindings=bindings)
        for name, error in compiler.faulty_bindings().items():
            problem = f"is not an expression: {self._explained(error, compiler, bindings[name])}"
            self._mistakes.add(section.section("let").wrong(problem, name))
        if bindings:
            place = section.section("let")
            self.expressions.extend((text, place, name) for name, text in bindings.items())
        return compiler

    def _explained(self, error: ConditionMalformed, compiler: Compiler, text: str) -> str:
        """In plain words, and with the names as the rule writes them."""
        names = {_VIEW.sub("", name) for name in compiler.names}
        return explained(error, text, names)

    def _words(self, compiler: Compiler) -> Mapping[str, tuple[Wording, ...]]:
        """By name, texts for people and when each of them is said."""
        attempt = self._mistakes.attempt
        words = {}
        for name in self._word_names():
            wordings = []
            for entry in attempt(partial(listed, self._section.section("words"), name), ()):
                when = self._condition(compiler, entry, "when")
                texts = {
                    language: attempt(partial(entry.line_of_text, language), "")
                    for language in LANGUAGES
                }
                attempt(entry.close, None)
                if when is not None:
                    wordings.append(Wording(when, texts))
            words[name] = tuple(wordings)
        return words

    def _word_names(self) -> tuple[str, ...]:
        """Marks the key as read."""
        if "words" not in self._section:
            return ()
        section = self._mistakes.attempt(partial(self._section.section, "words"), None)
        return () if section is None else section.keys()

    def _outcomes(
        self,
        compiler: Compiler,
        row: Mapping[str, Template],
    ) -> tuple[tuple[Outcome, ...], tuple[Branch, ...]]:
        """Not applicable before unknown before pass before fail, each with rows and sentences."""
        section, attempt = self._section, self._mistakes.attempt
        branches: list[Branch] = []
        outcomes: list[Outcome] = []
        for key, status in _WITHOUT_ANSWER:
            for entry in attempt(partial(listed, section, key), ()):
                when = self._checked(compiler, entry, "when")
                branches.append(Branch(when, self._rows(compiler, entry, "rows")))
                names = self._names(rows="rows" in entry)
                some = self._template(entry, "reason", names)
                outcomes.append(Outcome(status, Statement(some, some, row)))
                attempt(entry.close, None)

        passes = self._checked(compiler, section, "pass")
        branches.append(Branch(passes, self._rows(compiler, section, "deciding")))
        branches.append(Branch(None, self._rows(compiler, section, "offending")))
        reason = attempt(partial(section.section, "reason"), None)
        for status, decided_by in ((Status.PASS, "deciding"), (Status.FAIL, "offending")):
            if reason is None:
                continue
            names = self._names(rows=decided_by in section)
            some = self._template(reason, status.value, names)
            without = f"{status.value}_none"
            none = self._template(reason, without, names) if without in reason else some
            outcomes.append(Outcome(status, Statement(some, none, row)))
        if reason is not None:
            attempt(reason.close, None)
        return tuple(outcomes), tuple(branches)

    def _decided(self, compiler: Compiler, branches: Sequence[Branch]) -> Decision:
        try:
            return compiler.decision(branches)
        except ConditionMalformed as error:
            if self._check_parts(compiler):
                return UNDECIDED
            for branch in branches:
                for text, kind in ((branch.when, Kind.FLAG), (branch.rows, Kind.ROWS)):
                    if text is not None and not compiler.gives(text, kind):
                        wanted = "true or false" if kind is Kind.FLAG else "rows of a topic"
                        place, key = next((s, k) for t, s, k in self.expressions if t == text)
                        problem = f"cannot be decided: it must give {wanted}"
                        raise place.wrong(problem, key) from error
            raise self._section.wrong(f"cannot be decided: {error}") from error

    def _rows(self, compiler: Compiler, section: Section, key: str) -> str | None:
        return self._checked(compiler, section, key) if key in section else None

    def _checked(self, compiler: Compiler, section: Section, key: str) -> str:
        """The condition under a key, a part of the decision: what it is, compiling that tells."""
        text = self._text(section, key)
        if text is None:
            return ""
        if stands_alone(text):
            self._unchecked.append((text, section, key))
        else:
            self._compiled(compiler, text, section, key)
        return text

    def _check_parts(self, compiler: Compiler) -> bool:
        """Tells which parts of the decision are malformed; whether any is."""
        parts = [self._compiled(compiler, *part) for part in self._unchecked]
        return None in parts

    def _measures(self, compiler: Compiler) -> tuple[Mapping[str, Condition], Mapping[str, str]]:
        values, helps = {}, {}
        for name, about in self._mistakes.attempt(
            lambda: tuple(self._section.named_sections("measures")), ()
        ):
            if _METRIC.fullmatch(name) is None:
                self._mistakes.add(about.wrong(f"`{name}` must begin with vigie_device_"))
            elif name in TAKEN_METRICS:
                self._mistakes.add(about.wrong(f"`{name}` is a metric of the server's own"))
            helps[name] = self._mistakes.attempt(partial(about.line_of_text, "help"), "")
            value = self._condition(compiler, about, "value")
            if value is not None:
                values[name] = value
            self._mistakes.attempt(about.close, None)
        return values, helps

    def _names(self, *, rows: bool) -> frozenset[str]:
        figures = self._mistakes.attempt(partial(self._section.texts, "figures"), {})
        return (
            _NAMED_OF_DEVICE
            | {f"p.{name}" for name in parameter_names(self._section)}
            | {f"v.{name}" for name in figures}
            | {f"w.{name}" for name in self._word_names()}
            | ({"rows", "count"} if rows else set())
        )

    def _condition(self, compiler: Compiler, section: Section, key: str) -> Condition | None:
        """The condition under a key; None where it is malformed, which is told."""
        text = self._text(section, key)
        return None if text is None else self._compiled(compiler, text, section, key)

    def _text(self, section: Section, key: str) -> str | None:
        text = self._mistakes.attempt(partial(section.text, key), None)
        if text is not None:
            self.expressions.append((text, section, key))
        return text

    def _compiled(
        self, compiler: Compiler, text: str, section: Section, key: str
    ) -> Condition | None:
        try:
            return compiler.condition(text)
        except ConditionMalformed as error:
            problem = f"is not a condition: {self._explained(error, compiler, text)}"
            self._mistakes.add(section.wrong(problem, key))
            return None

    def _template(
        self, section: Section, key: str, names: frozenset[str]
    ) -> Mapping[str, Template]:
        texts = self._mistakes.attempt(partial(section.both_languages, key), {})
        templates = {}
        for language in LANGUAGES:
            if language not in texts:
                continue
            try:
                templates[language] = Template.of(texts[language], language, names)
            except TemplateMalformed as error:
                self._mistakes.add(section.wrong(f"{language}: {error}", key))
        self.templates.extend(templates.values())
        return templates

    def _row(self, reads: Mapping[str, Read]) -> Mapping[str, Template]:
        if "row" not in self._section:
            return {}
        columns = {column for read in reads.values() for column in read.columns} | {"part"}
        words = words_by_column(self._topics[name].words for name in reads)
        row = self._template(self._section, "row", frozenset(columns))
        return {language: replace(template, words=words) for language, template in row.items()}

    def check_columns(self, reads: Mapping[str, Read]) -> None:
        """Columns used are declared, and columns declared are used."""
        declared = {column for read in reads.values() for column in read.columns} | {"part"}
        of_topics = {column for name in reads for column in self._topics[name].columns}
        used = {name for template in self.templates for _, name, _ in template.segments}
        for expression, section, key in self.expressions:
            bare = TEXT_LITERAL.sub("''", expression)
            for variable in sorted(set(_LOOP.findall(bare))):
                found = set(re.findall(rf"(?<![\w.]){variable}\.(\w+)", bare))
                used |= found
                for column in sorted(found - declared):
                    near = meant(column, declared) or meant(column, of_topics)
                    if column in of_topics:
                        near = ": add it to `columns` there"
                    self._mistakes.add(
                        section.wrong(f"uses `{column}`, which `reads` does not declare{near}", key)
                    )
        unused = declared - used - {"part"}
        if unused and not self._mistakes:
            problem = f"declares `{min(unused)}` and does not use it"
            self._mistakes.add(self._section.wrong(problem, "reads"))
