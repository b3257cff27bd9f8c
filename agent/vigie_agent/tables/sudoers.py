"""`sudoers`: the lines of /etc/sudoers and of what it includes."""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import PermissionNeeded, Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host
from vigie_agent.tables.sudo_rules import read_sudoers

COLUMNS: Final = osquery_columns("source, header, rule_details")


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module. osqueryd is empty without rights; we say that they are needed."""
    return (
        Table("sudoers", COLUMNS, lambda _request: _rows(host), platforms=frozenset({"linux"})),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    try:
        lines = read_sudoers(host)
    except OSError as error:
        raise PermissionNeeded(f"sudoers: run as root to read {error.filename}") from error
    for line in lines:
        yield {"source": line.source, "header": line.header, "rule_details": line.details}
