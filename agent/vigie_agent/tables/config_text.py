"""The grammars of configuration files, as pure functions from text to lines and settings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final


class Grammar(StrEnum):
    """How a file separates keys from values and where its comments start."""

    EQUALS = auto()  # `key = value`, `key`; # comments
    INI = auto()  # [section], `key = value`; # and ; comments on lines of their own, \ continues
    WORDS = auto()  # `KEY value`; # comments
    SHELL = auto()  # `KEY="value"`; # comments
    APT = auto()  # `A::B "value";` and nested blocks; #, // and /* */ comments
    PAM = auto()  # `type control module arguments`; # comments, \ continues


@dataclass(frozen=True, slots=True)
class ConfigLine:
    """One line that says something. `n` counts from 1; a continued line has its first one's."""

    n: int
    section: str
    line: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class AptSetting:
    """A scalar of APT's configuration, its path spelt `APT::Periodic::Unattended-Upgrade`."""

    n: int
    key: str
    value: str


_SECTION: Final = re.compile(r"\[([^\]]*)\]\s*$")
_CONTINUES: Final = frozenset({Grammar.INI, Grammar.PAM})
_LINE_COMMENTS: Final = {Grammar.INI: ("#", ";"), Grammar.APT: ("#", "//")}
_TRAILING_COMMENT: Final = re.compile(r"(?:^|\s)#.*$")


def config_lines(text: str, grammar: Grammar) -> tuple[ConfigLine, ...]:
    """The lines of `text` that hold something, without comments. Never raises on odd text."""
    section, found = "", []
    for n, raw in _joined(text, grammar):
        line = _uncommented(raw, grammar)
        if not line:
            continue
        if grammar is Grammar.INI and (header := _SECTION.match(line)):
            section = header[1].strip()
            continue
        key, value = _split(line, grammar)
        found.append(ConfigLine(n, section, line, key, value))
    return tuple(found)


_Words = list[tuple[int, str, bool]]
"""The words of a statement: line, text, and whether it stood in quotes."""


def apt_settings(text: str) -> tuple[AptSetting, ...]:
    """Every scalar of an apt.conf text, in order; lists and what cannot be parsed are left out."""
    return tuple(
        setting for block, words in _apt_statements(text) for setting in _apt_scalar(block, words)
    )


def apt_lists(text: str) -> tuple[AptSetting, ...]:
    """The items of every list of an apt.conf text, in order; an empty one where it is cleared."""
    return tuple(
        item for block, words in _apt_statements(text) for item in _apt_items(block, words)
    )


def _apt_statements(text: str) -> Iterator[tuple[str, _Words]]:
    """Each statement with the path of the block it stands in."""
    blocks: list[str] = []
    words: _Words = []
    for n, token, quoted in _apt_tokens(text):
        match token:
            case "{" if not quoted:
                blocks.append("::".join(word for _, word, _ in words))
                words = []
            case "}" if not quoted:
                blocks = blocks[:-1]
                words = []
            case ";" if not quoted:
                yield "::".join(filter(None, blocks)), words
                words = []
            case _:
                words.append((n, token, quoted))


def _apt_scalar(block: str, words: _Words) -> Iterator[AptSetting]:
    """`A::B "value"` is a setting; `"value"` alone and `A:: "value"` belong to lists."""
    if len(words) != 2 or words[0][2] or words[0][1].endswith("::"):  # noqa: PLR2004 (key, value)
        return
    (n, key, _), (_, value, _) = words
    yield AptSetting(n, "::".join(filter(None, [block, key])), value)


def _apt_items(block: str, words: _Words) -> Iterator[AptSetting]:
    """`"value"` in a block, `A:: "value"` and `#clear A` are of lists."""
    match words:
        case [(n, value, True)] if block:
            yield AptSetting(n, block, value)
        case [(n, key, False), (_, value, True)] if key.endswith("::"):
            yield AptSetting(n, "::".join(filter(None, [block, key.removesuffix("::")])), value)
        case [(n, "#clear", False), (_, key, False)]:
            yield AptSetting(n, key.removesuffix("::"), "")
        case _:
            return


_APT_TOKEN: Final = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/|\#(?!clear\b)[^\n]*)
      | "(?P<quoted>[^"\n]*)"
      | (?P<mark>[{};])
      | (?P<word>[^\s{};"]+)
      | (?P<space>\s+|")""",
    re.VERBOSE | re.DOTALL,
)


def _apt_tokens(text: str) -> Iterator[tuple[int, str, bool]]:
    n = 1
    for token in _APT_TOKEN.finditer(text):
        if token["quoted"] is not None:
            yield n, token["quoted"], True
        elif token["mark"] or token["word"]:
            yield n, token[0], False
        n += token[0].count("\n")


def _joined(text: str, grammar: Grammar) -> Iterator[tuple[int, str]]:
    """Numbered lines; those that end with a backslash are joined to the next where that counts."""
    start, pending = 0, ""
    for n, line in enumerate(text.splitlines(), start=1):
        start = start or n
        if grammar in _CONTINUES and line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        yield start, pending + line
        start, pending = 0, ""
    if pending:
        yield start, pending


def _uncommented(raw: str, grammar: Grammar) -> str:
    line = raw.strip()
    if grammar in _LINE_COMMENTS:
        return "" if line.startswith(_LINE_COMMENTS[grammar]) else line
    return _TRAILING_COMMENT.sub("", line).strip()


def _split(line: str, grammar: Grammar) -> tuple[str, str]:
    if grammar in {Grammar.EQUALS, Grammar.INI, Grammar.SHELL}:
        key, _, value = line.partition("=")
    else:
        key, value = [*line.split(maxsplit=1), ""][:2]
    key, value = key.strip(), value.strip()
    if grammar is Grammar.APT:
        value = value.rstrip(";").strip()
    return key, value if grammar is Grammar.PAM else _unquoted(value)


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
