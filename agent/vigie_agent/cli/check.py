"""`vigie-agent check`: collects once, here and now, and prints what a server would be told."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import click

from vigie_agent.bootstrap.agent import Collection, collection
from vigie_agent.bootstrap.engine import is_privileged
from vigie_agent.cli.outcome import CommandLine, Exit, fail, spoken_language, told_errors
from vigie_agent.cli.tables import counted, table
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.plan import TopicPlan
from vigie_agent.domain.snapshot import Snapshot, Status
from vigie_agent.domain.topics import COMMON_COLUMNS, Topic

_ROWS_SHOWN: Final = 20


@click.command()
@click.option("--topic", "names", multiple=True, help="Collect this topic only. May be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, whole, for other programs.")
@click.option("--all", "show_all", is_flag=True, help="Print every row of long answers.")
@click.pass_obj
def check(line: CommandLine, names: tuple[str, ...], as_json: bool, show_all: bool) -> None:  # noqa: FBT001 (click passes options by name)
    """Collect once, with no server, and print the answers by topic.

    What could not be read is listed with the reason. Exits 4 when a whole topic could not be
    collected.
    """
    with told_errors(), collection(line.begin()) as parts:
        chosen = _chosen(parts, names)
        snapshots = asyncio.run(_collect(parts, chosen))
        if as_json:
            click.echo(json.dumps([_as_json(snapshot) for snapshot in snapshots], indent=1))
        else:
            _print(parts, snapshots, rows_shown=None if show_all else _ROWS_SHOWN)
    if any(snapshot.status is not Status.OK for snapshot in snapshots):
        raise SystemExit(int(Exit.INCOMPLETE))


def _chosen(parts: Collection, names: Sequence[str]) -> list[TopicPlan]:
    planned = parts.orders.plan().topics
    for name in names:
        if name not in planned:
            known = ", ".join(planned) or "none"
            fail(f"no topic {name} on this device; there are {known}", Exit.MISUSED)
    return [topic for name, topic in planned.items() if not names or name in names]


async def _collect(parts: Collection, topics: Sequence[TopicPlan]) -> list[Snapshot]:
    snapshots = [await _collected(parts, topic) for topic in topics]
    return [snapshot for snapshot in snapshots if snapshot is not None]


async def _collected(parts: Collection, topic: TopicPlan) -> Snapshot | None:
    while True:  # the third time in a row, a lost engine is an answer
        with suppress(EngineLost):
            return await parts.collect(topic)


def _print(parts: Collection, snapshots: Sequence[Snapshot], *, rows_shown: int | None) -> None:
    language = spoken_language()
    not_collected = 0
    for snapshot in snapshots:
        rows = _rows(snapshot)
        unread = _unread(rows)
        not_collected += len(unread)
        click.secho(_headline(snapshot, parts.topics.get(snapshot.topic), language), bold=True)
        for text in _body([row for row in rows if row not in unread], unread, rows_shown):
            click.echo(text)
        if snapshot.message and not unread:  # else the lines above say the same
            click.echo(f"  {snapshot.message}")
        click.echo()
    for problem in parts.orders.plan().problems:
        click.echo(f"left out: {problem}")
    click.echo(_summary(parts, snapshots, not_collected))


def _headline(snapshot: Snapshot, declared: Topic | None, language: str) -> str:
    title = f"{declared.title.of(language)} ({snapshot.topic})" if declared else snapshot.topic
    rows = counted(len(snapshot.rows), "row")
    milliseconds = snapshot.cost.wall // timedelta(milliseconds=1)
    return f"{title}: {snapshot.status}, {rows}, {milliseconds} ms"


def _body(
    rows: Sequence[Mapping[str, str]], unread: Sequence[Mapping[str, str]], rows_shown: int | None
) -> Iterator[str]:
    if rows:
        filled = [
            column
            for column in sorted(rows[0], key=lambda name: (name != "part", name))
            if column not in COMMON_COLUMNS[1:] and any(row[column] for row in rows)
        ]
        yield from table(filled, rows[:rows_shown], indent="  ")
        if rows_shown is not None and len(rows) > rows_shown:
            yield f"  ... and {len(rows) - rows_shown} more rows (--all shows them)"
    for row in unread:
        yield f"  not collected: {row['part']}: {row['why']}"


def _summary(parts: Collection, snapshots: Sequence[Snapshot], not_collected: int) -> str:
    engine = f"{parts.engine.name} {parts.engine.version}".strip()
    text = f"{counted(len(snapshots), 'topic')} collected with the {engine} engine"
    if not_collected:
        text += f", {counted(not_collected, 'fact')} not collected"
        if not is_privileged():
            text += "; run it as the administrator (sudo vigie-agent check) to see more"
    return f"{text}."


def _rows(snapshot: Snapshot) -> list[dict[str, str]]:
    return [dict(zip(snapshot.columns, row, strict=True)) for row in snapshot.rows]


def _unread(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in rows if row.get("collected") == "no"]


def _as_json(snapshot: Snapshot) -> dict[str, Any]:
    rows = _rows(snapshot)
    return {
        "topic": snapshot.topic,
        "topic_version": snapshot.topic_version,
        "status": str(snapshot.status),
        "message": snapshot.message,
        "digest": snapshot.digest.hex(),
        "query_digest": snapshot.query_digest.hex(),
        "wall_seconds": snapshot.cost.wall.total_seconds(),
        "cpu_seconds": snapshot.cost.cpu.total_seconds(),
        "columns": list(snapshot.columns),
        "rows": rows,
        "not_collected": [
            {"part": row.get("part", ""), "why": row.get("why", "")} for row in _unread(rows)
        ],
    }
