"""What starts backups by itself on Linux: timers of the system and of people, cron."""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import TableRow
from vigie_agent.tables.backup_facts import Kind, Part
from vigie_agent.tables.backup_tools import Tool, tool_of, tool_of_script
from vigie_agent.tables.columns import collected, not_collected
from vigie_agent.tables.crontab import read_crontab
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.homes import homes_and_root
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import real_path
from vigie_agent.tables.systemd_timers import Timer, system_timers, timers_of

_SYSTEM_TABLES: Final = ("/etc/crontab", "/etc/anacrontab")
_SYSTEM_FOLDER: Final = "/etc/cron.d"
_PEOPLES_TABLES: Final = ("/var/spool/cron/crontabs", "/var/spool/cron")
_SCRIPTS: Final = ("/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly")
_MAX_BYTES: Final = 65_536


def schedule_rows(host: Host) -> Iterator[TableRow]:
    """One row for each timer, cron table and cron script that makes backups."""
    for timer in system_timers(host):
        yield from _of_timer(timer, account="")
    for home in homes_and_root(host, "linux"):
        for timer in timers_of(host, home):
            yield from _of_timer(timer, account=home.username)
    for path in (*_SYSTEM_TABLES, *_files(host, _SYSTEM_FOLDER)):
        yield from _of_table(host, path, account="")
    yield from _of_people(host)
    for folder in _SCRIPTS:
        for path in _files(host, folder):
            text = host.text_or_empty(_real(host, path), max_bytes=_MAX_BYTES)
            tool = tool_of_script(text, name=path.rpartition("/")[2])
            if tool:
                yield _row(tool, account="", identifier=path)


def _of_timer(timer: Timer, *, account: str) -> Iterator[TableRow]:
    stem = timer.name.removesuffix(".timer")
    found = [tool for command in timer.commands if (tool := tool_of(command, name=stem))]
    # A command that only prunes is none, whatever the timer is called.
    named = None if timer.commands else tool_of(stem.replace("@", " "), name=stem)
    for tool in dict.fromkeys(found) or filter(None, (named,)):
        yield _row(tool, account=account, identifier=timer.name, last_run=timer.last_run)


def _of_table(host: Host, path: str, *, account: str) -> Iterator[TableRow]:
    text = host.text_or_empty(path, max_bytes=_MAX_BYTES)
    commands = [str(line["command"]) for line in read_crontab(text, path)]
    tools = [tool for command in commands if (tool := tool_of(_without_user(command, account)))]
    for tool in dict.fromkeys(tools):
        yield _row(tool, account=account, identifier=path)


def _without_user(command: str, account: str) -> str:
    """A system table names the user before the command."""
    return command if account else command.partition(" ")[2].strip() or command


def _of_people(host: Host) -> Iterator[TableRow]:
    for folder in _PEOPLES_TABLES:
        try:
            names = sorted(item.name for item in host.path(folder).iterdir() if item.is_file())
        except PermissionError as error:
            yield not_collected(f"{folder}: {reason(error)}", part=Part.SCHEDULES.value)
            return
        except OSError:
            continue
        for name in names:
            yield from _of_table(host, f"{folder}/{name}", account=name)


def _row(tool: Tool, *, account: str, identifier: str, last_run: int | None = None) -> TableRow:
    part = Part.SNAPSHOTS if tool.kind is Kind.SNAPSHOT else Part.SCHEDULES
    return collected(
        part=part.value,
        mechanism=tool.name,
        kind=tool.kind.value,
        account=account,
        identifier=identifier,
        scheduled=1,
        last_run_time=last_run,
        time_source="" if last_run is None else "stamp of the timer",
    )


def _files(host: Host, folder: str) -> list[str]:
    try:
        names = sorted(item.name for item in host.path(folder).iterdir())
    except OSError:
        return []
    return [f"{folder}/{name}" for name in names if not name.startswith(".")]


def _real(host: Host, path: str) -> str:
    try:
        return real_path(host, path)
    except OSError:
        return path
