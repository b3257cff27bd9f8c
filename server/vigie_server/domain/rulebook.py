"""Reads the catalogue: topics, reference tables and rules, checked against one another.

What is wrong is refused here, once, all of it, with file and line, so that judging meets no
surprise: unknown keys, columns and parts that the topic does not declare, columns declared but not
used or used but not declared, expressions that do not compile, templates that name nothing, a rule
that depends on time and does not say until when, metrics that two rules export.

A site may have a folder of its own beside what is shipped, in the same form and held to the same:
`topics/*.yaml`, `guide/*.yaml` (any names; `question` says which one of the guide the rules answer)
and `guide/reference/*.yaml`. Its rules have ids that begin with `X-`; one of the release is taken
the place of where the file says so (`replaces: true`), a topic or a reference file never.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from vigie_server.domain.documents import Mistakes, Section, Texts, read_document
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.reference_files import Reference, load_references
from vigie_server.domain.rule_digests import Sources, catalogue_digest, with_digests
from vigie_server.domain.rule_reader import RuleReader, Shelf
from vigie_server.domain.rules import Catalogue, Rule
from vigie_server.domain.suggesting import meant
from vigie_server.domain.topics import Topic, read_topics
from vigie_server.domain.whys import load_whys

LAST_QUESTION: Final = 13


def load_catalogue(
    topics_folder: Path,
    guide_folder: Path,
    whys_file: Path,
    own_references: Path | None = None,
    own: Path | None = None,
) -> Catalogue:
    """The catalogue in two folders and a file, with newer reference data of the server's own.

    `own` is the folder of a site's own topics and rules. Raises RulesMalformed, with all that is
    wrong, each with file, line and key.
    """
    return catalogue_of(read_release(topics_folder, guide_folder, own_references), whys_file, own)


def read_release(
    topics_folder: Path, guide_folder: Path, own_references: Path | None = None
) -> "Release":
    """What is shipped, to make catalogues of. Raises RulesMalformed."""
    mistakes = Mistakes()
    shipped = _Read(references=dict(load_references(guide_folder / "reference", own_references)))
    broken = shipped.read_topics(topics_folder, mistakes)
    for path in sorted(guide_folder.glob("*.yaml")):
        shipped.read_rules(path, mistakes, broken)
    mistakes.settle()
    if not shipped.topics:
        raise RulesMalformed(f"{topics_folder.name}: it holds no topic")
    if not shipped.rules:
        raise RulesMalformed(f"{guide_folder.name}: it holds no rule")
    return Release(shipped, guide_folder.name)


def catalogue_of(release: "Release", whys_file: Path, own: Path | None = None) -> Catalogue:
    """The catalogue of a release, with a site's own topics and rules. Raises RulesMalformed."""
    everything = release.read if own is None else _beside(release.read, own)
    rules = everything.rules
    measures = [name for rule in rules.values() for name in rule.measures]
    if len(set(measures)) != len(measures):
        twice = min(name for name in measures if measures.count(name) > 1)
        where = release.guide if own is None else own
        raise RulesMalformed(f"{where}: two rules export one metric, {twice}")
    references = everything.references
    sources = Sources(
        topics=everything.sources,
        references={name: held.path.read_bytes() for name, held in references.items()},
        whys=whys_file.read_bytes(),
    )
    found = with_digests(rules, sources)
    return Catalogue(
        topics=everything.topics,
        rules=found,
        questions=everything.questions,
        references=references,
        whys=load_whys(whys_file),
        digest=catalogue_digest(found),
    )


