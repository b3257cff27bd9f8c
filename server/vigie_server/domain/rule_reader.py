"""Reads one rule's section, with everything that it refers to checked.

All mistakes of a rule are gathered before it is refused, each at its line and with what was
probably meant. What depends on something malformed is read as far as it can be, so that one mistake
is told once.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
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
from vigie_server.domain.documents import Mistakes, Section, Texts
from vigie_server.domain.examples import Example, read_example
from vigie_server.domain.parameters import Parameter, ParameterType, read_parameter
from vigie_server.domain.reference_files import References
from vigie_server.domain.rule_columns import columns_followed
from vigie_server.domain.rule_names import TEXT_LITERAL, Names, stands_alone
from vigie_server.domain.rule_reads import ReadsReader, view_of
from vigie_server.domain.rules import (
    DEVICE_FIELDS,
    MOVING,
    Conditions,
    Outcome,
    Read,
    Rule,
    Wording,
)
from vigie_server.domain.statements import LANGUAGES, Statement, Template, TemplateMalformed
from vigie_server.domain.suggesting import meant
from vigie_server.domain.text_questions import Questions, questions_of
from vigie_server.domain.topics import PLATFORMS, Topic
from vigie_server.domain.verdicts import Severity, Status

ROW_LIMIT: Final = 20
ANY_PLATFORM: Final = "any"
DEFAULT_MAX_AGE: Final = timedelta(days=7)

NOT_FOLLOWED: Final = frozenset({"title", "why", "remediation", "examples"})
"""Keys of a rule that no verdict follows."""
UNDECIDED: Final = Decision(None)  # of a rule that is refused
_ID: Final = re.compile(r"Q(0[1-9]|1[0-3])-[a-z0-9]+(-[a-z0-9]+)*")
_OWN_ID: Final = re.compile(r"X-[a-z0-9]+(-[a-z0-9]+)*")
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
    ParameterType.FLAG: Kind.FLAG,
    ParameterType.LIST: Kind.LIST,
    ParameterType.TABLE: Kind.TABLE,
    ParameterType.PRODUCTS: Kind.PRODUCTS,
}


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the rules of a file may refer to.

    `broken` are topics whose own files are malformed: a rule that reads one is passed over, as
    nothing can be said of it yet. `shipped` are the rules that come with the release; None while
    these are read themselves.
    """

    topics: Mapping[str, Topic]
    references: References
    broken: frozenset[str] = frozenset()
    shipped: Mapping[str, Rule] | None = None


def _listed(section: Section, key: str) -> tuple[Section, ...]:
    return tuple(section.sections(key))


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


