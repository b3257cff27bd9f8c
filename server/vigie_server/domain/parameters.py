"""Parameters of rules: thresholds and lists that a site, a group or a device may set."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from vigie_server.domain.documents import Section, Texts
from vigie_server.domain.products import ProductTable
from vigie_server.domain.reference import NameList, SupportTable
from vigie_server.domain.reference_files import Content, References

PROFILES: Final = frozenset({"standard", "critical", "low"})
STANDARD: Final = "standard"
MAX_INTEGER: Final = 2**53  # beyond it a JSON reader would see another number

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")

Value = str | int | float | bool | NameList | SupportTable | ProductTable
"""A parameter's value, of its type."""


class ParameterType(StrEnum):
    """`list` is a list of names; `table` and `products` are reference data, which no site sets.

    `day` is a text to conditions: `2026-12-31`, or empty where none is set.
    """

    INTEGER = "integer"
    REAL = "real"
    TEXT = "text"
    DAY = "day"
    FLAG = "flag"
    LIST = "list"
    TABLE = "table"
    PRODUCTS = "products"


REFERENCES: Final[Mapping[ParameterType, type[Content]]] = {
    ParameterType.TABLE: SupportTable,
    ParameterType.PRODUCTS: ProductTable,
}
"""The types whose values are files of reference data."""
_MAY_BE_EMPTY: Final = frozenset({ParameterType.DAY, ParameterType.TEXT})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A threshold or list that a site, a group or a device may set.

    `most` is the largest whole number that makes sense, where one is told: of a share 100, of days
    what dates can be counted with. Nobody may set more; what was set before the bound was told, or
    when it was larger, goes on holding on devices.

    `pair` names the parameter without which, not set or empty, this one has no effect.
    """

    name: str
    type: ParameterType
    about: Texts
    default: Value
    profiles: Mapping[str, Value]
    most: int | None = None
    pair: str | None = None

    def value(self, profile: str, override: object = None) -> Value | None:
        """The value in force; None when the override is not of the parameter's type."""
        if override is None or self.type in REFERENCES:
            return self.profiles.get(profile, self.default)
        return _of_type(override, self.type)

    def allows(self, value: Value) -> bool:
        """Whether a value is within 0 and `most`, where one is told."""
        return self.most is None or not isinstance(value, int) or 0 <= value <= self.most


def _of_type(given: object, wanted: ParameterType) -> Value | None:
    if isinstance(given, bool) or wanted is ParameterType.FLAG:
        return given if isinstance(given, bool) and wanted is ParameterType.FLAG else None
    value: Value | None = None
    match wanted, given:
        case ParameterType.INTEGER, int() if abs(given) < MAX_INTEGER:
            value = given
        case ParameterType.REAL, int() | float():
            value = float(given)
        case ParameterType.TEXT, str():
            value = given
        case ParameterType.DAY, str() if is_day(given):
            value = given
        case ParameterType.LIST, list() | tuple() if all(isinstance(name, str) for name in given):
            value = NameList.of(given)
        case _:
            pass
    return value


def is_day(text: str) -> bool:
    """Whether this is a day as conditions read it, `2026-12-31`, or none."""
    if not text:
        return True
    try:
        return _DAY.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, eq=False)  # told apart by identity: they key what is remembered
class Setting:
    """A rule's parameters in force on a device: by name, and as conditions see them.

    `wrong` names a parameter whose override is of no use; the rule can then say nothing.
    """

    values: Mapping[str, Value]
    carried: Mapping[str, str | int | float | bool]
    wrong: str | None = None

    @classmethod
    def of(
        cls,
        container: str,
        parameters: Mapping[str, Parameter],
        profile: str,
        overrides: Mapping[str, object] | None,
    ) -> "Setting":
        """The values for the profile, and what is overridden for the device."""
        values: dict[str, Value] = {}
        for name, parameter in parameters.items():
            value = parameter.value(profile, overrides.get(name) if overrides else None)
            if value is None:
                return cls({}, {}, wrong=name)
            values[name] = value
        carried = {f"{container}.p.{name}": _carried(value) for name, value in values.items()}
        return cls(values, carried)


def _carried(value: Value) -> str | int | float | bool:
    return value.handle if isinstance(value, Content) else value


def read_parameter(
    name: str, section: Section, references: References, *, names: Collection[str] = ()
) -> Parameter:
    """The parameter that a section holds. Raises RulesMalformed.

    `names` are those of the rule's parameters; without them, there are no pairs.
    """
    if _NAME.fullmatch(name) is None:
        raise section.wrong(f"`{name}` is not a name such as min_length")
    kind = ParameterType(section.choice("type", frozenset(ParameterType)))
    profiles: dict[str, Value] = {}
    if "profiles" in section:
        given = section.section("profiles")
        for profile in sorted(PROFILES):
            if profile in given:
                profiles[profile] = _read_value(given, profile, kind, references)
        given.close()
    parameter = Parameter(
        name=name,
        type=kind,
        about=section.both_languages("about"),
        default=_read_value(section, "default", kind, references),
        profiles=profiles,
        most=section.whole("most") if "most" in section else None,
        pair=_pair(name, kind, section, names) if names and "with" in section else None,
    )
    _check_most(parameter, section)
    section.close()
    return parameter


def _check_most(parameter: Parameter, section: Section) -> None:
    """Raises RulesMalformed where `most` makes no sense, or the rule itself goes beyond it."""
    if parameter.most is None:
        return
    if parameter.type is not ParameterType.INTEGER:
        raise section.wrong("is for whole numbers alone", "most")
    if parameter.most >= MAX_INTEGER:
        raise section.wrong(f"must be below {MAX_INTEGER}", "most")
    told = f"must be at most {parameter.most} (`most`)"
    if not parameter.allows(parameter.default):
        raise section.wrong(told, "default")
    for profile, value in parameter.profiles.items():
        if not parameter.allows(value):
            raise section.wrong(f"of the profile {profile} {told}", "profiles")


def _pair(name: str, kind: ParameterType, section: Section, names: Collection[str]) -> str:
    pair = section.choice("with", frozenset(names) - {name})
    if kind not in _MAY_BE_EMPTY:
        raise section.wrong("is for days and texts alone", "with")
    return pair


def _read_value(section: Section, key: str, kind: ParameterType, references: References) -> Value:
    match kind:
        case ParameterType.INTEGER:
            return section.whole(key)
        case ParameterType.REAL:
            try:
                return float(section.text(key))
            except ValueError as error:
                raise section.wrong("must be a number", key) from error
        case ParameterType.TEXT | ParameterType.DAY:
            text = section.text(key)
            if kind is ParameterType.DAY and not is_day(text):
                raise section.wrong("must be a day such as 2026-12-31, or empty", key)
            return text
        case ParameterType.FLAG:
            return section.flag(key, default=False)
        case ParameterType.LIST:
            return _read_list(section, key, references)
        case _:
            return _reference(section, key, (REFERENCES[kind],), references)


def _read_list(section: Section, key: str, references: References) -> NameList:
    """The names themselves, or `{list: vpn_clients}`: those of a file, products' included."""
    if not section.is_section(key):
        return NameList.of(section.words(key))
    named = section.section(key)
    held = _reference(named, "list", (NameList, ProductTable), references)
    named.close()
    if isinstance(held, NameList):
        return held
    return NameList.of(held.names if isinstance(held, ProductTable) else ())


def _reference(
    section: Section, key: str, wanted: tuple[type[Content], ...], references: References
) -> Content:
    fitting = {
        name: reference.content
        for name, reference in references.items()
        if isinstance(reference.content, wanted)
    }
    return fitting[section.choice(key, fitting)]
