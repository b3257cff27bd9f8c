"""What an engine answers: rows, or the reason why there are none."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Row = Mapping[str, str]
"""A row as osqueryd gives it: all values text, NULL the empty string."""


class Reason(StrEnum):
    """Why a question has no rows; the names are those of `vigie.v1.SnapshotStatus`."""

    ERROR = "error"
    TIMEOUT = "timeout"
    MISSING_TABLE = "missing_table"
    NO_PERMISSION = "no_permission"
    REFUSED = "refused"
    DENYLISTED = "denylisted"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Rows:
    """An answer. `columns` is known even where no row came; `types` are osquery's names."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryError:
    """A refused, slow or failed query. `detail` is stable text, without times or counters."""

    reason: Reason
    detail: str = ""