class RuleReader:
    """One rule's section, read in the order in which its keys depend on one another."""

    def __init__(self, section: Section, question: int, shelf: Shelf) -> None:
        self._section = section
        self._question = question
        self._shelf = shelf
        self._topics = shelf.topics
        self._mistakes = Mistakes()
        self._expressions: list[tuple[str, Section, str]] = []  # to check their columns, with place
        self._templates: list[Template] = []
        self._unchecked: list[tuple[str, Section, str]] = []  # but as parts of the decision

    def rule(self) -> Rule:
        """The rule. Raises RulesMalformed, with all that is wrong with it."""
        section, attempt = self._section, self._mistakes.attempt
        rule_id = attempt(self._id, "unreadable")
        platforms = attempt(self._platforms, PLATFORMS)
        parameters: dict[str, Parameter] = {}
        for name, about in attempt(lambda: tuple(section.named_sections("parameters")), ()):
            read = attempt(partial(read_parameter, name, about, self._shelf.references), None)
            if read is not None:
                parameters[name] = read
        reader = ReadsReader(self._topics, self._shelf.broken, self._mistakes)
        reads = reader.reads(section, platforms, parameters)
        container = view_of(reads, self._topics) + rule_id.replace("-", "_")
        conditions, measures = self._conditions(container, reads, parameters)
        names = Names(
            [text for text, _, _ in self._expressions],
            {name for template in self._templates for _, name, _ in template.segments},
        )
        expressions = [text for text, _, _ in self._expressions]
        follows = {
            name: columns_followed(expressions, read.columns, self._topics[name])
            for name, read in reads.items()
        }
        severity = attempt(partial(section.choice, "severity", frozenset(Severity)), "minor")
        rule = Rule(
            id=rule_id,
            version=attempt(partial(section.whole, "version"), 0),
            question=self._question,
            severity=Severity(severity),
            platforms=platforms,
            beyond_guide=attempt(partial(section.flag, "beyond_guide", default=False), False),  # noqa: FBT003 (instead of the flag)
            title=attempt(partial(section.both_languages, "title"), {}),
            why=attempt(partial(section.both_languages, "why"), {}),
            remediation=attempt(partial(self._remediation, platforms), {}),
            reads=reads,
            max_age=attempt(self._max_age, DEFAULT_MAX_AGE),
            parameters=parameters,
            container=container,
            conditions=conditions,
            row_limit=attempt(partial(section.whole, "row_limit", ROW_LIMIT), ROW_LIMIT),
            shown=self._shown(reads),
            follows=follows,
            asks={
                name: asks
                for name, read in reads.items()
                if (asks := self._questions(read, follows[name], reads, parameters))
            },
            names=frozenset(names.of_device),
            depends_on=names.beside_evidence() if conditions.fresh_until is None else None,
            depends_at_moment=names.at_a_moment(),
            moving=not names.of_device.isdisjoint(MOVING),
            attestations=names.attestations(),
            partial=attempt(self._partial, frozenset()),
            measures=measures,
            examples=self._examples(rule_id),
            content=section.content(without=NOT_FOLLOWED),
            refers=self._refers(),
            own=self._shelf.shipped is not None,
        )
        attempt(section.close, None)
        self._check_columns(reads)
        self._mistakes.settle()
        return rule

    def _questions(
        self,
        read: Read,
        followed: Sequence[str] | None,
        reads: Mapping[str, Read],
        parameters: Collection[str],
    ) -> Questions:
        """What is asked of texts that are read, but of the one by which rows are chosen."""
        chosen = None if read.known is None else read.known.column
        others = [self._topics[name].columns for name in reads if name != read.topic]
        return questions_of(
            [text for text, _, _ in self._expressions],
            None if followed is None else [name for name in followed if name != chosen],
            parameters,
            self._topics[read.topic],
            elsewhere={name for columns in others for name in columns},
        )

    def _refers(self) -> frozenset[str]:
        """The files that its parameters name, wherever they do."""
        if not self._section.is_section("parameters"):
            return frozenset()
        named = self._section.section("parameters").scalars()
        return named & self._shelf.references.keys()

    def _parameter_names(self) -> tuple[str, ...]:
        """Those that are malformed too."""
        if not self._section.is_section("parameters"):
            return ()
        return self._section.section("parameters").keys()

    def _id(self) -> str:
        rule_id = self._section.text("id")
        shipped = self._shelf.shipped
        if shipped is None:
            if _ID.fullmatch(rule_id) is None or int(rule_id[1:3]) != self._question:
                raise self._section.wrong("must be the catalogue's, of this question", "id")
            return rule_id
        replaces = self._section.flag("replaces", default=False)
        if rule_id in shipped:
            if not replaces:
                raise self._section.wrong(
                    f"`{rule_id}` comes with the release: give yours an id that begins with X-,"
                    " or say `replaces: true`",
                    "id",
                )
            if shipped[rule_id].question != self._question:
                raise self._section.wrong("is of another question", "id")
            return rule_id
        if replaces:
            near = meant(rule_id, shipped)
            raise self._section.wrong(f"`{rule_id}` does not come with the release{near}", "id")
        if _OWN_ID.fullmatch(rule_id) is None:
            raise self._section.wrong("must begin with X-, in small letters: X-doors-shut", "id")
        return rule_id

    def _platforms(self) -> frozenset[str]:
        platforms = frozenset(self._section.words("platforms"))
        odd = sorted(platforms - PLATFORMS)
        if not platforms or odd:
            near = meant(odd[0], PLATFORMS) if odd else ""
            some = ", ".join(sorted(PLATFORMS))
            raise self._section.wrong(f"must be some of {some}{near}", "platforms")
        return platforms

    def _max_age(self) -> timedelta:
        if "max_age" in self._section:
            return self._section.duration("max_age")
        return DEFAULT_MAX_AGE

    def _examples(self, rule_id: str) -> tuple[Example, ...]:
        examples, names = [], self._parameter_names()
        sections = self._mistakes.attempt(partial(_listed, self._section, "examples"), ())
        for section in sections:
            example = self._mistakes.attempt(
                partial(read_example, section, rule_id, self._topics, names), None
            )
            if example is not None:
                examples.append(example)
        shown = {example.verdict for example in examples}
        for verdict in (Status.PASS, Status.FAIL, Status.UNKNOWN):
            if verdict not in shown and len(examples) == len(sections):
                problem = f"lacks an example that is {verdict}"
                self._mistakes.add(self._section.wrong(problem, "examples"))
        return tuple(examples)

    def _partial(self) -> frozenset[Status]:
        allowed = {"pass": Status.PASS, "fail": Status.FAIL}
        words = self._section.words("partial")
        if not set(words) <= allowed.keys():
            raise self._section.wrong("must hold `pass`, `fail` or both", "partial")
        return frozenset(allowed[word] for word in words)

    def _conditions(
        self, container: str, reads: Mapping[str, Read], parameters: Mapping[str, Parameter]
    ) -> tuple[Conditions, Mapping[str, str]]:
        section, attempt = self._section, self._mistakes.attempt
        own = {f"p.{name}": Kind.ANY for name in self._parameter_names()}  # with malformed ones
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
            _NOW.search(TEXT_LITERAL.sub("", text)) for text, _, _ in self._expressions
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
            self._expressions.extend((text, place, name) for name, text in bindings.items())
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
            for entry in attempt(partial(_listed, self._section.section("words"), name), ()):
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
            for entry in attempt(partial(_listed, section, key), ()):
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
                        place, key = next((s, k) for t, s, k in self._expressions if t == text)
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
            | {f"p.{name}" for name in self._parameter_names()}
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
            self._expressions.append((text, section, key))
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
        self._templates.extend(templates.values())
        return templates

    def _row(self, reads: Mapping[str, Read]) -> Mapping[str, Template]:
        if "row" not in self._section:
            return {}
        columns = {column for read in reads.values() for column in read.columns} | {"part"}
        words = words_by_column(self._topics[name].words for name in reads)
        row = self._template(self._section, "row", frozenset(columns))
        return {language: replace(template, words=words) for language, template in row.items()}

    def _remediation(self, platforms: frozenset[str]) -> Mapping[str, Texts]:
        section = self._section.section("remediation")
        given = {
            platform: section.both_languages(platform, lines=True)
            for platform in sorted(platforms | {ANY_PLATFORM})
            if platform in section
        }
        if ANY_PLATFORM not in given and not platforms <= given.keys():
            raise self._section.wrong("must hold every platform, or `any`", "remediation")
        section.close()
        return given

    def _shown(self, reads: Mapping[str, Read]) -> frozenset[str]:
        columns = {column for read in reads.values() for column in read.columns}
        keys = {key for name in reads for key in self._topics[name].keys}
        return frozenset(columns | keys | {"part"})

    def _check_columns(self, reads: Mapping[str, Read]) -> None:
        """Columns used are declared, and columns declared are used."""
        declared = {column for read in reads.values() for column in read.columns} | {"part"}
        of_topics = {column for name in reads for column in self._topics[name].columns}
        used = {name for template in self._templates for _, name, _ in template.segments}
        for expression, section, key in self._expressions:
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