@dataclass(slots=True)
class _Read:
    """What files have held so far; `shipped` is what came with the release, for a site's own.

    `sources` are the files of the topics as they stand.
    """

    topics: dict[str, Topic] = field(default_factory=dict)
    sources: dict[str, bytes] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    questions: dict[int, Texts] = field(default_factory=dict)
    shipped: Mapping[str, Rule] | None = None

    def read_topics(self, folder: Path, mistakes: Mistakes) -> frozenset[str]:
        """The topics of a folder; gives the names of those that are malformed."""
        here = read_topics(folder, mistakes)
        for name, topic in here.items():
            if name in self.topics:
                problem = f"{name}.yaml: this topic comes with the release: give yours another name"
                mistakes.add(RulesMalformed(problem))
            elif any(known.variable == topic.variable for known in self.topics.values()):
                problem = f"{name}.yaml: rules would know it as {topic.variable}, another topic"
                mistakes.add(RulesMalformed(problem))
            else:
                self.topics[name] = topic
                self.sources[name] = (folder / f"{name}.yaml").read_bytes()
        return frozenset(path.stem for path in folder.glob("*.yaml")) - here.keys()

    def read_rules(self, path: Path, mistakes: Mistakes, broken: frozenset[str]) -> None:
        """The rules of a file, those apart that are malformed."""
        document = mistakes.attempt(partial(read_document, path), None)
        if document is None:
            return
        question = mistakes.attempt(partial(self._question, document, path), 0)
        shelf = Shelf(self.topics, self.references, broken, self.shipped)
        for section in mistakes.attempt(lambda: tuple(document.sections("rules")), ()):
            rule = mistakes.attempt(RuleReader(section, question, shelf).rule, None)
            if rule is None:
                continue
            released = None if self.shipped is None else self.shipped.get(rule.id)
            if self.rules.get(rule.id) is not released:
                mistakes.add(section.wrong("is there twice", "id"))
            self.rules[rule.id] = rule
        mistakes.attempt(document.close, None)

    def _question(self, document: Section, path: Path) -> int:
        """A site's own files are called as it likes, and need no title for a question of ours."""
        question = document.whole("question")
        if self.shipped is None:
            if path.stem != f"q{question:02}":
                raise document.wrong(f"does not belong to {path.name}", "question")
        elif not 1 <= question <= LAST_QUESTION:
            raise document.wrong("must be one of the guide's, 1 to 13", "question")
        if self.shipped is None or "title" in document or question not in self.questions:
            title = document.both_languages("title")
            self.questions.setdefault(question, title)
        return question


@dataclass(frozen=True, slots=True)
class Release:
    """What came with a release, and the name of the folder of its rules. Nobody changes it."""

    read: _Read
    guide: str


PARTS: Final = ("guide", "topics")
"""The folders of a site's own that hold rules, and what they read."""
_FOLDERS: Final = (*PARTS, "packs", "reference")


def _beside(shipped: _Read, own: Path) -> _Read:
    """What is shipped, with a site's own folder beside it. Raises RulesMalformed."""
    if not own.is_dir() or not any((own / name).is_dir() for name in PARTS):
        raise RulesMalformed(f"{own}: it must be a folder that holds `guide` or `topics`")
    everything = _Read(
        topics=dict(shipped.topics),
        sources=dict(shipped.sources),
        references=dict(shipped.references),
        rules=dict(shipped.rules),
        questions=dict(shipped.questions),
        shipped=shipped.rules,
    )
    mistakes = Mistakes()
    for odd in sorted(own.glob("*.y*ml")) + sorted(own.glob("*/*.yml")):
        problem = f"{odd.relative_to(own)}: rules are in guide/*.yaml, topics in topics/*.yaml"
        mistakes.add(RulesMalformed(problem))
    for odd in sorted(path for path in own.iterdir() if path.is_dir()):
        if odd.name not in _FOLDERS and any(odd.glob("*.yaml")):
            hint = meant(odd.name, PARTS)
            if hint:
                mistakes.add(RulesMalformed(f"{odd.name}: no rule is looked for in it{hint}"))
    for name, reference in mistakes.attempt(
        partial(load_references, own / "guide" / "reference"), {}
    ).items():
        if name in shipped.references:
            problem = f"{name}.yaml: it comes with the release: a newer one goes in `reference`"
            mistakes.add(RulesMalformed(problem))
        everything.references[name] = reference
    broken = everything.read_topics(own / "topics", mistakes)
    for path in sorted((own / "guide").glob("*.yaml")):
        everything.read_rules(path, mistakes, broken)
    mistakes.settle()
    return everything
