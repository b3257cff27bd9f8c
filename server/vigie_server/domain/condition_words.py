"""What is wrong with an expression, in plain words, with what was probably meant.

CEL's compiler speaks of overloads and operands; who writes a rule is not a programmer of CEL. What
is not known here is passed on in the compiler's own words.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from vigie_server.domain.conditions import ConditionMalformed, Fault
from vigie_server.domain.suggesting import meant

EXCERPT: Final = 40
"""Characters of an expression that are quoted from the place of a mistake on."""

FUNCTIONS: Final = (
    *("listed", "entries", "supported", "support_end", "support_estimated", "product"),
    *("product_end", "newest", "oldest", "distinct", "size", "has", "all", "exists", "exists_one"),
    *("filter", "map", "matches", "contains", "startsWith", "endsWith", "int", "string", "double"),
    *("join", "split", "lowerAscii", "replace", "substring", "trim", "indexOf", "type", "dyn"),
)

_INSTEAD: Final[Mapping[str, str]] = {
    "and": "write `&&` for `and`",
    "or": "write `||` for `or`",
    "not": "write `!` for `not`",
    "True": "write `true`",
    "False": "write `false`",
    "None": "write `null`",
    "len": "write `size(...)` for `len`",
}
_TYPES: Final[Mapping[str, str]] = {
    "int": "a whole number",
    "double": "a number with decimals",
    "string": "a text",
    "bool": "true or false",
    "null": "null",
    "dyn": "a value of any type",
}
_STOPS: Final = "it stops before its end: something is missing after the last word"
_CUT: Final = re.compile(r"Syntax error: (?!missing)")
_LOOP: Final = re.compile(r"\.(?:all|exists|exists_one|filter|map)\(\s*(\w+)\s*,")


def explained(error: ConditionMalformed, text: str, names: Collection[str]) -> str:
    """All that is wrong with the expression; `names` are those it may use."""
    told = dict.fromkeys(_told(fault, text, names) for fault in error.faults)
    return "; ".join(told)


def _told(fault: Fault, text: str, names: Collection[str]) -> str:
    if fault.at >= len(text.rstrip()) and _CUT.match(fault.detail):
        return _STOPS
    for pattern, explain in _EXPLAINED:
        matched = pattern.match(fault.detail)
        if matched is not None:
            return explain(matched, text, names) + _near(fault, text)
    return fault.detail + _near(fault, text)


def _near(fault: Fault, text: str) -> str:
    if not 0 <= fault.at < len(text):
        return ""
    start = fault.at
    while start > 0 and (text[start - 1].isalnum() or text[start - 1] in "_."):
        start -= 1
    excerpt = " ".join(text[start : start + EXCERPT].split())
    return f" (at `{excerpt}`)" if excerpt else ""


def _undeclared(matched: re.Match[str], text: str, names: Collection[str]) -> str:
    name = matched[1]
    if name in _INSTEAD:
        return _INSTEAD[name]
    if re.search(rf"(?<![\w.]){re.escape(name)}\s*\(", text) or f".{name}(" in text:
        return f"there is no function `{name}`{meant(name, FUNCTIONS)}"
    loops = set(_LOOP.findall(text))
    first = name.partition(".")[0]
    if "." in name and loops and first not in {known.partition(".")[0] for known in names}:
        near = meant(first, loops) or f": its loops name a row {', '.join(sorted(loops))}"
        return f"there is no `{first}` here{near}"
    return f"there is no `{name}` here{meant(name, {*names, *loops})}"


def _overload(matched: re.Match[str], _: str, __: Collection[str]) -> str:
    name, given = matched[1], [_type(kind) for kind in _split(matched[2])]
    if name == "_?_:_":
        if given[0] not in {_TYPES["bool"], _TYPES["dyn"]}:
            return f"what stands before `?` must be true or false, not {given[0]}"
        return f"both sides of `:` must be of one type, not {' and '.join(given[1:])}"
    operator = name.strip("_").replace("_", "")
    if not operator.isalnum():
        if len(given) == 1:
            return f"`{operator}` cannot take {given[0]}"
        return f"`{operator}` cannot stand between {' and '.join(given)}"
    return f"`{name}` cannot take {', '.join(given) or 'nothing'}"


def _select(matched: re.Match[str], _: str, __: Collection[str]) -> str:
    return f"{_type(matched[1])} has no fields: nothing can follow it after a `.`"


def _token(matched: re.Match[str], _: str, __: Collection[str]) -> str:
    sign = matched[1].strip()
    if sign == "=":
        return "`=` says nothing here: write `==` to compare"
    if sign[:1] in {"'", '"'}:
        return "a text is not closed: a quote is missing"
    return f"`{sign}` cannot stand here"


def _syntax(matched: re.Match[str], text: str, _: Collection[str]) -> str:
    words = matched[1]
    missing = re.match(r"missing '(.)' at", words)
    if missing is not None:
        return f"a `{missing[1]}` is missing"
    odd = re.match(r"(?:mismatched|extraneous|no viable alternative at) input '(.*?)'", words)
    if odd is None:
        return f"it is not an expression: {words}"
    if odd[1] == "<EOF>":
        return _STOPS
    if odd[1] in _INSTEAD:
        return _INSTEAD[odd[1]]
    if re.match(r"\s*not\b", text):
        return _INSTEAD["not"]
    return f"`{odd[1]}` cannot stand here"


def _type(kind: str) -> str:
    if kind.startswith("list"):
        return "a list"
    if kind.startswith("map"):
        return "a row"
    return _TYPES.get(kind, kind)


def _split(kinds: str) -> list[str]:
    """The types between commas, those inside of parentheses left whole."""
    found, depth, current = [], 0, ""
    for sign in kinds:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            found.append(current.strip())
            current = ""
        else:
            current += sign
    return [*found, current.strip()] if current.strip() else found


_Explain = Callable[[re.Match[str], str, Collection[str]], str]
_EXPLAINED: Final[tuple[tuple[re.Pattern[str], _Explain], ...]] = (
    (re.compile(r"undeclared reference to '(.+?)'"), _undeclared),
    (re.compile(r"found no matching overload for '(.+?)' applied to '\((.*)\)'"), _overload),
    (
        re.compile(r"expression of type '(.+?)' cannot be the operand of a select operation"),
        _select,
    ),
    (re.compile(r"Syntax error: token recognition error at: '(.*)'"), _token),
    (re.compile(r"Syntax error: (.+)"), _syntax),
)
