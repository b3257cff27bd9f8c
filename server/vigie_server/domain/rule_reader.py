"""Reads one rule's section, with everything that it refers to checked.

All mistakes of a rule are gathered before it is refused, each at its line and with what was
probably meant. What depends on something malformed is read as far as it can be, so that one mistake
is told once.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from vigie_server.domain.conditions_reader import ConditionsReader, listed, parameter_names
from vigie_server.domain.documents import Mistakes, Section, Texts
from vigie_server.domain.examples import Example, read_example
from vigie_server.domain.parameters import Parameter, read_parameter
from vigie_server.domain.reference_files import References
from vigie_server.domain.rule_columns import columns_followed
from vigie_server.domain.rule_names import Names
from vigie_server.domain.rule_reads import ReadsReader, view_of
from vigie_server.domain.rules import MOVING, Read, Rule
from vigie_server.domain.suggesting import meant, platform_meant
from vigie_server.domain.text_questions import Questions, questions_of
from vigie_server.domain.topics import PLATFORMS, Topic
from vigie_server.domain.verdicts import Severity, Status

ROW_LIMIT: Final = 20
ANY_PLATFORM: Final = "any"
DEFAULT_MAX_AGE: Final = timedelta(days=7)

NOT_FOLLOWED: Final = frozenset({"title", "why", "remediation", "examples"})
"""Keys of a rule that no verdict follows."""
_ID: Final = re.compile(r"Q(0[1-9]|1[0-3])-[a-z0-9]+(-[a-z0-9]+)*")
_OWN_ID: Final = re.compile(r"X-[a-z0-9]+(-[a-z0-9]+)*")


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


class RuleReader:
    """One rule's section, read in the order in which its keys depend on one another."""

    def __init__(self, section: Section, question: int, shelf: Shelf) -> None:
        self._section = section
        self._question = question
        self._shelf = shelf
        self._topics = shelf.topics
        self._mistakes = Mistakes()
        self._decides = ConditionsReader(section, shelf.topics, self._mistakes)

    def rule(self) -> Rule:
        """The rule. Raises RulesMalformed, with all that is wrong with it."""
        section, attempt = self._section, self._mistakes.attempt
        rule_id = attempt(self._id, "unreadable")
        platforms = attempt(self._platforms, PLATFORMS)
        parameters: dict[str, Parameter] = {}
        beside = attempt(partial(parameter_names, section), ())
        for name, about in attempt(lambda: tuple(section.named_sections("parameters")), ()):
            read = attempt(
                partial(read_parameter, name, about, self._shelf.references, names=beside), None
            )
            if read is not None:
                parameters[name] = read
        reader = ReadsReader(self._topics, self._shelf.broken, self._mistakes)
        reads = reader.reads(section, platforms, parameters)
        container = view_of(reads, self._topics) + rule_id.replace("-", "_")
        conditions, measures = self._decides.read(container, reads, parameters)
        names = Names(
            [text for text, _, _ in self._decides.expressions],
            {name for template in self._decides.templates for _, name, _ in template.segments},
        )
        expressions = [text for text, _, _ in self._decides.expressions]
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
        self._decides.check_columns(reads)
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
            [text for text, _, _ in self._decides.expressions],
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
            near = platform_meant(odd[0], PLATFORMS) if odd else ""
            some = ", ".join(sorted(PLATFORMS))
            problem = self._section.wrong(f"must be some of {some}{near}", "platforms")
            self._mistakes.add(problem)
        return (platforms & PLATFORMS) or PLATFORMS

    def _max_age(self) -> timedelta:
        if "max_age" in self._section:
            return self._section.duration("max_age")
        return DEFAULT_MAX_AGE

    def _examples(self, rule_id: str) -> tuple[Example, ...]:
        examples, names = [], parameter_names(self._section)
        sections = self._mistakes.attempt(partial(listed, self._section, "examples"), ())
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

    def _remediation(self, platforms: frozenset[str]) -> Mapping[str, Texts]:
        section = self._section.section("remediation")
        given = {
            platform: section.both_languages(platform, lines=True)
            for platform in sorted(platforms | {ANY_PLATFORM})
            if platform in section
        }
        if ANY_PLATFORM not in given and not platforms <= given.keys():
            lacking = ", ".join(f"`{name}`" for name in sorted(platforms - given.keys()))
            problem = f"must hold every platform, or `any`: it lacks {lacking}"
            raise self._section.wrong(problem, "remediation")
        section.close()
        return given

    def _shown(self, reads: Mapping[str, Read]) -> frozenset[str]:
        columns = {column for read in reads.values() for column in read.columns}
        keys = {key for name in reads for key in self._topics[name].keys}
        return frozenset(columns | keys | {"part"})
