r"""What Windows' own backups leave: File History by account, system images, shadow copies.

File History writes a pair of files an account (Config1.xml, Config2.xml, the newer one counts) and
its last time into the account's hive, which is there only while the account is logged on, and is
zero between two rounds: the time of the catalogue beside the settings stands in.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.domain.table import TableRow
from vigie_agent.tables.backup_facts import DAY, Kind, Part
from vigie_agent.tables.backup_places import DISK, EXTERNAL, INTERNAL, NETWORK
from vigie_agent.tables.columns import collected, not_collected
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.homes import Home, homes
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_codes import as_text, filetime, wmi_time, wql
from vigie_agent.tables.windows_profiles import profiles, users_key
from vigie_agent.tables.windows_system import CIMV2, Reason, RegistryKey, Unread, WindowsSystem

_LOCAL_MACHINE: Final = "HKEY_LOCAL_MACHINE\\"
_IMAGE: Final = (
    _LOCAL_MACHINE + r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsBackup\SystemImageBackup"
)
_POLICY: Final = _LOCAL_MACHINE + r"SOFTWARE\Policies\Microsoft\Windows\FileHistory"
_SERVICE: Final = _LOCAL_MACHINE + r"SYSTEM\CurrentControlSet\Services\fhsvc"
_OF_ACCOUNT: Final = r"Software\Microsoft\Windows\CurrentVersion\FileHistory"
_FOLDER: Final = "AppData/Local/Microsoft/Windows/FileHistory/Configuration"
_CONFIGS: Final = ("Config1.xml", "Config2.xml", "Config.xml")
_CATALOGUES: Final = ("Catalog1.edb", "Catalog2.edb", "Catalog.edb")
_MAX_BYTES: Final = 1024 * 1024
_TAG: Final = re.compile(r"<(TargetUrl|DPStatus)>\s*([^<]*?)\s*</\1>", re.IGNORECASE)
_DISABLED: Final = 4  # the start type of a service
_DRIVES: Final[Mapping[int, str]] = {2: EXTERNAL, 3: DISK, 4: NETWORK}


@dataclass(frozen=True, slots=True)
class FileHistory:
    """What one account's settings say: where to, and whether it is on (None: it is not said)."""

    target: str
    on: bool | None


def read_file_history(content: bytes) -> FileHistory | None:
    """The settings in a Config*.xml, UTF-16 or UTF-8; None when they are damaged."""
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    text = content.decode(encoding, "replace")
    if "<DataProtectionUserConfig" not in text:
        return None
    said = {name.lower(): value for name, value in _TAG.findall(text)}
    status = said.get("dpstatus", "").lower()
    known = {"enabled": True, "1": True, "disabled": False, "0": False}
    return FileHistory(said.get("targeturl", ""), known.get(status))


def place_of_target(target: str, drives: Mapping[str, int], system_drive: str = "C:") -> str:
    """The kind of place that a target is, by the kinds of drives that Windows tells."""
    if target.startswith("\\\\") and not target.startswith(("\\\\?\\", "\\\\.\\")):
        return NETWORK
    drive = target[:2].upper()
    if drive == system_drive:
        return INTERNAL
    if target.startswith("\\\\?\\Volume"):
        return DISK
    return _DRIVES.get(drives.get(drive, 0), DISK if drive[1:] == ":" else "")


def windows_repository_rows(host: Host) -> Iterator[TableRow]:
    """File History by account, and the last system image."""
    windows = host.windows
    drives = _drives(windows)
    stopped = _is_off(windows)
    numbers = _accounts(host)
    for home in homes(host, "windows"):
        yield from _file_history(host, home, numbers, drives, stopped=stopped)
    yield from _system_image(windows, drives)


def shadow_copy_rows(windows: WindowsSystem) -> Iterator[TableRow]:
    """The newest shadow copy of each volume, by day: on the same disk, no backup."""
    found = windows.wmi(CIMV2, wql("InstallDate, VolumeName", "Win32_ShadowCopy"))
    if isinstance(found, Unread):
        yield not_collected(
            found.why("the shadow copies"), part=Part.SNAPSHOTS.value, mechanism="shadow copies"
        )
        return
    newest = dict[str, int]()
    for row in found:
        volume, time = as_text(row["VolumeName"]), wmi_time(row["InstallDate"])
        if time is not None:
            newest[volume] = max(time, newest.get(volume, 0))
    for volume, time in sorted(newest.items()):
        yield _row(
            Part.SNAPSHOTS,
            "shadow copies",
            kind=Kind.SNAPSHOT.value,
            identifier=volume.partition("{")[2].partition("}")[0],
            last_success_time=time // DAY * DAY,
            time_source="newest shadow copy",
        )


