"""vigie_logging: whether logs are kept on this device, and where they are sent (Linux, macOS)."""

import fnmatch
import platform
import re
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_folder, is_there, real_path
from vigie_agent.tables.log_targets import LogTarget
from vigie_agent.tables.rsyslog import read_rsyslog
from vigie_agent.tables.syslog_ng import read_syslog_ng
from vigie_agent.tables.vigie_settings import read_family

COLUMNS: Final = (
    text("part", "storage: what is kept here; targets: where it is sent"),
    text("name", "The program: systemd-journald, rsyslog, syslog-ng, ..."),
    integer("persistent", "storage: what it keeps is still there after a restart"),
    integer("max_bytes", "storage: the most that it keeps; NULL where nothing sets it"),
    text("target", "targets: the machine, with its port"),
    text("protocol", "targets: udp, tcp, relp, tls, https, ..."),
    integer("encrypted", "targets: it is sent encrypted; NULL where that is not said"),
    text("source", "The file that says so; default where none does"),
    *COLLECTED,
)
"""One row a program that keeps logs, one a machine that a configuration sends them to."""

_JOURNALD: Final = "systemd-journald"
_JOURNAL: Final = "/var/log/journal"
_UNITS: Final = ("/usr/lib/systemd/system", "/lib/systemd/system")
_SIZE: Final = re.compile(r"(\d{1,19})\s*([KMGTPE]?)(?:i?B)?", re.IGNORECASE)
_POWERS: Final = {
    unit: 1024**power for power, unit in enumerate(["", "K", "M", "G", "T", "P", "E"])
}
_MAX_BYTES: Final = 1024 * 1024
_MAX_FILES: Final = 200


class Configuration(Protocol):
    """What a file of a logging program says."""

    @property
    def targets(self) -> tuple[LogTarget, ...]: ...
    @property
    def writes_files(self) -> bool: ...
    @property
    def includes(self) -> tuple[str, ...]: ...


def tables(host: Host, system: str = "") -> tuple[Table, ...]:
    """The table of this module. `system` is the one that runs here unless it is given."""
    rows = _mac if (system or platform.system().lower()) == "darwin" else _linux
    return (
        Table(
            "vigie_logging",
            COLUMNS,
            lambda _request: rows(host),
            platforms=frozenset({"linux", "darwin"}),
            description="Whether logs are kept on this device, and where they are sent",
        ),
    )


def _linux(host: Host) -> Iterator[TableRow]:
    if any(is_there(host, f"{folder}/{_JOURNALD}.service") for folder in _UNITS):
        yield _journald(host)
    yield from _program(host, "rsyslog", "/etc/rsyslog.conf", "/etc/rsyslog.d", read_rsyslog)
    yield from _program(
        host, "syslog-ng", "/etc/syslog-ng/syslog-ng.conf", "/etc/syslog-ng/conf.d", read_syslog_ng
    )
    yield from _journal_upload(host)


def _mac(host: Host) -> Iterator[TableRow]:
    """The unified log cannot be turned off; syslogd still sends what its old file says."""
    if is_folder(host, "/private/var/db/diagnostics"):
        yield collected(part="storage", name="unified log", persistent=1, source="default")
    else:
        yield not_collected(
            "the store of the unified log is not where it should be", part="storage"
        )
    yield from _program(host, "syslogd", "/etc/syslog.conf", "", read_rsyslog, keeps=False)


# --- journald -------------------------------------------------------------------------------------


def _journald(host: Host) -> TableRow:
    family = read_family(host, "journald")
    for path, why in family.unread.items():
        return not_collected(f"{path}: {why}", part="storage", name=_JOURNALD)
    setting = family.settings.get("Storage")
    storage = setting.value.lower() if setting else ""
    there = is_folder(host, _JOURNAL)
    # Without a setting, and with `auto`, the folder decides.
    persistent = storage == "persistent" or (storage in {"", "auto"} and there)
    return collected(
        part="storage",
        name=_JOURNALD,
        persistent=int(persistent),
        max_bytes=size_of(family.value("SystemMaxUse") or "") if persistent else None,
        source=setting.source if setting else "default",
    )


def size_of(written: str) -> int | None:
    """Bytes of a size as systemd writes it (500M, 1G); None for anything else."""
    found = _SIZE.fullmatch(written.strip())
    return int(found[1]) * _POWERS[found[2].upper()] if found else None


def _journal_upload(host: Host) -> Iterator[TableRow]:
    family = read_family(host, "journal_upload")
    for path, why in family.unread.items():
        yield not_collected(f"{path}: {why}", part="targets", name="systemd-journal-upload")
    setting = family.settings.get("URL")
    if setting is None or not setting.value:
        return
    scheme, _, rest = setting.value.rpartition("://")
    place = rest.partition("/")[0].rpartition("@")[2]
    host_, _, port = place.partition(":") if not place.startswith("[") else (place, "", "")
    target = LogTarget(host_, port or "19532", scheme or "https", scheme != "http")
    if target.is_elsewhere:
        yield _target_row("systemd-journal-upload", target, setting.source)


# --- Programs with files of their own -------------------------------------------------------------


def _program(
    host: Host,
    name: str,
    main: str,
    folder: str,
    read: Callable[[str], Configuration],
    *,
    keeps: bool = True,
) -> Iterator[TableRow]:
    """What a program's file and those that it includes say. No row without a file."""
    files, told, waiting, seen = False, dict[str, TableRow](), [main], set[str]()
    while waiting and len(seen) < _MAX_FILES:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        try:
            said = read(host.read_text(real_path(host, path), max_bytes=_MAX_BYTES))
        except FileNotFoundError:
            continue
        except OSError as error:
            yield not_collected(f"{path}: {reason(error)}", part="targets", name=name)
            continue
        files = files or said.writes_files
        for target in said.targets:
            if target.is_elsewhere:
                told.setdefault(target.address, _target_row(name, target, path))
        for pattern in said.includes:
            included = _included(host, pattern, main, folder)
            if included is None:
                yield not_collected(f"{pattern}: not in the allow-list", part="targets", name=name)
            waiting += included or ()
    if keeps and is_there(host, main):
        yield collected(part="storage", name=name, persistent=int(files), source=main)
    yield from told.values()


def _included(host: Host, pattern: str, main: str, folder: str) -> list[str] | None:
    """The files of a pattern, in the program's own folders only; None for a place elsewhere."""
    home = main.rpartition("/")[0]
    place, _, name = (pattern if pattern.startswith("/") else f"{home}/{pattern}").rpartition("/")
    if place.rstrip("/") != folder:
        is_own = place.startswith(("/usr/share/syslog-ng", "/etc/syslog-ng")) or place == home
        return [] if is_own and name == "scl.conf" else None
    try:
        names = sorted(item.name for item in host.path(folder).iterdir())
    except OSError:
        return []
    return [f"{folder}/{found}" for found in names if fnmatch.fnmatchcase(found, name or "*")]


def _target_row(name: str, target: LogTarget, source: str) -> TableRow:
    return collected(
        part="targets",
        name=name,
        target=target.address,
        protocol=target.protocol,
        encrypted=None if target.encrypted is None else int(target.encrypted),
        source=source,
    )
