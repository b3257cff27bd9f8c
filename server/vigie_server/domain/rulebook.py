"""Reads the catalogue: topics, reference tables and rules, checked against one another.

What is wrong is refused here, once, with file and line, so that judging meets no surprise: unknown
keys, columns and parts that the topic does not declare, columns declared but not used or used but
not declared, expressions that do not compile, templates that name nothing, a rule that depends on
time and does not say until when, metrics that two rules export.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Final

from vigie_server.domain.attested import CARRIERS, EVERY_ATTESTATION
from vigie_server.domain.conditions import (
    Branch,
    Compiler,
    Condition,
    ConditionMalformed,
    Decision,
    Kind,
)
from vigie_server.domain.documents import Section, Texts, read_document
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.examples import read_example
from vigie_server.domain.parameters import Parameter, ParameterType, read_parameter
from vigie_server.domain.products import ProductTable
from vigie_server.domain.reference_files import References, load_references
from vigie_server.domain.rules import (
    DEVICE_FIELDS,
    MOVING,
    Catalogue,
    Conditions,
    Known,
    Outcome,
    Read,
    Rule,
    Wording,
)
from vigie_server.domain.statements import LANGUAGES, Statement, Template, TemplateMalformed
from vigie_server.domain.topics import PLATFORMS, Topic, load_topics
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.domain.whys import load_whys

ROW_LIMIT: Final = 20
ANY_PLATFORM: Final = "any"
DEFAULT_MAX_AGE: Final = timedelta(days=7)

_ID: Final = re.compile(r"Q(0[1-9]|1[0-3])-[a-z0-9]+(-[a-z0-9]+)*")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_METRIC: Final = re.compile(r"vigie_device_[a-z0-9_]+")
_TEXT_LITERAL: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_LOOP: Final = re.compile(r"\.(?:all|exists|exists_one|filter|map)\(\s*(\w+)\s*,")
_NOW: Final = re.compile(r"\bnow\b")
_TIME: Final = re.compile(r"\bnow\b|\bobserved_at\b")
_OF_DEVICE: Final = re.compile(r"\b(?:device|site|asset)\.\w+")
_WITHOUT_ANSWER: Final = (
    ("not_applicable_when", Status.NOT_APPLICABLE),
    ("unknown_when", Status.UNKNOWN),
)
_COMMON: Final = frozenset({"part", "collected", "why"})
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


def load_catalogue(
    topics_folder: Path, guide_folder: Path, whys_file: Path, own_references: Path | None = None
) -> Catalogue:
    """The catalogue in two folders and a file, with newer reference data of the server's own.

    Raises RulesMalformed, naming file, line and key.
    """
    topics = load_topics(topics_folder)
    references = load_references(guide_folder / "reference", own_references)
    questions: dict[int, Texts] = {}
    rules: dict[str, Rule] = {}
    for path in sorted(guide_folder.glob("*.yaml")):
        document = read_document(path)
        question = document.whole("question")
        if path.stem != f"q{question:02}":
            raise document.wrong(f"does not belong to {path.name}", "question")
        questions[question] = document.both_languages("title")
        for section in document.sections("rules"):
            rule = _RuleReader(section, question, topics, references).rule()
            if rule.id in rules:
                raise section.wrong("is there twice", "id")
            rules[rule.id] = rule
        document.close()
    if not rules:
        raise RulesMalformed(f"{guide_folder.name}: it holds no rule")
    measures = [name for rule in rules.values() for name in rule.measures]
    if len(set(measures)) != len(measures):
        raise RulesMalformed(f"{guide_folder.name}: two rules export one metric")
    return Catalogue(
        topics=topics,
        rules=dict(sorted(rules.items())),
        questions=questions,
        references=references,
        whys=load_whys(whys_file),
        digest=_digest(
            *sorted(topics_folder.glob("*.yaml")),
            *sorted(guide_folder.glob("*.yaml")),
            *(reference.path for reference in references.values()),
            whys_file,
        ),
    )


def _digest(*paths: Path) -> str:
    content = blake2b(digest_size=16)
    for path in paths:
        held = path.read_bytes()
        content.update(f"{path.parent.name}/{path.name} {len(held)}\n".encode())
        content.update(held)
    return content.hexdigest()


def _view(reads: Mapping[str, Read]) -> str:
    """The prefix under which rules that read the same parts share what they see; "" for all."""
    for read in reads.values():
        return read.variable.removesuffix(f"topics.{read.topic}")
    return ""


def _sharing(reads: Mapping[str, Read], topics: Mapping[str, Topic]) -> Mapping[str, Read]:
    """The reads under the name of their view: one for each choice of rows that rules make."""
    choices = [
        f"{name} {platform} {' '.join(sorted(parts))}"
        for name, read in sorted(reads.items())
        for platform, parts in sorted(read.parts.items())
        if parts != {part.name for part in topics[name].parts_on(platform)}
    ]
    choices += [
        f"{name} {read.known.column} {read.known.products.handle}"
        for name, read in sorted(reads.items())
        if read.known is not None
    ]
    if not choices:
        return reads
    view = "v" + blake2b("\n".join(choices).encode(), digest_size=6).hexdigest()
    return {name: replace(read, variable=f"{view}.topics.{name}") for name, read in reads.items()}


class _RuleReader:
    """One rule's section, read in the order in which its keys depend on one another."""

    def __init__(
        self,
        section: Section,
        question: int,
        topics: Mapping[str, Topic],
        references: References,
    ) -> None:
        self._section = section
        self._question = question
        self._topics = topics
        self._references = references
        self._expressions: list[str] = []  # every expression that reads rows, to check its columns
        self._templates: list[Template] = []

    def rule(self) -> Rule:
        """The rule. Raises RulesMalformed."""
        section = self._section
        rule_id = section.text("id")
        if _ID.fullmatch(rule_id) is None or int(rule_id[1:3]) != self._question:
            raise section.wrong("must be the catalogue's, of this question", "id")
        platforms = frozenset(section.words("platforms"))
        if not platforms or not platforms <= PLATFORMS:
            raise section.wrong(f"must be some of {', '.join(sorted(PLATFORMS))}", "platforms")
        parameters = {
            name: read_parameter(name, about, self._references)
            for name, about in section.named_sections("parameters")
        }
        reads = _sharing(
            {
                name: self._read(name, about, platforms, parameters)
                for name, about in section.named_sections("reads")
            },
            self._topics,
        )
        container = _view(reads) + rule_id.replace("-", "_")
        conditions, measures = self._conditions(container, reads, parameters)
        rule = Rule(
            id=rule_id,
            version=section.whole("version"),
            question=self._question,
            severity=Severity(section.choice("severity", frozenset(Severity))),
            platforms=platforms,
            beyond_guide=section.flag("beyond_guide", default=False),
            title=section.both_languages("title"),
            why=section.both_languages("why"),
            remediation=self._remediation(platforms),
            reads=reads,
            max_age=section.duration("max_age") if "max_age" in section else DEFAULT_MAX_AGE,
            parameters=parameters,
            container=container,
            conditions=conditions,
            row_limit=section.whole("row_limit", ROW_LIMIT),
            shown=self._shown(reads),
            depends_on=self._depends_on(conditions),
            moving=not self._of_device().isdisjoint(MOVING),
            attestations=self._attestations(),
            partial=self._partial(),
            measures=measures,
            examples=tuple(
                read_example(example, rule_id, self._topics)
                for example in section.sections("examples")
            ),
        )
        section.close()
        self._check_columns(reads)
        self._check_examples(rule)
        return rule

    def _read(
        self,
        name: str,
        section: Section,
        platforms: frozenset[str],
        parameters: Mapping[str, Parameter],
    ) -> Read:
        topic = self._topics.get(name)
        if topic is None:
            raise section.wrong(f"reads `{name}`, which is no topic")
        columns = frozenset(section.words("columns"))
        parts = self._parts(section, platforms)
        for column in sorted(columns):
            if column not in topic.columns or column in _COMMON:
                raise section.wrong(f"holds `{column}`, which {name} does not declare", "columns")
        read = {}
        for platform in sorted(platforms):
            answered = frozenset(part.name for part in topic.parts_on(platform))
            read[platform] = parts.get(platform, answered)
            if not read[platform] or not read[platform] <= answered:
                raise section.wrong(f"names what {platform} does not answer on {name}", "parts")
        version = section.whole("version")
        if version != topic.version:
            raise section.wrong(f"is not {topic.version}, which {name} has", "version")
        known = self._known(section, columns, parameters) if "known" in section else None
        section.close()
        return Read(name, version, columns, read, f"topics.{name}", known)

    def _known(
        self, section: Section, columns: frozenset[str], parameters: Mapping[str, Parameter]
    ) -> Known:
        (column, name), *others = section.texts("known").items() or [("", "")]
        parameter = parameters.get(name)
        products = None if parameter is None else parameter.default
        if others or column not in columns or not isinstance(products, ProductTable):
            raise section.wrong("must name one of `columns`, and a parameter of products", "known")
        return Known(column, products)

    def _parts(self, section: Section, platforms: frozenset[str]) -> Mapping[str, frozenset[str]]:
        """What is read by platform; a platform that is absent reads all that it answers."""
        if section.is_section("parts"):
            given = section.section("parts")
            parts = {
                platform: frozenset(given.words(platform))
                for platform in sorted(platforms)
                if platform in given
            }
            given.close()
            return parts
        parts_everywhere = frozenset(section.words("parts"))
        return dict.fromkeys(platforms, parts_everywhere) if parts_everywhere else {}

    def _partial(self) -> frozenset[Status]:
        allowed = {"pass": Status.PASS, "fail": Status.FAIL}
        words = self._section.words("partial")
        if not set(words) <= allowed.keys():
            raise self._section.wrong("must hold `pass`, `fail` or both", "partial")
        return frozenset(allowed[word] for word in words)

    def _conditions(
        self, container: str, reads: Mapping[str, Read], parameters: Mapping[str, Parameter]
    ) -> tuple[Conditions, Mapping[str, str]]:
        section = self._section
        own = {f"p.{name}": _KINDS[parameter.type] for name, parameter in parameters.items()}
        of_device = Compiler(container, shared=DEVICE_FIELDS, own=own, bindings={})
        applies = self._condition(of_device, section, "applies") if "applies" in section else None

        shared = dict(DEVICE_FIELDS) | {"now": Kind.INTEGER}
        for read in reads.values():
            shared[read.variable + ".observed_at"] = Kind.INTEGER
            shared[read.variable + ".count"] = Kind.INTEGER
            if read.columns:
                shared[read.variable + ".rows"] = Kind.ROWS
        bindings = section.texts("let")
        for name in bindings:
            if _NAME.fullmatch(name) is None:
                raise section.wrong(f"holds `{name}`, which is not a name", "let")
        compiler = Compiler(container, shared=shared, own=own, bindings=bindings)
        self._expressions.extend(bindings.values())

        words = self._words(compiler)
        decision, outcomes = self._decision(compiler, reads, parameters)
        values, helps = self._measures(compiler)
        conditions = Conditions(
            applies=applies,
            decision=decision,
            outcomes=outcomes,
            fresh_until=(
                self._condition(compiler, section, "fresh_until")
                if "fresh_until" in section
                else None
            ),
            figures={
                name: self._condition(compiler, section.section("figures"), name)
                for name in section.texts("figures")
            },
            words=words,
            measures=values,
        )
        depends_on_time = any(
            _NOW.search(_TEXT_LITERAL.sub("", text)) for text in self._expressions
        )
        if depends_on_time and conditions.fresh_until is None:
            raise section.wrong("depends on `now` and does not say `fresh_until`")
        return conditions, helps

    def _words(self, compiler: Compiler) -> Mapping[str, tuple[Wording, ...]]:
        """By name, texts for people and when each of them is said."""
        if "words" not in self._section:
            return {}
        given = self._section.section("words")
        words = {}
        for name in given.keys():  # noqa: SIM118 (a Section is not a mapping)
            wordings = []
            for entry in given.sections(name):
                when = self._condition(compiler, entry, "when")
                texts = {language: entry.line_of_text(language) for language in LANGUAGES}
                entry.close()
                wordings.append(Wording(when, texts))
            words[name] = tuple(wordings)
        return words

    def _decision(
        self,
        compiler: Compiler,
        reads: Mapping[str, Read],
        parameters: Mapping[str, Parameter],
    ) -> tuple[Decision, tuple[Outcome, ...]]:
        """Not applicable before unknown before pass before fail, each with rows and sentences."""
        section = self._section
        row = self._row(reads)
        branches: list[Branch] = []
        outcomes: list[Outcome] = []
        for key, status in _WITHOUT_ANSWER:
            for entry in section.sections(key):
                when = self._checked(compiler, entry, "when")
                branches.append(Branch(when, self._rows(compiler, entry, "rows")))
                names = self._names(parameters, rows="rows" in entry)
                some = self._template(entry, "reason", names)
                outcomes.append(Outcome(status, Statement(some, some, row)))
                entry.close()

        passes = self._checked(compiler, section, "pass")
        branches.append(Branch(passes, self._rows(compiler, section, "deciding")))
        branches.append(Branch(None, self._rows(compiler, section, "offending")))
        reason = section.section("reason")
        for status, decided_by in ((Status.PASS, "deciding"), (Status.FAIL, "offending")):
            names = self._names(parameters, rows=decided_by in section)
            some = self._template(reason, status.value, names)
            without = f"{status.value}_none"
            none = self._template(reason, without, names) if without in reason else some
            outcomes.append(Outcome(status, Statement(some, none, row)))
        reason.close()
        try:
            return compiler.decision(branches), tuple(outcomes)
        except ConditionMalformed as error:
            raise section.wrong(f"cannot be decided: {error}") from error

    def _rows(self, compiler: Compiler, section: Section, key: str) -> str | None:
        return self._checked(compiler, section, key) if key in section else None

    def _checked(self, compiler: Compiler, section: Section, key: str) -> str:
        return self._condition(compiler, section, key).text

    def _measures(self, compiler: Compiler) -> tuple[Mapping[str, Condition], Mapping[str, str]]:
        values, helps = {}, {}
        for name, about in self._section.named_sections("measures"):
            if _METRIC.fullmatch(name) is None:
                raise about.wrong(f"`{name}` must begin with vigie_device_")
            helps[name] = about.line_of_text("help")
            values[name] = self._condition(compiler, about, "value")
            about.close()
        return values, helps

    def _names(self, parameters: Mapping[str, Parameter], *, rows: bool) -> frozenset[str]:
        figures = self._section.texts("figures")
        return (
            _NAMED_OF_DEVICE
            | {f"p.{name}" for name in parameters}
            | {f"v.{name}" for name in figures}
            | {f"w.{name}" for name in self._word_names()}
            | ({"rows", "count"} if rows else set())
        )

    def _word_names(self) -> tuple[str, ...]:
        return self._section.section("words").keys() if "words" in self._section else ()

    def _condition(self, compiler: Compiler, section: Section, key: str) -> Condition:
        text = section.text(key)
        self._expressions.append(text)
        try:
            return compiler.condition(text)
        except ConditionMalformed as error:
            raise section.wrong(f"is not a condition: {error}", key) from error

    def _template(
        self, section: Section, key: str, names: frozenset[str]
    ) -> Mapping[str, Template]:
        texts = section.both_languages(key)
        templates = {}
        for language in LANGUAGES:
            try:
                templates[language] = Template.of(texts[language], language, names)
            except TemplateMalformed as error:
                raise section.wrong(f"{language}: {error}", key) from error
        self._templates.extend(templates.values())
        return templates

    def _row(self, reads: Mapping[str, Read]) -> Mapping[str, Template]:
        if "row" not in self._section:
            return {}
        columns = {column for read in reads.values() for column in read.columns} | {"part"}
        return self._template(self._section, "row", frozenset(columns))

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

    def _depends_on(self, conditions: Conditions) -> tuple[str, ...] | None:
        """What is named beside rows and parameters; None when a time is."""
        bare = [_TEXT_LITERAL.sub("", text) for text in self._expressions]
        if conditions.fresh_until is not None or any(_TIME.search(text) for text in bare):
            return None
        names = self._of_device()
        return None if names & MOVING else tuple(sorted(names))

    def _of_device(self) -> set[str]:
        """The names of the device, its site and its asset card that the rule uses anywhere."""
        bare = [_TEXT_LITERAL.sub("", text) for text in self._expressions]
        named = {name for template in self._templates for _, name, _ in template.segments}
        return {name for text in (*bare, *named) for name in _OF_DEVICE.findall(text)}

    def _attestations(self) -> frozenset[str]:
        """The attestations that conditions name in a text, or by the name of their value."""
        bare = " ".join(_TEXT_LITERAL.sub("", text) for text in self._expressions)
        named = set(_OF_DEVICE.findall(bare))
        items = {item for name, item in CARRIERS.items() if name in named}
        if named & {"site.attested", "site.not_applicable"}:
            texts = [
                literal[1:-1]
                for text in self._expressions
                for literal in _TEXT_LITERAL.findall(text)
                if _ID.fullmatch(literal[1:-1])
            ]
            items |= set(texts or [EVERY_ATTESTATION])
        return frozenset(items)

    def _check_columns(self, reads: Mapping[str, Read]) -> None:
        """Columns used are declared, and columns declared are used."""
        declared = {column for read in reads.values() for column in read.columns} | {"part"}
        used = {name for template in self._templates for _, name, _ in template.segments}
        for expression in self._expressions:
            bare = _TEXT_LITERAL.sub("''", expression)
            for variable in set(_LOOP.findall(bare)):
                found = set(re.findall(rf"(?<![\w.]){variable}\.(\w+)", bare))
                used |= found
                if not found <= declared:
                    raise self._section.wrong(
                        f"uses `{min(found - declared)}`, which `reads` does not declare"
                    )
        unused = declared - used - {"part"}
        if unused:
            raise self._section.wrong(f"declares `{min(unused)}` and does not use it", "reads")

    def _check_examples(self, rule: Rule) -> None:
        shown = {example.verdict for example in rule.examples}
        for verdict in (Status.PASS, Status.FAIL, Status.UNKNOWN):
            if verdict not in shown:
                raise self._section.wrong(f"lacks an example that is {verdict}", "examples")
