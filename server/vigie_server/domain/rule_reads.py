"""What a rule reads of topics: the `reads` of its section, checked against their declarations."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from typing import Final

from vigie_server.domain.documents import Mistakes, Section
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.parameters import Parameter
from vigie_server.domain.products import ProductTable
from vigie_server.domain.rules import Known, Read
from vigie_server.domain.suggesting import meant, nearest
from vigie_server.domain.topics import Topic

_COMMON: Final = frozenset({"part", "collected", "why"})


class ReadsReader:
    """Reads what rules read. What is wrong is told to `mistakes`.

    A name that resembles one that exists is read as that one: who misspelt it is not told, beside,
    that nothing else of the rule knows it.

    `broken` are topics whose own files are malformed: a rule that reads one is passed over.
    """

    def __init__(
        self, topics: Mapping[str, Topic], broken: frozenset[str], mistakes: Mistakes
    ) -> None:
        self._topics: Final = topics
        self._broken: Final = broken
        self._mistakes: Final = mistakes

    def reads(
        self, section: Section, platforms: frozenset[str], parameters: Mapping[str, Parameter]
    ) -> Mapping[str, Read]:
        """What a rule's section reads, by topic. Raises RulesMalformed where a topic is broken."""
        reads = {}
        sections = self._mistakes.attempt(lambda: tuple(section.named_sections("reads")), ())
        for name, about in sections:
            if name in self._broken:
                raise RulesMalformed  # the topic's file says what is wrong
            topic = self._topics.get(name)
            if topic is None:
                near = meant(name, self._topics)
                self._mistakes.add(about.wrong(f"reads `{name}`, which is no topic{near}"))
                topic = self._topics.get(nearest(name, self._topics) or "")
            if topic is not None and topic.name not in self._broken:
                reads[topic.name] = self._read(topic, about, platforms, parameters)
        return _sharing(reads, self._topics)

    def _read(
        self,
        topic: Topic,
        section: Section,
        platforms: frozenset[str],
        parameters: Mapping[str, Parameter],
    ) -> Read:
        """What is read of a topic; columns and parts that it lacks are left out, and told."""
        mistakes, name = self._mistakes, topic.name
        columns = frozenset(mistakes.attempt(partial(section.words, "columns"), ()))
        known = {column for column in columns if column in topic.columns} - _COMMON
        for column in sorted(columns - known):
            near = "" if column in _COMMON else meant(column, topic.columns)
            mistakes.add(
                section.wrong(f"holds `{column}`, which {name} does not declare{near}", "columns")
            )
            if near:
                known |= {nearest(column, topic.columns) or column}
        parts = mistakes.attempt(partial(self._parts, section, platforms), {})
        read = {}
        for platform in sorted(platforms):
            answered = frozenset(part.name for part in topic.parts_on(platform))
            read[platform] = parts.get(platform, answered)
            odd = sorted(read[platform] - answered)
            if odd or not read[platform]:
                near = meant(odd[0], answered) if odd else ""
                problem = f"names what {platform} does not answer on {name}{near}"
                mistakes.add(section.wrong(problem, "parts"))
        version = mistakes.attempt(partial(section.whole, "version"), None)
        if version is not None and version != topic.version:
            mistakes.add(section.wrong(f"is not {topic.version}, which {name} has", "version"))
        chosen = None
        if "known" in section:
            chosen = mistakes.attempt(partial(_known, section, columns, parameters), None)
        mistakes.attempt(section.close, None)
        return Read(name, topic.version, frozenset(known), read, topic.variable, chosen)

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


def view_of(reads: Mapping[str, Read], topics: Mapping[str, Topic]) -> str:
    """The prefix under which rules that read the same parts share what they see; "" for all."""
    for read in reads.values():
        return read.variable.removesuffix(topics[read.topic].variable)
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
    return {
        name: replace(read, variable=f"{view}.{topics[name].variable}")
        for name, read in reads.items()
    }


def _known(section: Section, columns: frozenset[str], parameters: Mapping[str, Parameter]) -> Known:
    (column, name), *others = section.texts("known").items() or [("", "")]
    parameter = parameters.get(name)
    products = None if parameter is None else parameter.default
    if others or column not in columns or not isinstance(products, ProductTable):
        raise section.wrong("must name one of `columns`, and a parameter of products", "known")
    return Known(column, products)
