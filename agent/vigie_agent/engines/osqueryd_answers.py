"""What osqueryd's Thrift answers mean: pure, from the structs to rows or to the reason for none."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from vigie_agent.domain.answers import QueryError, Reason, Rows

_NO_SUCH_TABLE: Final = "no such table"
_NO_PERMISSION: Final = ("not authorized", "permission denied", "access denied")


class Status(Protocol):
    """`ExtensionStatus` of osquery's Thrift interface."""

    code: int | None
    message: str | None


class Response(Protocol):
    """`ExtensionResponse` of osquery's Thrift interface."""

    status: Status | None
    response: Sequence[Mapping[str, str]] | None


class NotAnAnswer(Exception):
    """What came is no answer of osqueryd's: the connection cannot be trusted any more."""


def read_answer(answer: Response, columns: Response | None = None) -> Rows | QueryError:
    """The rows of `answer`, with their columns as `columns` (`getQueryColumns`) names them.

    Without usable `columns` the names are those of the first row. Raises NotAnAnswer on a struct
    that lacks what osqueryd always sends, or holds something else than text.
    """
    if _status(answer).code != 0:
        return read_failure(answer)
    rows = tuple(dict(row) for row in answer.response or ())
    if not all(isinstance(value, str) for row in rows for pair in row.items() for value in pair):
        raise NotAnAnswer("a row holds something else than text")
    names = _columns(columns) if columns is not None and _status(columns).code == 0 else {}
    if rows and set(names) != set(rows[0]):  # e.g. two columns of one name: a row is a map
        names = {name: names.get(name, "UNKNOWN") for name in rows[0]}
    return Rows(rows, tuple(names), tuple(names.values()))


def read_failure(answer: Response) -> QueryError:
    """Why osqueryd has no rows, in its own words."""
    message = _status(answer).message or "osqueryd gave no reason"
    if message.startswith(_NO_SUCH_TABLE):
        return QueryError(Reason.MISSING_TABLE, message)
    if message.lower().startswith(_NO_PERMISSION):
        return QueryError(Reason.NO_PERMISSION, message)
    return QueryError(Reason.ERROR, message)


def _status(response: Response) -> Status:
    status = response.status
    if status is None or not isinstance(status.code, int):
        raise NotAnAnswer("it carries no status")
    if not isinstance(status.message, str | None):
        raise NotAnAnswer("its message is no text")
    return status


def _columns(columns: Response) -> dict[str, str]:
    return {name: type_ for column in columns.response or () for name, type_ in column.items()}
