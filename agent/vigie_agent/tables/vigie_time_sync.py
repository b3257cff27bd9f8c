"""vigie_time_sync: which servers give this device its time, and whether they do (Linux, macOS)."""

import fnmatch
import platform
import re
from collections.abc import Callable, Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text, unix_time
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.host import Host
from vigie_agent.tables.kernel_clock import clock_is_synchronised
from vigie_agent.tables.links import is_there, real_path
from vigie_agent.tables.mac_answers import (
    SYSTEMSETUP,
    Unanswered,
    answer,
    flag_of,
    plist_file,
)
from vigie_agent.tables.time_sources import TimeSources, read_time_sources
from vigie_agent.tables.vigie_chassis import container_of, hypervisor_of
from vigie_agent.tables.vigie_settings import read_family

COLUMNS: Final = (
    text("part", "service (macOS), servers, last_sync or machine (Linux)"),
    text("mechanism", "The program: systemd-timesyncd, chrony, ntpd, timed, ..."),
    integer("active", "service: it is on"),
    text("server", "servers: a server, a clock of the machine, or empty for those built in"),
    text("source", "The file that says so"),
    integer("synchronised", "last_sync: the kernel holds its clock for synchronised"),
    unix_time("last_sync_day", "last_sync: the day of the last synchronisation that left a trace"),
    text("hypervisor", "machine: what it runs under, container included; empty on bare metal"),
    *COLLECTED,
)

_DAY: Final = 86_400
_MAX_BYTES: Final = 256 * 1024
_MAX_FILES: Final = 50
_TIMESYNCD: Final = "systemd-timesyncd"
_UNITS: Final = ("/usr/lib/systemd/system", "/lib/systemd/system")
_FILES: Final = (
    ("chrony", "/etc/chrony/chrony.conf"),
    ("chrony", "/etc/chrony.conf"),
    ("ntpd", "/etc/ntpsec/ntp.conf"),
    ("ntpd", "/etc/ntp.conf"),
    ("openntpd", "/etc/openntpd/ntpd.conf"),
)
_OWN_FOLDERS: Final = ("/etc/", "/usr/")
_TRACES: Final = (
    # Not /var/lib/systemd/timesync/clock: it is written without a synchronisation too.
    (_TIMESYNCD, "/run/systemd/timesync/synchronized"),
    ("chrony", "/var/lib/chrony/chrony.drift"),
    ("chrony", "/var/lib/chrony/drift"),
    ("ntpd", "/var/lib/ntpsec/ntp.drift"),
    ("ntpd", "/var/lib/ntp/ntp.drift"),
    ("ntpd", "/var/lib/ntp/drift"),
    ("openntpd", "/var/lib/openntpd/db/ntpd.drift"),
)
_SWITCH: Final = re.compile(r"Network Time:\s*(On|Off)\b", re.IGNORECASE)
_TIMED: Final = "/Library/Preferences/com.apple.timed.plist"


def tables(
    host: Host, system: str = "", kernel: Callable[[], bool | None] = clock_is_synchronised
) -> tuple[Table, ...]:
    """The table of this module. `system` is the one that runs here unless it is given."""
    is_mac = (system or platform.system().lower()) == "darwin"
    return (
        Table(
            "vigie_time_sync",
            COLUMNS,
            lambda _request: _mac(host) if is_mac else _linux(host, kernel),
            platforms=frozenset({"linux", "darwin"}),
            description="Which servers give this device its time, and whether they do",
        ),
    )


# --- Linux ----------------------------------------------------------------------------------------


def _linux(host: Host, kernel: Callable[[], bool | None]) -> Iterator[TableRow]:
    if any(is_there(host, f"{folder}/{_TIMESYNCD}.service") for folder in _UNITS):
        yield from _timesyncd(host)
    for mechanism, path in _FILES:
        yield from _servers(host, mechanism, path)
    synchronised = kernel()
    if synchronised is None:
        yield not_collected("the state of the kernel's clock could not be read", part="last_sync")
    else:
        yield collected(part="last_sync", mechanism="kernel", synchronised=int(synchronised))
    yield from _traces(host)
    yield collected(part="machine", hypervisor=container_of(host) or hypervisor_of(host))


