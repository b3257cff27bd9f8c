"""What backup programs without a service leave on the device when they have made a backup.

None of them keeps a record of its own; each leaves a trace that only a finished backup makes:

- restic saves a file for each new snapshot in its cache;
- borg rewrites the list of files it knows, and notes its digest once a first archive is made (the
  time of the manifest, beside it, is also that of creating or pruning the repository);
- duplicity writes a manifest named after the moment, as `.part` until it is complete;
- rsnapshot touches the newest folder of its shortest interval;
- Déjà Dup writes the moment into dconf.

They prove a backup that reached its repository, not one that can be restored.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from vigie_agent.domain.table import TableRow
from vigie_agent.tables.backup_facts import Kind, Part
from vigie_agent.tables.backup_places import CLOUD, DISK, EXTERNAL, NETWORK, place_of
from vigie_agent.tables.columns import collected, not_collected
from vigie_agent.tables.config_text import Grammar, config_lines
from vigie_agent.tables.dconf import Key, user_layer
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.homes import Home, homes_and_root
from vigie_agent.tables.host import Host

_MAX_ENTRIES: Final = 20_000
_SMALL: Final = 4096
_NUMBER: Final = re.compile(r"[0-9a-f]{32,64}")
_SHOWN: Final = 12  # characters of a repository's number that are enough to tell it from another
_CACHES: Final = (".cache", "Library/Caches", "AppData/Local")
_TASKS_CACHE: Final = "C:/Windows/System32/config/systemprofile/AppData/Local/restic"
_SYSTEM_CACHE: Final = "/var/cache/restic"


def repository_rows(host: Host) -> Iterator[TableRow]:
    """One row for each repository that a Linux device writes to."""
    yield from _of_homes(host, "linux", (_restic_of_home, _borg, _duplicity, _deja_dup))
    yield from _restic(host, _SYSTEM_CACHE, account="")
    yield from _rsnapshot(host)


def mac_repository_rows(host: Host) -> Iterator[TableRow]:
    """As `repository_rows`, on a Mac."""
    yield from _of_homes(host, "darwin", (_restic_of_home, _borg, _duplicity))


def windows_restic_rows(host: Host) -> Iterator[TableRow]:
    """The repositories that restic writes to on Windows: people's, and those of planned tasks."""
    yield from _of_homes(host, "windows", (_restic_of_home,))
    yield from _restic(host, _TASKS_CACHE, account="")


def _of_homes(
    host: Host, system: str, readers: tuple[Callable[[Host, Home], Iterator[TableRow]], ...]
) -> Iterator[TableRow]:
    for home in homes_and_root(host, system):
        try:
            list(host.path(home.directory).iterdir())
        except PermissionError as error:
            yield not_collected(
                f"the home of the account: {reason(error)}",
                part=Part.REPOSITORIES.value,
                account=home.username,
            )
            continue
        except OSError:
            continue
        for read in readers:
            yield from read(host, home)


def when_archived(names: list[str]) -> int | None:
    """The newest moment in names of duplicity's manifests; what is still `.part` does not count."""
    moments = (_MANIFEST.fullmatch(name) for name in names)
    times = [time for found in moments if found and (time := _compact_time(found["end"]))]
    return max(times, default=None)


def borg_is_encrypted(key_type: str) -> int | None:
    """What the number of a borg key says: 2 is plain, 6 and 7 authenticate only."""
    number = key_type.strip()
    if not number.isdecimal():
        return None
    return int(int(number) not in _BORG_CLEAR)


_BORG_CLEAR: Final = frozenset({2, 6, 7})
_MANIFEST: Final = re.compile(
    r"duplicity-(?:full|inc\.\d{8}T\d{6}Z\.to)\.(?P<end>\d{8}T\d{6}Z)\.manifest(?:\.gpg)?"
)


def _restic_of_home(host: Host, home: Home) -> Iterator[TableRow]:
    for cache in _CACHES:
        yield from _restic(host, f"{home.directory}/{cache}/restic", account=home.username)
    yield from _restic(
        host, f"{home.directory}/.cache/deja-dup/restic", account=home.username, tool="deja-dup"
    )


def _restic(host: Host, cache: str, *, account: str, tool: str = "restic") -> Iterator[TableRow]:
    for number in _names(host, cache):
        if not _NUMBER.fullmatch(number):
            continue
        newest = _newest(host, f"{cache}/{number}/snapshots")
        yield _row(
            tool,
            account=account,
            identifier=number[:_SHOWN],
            encrypted=1,  # restic knows no other way
            last_success_time=newest,
            time_source="" if newest is None else "restic's cache of snapshots",
        )