def _file_history(
    host: Host,
    home: Home,
    numbers: Mapping[str, str],
    drives: Mapping[str, int],
    *,
    stopped: bool,
) -> Iterator[TableRow]:
    folder = f"{home.directory}/{_FOLDER}"
    known = {"part": Part.REPOSITORIES.value, "mechanism": "File History", "account": home.username}
    try:
        path = _newest(host, folder, _CONFIGS)
        if path is None:
            return
        settings = read_file_history(host.read_bytes(path[0], max_bytes=_MAX_BYTES))
    except OSError as error:
        yield not_collected(f"the settings of File History: {reason(error)}", **known)
        return
    if settings is None:
        yield not_collected("the settings of File History could not be understood", **known)
        return
    last, source = _last(host, folder, numbers.get(home.username.lower(), ""))
    on = False if stopped else settings.on
    yield _row(
        Part.REPOSITORIES,
        "File History",
        account=home.username,
        scheduled=None if on is None else int(on),
        destination=place_of_target(settings.target, drives),
        encrypted=0 if settings.target else None,
        last_success_time=last,
        time_source=source,
    )


def _last(host: Host, folder: str, sid: str) -> tuple[int | None, str]:
    key = users_key(host, sid, _OF_ACCOUNT) if sid else Unread(Reason.ABSENT)
    if isinstance(key, RegistryKey):
        time = filetime(key.number("ProtectedUpToTime") or 0)
        if time is not None:
            return time, "File History of the account"
    try:
        catalogue = _newest(host, folder, _CATALOGUES)
    except OSError:
        catalogue = None
    return (catalogue[1], "catalogue of File History") if catalogue else (None, "")


def _system_image(windows: WindowsSystem, drives: Mapping[str, int]) -> Iterator[TableRow]:
    key = windows.registry(_IMAGE)
    if isinstance(key, Unread):
        if key.reason is not Reason.ABSENT:
            yield not_collected(
                key.why("the record of Windows Backup"), part=Part.REPOSITORIES.value
            )
        return
    last = filetime(key.number("LastSuccessfulBackupTime") or 0)
    if last is None and not key.number("LastBackupTime"):
        return
    target = key.text("LastSuccessfulBackupDrive") or key.text("LastSuccessfulBackupLocation") or ""
    yield _row(
        Part.REPOSITORIES,
        "Windows Backup",
        destination=place_of_target(target, drives),
        last_success_time=last,
        last_run_time=filetime(key.number("LastBackupTime") or 0),
        time_source="record of Windows Backup",
    )


def _is_off(windows: WindowsSystem) -> bool:
    policy, service = windows.registry(_POLICY), windows.registry(_SERVICE)
    forbidden = isinstance(policy, RegistryKey) and policy.number("Disabled") == 1
    disabled = isinstance(service, RegistryKey) and service.number("Start") == _DISABLED
    return forbidden or disabled


def _accounts(host: Host) -> Mapping[str, str]:
    """SID by the name of the profile's folder, in small letters."""
    known = profiles(host)
    if isinstance(known, Unread):
        return {}
    return {profile.folder_name.lower(): profile.sid for profile in known}


def _drives(windows: WindowsSystem) -> Mapping[str, int]:
    found = windows.wmi(CIMV2, wql("DeviceID, DriveType", "Win32_LogicalDisk"))
    if isinstance(found, Unread):
        return {}
    kinds = ((as_text(row["DeviceID"]).upper(), row["DriveType"]) for row in found)
    return {drive: kind for drive, kind in kinds if isinstance(kind, int)}


def _newest(host: Host, folder: str, names: tuple[str, ...]) -> tuple[str, int] | None:
    """The newest of some files of a folder, with its time. Raises OSError where it is closed."""
    found = []
    for name in names:
        try:
            time = int(host.path(f"{folder}/{name}").stat().st_mtime)
        except (FileNotFoundError, NotADirectoryError):
            continue
        found.append((time, f"{folder}/{name}"))
    return (max(found)[1], max(found)[0]) if found else None


def _row(part: Part, mechanism: str, **facts: str | int | None) -> TableRow:
    known = {"kind": Kind.BACKUP.value, "account": "", "identifier": ""}
    return collected(**{**known, "part": part.value, "mechanism": mechanism, **facts})
