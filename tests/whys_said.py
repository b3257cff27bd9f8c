"""Every `why` that the agent's sources can say, found by reading them: tables, engines, packs' SQL.

In Python the texts are followed backwards from where a `why` is made (`not_collected(...)`,
`collected(...)`, a raised error, `QueryError(reason, detail)`): through names, attributes,
constants, parameters and returned values. Scopes are kept for local names only; an attribute is
every value ever given to one of its name. So more is found than can be said, hardly ever less.

In SQL a `why` is the value after `collected`, which comes second in every pack's answer.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

AGENT: Final = Path(__file__).parents[1] / "agent" / "vigie_agent"

_SOURCES: Final = (
    "tables/*.py",
    "engines/*.py",
    "domain/*.py",
    "services/collect.py",
    "services/asking.py",
)
_OF_ANOTHER_MATTER: Final = ("domain/explain", "domain/updating", "domain/windows_service")
"""Modules whose texts are about no answer: they word both languages, or a log."""
_MADE_BY: Final = {"not_collected": 0, "collected": 0, "QueryError": 1}
_SUBJECT_OF: Final = "why"  # `unread.why("BitLocker")`: whatever it looks like, it is said
_PROBES: Final = ("/x/y", "7", "x", "permission denied", "the machine's limit")
_DATA: Final = frozenset(
    {"argv", "columns", "filename", "key", "label", "name", "path", "place", "product", "program"}
    | {"source", "stdout", "value"}
)
"""Names whose values are put into a `why`, and never are one."""
_WORDS: Final = re.compile(r"[a-z0-9)'][:,;]? [a-z(]|: $")
_HANDING_ON: Final = frozenset({"get", "join"})
"""Methods whose arguments are among what they give, whatever else is called so."""
_DECLARING: Final = frozenset({"osquery_columns", "text", "integer", "unix_time", "Table"})


@dataclass(frozen=True, slots=True)
class Said:
    """A text that can be said: its pieces, with None where something is put in."""

    where: str
    pieces: tuple[str | None, ...]

    @property
    def text(self) -> str:
        """The text, `{}` where something is put in."""
        return "".join("{}" if piece is None else piece for piece in self.pieces)

    def examples(self) -> Iterator[str]:
        """The text with each kind of thing put in that a placeholder may take."""
        texts = [""]
        for piece in self.pieces:
            ways = _PROBES if piece is None else (piece,)
            texts = [text + way for text in texts for way in ways]
        return iter(texts)


@dataclass
class _Sources:
    """What is given to each name. Local names by function, attributes and parameters by name."""

    local: defaultdict[tuple[str, str], list["_Place"]] = field(
        default_factory=lambda: defaultdict(list)
    )
    attribute: defaultdict[str, list["_Place"]] = field(default_factory=lambda: defaultdict(list))
    returned: defaultdict[str, list["_Place"]] = field(default_factory=lambda: defaultdict(list))
    parameters: defaultdict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    passed: defaultdict[tuple[str, str], list["_Place"]] = field(
        default_factory=lambda: defaultdict(list)
    )
    roots: list["_Place"] = field(default_factory=list)
    subjects: list["_Place"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """An expression, and the function that it stands in."""

    node: ast.expr
    module: str
    function: str


def said_in_python() -> list[Said]:
    """Every text with more than one word that can become a `why` or a query's detail."""
    sources = _Sources()
    for pattern in _SOURCES:
        for path in sorted(AGENT.glob(pattern)):
            module = path.relative_to(AGENT).as_posix()
            if not module.startswith(_OF_ANOTHER_MATTER):
                _Reader(module, sources).visit(ast.parse(path.read_text("utf-8")))
    found: dict[str, Said] = {}
    followed = set[int]()
    for place in list(sources.subjects):
        for said in _texts(place, sources, sources.roots):
            found.setdefault(said.text, said)
    waiting = list(sources.roots)
    while waiting:
        place = waiting.pop()
        if id(place.node) not in followed:
            followed.add(id(place.node))
            for said in _texts(place, sources, waiting):
                if _is_sentence("".join(piece or "x" for piece in said.pieces)):
                    found.setdefault(said.text, said)
    return [found[text] for text in sorted(found)]


def _is_sentence(text: str) -> bool:
    """Names, paths and statements in capitals are not what a `why` is worded as."""
    return "\n" not in text and _WORDS.search(text) is not None


