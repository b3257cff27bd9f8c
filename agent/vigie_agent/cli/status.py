"""`vigie-agent status`: how the agent on this device is doing."""

import json
from datetime import datetime, timedelta
from typing import Any

import click

from vigie_agent.bootstrap.looking import Standing, standing
from vigie_agent.cli.outcome import CommandLine, Exit, fail, told_errors
from vigie_agent.cli.tables import table
from vigie_agent.domain.updating import News, UpdateState


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(line: CommandLine, as_json: bool) -> None:  # noqa: FBT001 (click passes options by name)
    """Say whether this device is enrolled, and how its agent is doing.

    Last contact with the server, what waits to be sent, and when each topic was collected last and
    is due next. Exits 3 when the device is not enrolled.
    """
    with told_errors():
        try:
            found = standing(line.begin())
        except PermissionError as error:
            fail(f"{error.filename} may not be read: run it as the administrator", Exit.FAILED)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=1))
    else:
        _print(found)
    if not found.enrolled:
        raise SystemExit(int(Exit.NOT_ENROLLED))


def _print(found: Standing) -> None:
    click.echo(f"Enrolled: {found.device_id or 'no; run vigie-agent enroll'}")
    if found.certificate_until is not None:
        click.echo(f"Certificate: valid until {found.certificate_until.date().isoformat()}")
    click.echo(f"Spool: {found.spool_bytes // 1024} KiB on disk")
    click.echo(f"Version: {_version(found.updates)}")
    running = found.running
    if running is None:
        click.echo("Agent: never ran here (vigie-agent run)")
        return
    click.echo(f"Agent: {'runs' if found.is_alive else 'does not run'}, {_engine(running)}")
    click.echo(f"  last sign of life  {running.get('written_at', 'unknown')}")
    click.echo(f"  last contact       {_contact(running)}")
    if running.get("link_error"):
        click.echo(f"  last failure       {running['link_error']}")
    click.echo(f"  waiting to be sent {running.get('pending', 'unknown')}")
    topics = running.get("topics")
    if isinstance(topics, dict) and topics:
        click.echo("")
        for text in table(
            ("topic", "status", "collected", "due"),
            [_topic(name, facts, running) for name, facts in sorted(topics.items())],
        ):
            click.echo(text)


def _version(told: News) -> str:
    match told.state:
        case UpdateState.ON_TRIAL:
            return f"{told.version}, on trial"
        case UpdateState.ROLLED_BACK:
            return f"{told.version}; {told.about} did not work here: {told.reason}"
        case _:
            return told.version


def _contact(running: dict[str, Any]) -> str:
    since = running.get("welcomed_at")
    if since is None:
        return "none yet"
    return f"connected since {since}" if running.get("connected") else f"session of {since}"


def _engine(running: dict[str, Any]) -> str:
    return f"engine {running.get('engine', 'unknown')}"


def _topic(name: str, facts: dict[str, Any], running: dict[str, Any]) -> dict[str, str]:
    return {
        "topic": name,
        "status": str(facts.get("status", "not yet")),
        "collected": str(facts.get("collected_at", "")),
        "due": _due(facts, running),
    }


def _due(facts: dict[str, Any], running: dict[str, Any]) -> str:
    try:
        written = datetime.fromisoformat(running["written_at"])
        due = written + timedelta(seconds=facts["due_in_seconds"])
    except (KeyError, TypeError, ValueError):
        return ""
    return due.isoformat(timespec="seconds")
