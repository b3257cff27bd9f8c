"""YAML documents read strictly: every refusal names the file, the line and the key.

`Mistakes` lets a reader go on after one, so that who writes a file sees all of them at once.

Scalars are taken as the text that stands in the file, and read with the type that the caller asks
for: YAML's own guesses (`no` as false, `1e3` as a number, dates) never decide what a rule says.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import yaml

from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.suggesting import meant

_Read = TypeVar("_Read")
_Else = TypeVar("_Else")

Texts = Mapping[str, str]
"""One text by language, `fr` and `en`."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})(s|m|h|d)")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_QUOTED: Final = "a text that holds `: ` or ` #` stands between double quotes"
_REMEDIES: Final = (
    ("tab", "indent with spaces"),
    ("\\t", "indent with spaces"),
    ("could not find expected ':'", "a `:` is missing here or on the line before"),
    ("mapping values are not allowed", f"{_QUOTED}; keys beside one another begin in one column"),
    ("cannot start any token", "a text that begins with such a sign stands between double quotes"),
    ("quoted scalar", "a quote is not closed, or a text goes on after it"),
    ("did not find expected", f"look at the indentation, at `[`, `{{` and quotes; {_QUOTED}"),
)
"""What to do about each thing that the YAML library says, by what it says."""
_FLAGS: Final = {"true": True, "false": False}


