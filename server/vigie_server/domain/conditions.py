"""Conditions of rules, in CEL: compiled once, evaluated on evidence, never trusted to be right.

The only importer of `cel_expr_python`; no type of it leaves this module. What the library does, and
what is therefore done here (`tests/contract/test_cel_conformance.py` pins it):

- An evaluation error is an ordinary value that is truthy, and its plain value is a text. So only
  the Python value `True` is true, a decision is a list of numbers, all else is a `Problem`.
- A null that is made a plain value takes a reference of Python's `None` away, and when the last one
  is gone the process dies: null is told by its type, and no list that may hold one is converted.
- The loops of an expression turn less than 10,000 times in all, or it raises: a `Problem` of kind
  BUDGET. Rows meet lists in `listed`, whose index is built once, not in a loop in a loop.
- A variable is converted as a whole when it is first used in an activation, and kept: a cell costs
  about a quarter of a microsecond, so each topic is a variable of its own and rows carry only the
  columns that rules read.
- An evaluation costs a microsecond and a half before it begins, and forgets its sub-expressions
  when it ends: what decides a verdict, the rows that show it and the figures that it then needs are
  one expression, a `Decision`.
- A name is looked for in the expression's container first: `p.min_length` in the container
  `Q05_min_length` is the variable `Q05_min_length.p.min_length`. One activation therefore serves
  the rules of a device, each with parameters of its own.

What an expression may use beside CEL's standard functions and strings extension:

`listed(list, text)`        whether a list of names covers the text (case ignored, `*` in entries)
`entries(list)`             how many entries a list of names has
`supported(table, text)`    whether the table of ends of support knows the release
`support_end(table, text)`  UNIX seconds at which its support ends; an error when it is not known
`support_estimated(table, text)`  whether that end is an estimate: its vendor has published none
`product(products, text)`   the known product that a name belongs to; empty for none
`product_end(products, text, version)`  UNIX seconds at which its support ends; null for none known
`newest(list)`, `oldest(list)`  the greatest, the least number of a list, nulls apart; null if none
`distinct(list)`             the values of a list, each once, in order
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_strings

from vigie_server.domain.products import ProductTable
from vigie_server.domain.reference import NameList, SupportTable

ROW_NUMBER: Final = "#"
"""The key of a row that tells which row it is; decisions answer with it."""


class Kind(StrEnum):
    """The type of a name in expressions. `LIST`, `TABLE` and `PRODUCTS` are carried by handle."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    FLAG = "flag"
    LIST = "list"
    TABLE = "table"
    PRODUCTS = "products"
    ROWS = "rows"
    TEXTS = "texts"  # a list of texts, as a list: for `in`
    ANY = "any"  # a number, a text or null


class ProblemKind(StrEnum):
    """Why there is no answer."""

    ERROR = "error"
    BUDGET = "budget"
    NOT_BOOLEAN = "not_boolean"
    NOT_NUMBER = "not_number"


@dataclass(frozen=True, slots=True)
class Problem:
    """An evaluation that gave no answer: never a pass, never a fail."""

    kind: ProblemKind
    detail: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What the compiler says of an expression, and where in it; before 0 it is in a binding."""

    detail: str
    at: int


class ConditionMalformed(ValueError):
    """The text is not an expression over the names it may use. `faults` are one at least."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults[0].detail)
        self.faults: Final = faults