def _borg(host: Host, home: Home) -> Iterator[TableRow]:
    security = f"{home.directory}/.config/borg/security"
    for number in _names(host, security):
        if not _NUMBER.fullmatch(number):
            continue
        location = host.text_or_empty(f"{security}/{number}/location", max_bytes=_SMALL).strip()
        key_type = host.text_or_empty(f"{security}/{number}/key-type", max_bytes=_SMALL)
        archived = _archived(host, f"{home.directory}/.cache/borg/{number}")
        yield _row(
            "borg",
            account=home.username,
            identifier=number[:_SHOWN],
            destination=place_of(host, location) if location else "",
            encrypted=borg_is_encrypted(key_type),
            last_success_time=archived,
            time_source="" if archived is None else "borg's list of known files",
        )


def _archived(host: Host, cache: str) -> int | None:
    """When the list of known files was last written: its digest is noted once it was."""
    config = config_lines(host.text_or_empty(f"{cache}/config"), Grammar.INI)
    if not any((line.section, line.key) == ("integrity", "files") for line in config):
        return None
    times = []
    for name in _names(host, cache):
        if name == "files" or name.startswith("files."):
            try:
                times.append(int(host.path(f"{cache}/{name}").stat().st_mtime))
            except OSError:
                continue
    return max(times, default=None)


def _duplicity(host: Host, home: Home) -> Iterator[TableRow]:
    for tool, folder in (("duplicity", ".cache/duplicity"), ("deja-dup", ".cache/deja-dup")):
        cache = f"{home.directory}/{folder}"
        for name in _names(host, cache):
            archived = when_archived(_names(host, f"{cache}/{name}"))
            if archived is not None:
                yield _row(
                    tool,
                    account=home.username,
                    identifier=name[:_SHOWN] if _NUMBER.fullmatch(name) else "",
                    last_success_time=archived,
                    time_source="duplicity's manifest",
                )


_DEJA_DUP: Final = "org.gnome.deja-dup"
_LAST, _PERIODIC, _BACKEND = (
    Key(_DEJA_DUP, name) for name in ("last-backup", "periodic", "backend")
)
_BACKENDS: Final = {
    "google": CLOUD,
    "microsoft": CLOUD,
    "remote": NETWORK,
    "drive": EXTERNAL,
    "local": DISK,
}


def _deja_dup(host: Host, home: Home) -> Iterator[TableRow]:
    database = user_layer(host, home.directory, (_LAST, _PERIODIC, _BACKEND))
    if database.unread:
        yield not_collected(database.unread, part=Part.REPOSITORIES.value, account=home.username)
        return
    written = {key: database.values.get(key.path) for key in (_LAST, _PERIODIC, _BACKEND)}
    last = _iso_time(str(written[_LAST] or ""))
    if last is None and not written[_PERIODIC]:
        return
    yield _row(
        "deja-dup",
        account=home.username,
        identifier="dconf",
        scheduled=int(bool(written[_PERIODIC])),
        destination=_BACKENDS.get(str(written[_BACKEND]), ""),
        last_success_time=last,
        time_source="" if last is None else "dconf of the account",
    )


def _rsnapshot(host: Host) -> Iterator[TableRow]:
    root, intervals = "", list[str]()
    text = host.text_or_empty("/etc/rsnapshot.conf")
    for line in config_lines(text, Grammar.WORDS):
        if line.key == "snapshot_root":
            root = line.value.rstrip("/")
        elif line.key in {"retain", "interval"} and line.value:
            intervals.append(line.value.split()[0])
    if not root or not intervals:
        return
    try:
        newest = int(host.path(f"{root}/{intervals[0]}.0").stat().st_mtime)
    except PermissionError as error:
        yield not_collected(
            f"the folder of rsnapshot: {reason(error)}", part=Part.REPOSITORIES.value
        )
        return
    except OSError:
        return
    yield _row(
        "rsnapshot",
        account="",
        identifier="",
        destination=place_of(host, root),
        encrypted=0,
        last_success_time=newest,
        time_source="rsnapshot's newest folder",
    )


def _row(mechanism: str, /, **facts: str | int | None) -> TableRow:
    return collected(
        part=Part.REPOSITORIES.value, mechanism=mechanism, kind=Kind.BACKUP.value, **facts
    )


def _newest(host: Host, folder: str) -> int | None:
    """The time of the newest file in the folders of a folder."""
    newest, seen = None, 0
    for group in _names(host, folder):
        for name in _names(host, f"{folder}/{group}"):
            seen += 1
            if seen > _MAX_ENTRIES:
                return newest
            try:
                time = int(host.path(f"{folder}/{group}/{name}").stat().st_mtime)
            except OSError:
                continue
            newest = time if newest is None else max(newest, time)
    return newest


def _names(host: Host, folder: str) -> list[str]:
    try:
        entries = islice(host.path(folder).iterdir(), _MAX_ENTRIES)  # people may make any number
        return sorted(item.name for item in entries)
    except OSError:
        return []


def _compact_time(written: str) -> int | None:
    try:
        return int(datetime.strptime(written, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _iso_time(written: str) -> int | None:
    """UNIX seconds of an ISO 8601 moment; one without a zone is in UTC, as Déjà Dup writes it."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp())