def read_document(path: Path) -> "Section":
    """The mapping that a YAML file holds. Raises RulesMalformed."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        place = error.object[: error.start].count(b"\n") + 1
        raise RulesMalformed(
            f"{path.name}:{place}: it is not in UTF-8: save it as UTF-8"
        ) from error
    except OSError as error:
        raise RulesMalformed(f"{path.name}: it cannot be read: {error}") from error
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f"{error.problem_mark.line + 1}:"
        said = "; ".join(text for text in (error.context, error.problem) if text)
        raise RulesMalformed(
            f"{path.name}:{line} it is not YAML: {said}{_yaml_remedy(said)}"
        ) from error
    except yaml.YAMLError as error:
        raise RulesMalformed(f"{path.name}: it is not YAML: {error}") from error
    if not isinstance(node, yaml.MappingNode):
        raise RulesMalformed(f"{path.name}:1: it must hold keys and values")
    return Section(node, path.name)


def _yaml_remedy(said: str) -> str:
    """What to do about what the YAML library says, where that is known."""
    return next((f": {remedy}" for sign, remedy in _REMEDIES if sign in said), "")


def duration(text: str) -> timedelta | None:
    """The span that `90s`, `15m`, `36h` or `7d` names; None for any other text."""
    matched = _DURATION.fullmatch(text)
    if matched is None:
        return None
    return timedelta(**{_UNITS[matched[2]]: int(matched[1])})


class Mistakes:
    """What is wrong in what is read, gathered; `settle` refuses it all at once."""

    def __init__(self) -> None:
        self._found: Final[list[str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def attempt(self, read: Callable[[], _Read], instead: _Else) -> _Read | _Else:
        """What `read` gives; `instead` where it is malformed, which is kept."""
        try:
            return read()
        except RulesMalformed as error:
            self.add(error)
            return instead

    def add(self, error: RulesMalformed) -> None:
        """Keeps what is wrong, once."""
        self._found.extend(text for text in error.mistakes if text not in self._found)

    def settle(self) -> None:
        """Raises RulesMalformed where anything was found, in the order of files and lines."""
        if self._found:
            raise RulesMalformed(*sorted(self._found, key=_place))


def _place(mistake: str) -> tuple[str, int]:
    file, _, rest = mistake.partition(":")
    line = rest.partition(":")[0]
    return file, int(line) if line.isdigit() else 0


class Section:
    """One mapping of a document. Read what is known, then `close`: what is left is refused."""

    def __init__(self, node: yaml.MappingNode, source: str) -> None:
        self._source = source
        self._line = node.start_mark.line + 1
        self._unread: dict[str, yaml.Node] = {}
        self._asked: set[str] = set()
        self._nodes: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise RulesMalformed(f"{source}:{key.start_mark.line + 1}: a key must be a word")
            if key.value in self._nodes:
                raise RulesMalformed(f"{source}:{key.start_mark.line + 1}: `{key.value}` is twice")
            self._nodes[key.value] = value
        self._unread.update(self._nodes)

    def __contains__(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._nodes

    def keys(self) -> tuple[str, ...]:
        """In the order of the file."""
        return tuple(self._nodes)

    def wrong(self, problem: str, key: str | None = None) -> RulesMalformed:
        """The error to raise about this section, or about one of its keys."""
        node = self._nodes.get(key) if key is not None else None
        line = node.start_mark.line + 1 if node is not None else self._line
        named = f"`{key}` " if key is not None else ""
        return RulesMalformed(f"{self._source}:{line}: {named}{problem}")

    def content(self, *, without: Collection[str] = ()) -> str:
        """What it says, in one form however the file is laid out; the keys' order counts."""
        held = [[key, _plain(node)] for key, node in self._nodes.items() if key not in without]
        return json.dumps(held)

    def scalars(self) -> frozenset[str]:
        """Every text that stands anywhere in it, keys left out."""
        return frozenset(found for node in self._nodes.values() for found in _scalars(node))

    def close(self) -> None:
        """Refuses the keys that nobody read."""
        wrong = Mistakes()
        for key in self._unread:
            near = meant(key, self._asked - self._nodes.keys())
            wrong.add(self.wrong(f"is not a key of this place{near}", key))
        wrong.settle()

    def text(self, key: str, default: str | None = None) -> str:
        """The scalar as it stands in the file, without the white space around it."""
        if key not in self and default is not None:
            return default
        node = self._node(key)
        if not isinstance(node, yaml.ScalarNode):
            raise self.wrong("must be a text", key)
        return str(node.value).strip()

    def line_of_text(self, key: str) -> str:
        """A text of one paragraph: line ends of the file become spaces. Never empty."""
        text = " ".join(self.text(key).split())
        if not text:
            raise self.wrong("must not be empty", key)
        return text

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number of at least 0."""
        if key not in self and default is not None:
            return default
        text = self.text(key)
        if _WHOLE.fullmatch(text) is None or int(text) < 0:
            raise self.wrong("must be a whole number", key)
        return int(text)

    def flag(self, key: str, *, default: bool) -> bool:
        """`true` or `false`, spelt so."""
        if key not in self:
            return default
        value = _FLAGS.get(self.text(key))
        if value is None:
            raise self.wrong("must be true or false", key)
        return value

    def choice(self, key: str, allowed: Collection[str]) -> str:
        """One of the words allowed."""
        word = self.text(key)
        if word not in allowed:
            near = meant(word, allowed)
            raise self.wrong(f"must be one of {', '.join(sorted(allowed))}{near}", key)
        return word

    def duration(self, key: str) -> timedelta:
        """A span written as `36h` or `7d`."""
        span = duration(self.text(key))
        if span is None:
            raise self.wrong("must be a span such as 36h or 7d", key)
        return span

    def words(self, key: str) -> tuple[str, ...]:
        """A list of scalars; empty where the key is absent."""
        if key not in self:
            return ()
        node = self._node(key)
        if not isinstance(node, yaml.SequenceNode) or not all(
            isinstance(item, yaml.ScalarNode) for item in node.value
        ):
            raise self.wrong("must be a list of words", key)
        return tuple(str(item.value) for item in node.value)

    def both_languages(self, key: str, *, lines: bool = False) -> Texts:
        """One text for each of `fr` and `en`; with `lines`, line ends are kept."""
        section = self.section(key)
        texts = {}
        mistakes = Mistakes()
        for language in ("fr", "en"):
            texts[language] = mistakes.attempt(partial(section.line_of_text, language), "")
            if lines and not mistakes:
                kept = section.text(language).splitlines()
                texts[language] = "\n".join(line.strip() for line in kept)
        mistakes.attempt(section.close, None)
        mistakes.settle()
        return texts

    def section(self, key: str) -> "Section":
        """The mapping under this key."""
        node = self._node(key)
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong("must hold keys and values", key)
        return Section(node, self._source)

    def is_section(self, key: str) -> bool:
        """Whether the key holds a mapping."""
        return isinstance(self._nodes.get(key), yaml.MappingNode)

    def is_list(self, key: str) -> bool:
        """Whether the key holds a list."""
        return isinstance(self._nodes.get(key), yaml.SequenceNode)

    def sections(self, key: str) -> "Iterator[Section]":
        """The mappings of the list under this key; none where the key is absent."""
        if key not in self:
            return
        node = self._node(key)
        if not isinstance(node, yaml.SequenceNode):
            raise self.wrong("must be a list", key)
        for item in node.value:
            if not isinstance(item, yaml.MappingNode):
                raise self.wrong("must be a list of keys and values", key)
            yield Section(item, self._source)

    def lists_of_sections(self, key: str) -> "Iterator[tuple[Section, ...]]":
        """The lists of mappings that the list under this key holds; none where it is absent."""
        if key not in self._nodes:
            return
        node = self._node(key)
        if not isinstance(node, yaml.SequenceNode):
            raise self.wrong("must be a list", key)
        for one in node.value:
            held = one.value if isinstance(one, yaml.SequenceNode) else [one]
            if not all(isinstance(item, yaml.MappingNode) for item in held):
                raise self.wrong("must be a list of lists of keys and values", key)
            yield tuple(Section(item, self._source) for item in held)

    def named_sections(self, key: str) -> "Iterator[tuple[str, Section]]":
        """The mappings by name under this key; none where the key is absent."""
        if key not in self:
            return
        section = self.section(key)
        for name in section.keys():  # noqa: SIM118 (a Section is not a mapping)
            yield name, section.section(name)

    def texts(self, key: str) -> Mapping[str, str]:
        """Scalars by name under this key; empty where the key is absent."""
        if key not in self:
            return {}
        section = self.section(key)
        return {name: section.text(name) for name in section.keys()}  # noqa: SIM118 (as above)

    def _node(self, key: str) -> yaml.Node:
        if key not in self:
            raise self.wrong(f"lacks `{key}`")
        self._unread.pop(key, None)
        return self._nodes[key]


def _plain(node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return {"": [[_plain(key), _plain(value)] for key, value in node.value]}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return str(node.value)


def _scalars(node: yaml.Node) -> Iterator[str]:
    if isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)
    else:
        yield str(node.value).strip()