class Evidence:
    """The values that conditions see, by full name; converted when first used."""

    __slots__ = ("activation",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self.activation: Final[Any] = _EMPTY.Activation(values)


class Condition:
    """One compiled expression."""

    __slots__ = ("_expression", "text")

    def __init__(self, text: str, expression: Any) -> None:
        self.text: Final = text
        self._expression: Final[Any] = expression

    def holds(self, evidence: Evidence) -> bool | Problem:
        """True or False; a Problem for anything else."""
        value, kind = self._value(evidence)
        if value is True or value is False or isinstance(value, Problem):
            return value
        return Problem(ProblemKind.NOT_BOOLEAN, f"gives a {kind}, not true or false")

    def number(self, evidence: Evidence) -> int | float | Problem | None:
        """A number, or None where the expression gives null."""
        value, kind = self._value(evidence)
        if isinstance(value, bool) or (value is None and kind != _NULL):
            return Problem(ProblemKind.NOT_NUMBER, f"gives a {kind}, not a number")
        return value

    def _value(self, evidence: Evidence) -> tuple[bool | float | Problem | None, Any]:
        """The value and its type; no value for what is neither true, false nor a number."""
        try:
            value = self._expression.eval(evidence.activation)
            kind = value.type()
            if kind in _PLAIN:
                return value.plain_value(), kind
            if kind == _ERROR:
                return Problem(ProblemKind.ERROR, value.plain_value()), kind
        except _RAISED as error:
            return _raised(error), _ERROR
        return None, kind


Asides = Mapping[Condition, bool | float | None]
"""What conditions give, by the condition."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One outcome of a decision: `when` it holds (None: in every other case), and its rows.

    `asides` are the conditions whose values are wanted beside, when it is taken.
    """

    when: str | None
    rows: str | None
    asides: tuple[Condition, ...] = ()


class Decision:
    """Branches tried in order, in one evaluation."""

    __slots__ = ("_asides", "_expression", "_whole")

    def __init__(
        self,
        expression: Any,
        whole: Any = None,
        asides: Sequence[tuple[Condition, ...]] = (),
    ) -> None:
        """`whole` also gives the branch's `asides`."""
        self._expression: Final[Any] = expression
        self._whole: Final[Any] = whole
        self._asides: Final = asides

    @property
    def with_asides(self) -> bool:
        """Whether its asides are asked in the same evaluation."""
        return self._whole is not None

    def told(self, evidence: Evidence) -> tuple[int, Sequence[int], Asides] | Problem:
        """The place of the first branch that holds, its rows' numbers, and what of its asides.

        An aside that fails spoils nothing: all is asked for apart then.
        """
        if self._whole is not None:
            try:
                answer = self._whole.eval(evidence.activation).plain_value()
            except _RAISED:
                answer = None
            if type(answer) is list:
                (place, *numbers), *values = answer
                found = [value[0] if value else None for value in values]
                return place, numbers, dict(zip(self._asides[place], found, strict=True))
        taken = self.taken(evidence)
        return taken if isinstance(taken, Problem) else (*taken, {})

    def taken(self, evidence: Evidence) -> tuple[int, Sequence[int]] | Problem:
        """The place of the first branch that holds, and the numbers of its rows."""
        try:
            answer = self._expression.eval(evidence.activation).plain_value()
        except _RAISED as error:
            return _raised(error)
        if isinstance(answer, list) and answer and all(type(number) is int for number in answer):
            return answer[0], answer[1:]
        return Problem(ProblemKind.ERROR, str(answer))


def _raised(error: Exception) -> Problem:
    kind = ProblemKind.BUDGET if "budget" in str(error) else ProblemKind.ERROR
    return Problem(kind, str(error))


class Compiler:
    """Compiles the expressions of one rule.

    `names` are what they may use, as they are written in them; `shared` ones are the same for every
    rule, the others are the rule's own, kept apart by its `container`. `bindings` are named
    sub-expressions, each may use those before it.
    """

    def __init__(
        self,
        container: str,
        *,
        shared: Mapping[str, Kind],
        own: Mapping[str, Kind],
        bindings: Mapping[str, str],
    ) -> None:
        variables = {name: _TYPES[kind] for name, kind in shared.items()}
        variables |= {f"{container}.{name}": _TYPES[kind] for name, kind in own.items()}
        self._environment: Final[Any] = cel.NewEnv(
            variables=variables,
            container=container,
            functions=_FUNCTIONS,
            extensions=[ext_bindings.ExtBindings(), ext_strings.ExtStrings()],
        )
        self.names: Final = frozenset({*shared, *own, *bindings})
        self._bindings: tuple[tuple[str, str], ...] = tuple(bindings.items())

    @property
    def bindings(self) -> tuple[tuple[str, str], ...]:
        """The named sub-expressions that it compiles with."""
        return self._bindings

    def faulty_bindings(self) -> Mapping[str, ConditionMalformed]:
        """What is wrong with each binding; those count as any value from then on."""
        wanted, faulty = self._bindings, {}
        try:
            self._compiled("true", self._bindings)
        except ConditionMalformed:
            self._bindings = ()
            for name, expression in wanted:
                try:
                    self._compiled(expression)
                except ConditionMalformed as error:
                    faulty[name] = error
                    expression = "dyn([])"  # noqa: PLW2901 (so that what follows can be read)
                self._bindings = (*self._bindings, (name, expression))
        return faulty

    def condition(self, text: str) -> Condition:
        """The text as a condition. Raises ConditionMalformed."""
        return Condition(text, self._compiled(text))

    def decision(self, branches: Sequence[Branch]) -> Decision:
        """The branches as one decision; the last one has no `when`. Raises ConditionMalformed."""
        outcomes = [_outcome(place, branch) for place, branch in enumerate(branches)]
        expression = self._compiled(_chosen(branches, outcomes))
        whens = "\n".join(branch.when or "" for branch in branches)
        bound = self._used(whens)
        wholes = [
            f"[{self._within(outcome, bound)}, {asides}]"
            if asides
            else f"[{self._within(outcome, bound)}]"
            for outcome, branch in zip(outcomes, branches, strict=True)
            for asides in [", ".join(self._aside(aside.text, bound) for aside in branch.asides)]
        ]
        try:
            whole = self._compiled(_chosen(branches, wholes), bound)
        except ConditionMalformed:  # an aside that is no number; it is asked apart, and told so
            whole = None
        return Decision(expression, whole, [branch.asides for branch in branches])

    def _within(self, text: str, bound: Sequence[tuple[str, str]]) -> str:
        """The text with the bindings that it needs beside those of the whole."""
        own = [binding for binding in self._used(text) if binding not in bound]
        before = "".join(f"cel.bind({name}, {what}, " for name, what in own)
        return f"{before}{text}{')' * len(own)}"

    def _aside(self, text: str, bound: Sequence[tuple[str, str]]) -> str:
        """A list of the value alone, empty for null; an error for what is no plain value."""
        value = self._within(f"dyn({text})", bound)
        return (
            f"cel.bind(aside, {value}, aside == null ? [] : "
            "type(aside) in [int, bool, double, uint] ? [aside] : [[aside][1]])"
        )

    def gives(self, text: str, kind: Kind) -> bool:
        """Whether the text, an expression, can be what a decision wants: a flag, or rows."""
        wanted = f"({text}) ? 0 : 1" if kind is Kind.FLAG else f"({text}).map(row, row['#'])"
        try:
            self._compiled(wanted)
        except ConditionMalformed:
            return False
        return True

    def _used(self, text: str) -> Sequence[tuple[str, str]]:
        """The bindings that a text needs: any other would be evaluated all the same."""
        used: list[tuple[str, str]] = []
        wanted = text
        for name, expression in reversed(self._bindings):
            if re.search(rf"\b{name}\b", wanted):
                used.insert(0, (name, expression))
                wanted += f"\n{expression}"
        return used

    def _compiled(self, text: str, bindings: Sequence[tuple[str, str]] | None = None) -> Any:
        bound = self._used(text) if bindings is None else bindings
        before = "".join(f"cel.bind({name}, {what}, " for name, what in bound)
        whole = f"{before}{text}{')' * len(bound)}"
        try:
            return self._environment.compile(whole)
        except (RuntimeError, ValueError) as error:
            raise ConditionMalformed(*_faults(str(error), whole, len(before))) from error


def _outcome(place: int, branch: Branch) -> str:
    """A list of numbers: which branch it is, and those of its rows."""
    if branch.rows is None:
        return f"[dyn({place})]"
    return f"[dyn({place})] + ({branch.rows}).map(row_shown, dyn(int(row_shown['{ROW_NUMBER}'])))"


def _chosen(branches: Sequence[Branch], outcomes: Sequence[str]) -> str:
    """The outcome of the first branch that holds."""
    chosen = ""
    for branch, outcome in reversed(list(zip(branches, outcomes, strict=True))):
        chosen = outcome if branch.when is None else f"({branch.when}) ? ({outcome}) : ({chosen})"
    return chosen


def _faults(told: str, whole: str, before: int) -> list[Fault]:
    """The compiler's complaints, by place in the text after its bindings."""
    starts = [0]
    starts += [place + 1 for place, sign in enumerate(whole) if sign == "\n"]
    found = [
        Fault(detail, starts[min(int(line), len(starts)) - 1] + int(column) - 1 - before)
        for line, column, detail in _COMPLAINT.findall(told)
    ]
    return found or [Fault(told.partition("\n")[0], -1)]


def _entries(handle: str) -> int:
    return len(NameList.behind(handle))


def _listed(handle: str, name: str) -> bool:
    return NameList.behind(handle).holds(name)


def _supported(handle: str, name: str) -> bool:
    return SupportTable.behind(handle).release(name) is not None


def _support_end(handle: str, name: str) -> int:
    release = SupportTable.behind(handle).release(name)
    if release is None:
        raise ValueError(f"no end of support is known for {name[:80]}")
    return release.ends_at


def _support_estimated(handle: str, name: str) -> bool:
    release = SupportTable.behind(handle).release(name)
    return release is not None and release.estimated


def _product(handle: str, name: str) -> str:
    return ProductTable.behind(handle).product(name)


def _product_end(handle: str, name: str, version: str) -> int | None:
    return ProductTable.behind(handle).end(name, version)


def _distinct(values: Sequence[object]) -> list[object]:
    return list(dict.fromkeys(values))


def _newest(numbers: Sequence[float | None]) -> float | None:
    return max((number for number in numbers if number is not None), default=None)


def _oldest(numbers: Sequence[float | None]) -> float | None:
    return min((number for number in numbers if number is not None), default=None)


_COMPLAINT: Final = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_RAISED: Final = (RuntimeError, ValueError, TypeError, OverflowError)
_Type: Final[Any] = cel.Type
_ERROR: Final[Any] = _Type.ERROR
_NULL: Final[Any] = _Type.NULL
_PLAIN: Final[Any] = (_Type.BOOL, _Type.INT, _Type.DOUBLE, _Type.UINT)
_EMPTY: Final[Any] = cel.NewEnv(variables={})
_TYPES: Final[Mapping[Kind, Any]] = {
    Kind.TEXT: _Type.STRING,
    Kind.INTEGER: _Type.INT,
    Kind.REAL: _Type.DOUBLE,
    Kind.FLAG: _Type.BOOL,
    Kind.LIST: _Type.STRING,
    Kind.TABLE: _Type.STRING,
    Kind.PRODUCTS: _Type.STRING,
    Kind.ROWS: _Type.List(_Type.Map(_Type.STRING, _Type.DYN)),
    Kind.TEXTS: _Type.List(_Type.STRING),
    Kind.ANY: _Type.DYN,
}


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "listed": _listed,
    "entries": _entries,
    "supported": _supported,
    "support_end": _support_end,
    "support_estimated": _support_estimated,
    "product": _product,
    "product_end": _product_end,
    "newest": _newest,
    "oldest": _oldest,
    "distinct": _distinct,
}
"""What expressions may use beside CEL's own, by name."""


def _function(name: str, returns: Any, parameters: Sequence[Any]) -> Any:
    overload = cel.Overload(f"vigie_{name}", returns, parameters, False, FUNCTIONS[name])  # noqa: FBT003 (positional in its signature)
    return cel.FunctionDecl(name, [overload])


_FUNCTIONS: Final[Sequence[Any]] = (
    _function("listed", _Type.BOOL, [_Type.STRING, _Type.STRING]),
    _function("entries", _Type.INT, [_Type.STRING]),
    _function("supported", _Type.BOOL, [_Type.STRING, _Type.STRING]),
    _function("support_end", _Type.INT, [_Type.STRING, _Type.STRING]),
    _function("support_estimated", _Type.BOOL, [_Type.STRING, _Type.STRING]),
    _function("product", _Type.STRING, [_Type.STRING, _Type.STRING]),
    _function("product_end", _Type.DYN, [_Type.STRING, _Type.STRING, _Type.STRING]),
    _function("newest", _Type.DYN, [_Type.LIST]),
    _function("oldest", _Type.DYN, [_Type.LIST]),
    _function("distinct", _Type.LIST, [_Type.LIST]),
)
