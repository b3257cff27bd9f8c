"""Makes one snapshot of a topic's answers: the rows of its parts, and a row for each that failed.

What these decisions keep:
- Every row has exactly the topic's columns; an answer with others is a failure that says so.
- A part that could not be read is a row with `collected` = no, never silence.
- The status is `ok` as soon as one part answered; else the rows only say why not.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from vigie_agent.domain.answers import QueryError, Reason, Row, Rows
from vigie_agent.domain.orders import Limits
from vigie_agent.domain.plan import TopicPlan
from vigie_agent.domain.snapshot import Cost, Snapshot, Status
from vigie_agent.domain.topics import COMMON_COLUMNS

_LONGEST_MESSAGE: Final = 500
_BYTES_PER_VALUE: Final = 4  # what a short value costs on the wire beside its own bytes


def assemble(
    topic: TopicPlan,
    answers: Mapping[str, Rows | QueryError],
    *,
    limits: Limits,
    cost: Cost | None = None,
) -> Snapshot:
    """The snapshot of `topic`, of the answers by part. Too large: only the status and why."""
    columns = topic.columns or _columns_of(answers)
    checked = {part: _checked(answer, columns) for part, answer in answers.items()}
    failed = {part: error for part, error in checked.items() if isinstance(error, QueryError)}
    rows: list[tuple[str, ...]] = []
    for part, answer in checked.items():
        match answer:
            case QueryError():
                if "collected" in columns:
                    rows.append(_row_of_failure(part, answer, columns))
            case Rows():
                rows.extend(tuple(row[column] for column in columns) for row in answer.rows)
    status, message = _outcome(checked, failed)
    too_large = why_too_large(columns, rows, limits)
    if too_large is not None:
        columns, rows, status, message = (), [], Status.TOO_LARGE, too_large
    return Snapshot.of(
        topic=topic.topic,
        topic_version=topic.version,
        status=status,
        columns=columns,
        rows=rows,
        message=message,
        query_digest=topic.query_digest,
        cost=cost,
    )


def why(error: QueryError) -> str:
    """The text of `why` in the row of a part that could not be read."""
    return f"{error.reason}: {error.detail}" if error.detail else str(error.reason)


def _columns_of(answers: Mapping[str, Rows | QueryError]) -> tuple[str, ...]:
    """Columns of a topic that nobody declared: those of its first answer."""
    for answer in answers.values():
        if isinstance(answer, Rows) and (columns := _names(answer)):
            return columns
    return ()


def _names(answer: Rows) -> tuple[str, ...]:
    return tuple(dict.fromkeys(answer.columns or (answer.rows[0] if answer.rows else ())))


def _checked(answer: Rows | QueryError, columns: Sequence[str]) -> Rows | QueryError:
    """The answer, if each row has the topic's columns and no other; else an error that says so."""
    if isinstance(answer, QueryError):
        return answer
    wanted = set(columns)
    for row in answer.rows:
        if row.keys() != wanted:
            return QueryError(Reason.ERROR, _difference(set(row), wanted))
    if answer.columns and set(answer.columns) != wanted:
        return QueryError(Reason.ERROR, _difference(set(answer.columns), wanted))
    return answer


def _difference(found: set[str], wanted: set[str]) -> str:
    problems = []
    if missing := sorted(wanted - found):
        problems.append(f"the answer lacks the columns {', '.join(missing)}")
    if extra := sorted(found - wanted):
        problems.append(f"the topic lacks the columns {', '.join(extra)}")
    return "; ".join(problems)


def _row_of_failure(part: str, error: QueryError, columns: Sequence[str]) -> tuple[str, ...]:
    values: Row = dict(zip(COMMON_COLUMNS, (part, "no", why(error)), strict=True))
    return tuple(values.get(column, "") for column in columns)


def _outcome(
    answers: Mapping[str, Rows | QueryError], failed: Mapping[str, QueryError]
) -> tuple[Status, str]:
    if len(failed) < len(answers):
        return Status.OK, ""
    reasons = {error.reason for error in failed.values()}
    status = Status(reasons.pop()) if len(reasons) == 1 else Status.ERROR
    told = [f"{part}: {why(error)}" if part else why(error) for part, error in failed.items()]
    return status, "; ".join(sorted(told))[:_LONGEST_MESSAGE] or "nothing was asked"


def why_too_large(
    columns: Sequence[str], rows: Sequence[Sequence[str]], limits: Limits
) -> str | None:
    """What an answer has too much of for the server; None when it takes it."""
    if len(columns) > limits.max_columns:
        return f"more than {limits.max_columns} columns"
    if len(rows) > limits.max_rows:
        return f"more than {limits.max_rows} rows"
    total = 0
    for row in rows:
        for value in row:
            size = len(value.encode("utf-8", "surrogatepass"))
            if size > limits.max_value_bytes:
                return f"a value of more than {limits.max_value_bytes} bytes"
            total += size + _BYTES_PER_VALUE
    if total > limits.max_message_bytes // 2:
        return f"more than {limits.max_message_bytes // 2} bytes"
    return None
