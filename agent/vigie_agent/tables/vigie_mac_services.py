"""vigie_mac_services, vigie_mac_sharing: what a Mac starts by itself, and what it offers (macOS).

osquery knows the files of launchd's jobs, not what was switched since, nor the program of a job
that is written with arguments; and its sharing preferences go stale on recent releases.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.homes import homes
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there
from vigie_agent.tables.mac_answers import Unanswered, plist_file, read_answer
from vigie_agent.tables.mac_launchd import Job, read_job, read_listeners, read_overrides

SERVICES: Final = (
    text("name", "Label of the job"),
    text("program", "The program it starts; whose home it lies in is not told"),
    text("scope", "system: with the Mac; user: with a person's session"),
    text("start", "auto; scheduled; on_demand: when somebody connects or a file changes"),
    *COLLECTED,
)
"""One row a job that is not Apple's own and not switched off."""

SHARING: Final = (
    text("service", "file_sharing, ssh, vnc, remote_desktop or remote_management"),
    text("name", "What the system settings call it, in English"),
    integer("offered", "Other devices can reach it, as far as settings and ports tell"),
    text("origin", "setting, or listener: its port is open"),
    *COLLECTED,
)
"""One row a service."""

LAUNCHCTL: Final = "/bin/launchctl"
NETSTAT: Final = "/usr/sbin/netstat"
_FOLDERS: Final = (("/Library/LaunchDaemons", "system"), ("/Library/LaunchAgents", "user"))
_REMOTE_MANAGEMENT: Final = (
    "/Library/Application Support/Apple/Remote Desktop/RemoteManagement.launchd"
)
_DARWIN: Final = frozenset({"darwin"})


class _Service(NamedTuple):
    service: str
    name: str
    label: str
    port: int


_SERVICES: Final = (
    _Service("file_sharing", "File Sharing", "com.apple.smbd", 445),
    _Service("ssh", "Remote Login", "com.openssh.sshd", 22),
    _Service("vnc", "Screen Sharing", "com.apple.screensharing", 5900),
    _Service("remote_desktop", "Remote Management", "", 3283),
    _Service("remote_management", "Remote Apple Events", "com.apple.AEServer", 3031),
)


def tables(host: Host) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table(
            "vigie_mac_services",
            SERVICES,
            lambda _request: _services(host),
            platforms=_DARWIN,
            description="Jobs of launchd that are set to start",
        ),
        Table(
            "vigie_mac_sharing",
            SHARING,
            lambda _request: _sharing(host),
            platforms=_DARWIN,
            description="What this Mac offers to others",
        ),
    )


def _services(host: Host) -> Iterator[TableRow]:
    switched: Mapping[str, bool] = {}
    try:
        switched = _overrides(host)
    except Unanswered as missing:
        yield not_collected(f"which jobs were switched off: {missing}", scope="system")
    told = dict[tuple[str, str], TableRow]()
    people = (f"{home.directory}/Library/LaunchAgents" for home in homes(host, "darwin"))
    for folder, scope in (*_FOLDERS, *((folder, "user") for folder in people)):
        for found in _jobs(host, folder):
            if isinstance(found, str):
                told.setdefault((scope, found), not_collected(found, scope=scope))
            elif _is_on(found, switched if scope == "system" else {}):
                told.setdefault((scope, found.label), _row(found, scope))
    yield from (told[key] for key in sorted(told))


def _is_on(job: Job, switched: Mapping[str, bool]) -> bool:
    """What was switched wins over the job's own file. Switches of a session are not looked at."""
    return switched.get(job.label, not job.disabled)


def _row(job: Job, scope: str) -> TableRow:
    return collected(name=job.label, program=job.program, scope=scope, start=job.start)


def _jobs(host: Host, folder: str) -> Iterator[Job | str]:
    """The jobs in a folder; a text says why one, or the folder, stays closed. Nobody is named."""
    try:
        names = sorted(item.name for item in host.path(folder).iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        yield f"{_nobodys(folder)}: {error.strerror or 'could not be read'}"
        return
    for name in names:
        if not name.endswith(".plist"):
            continue
        try:
            plist = plist_file(host, f"{folder}/{name}")
        except Unanswered as missing:
            yield str(missing).replace(folder, _nobodys(folder))
            continue
        if plist is not None:
            yield read_job(plist, name)


def _nobodys(folder: str) -> str:
    return "/Users/*/Library/LaunchAgents" if folder.startswith("/Users/") else folder


def _overrides(host: Host) -> Mapping[str, bool]:
    return read_answer(host, read_overrides, LAUNCHCTL, "print-disabled", "system")


def _sharing(host: Host) -> Iterator[TableRow]:
    switched, why = None, ""
    try:
        switched = _overrides(host)
    except Unanswered as missing:
        why = str(missing)
    ports = frozenset[int]()
    try:
        ports = read_answer(host, read_listeners, NETSTAT, "-an", "-p", "tcp")
    except Unanswered as missing:
        why = why or str(missing)
    for service in _SERVICES:
        known = {"service": service.service, "name": service.name}
        if service.label:
            on = None if switched is None else switched.get(service.label, False)
        else:
            on = is_there(host, _REMOTE_MANAGEMENT)
        if on:
            yield collected(**known, offered=1, origin="setting")
        elif service.port in ports:
            yield collected(**known, offered=1, origin="listener")
        elif why:
            yield not_collected(why, **known)  # off by one of the two is no proof
        else:
            yield collected(**known, offered=0, origin="setting")
