"""File History, Windows Backup and shadow copies on written Windows devices."""

import os
from pathlib import Path

import pytest

from fake_host import rows_of
from fake_windows import DENIED, WrittenWindows
from vigie_agent.domain.table import TableRow
from vigie_agent.tables.host import Host
from vigie_agent.tables.vigie_backups import tables
from vigie_agent.tables.windows_backups import place_of_target, read_file_history
from vigie_agent.tables.windows_system import RegistryData

HKLM = "HKEY_LOCAL_MACHINE\\"
SID = "S-1-5-21-1-2-3-1001"
PROFILE = HKLM + rf"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList\{SID}"
HIVE = rf"HKEY_USERS\{SID}\Software\Microsoft\Windows\CurrentVersion\FileHistory"
IMAGE = HKLM + r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsBackup\SystemImageBackup"
FOLDER = "C:/Users/Zoé/AppData/Local/Microsoft/Windows/FileHistory/Configuration"
LAST = 1_795_054_500
DRIVES = [{"DeviceID": "C:", "DriveType": 3}, {"DeviceID": "E:", "DriveType": 2}]
Keys = dict[str, dict[str, RegistryData]]


def ticks(seconds: int) -> int:
    return (seconds + 11_644_473_600) * 10_000_000


def config(target: str = r"\\nas\FileHistory", status: str = "Enabled") -> bytes:
    text = (
        '<?xml version="1.0" encoding="UTF-16"?>\n<DataProtectionUserConfig SchemaVersion="1">'
        f"<UserName>Zoé</UserName><DPStatus>{status}</DPStatus>"
        f"<Target><TargetName>Secret</TargetName><TargetUrl>{target}</TargetUrl></Target>"
        "</DataProtectionUserConfig>"
    )
    return text.encode("utf-16")


def a_device(
    root: Path, *, settings: bytes | None = None, keys: Keys | None = None, **windows: object
) -> Host:
    if settings is not None:
        (root / FOLDER).mkdir(parents=True)
        (root / FOLDER / "Config1.xml").write_bytes(settings)
    known: Keys = {PROFILE: {"ProfileImagePath": "C:\\Users\\Zoé"}, **(keys or {})}
    objects = {"Win32_LogicalDisk": DRIVES, "Win32_ShadowCopy": (), **windows}
    return Host(root=root, windows=WrittenWindows(objects=objects, keys=known))  # type: ignore[arg-type]


def asked(host: Host, part: str) -> list[TableRow]:
    return rows_of(tables(host, "windows"), "vigie_backups", equals={"part": [part]})


def test_file_history_of_an_account_tells_place_and_last_time(tmp_path: Path) -> None:
    host = a_device(tmp_path, settings=config(), keys={HIVE: {"ProtectedUpToTime": ticks(LAST)}})

    (row,) = asked(host, "repositories")

    assert (row["mechanism"], row["account"], row["scheduled"]) == ("File History", "Zoé", 1)
    assert (row["destination"], row["encrypted"], row["last_success_time"]) == ("network", 0, LAST)
    assert "Secret" not in str(row)
    assert "nas" not in str(row)


def test_a_zero_between_two_rounds_is_no_time_and_the_catalogue_stands_in(tmp_path: Path) -> None:
    host = a_device(tmp_path, settings=config(), keys={HIVE: {"ProtectedUpToTime": 0}})
    catalogue = tmp_path / FOLDER / "Catalog1.edb"
    catalogue.write_bytes(b"x")
    os.utime(catalogue, (LAST, LAST))

    (row,) = asked(host, "repositories")

    assert (row["last_success_time"], row["time_source"]) == (LAST, "catalogue of File History")


def test_of_an_account_that_is_logged_off_the_settings_are_read_all_the_same(
    tmp_path: Path,
) -> None:
    (row,) = asked(a_device(tmp_path, settings=config("E:\\")), "repositories")

    assert (row["destination"], row["last_success_time"]) == ("external", None)


@pytest.mark.parametrize(
    "keys",
    [
        {HKLM + r"SOFTWARE\Policies\Microsoft\Windows\FileHistory": {"Disabled": 1}},
        {HKLM + r"SYSTEM\CurrentControlSet\Services\fhsvc": {"Start": 4}},
    ],
)
def test_a_policy_or_a_disabled_service_stops_what_the_account_turned_on(
    keys: Keys, tmp_path: Path
) -> None:
    (row,) = asked(a_device(tmp_path, settings=config(), keys=keys), "repositories")

    assert row["scheduled"] == 0


@pytest.mark.parametrize("damaged", [b"", b"\xff\xfe\x00", b"<html>", config()[:40]])
def test_damaged_settings_are_told_not_taken_for_none(damaged: bytes, tmp_path: Path) -> None:
    (row,) = asked(a_device(tmp_path, settings=damaged), "repositories")

    assert (row["collected"], row["account"]) == ("no", "Zoé")


def test_settings_without_a_status_do_not_say_whether_they_are_on() -> None:
    text = config().decode("utf-16").replace("<DPStatus>Enabled</DPStatus>", "")

    found = read_file_history(text.encode())

    assert found
    assert found.on is None


def test_a_system_image_tells_its_last_success_apart_from_its_last_run(tmp_path: Path) -> None:
    values: dict[str, RegistryData] = {
        "LastSuccessfulBackupTime": ticks(LAST),
        "LastBackupTime": ticks(LAST + 86_400),
        "LastSuccessfulBackupDrive": "E:",
    }

    (row,) = asked(a_device(tmp_path, keys={IMAGE: values}), "repositories")

    assert (row["mechanism"], row["destination"]) == ("Windows Backup", "external")
    assert (row["last_success_time"], row["last_run_time"]) == (LAST, LAST + 86_400)


def test_a_device_where_nothing_was_set_up_has_no_row(tmp_path: Path) -> None:
    (tmp_path / "C:/Users/Zoé").mkdir(parents=True)

    assert asked(a_device(tmp_path), "repositories") == []


def test_shadow_copies_are_told_by_day_for_each_volume_and_are_no_backup(tmp_path: Path) -> None:
    volume = "\\\\?\\Volume{11111111-2222-3333-4444-555555555555}\\"
    copies = [
        {"InstallDate": "20261119030000.000000+060", "VolumeName": volume},
        {"InstallDate": "20261117030000.000000+060", "VolumeName": volume},
    ]

    (row,) = asked(a_device(tmp_path, Win32_ShadowCopy=copies), "snapshots")

    assert (row["kind"], row["last_success_time"]) == ("snapshot", 1795046400)


def test_shadow_copies_that_may_not_be_seen_are_told(tmp_path: Path) -> None:
    (row,) = asked(a_device(tmp_path, Win32_ShadowCopy=DENIED), "snapshots")

    assert (row["collected"], row["why"]) == ("no", "the shadow copies: needs elevated rights")


@pytest.mark.parametrize(
    ("target", "place"),
    [
        (r"\\nas\x", "network"),
        ("E:\\", "external"),
        ("F:\\", "disk"),
        ("C:\\Backup", "internal"),
        ("\\\\?\\Volume{1}\\", "disk"),
        ("Z:", "network"),
        ("", ""),
    ],
)
def test_a_target_is_told_by_its_kind_of_drive(target: str, place: str) -> None:
    assert place_of_target(target, {"C:": 3, "E:": 2, "F:": 3, "Z:": 4}) == place