class _Reader(ast.NodeVisitor):
    """Notes what is given to each name of a module, and where a `why` is made."""

    def __init__(self, module: str, sources: _Sources) -> None:
        self._module = module
        self._sources = sources
        self._functions = [""]

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
            own = [name for name in names if name not in {"self", "cls"}]
            self._sources.parameters[_known_as(node.name, self._module)].append(own)
            self._functions.append(_known_as(node.name, self._module))
            self.generic_visit(node)
            self._functions.pop()
            return
        self._given(node)
        self._made(node)
        self.generic_visit(node)

    def _given(self, node: ast.AST) -> None:
        """What a statement gives to names."""
        match node:
            case ast.Assign():
                for target in node.targets:
                    self._give(target, node.value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._give(target, value)
            case (
                ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ):
                self._give(target, value)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                self._give(target, value)
            case ast.Match():
                for bound in (part for case in node.cases for part in ast.walk(case.pattern)):
                    if isinstance(bound, ast.MatchAs) and bound.name is not None:
                        self._give(ast.Name(bound.name), node.subject)
            case _:
                pass

    def _made(self, node: ast.AST) -> None:
        """What functions give, classes hold, and a `why` is made of."""
        match node:
            case ast.ClassDef():
                fields = [
                    part.target.id
                    for part in node.body
                    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
                ]
                self._sources.parameters[_known_as(node.name, self._module)].append(fields)
            case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                self._sources.returned[self._functions[-1]].append(self._place(value))
            case ast.YieldFrom(value=value):
                self._sources.returned[self._functions[-1]].append(self._place(value))
            case ast.Raise(exc=ast.Call(args=args)) if self._module.startswith("tables/"):
                self._sources.roots += map(self._place, args)
            case ast.Call():
                self._call(node)
            case _:
                pass

    def _call(self, node: ast.Call) -> None:
        name = _name(node.func, self._module)
        if name == "append" and isinstance(node.func, ast.Attribute):
            self._give(node.func.value, node.args[0])
        if name in _MADE_BY:
            place = _MADE_BY[name]
            details = [word.value for word in node.keywords if word.arg == "detail"]
            made = [*node.args[place : place + 1], *(details if name == "QueryError" else [])]
            self._sources.roots += map(self._place, made)
        if name == _SUBJECT_OF and isinstance(node.func, ast.Attribute):
            self._sources.subjects += map(self._place, node.args)
        for word in node.keywords:
            if word.arg is not None and name not in {"not_collected", "collected"}:
                self._sources.attribute[word.arg].append(self._place(word.value))
                self._sources.passed[name, word.arg].append(self._place(word.value))
        for number, argument in enumerate(node.args):
            self._sources.passed[name, str(number)].append(self._place(argument))

    def _give(self, target: ast.expr, value: ast.expr) -> None:
        match target:
            case ast.Name():
                self._sources.local[self._scope(), target.id].append(self._place(value))
                if self._functions[-1] == "":
                    self._sources.attribute[target.id].append(self._place(value))
            case ast.Attribute():
                self._sources.attribute[target.attr].append(self._place(value))
            case ast.Subscript():
                self._give(target.value, value)
            case ast.Tuple() | ast.List():
                for part in target.elts:
                    self._give(part, value)
            case _:
                pass

    def _scope(self) -> str:
        return f"{self._module}:{self._functions[-1]}"

    def _place(self, node: ast.expr) -> _Place:
        return _Place(node, self._module, self._functions[-1])


def _name(function: ast.expr, module: str) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _known_as(name, module)
        case _:
            return ""


def _known_as(name: str, module: str) -> str:
    """A private name is its module's; each module may have one of that name."""
    return f"{module}:{name}" if name.startswith("_") else name


def _texts(place: _Place, sources: _Sources, waiting: list[_Place]) -> Iterator[Said]:
    """The texts of an expression; what it takes from elsewhere is put to what waits."""
    match place.node:
        case ast.Constant(value=str() as text):
            yield Said(place.module, (text,))
        case ast.JoinedStr(values=values):
            pieces = [str(v.value) if isinstance(v, ast.Constant) else None for v in values]
            yield Said(place.module, tuple(pieces))
        case ast.Attribute(attr=name) if name not in _DATA and name != "detail":
            waiting += sources.attribute[name]
            waiting += sources.returned[_known_as(name, place.module)]
            waiting += _fields(name, sources)
        case ast.Name(id=name) if name not in _DATA:
            waiting += _of_name(name, place, sources)
        case _:
            pass
    inner = _inner(place.node)
    if isinstance(place.node, ast.Call):
        inner = _of_call(place.node, place.module, sources, waiting)
    for node in inner:
        yield from _texts(_Place(node, place.module, place.function), sources, waiting)


def _inner(node: ast.expr) -> Iterable[ast.expr]:
    """The expressions whose values can be that of the whole, or are put into it."""
    match node:
        case ast.JoinedStr(values=values):
            return [value.value for value in values if isinstance(value, ast.FormattedValue)]
        case ast.BinOp(left=one, right=other) | ast.IfExp(body=one, orelse=other):
            return [one, other]
        case (
            ast.BoolOp(values=parts)
            | ast.Tuple(elts=parts)
            | ast.List(elts=parts)
            | ast.Dict(values=parts)
        ):
            return parts
        case ast.Subscript(value=one) | ast.Starred(value=one) | ast.Await(value=one):
            return [one]
        case ast.GeneratorExp(elt=one) | ast.ListComp(elt=one) | ast.Lambda(body=one):
            return [one]
        case _:
            return []


def _of_call(
    node: ast.Call, module: str, sources: _Sources, waiting: list[_Place]
) -> Iterable[ast.expr]:
    """The arguments whose text the call hands on; the returned values are put to what waits."""
    name = _name(node.func, module)
    if name in _DECLARING:
        return []
    ours = name in sources.returned
    waiting += sources.returned[name]
    if isinstance(node.func, ast.Attribute):
        waiting += sources.attribute[name]  # a function that somebody keeps
        return (
            [node.func.value, *node.args] if not ours or name in _HANDING_ON else [node.func.value]
        )
    return [] if ours else node.args


def _of_name(name: str, place: _Place, sources: _Sources) -> list[_Place]:
    """What a name of a function stands for: local, of the module, a parameter, a function."""
    scope = f"{place.module}:{place.function}"
    given = sources.local[scope, name] or sources.local[f"{place.module}:", name]
    given = [*given, *_passed(place.function, name, sources)]
    return given or [
        *(sources.attribute[name] if name.isupper() else []),
        *sources.returned[_known_as(name, place.module)],
    ]


def _passed(function: str, name: str, sources: _Sources) -> Iterator[_Place]:
    """All that any call gives a parameter; the fields of a class are its parameters."""
    for names in sources.parameters.get(function, []):
        if name in names:
            yield from sources.passed[function, str(names.index(name))]
            yield from sources.passed[function, name]


def _fields(name: str, sources: _Sources) -> list[_Place]:
    classes = [
        owner for owner in sources.parameters if owner.rpartition(":")[2].lstrip("_")[:1].isupper()
    ]
    return [place for owner in classes for place in _passed(owner, name, sources)]


_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|\w+|\s+|.", re.DOTALL)
_TEXT: Final = re.compile(r"'((?:[^']|'')*)'")


def said_in_sql(name: str, sql: str) -> list[Said]:
    """Every text that can stand in the column `why` of what the query answers."""
    texts = dict.fromkeys(text for item in whys_in_sql(sql) for text in _said_by(item))
    return [Said(name, (text,)) for text in texts if _is_sentence(text)]


def whys_in_sql(sql: str) -> list[str]:
    """What each SELECT that answers puts into the column `why`, as it is written."""
    return [
        item.strip().removesuffix("AS why").strip()
        for select in _selects(_TOKEN.findall(sql))
        for place, item in enumerate(select)
        if item.rstrip().endswith(" AS why") or (place > 0 and _is_collected(select[place - 1]))
    ]


def _is_collected(item: str) -> bool:
    return item.strip() in {"'yes'", "'no'", "collected"} or bool(
        re.search(r"\bAS\s+collected$", item.strip())
    )


def _said_by(item: str) -> Iterator[str]:
    """What a value can be: all its texts but those that it compares with."""
    for match in _TEXT.finditer(item):
        before = item[: match.start()].rstrip()
        compared = before.endswith(("=", "<>", "LIKE", "IN (", "WHEN", "GLOB"))
        if match[1] and not compared:
            yield match[1].replace("''", "'")


def _selects(tokens: Sequence[str]) -> Iterator[list[str]]:
    """The columns of every SELECT, nested ones included."""
    for start, token in enumerate(tokens):
        if token.upper() == "SELECT":
            items, depth = [""], 0
            for inner in tokens[start + 1 :]:
                depth += (inner == "(") - (inner == ")")
                if depth < 0 or (depth == 0 and inner.upper() in {"FROM", "WHERE", "UNION", ";"}):
                    break
                if depth == 0 and inner == ",":
                    items.append("")
                else:
                    items[-1] += " " if inner.isspace() else inner
            yield items
