"""Values that are made for every report: frozen for the type checker, and for nobody else.

A frozen dataclass takes five times as long to make, because it sets each field through
`object.__setattr__`.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def made_often(kind: type[T]) -> type[T]:
    """A dataclass with slots, of which nobody may change a field. It has no hash."""
    return dataclass(slots=True)(kind)
