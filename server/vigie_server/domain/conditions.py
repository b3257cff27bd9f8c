"""Conditions of rules, in CEL: compiled once, evaluated on evidence, never trusted to be right.

The only importer of `cel_expr_python`; no type of it leaves this module. What the library does, and
what is therefore done here (`tests/contract/test_cel_conformance.py` pins it):

- An evaluation error is an ordinary value that is truthy. So only the Python value `True` passes;
  anything that is not a boolean is a `Problem`.
- A loop that turns more than 10,000 times raises: a `Problem` of kind BUDGET. Rows meet lists in
  `listed`, whose index is built once, not in a loop in a loop.
- A variable is converted as a whole when it is first used in an activation, and kept: a cell costs
  about a quarter of a microsecond, so each topic is a variable of its own and rows carry only the
  columns that rules read.
- A name is looked for in the expression's container first: `p.min_length` in the container
  `Q05_min_length` is the variable `Q05_min_length.p.min_length`. One activation therefore serves
  the rules of a device, each with parameters of its own.

What an expression may use beside CEL's standard functions and strings extension:

`listed(list, text)`        whether a list of names covers the text (case ignored, `*` in entries)
`entries(list)`             how many entries a list of names has
`supported(table, text)`    whether the table of ends of support knows the release
`support_end(table, text)`  UNIX seconds at which its support ends; an error when it is not known
`newest(list)`, `oldest(list)`  the greatest, the least number of a list, nulls apart; null if none
`distinct(list)`             the values of a list, each once, in order
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_strings

from vigie_server.domain.reference import NameList, SupportTable

ROW_NUMBER: Final = "#"
"""The key of a row that tells which row it is; `row_numbers` reads it back."""


class Kind(StrEnum):
    """The type of a name that expressions may use. `LIST` and `TABLE` are carried by handle."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    FLAG = "flag"
    LIST = "list"
    TABLE = "table"
    ROWS = "rows"
    ANY = "any"  # a number, a text or null


class ProblemKind(StrEnum):
    """Why there is no answer."""

    ERROR = "error"
    BUDGET = "budget"
    NOT_BOOLEAN = "not_boolean"
    NOT_NUMBER = "not_number"
    NOT_ROWS = "not_rows"


@dataclass(frozen=True, slots=True)
class Problem:
    """An evaluation that gave no answer: never a pass, never a fail."""

    kind: ProblemKind
    detail: str


class ConditionMalformed(ValueError):
    """The text is not an expression over the names it may use."""


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
        value = self._value(evidence)
        if value is True or value is False or isinstance(value, Problem):
            return value
        return Problem(
            ProblemKind.NOT_BOOLEAN, f"gives a {type(value).__name__}, not true or false"
        )

    def number(self, evidence: Evidence) -> int | float | Problem | None:
        """A number, or None where the expression gives null."""
        value = self._value(evidence)
        if isinstance(value, bool) or not isinstance(value, int | float | Problem | None):
            return Problem(ProblemKind.NOT_NUMBER, f"gives a {type(value).__name__}, not a number")
        return value

    def row_numbers(self, evidence: Evidence) -> tuple[int, ...] | Problem:
        """The numbers of the rows it gives, in its order."""
        value = self._value(evidence)
        if isinstance(value, Problem):
            return value
        if isinstance(value, list) and all(isinstance(row, dict) for row in value):
            numbers = tuple(row.get(ROW_NUMBER) for row in value)
            if all(type(number) is int for number in numbers):
                return numbers
        return Problem(ProblemKind.NOT_ROWS, "does not give rows of a topic")

    def _value(self, evidence: Evidence) -> object:
        try:
            value = self._expression.eval(evidence.activation)
            plain = value.plain_value()
            if plain is True or plain is False:
                return plain
            if value.type() == _ERROR:
                return Problem(ProblemKind.ERROR, str(plain))
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            kind = ProblemKind.BUDGET if "budget" in str(error) else ProblemKind.ERROR
            return Problem(kind, str(error))
        return plain


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
        self._bindings: Final = tuple(bindings.items())

    def condition(self, text: str) -> Condition:
        """The text as a condition. Raises ConditionMalformed."""
        whole = text
        for name, expression in reversed(self._bindings):
            whole = f"cel.bind({name}, {expression}, {whole})"
        try:
            return Condition(text, self._environment.compile(whole))
        except (RuntimeError, ValueError) as error:
            first_line = str(error).partition("\n")[0].removeprefix("INVALID_ARGUMENT: ")
            raise ConditionMalformed(first_line) from error


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


def _distinct(values: Sequence[object]) -> list[object]:
    return list(dict.fromkeys(values))


def _newest(numbers: Sequence[float | None]) -> float | None:
    return max((number for number in numbers if number is not None), default=None)


def _oldest(numbers: Sequence[float | None]) -> float | None:
    return min((number for number in numbers if number is not None), default=None)


_Type: Final[Any] = cel.Type
_ERROR: Final[Any] = _Type.ERROR
_EMPTY: Final[Any] = cel.NewEnv(variables={})
_TYPES: Final[Mapping[Kind, Any]] = {
    Kind.TEXT: _Type.STRING,
    Kind.INTEGER: _Type.INT,
    Kind.REAL: _Type.DOUBLE,
    Kind.FLAG: _Type.BOOL,
    Kind.LIST: _Type.STRING,
    Kind.TABLE: _Type.STRING,
    Kind.ROWS: _Type.List(_Type.Map(_Type.STRING, _Type.DYN)),
    Kind.ANY: _Type.DYN,
}


def _function(name: str, returns: Any, parameters: Sequence[Any], implementation: Any) -> Any:
    overload = cel.Overload(f"vigie_{name}", returns, parameters, False, implementation)  # noqa: FBT003 (positional in its signature)
    return cel.FunctionDecl(name, [overload])


_FUNCTIONS: Final[Sequence[Any]] = (
    _function("listed", _Type.BOOL, [_Type.STRING, _Type.STRING], _listed),
    _function("entries", _Type.INT, [_Type.STRING], _entries),
    _function("supported", _Type.BOOL, [_Type.STRING, _Type.STRING], _supported),
    _function("support_end", _Type.INT, [_Type.STRING, _Type.STRING], _support_end),
    _function("newest", _Type.DYN, [_Type.LIST], _newest),
    _function("oldest", _Type.DYN, [_Type.LIST], _oldest),
    _function("distinct", _Type.LIST, [_Type.LIST], _distinct),
)
