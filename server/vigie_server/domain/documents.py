"""YAML documents read strictly: every refusal names the file, the line and the key.

Scalars are taken as the text that stands in the file, and read with the type that the caller asks
for: YAML's own guesses (`no` as false, `1e3` as a number, dates) never decide what a rule says.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import yaml

from vigie_server.domain.errors import RulesMalformed

Texts = Mapping[str, str]
"""One text by language, `fr` and `en`."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})(s|m|h|d)")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_FLAGS: Final = {"true": True, "false": False}


def read_document(path: Path) -> "Section":
    """The mapping that a YAML file holds. Raises RulesMalformed."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RulesMalformed(f"{path.name}: it cannot be read: {error}") from error
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise RulesMalformed(f"{path.name}: it is not YAML: {error}") from error
    if not isinstance(node, yaml.MappingNode):
        raise RulesMalformed(f"{path.name}:1: it must hold keys and values")
    return Section(node, path.name)


def duration(text: str) -> timedelta | None:
    """The span that `90s`, `15m`, `36h` or `7d` names; None for any other text."""
    matched = _DURATION.fullmatch(text)
    if matched is None:
        return None
    return timedelta(**{_UNITS[matched[2]]: int(matched[1])})


class Section:
    """One mapping of a document. Read what is known, then `close`: what is left is refused."""

    def __init__(self, node: yaml.MappingNode, source: str) -> None:
        self._source = source
        self._line = node.start_mark.line + 1
        self._unread: dict[str, yaml.Node] = {}
        self._nodes: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise RulesMalformed(f"{source}:{key.start_mark.line + 1}: a key must be a word")
            if key.value in self._nodes:
                raise RulesMalformed(f"{source}:{key.start_mark.line + 1}: `{key.value}` is twice")
            self._nodes[key.value] = value
        self._unread.update(self._nodes)

    def __contains__(self, key: str) -> bool:
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

    def close(self) -> None:
        """Refuses the keys that nobody read."""
        for key in self._unread:
            raise self.wrong("is not a key of this place", key)

    def text(self, key: str, default: str | None = None) -> str:
        """The scalar as it stands in the file, without the white space around it."""
        if key not in self._nodes and default is not None:
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
        if key not in self._nodes and default is not None:
            return default
        text = self.text(key)
        if _WHOLE.fullmatch(text) is None or int(text) < 0:
            raise self.wrong("must be a whole number", key)
        return int(text)

    def flag(self, key: str, *, default: bool) -> bool:
        """`true` or `false`, spelt so."""
        if key not in self._nodes:
            return default
        value = _FLAGS.get(self.text(key))
        if value is None:
            raise self.wrong("must be true or false", key)
        return value

    def choice(self, key: str, allowed: Mapping[str, object] | frozenset[str]) -> str:
        """One of the words allowed."""
        word = self.text(key)
        if word not in allowed:
            raise self.wrong(f"must be one of {', '.join(sorted(allowed))}", key)
        return word

    def duration(self, key: str) -> timedelta:
        """A span written as `36h` or `7d`."""
        span = duration(self.text(key))
        if span is None:
            raise self.wrong("must be a span such as 36h or 7d", key)
        return span

    def words(self, key: str) -> tuple[str, ...]:
        """A list of scalars; empty where the key is absent."""
        if key not in self._nodes:
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
        for language in ("fr", "en"):
            texts[language] = section.line_of_text(language)
            if lines:
                kept = section.text(language).splitlines()
                texts[language] = "\n".join(line.strip() for line in kept)
        section.close()
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
        if key not in self._nodes:
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
        if key not in self._nodes:
            return
        section = self.section(key)
        for name in section.keys():  # noqa: SIM118 (a Section is not a mapping)
            yield name, section.section(name)

    def texts(self, key: str) -> Mapping[str, str]:
        """Scalars by name under this key; empty where the key is absent."""
        if key not in self._nodes:
            return {}
        section = self.section(key)
        return {name: section.text(name) for name in section.keys()}  # noqa: SIM118 (as above)

    def _node(self, key: str) -> yaml.Node:
        if key not in self._nodes:
            raise self.wrong(f"lacks `{key}`")
        self._unread.pop(key, None)
        return self._nodes[key]
