"""Short ways to write a table's columns: `*text("name", "path"), *bigint("pid", index=True)`."""

from functools import partial
from typing import Final, Protocol

from vigie_agent.domain.table import Column, ColumnType


class _Columns(Protocol):
    def __call__(
        self,
        *names: str,
        hidden: bool = False,
        required: bool = False,
        index: bool = False,
        additional: bool = False,
    ) -> tuple[Column, ...]: ...


def _columns(
    type_: ColumnType,
    *names: str,
    hidden: bool = False,
    required: bool = False,
    index: bool = False,
    additional: bool = False,
) -> tuple[Column, ...]:
    return tuple(
        Column(name, type_, hidden=hidden, required=required, index=index, additional=additional)
        for name in names
    )


text: Final[_Columns] = partial(_columns, ColumnType.TEXT)
integer: Final[_Columns] = partial(_columns, ColumnType.INTEGER)
bigint: Final[_Columns] = partial(_columns, ColumnType.BIGINT)
unsigned: Final[_Columns] = partial(_columns, ColumnType.UNSIGNED_BIGINT)
double: Final[_Columns] = partial(_columns, ColumnType.DOUBLE)

PID_WITH_NAMESPACE: Final = integer("pid_with_namespace", hidden=True, additional=True)
"""Hidden in osquery's file-reading tables: it looks into a container; we read only the host's."""
