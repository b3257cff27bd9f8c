"""`vigie-agent query`: one SELECT about this device, after the same allow-list as every pack."""

import asyncio
import json
from datetime import timedelta

import click

from vigie_agent.bootstrap.agent import collection
from vigie_agent.cli.outcome import CommandLine, Exit, fail, told_errors
from vigie_agent.cli.tables import counted, table
from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.assembly import why
from vigie_agent.ports import Asking


@click.command()
@click.argument("sql")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.pass_obj
def query(line: CommandLine, sql: str, as_json: bool) -> None:  # noqa: FBT001 (click passes options by name)
    """Answer one SELECT about this device.

    For example: vigie-agent query "SELECT name, version FROM os_version"

    It passes the same allow-list as every pack and every question of a server: what this refuses,
    nobody can ask. Exits 5 when it is refused, 1 when it fails.
    """
    with told_errors():
        settings = line.begin()
        with collection(settings) as parts:
            answer = asyncio.run(_ask(parts.ask, sql, settings.collect.query_timeout))
    if isinstance(answer, QueryError):
        fail(why(answer), Exit.REFUSED if answer.reason is Reason.REFUSED else Exit.FAILED)
    rows = [dict(row) for row in answer.rows]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    columns = answer.columns or (tuple(rows[0]) if rows else ())
    for text in table(columns, rows):
        click.echo(text)
    click.echo(counted(len(rows), "row"))


async def _ask(ask: Asking, sql: str, limit: timedelta) -> Rows | QueryError:
    return await ask(sql, timeout=limit)