def _timesyncd(host: Host) -> Iterator[TableRow]:
    family = read_family(host, "timesyncd")
    for path, why in family.unread.items():
        yield not_collected(f"{path}: {why}", part="servers", mechanism=_TIMESYNCD)
    named = [family.settings[key] for key in ("NTP", "FallbackNTP") if key in family.settings]
    told = {server: setting.source for setting in named for server in setting.value.split()}
    for server, source in told.items():
        yield collected(part="servers", mechanism=_TIMESYNCD, server=server, source=source)
    if not told and not family.unread:
        yield collected(part="servers", mechanism=_TIMESYNCD, server="", source="built in")


def _servers(host: Host, mechanism: str, main: str) -> Iterator[TableRow]:
    told, waiting, seen = dict[str, str](), [main], set[str]()
    while waiting and len(seen) < _MAX_FILES:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        try:
            found = read_time_sources(host.read_text(real_path(host, path), max_bytes=_MAX_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield not_collected(f"{path}: {reason(error)}", part="servers", mechanism=mechanism)
            continue
        for server in (*found.servers, *found.clocks):
            told.setdefault(server, path)
        waiting += _read_besides(host, found)
    for server, source in told.items():
        yield collected(part="servers", mechanism=mechanism, server=server, source=source)


def _read_besides(host: Host, found: TimeSources) -> Iterator[str]:
    """Files that a file has read: what people configured, not what the network of the day gave."""
    for pattern in found.files:
        folder, _, name = pattern.rpartition("/")
        if folder.startswith(_OWN_FOLDERS) or folder == "/etc":
            yield from (f"{folder}/{n}" for n in _names(host, folder) if fnmatch.fnmatch(n, name))
    chosen = dict[str, str]()
    for folder, suffix in found.folders:
        if folder.startswith(_OWN_FOLDERS):
            for name in _names(host, folder):
                if name.endswith(suffix):
                    chosen.setdefault(name, f"{folder}/{name}")
    yield from (chosen[name] for name in sorted(chosen))


def _traces(host: Host) -> Iterator[TableRow]:
    days = dict[str, int]()
    for mechanism, path in _TRACES:
        try:
            day = int(host.path(path).stat().st_mtime) // _DAY * _DAY
        except OSError:
            continue
        days[mechanism] = max(day, days.get(mechanism, 0))
    for mechanism, day in days.items():
        yield collected(part="last_sync", mechanism=mechanism, last_sync_day=day)


def _names(host: Host, folder: str) -> list[str]:
    try:
        return sorted(item.name for item in host.path(folder).iterdir())
    except OSError:
        return []


# --- macOS ----------------------------------------------------------------------------------------


def network_time(said: str) -> bool | None:
    """What `systemsetup -getusingnetworktime` says; None where it refuses or says neither."""
    found = _SWITCH.search(said)
    return found[1].lower() == "on" if found else None


def _mac(host: Host) -> Iterator[TableRow]:
    try:
        yield collected(part="service", mechanism="timed", active=int(_timed_is_on(host)))
    except Unanswered as why:
        yield not_collected(str(why), part="service", mechanism="timed")
    yield from _servers(host, "timed", "/etc/ntp.conf")


def _timed_is_on(host: Host) -> bool:
    """The tool first; it asks for root, and then the preferences may say it all the same."""
    try:
        said = network_time(answer(host, SYSTEMSETUP, "-getusingnetworktime"))
    except Unanswered:
        said = None
    if said is None:
        said = flag_of((plist_file(host, _TIMED) or {}).get("TMAutomaticTimeOnlyEnabled"))
    if said is None:
        raise Unanswered("needs root: systemsetup")
    return said
