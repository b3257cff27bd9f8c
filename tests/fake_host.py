"""A device in a folder: its files, and the programs that answer there."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from vigie_agent.domain.table import Constraint, Operator, Request, Table, TableRow
from vigie_agent.tables.host import CommandResult, Host, Outcome


class FakePrograms:
    """Programs by name, or by their whole command line, each with what it prints.

    Any other is not installed.
    """

    def __init__(self, answers: Mapping[str, CommandResult | str]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, ...]] = []

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout: timedelta,  # noqa: ARG002 (the runner's protocol)
        max_output: int,  # noqa: ARG002 (the runner's protocol)
    ) -> CommandResult:
        self.asked.append(tuple(argv))
        missing = CommandResult(Outcome.MISSING)
        answer = self._answers.get(" ".join(argv), self._answers.get(argv[0], missing))
        return answer if isinstance(answer, CommandResult) else printed(answer)


def printed(text: str) -> CommandResult:
    """A program that printed `text` and succeeded."""
    return CommandResult(Outcome.EXITED, 0, text)


def failed(stderr: str, exit_code: int = 1) -> CommandResult:
    """A program that complained and failed."""
    return CommandResult(Outcome.EXITED, exit_code, "", stderr)


def a_device(
    root: Path,
    files: Mapping[str, str | bytes] | None = None,
    *,
    programs: Mapping[str, CommandResult | str] | None = None,
) -> Host:
    """A device whose files lie below `root`, with the given ones; their folders are made."""
    for path, content in (files or {}).items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return Host(root=root, run=FakePrograms(programs or {}))


def closed(host: Host, path: str) -> None:
    """Makes `path` one that cannot be read, root or not: it becomes a folder."""
    place = host.path(path)
    place.unlink(missing_ok=True)
    place.mkdir(parents=True)


def rows_of(
    tables: Iterable[Table],
    name: str,
    *,
    equals: Mapping[str, Sequence[str]] | None = None,
    like: Mapping[str, Sequence[str]] | None = None,
) -> list[TableRow]:
    """What the table called `name` generates for the given constraints."""
    (table,) = (table for table in tables if table.name == name)
    constraints: dict[str, tuple[Constraint, ...]] = {}
    for operator, given in ((Operator.EQUALS, equals), (Operator.LIKE, like)):
        for column, values in (given or {}).items():
            constraints[column] = constraints.get(column, ()) + tuple(
                Constraint(operator, value) for value in values
            )
    rows = list(table.generate(Request(constraints)))
    known = {column.name for column in table.columns}
    assert all(row.keys() <= known for row in rows), "a row has a column that is not declared"
    return rows
