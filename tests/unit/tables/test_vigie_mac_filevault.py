import plistlib
from pathlib import Path

import pytest

from fake_host import a_device, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_mac_filevault
from vigie_agent.tables.host import CommandResult, Host, Outcome

TOOL = "/usr/bin/fdesetup"
DISKUTIL = "/usr/sbin/diskutil"


def a_volume(*, filevault: bool) -> str:
    return plistlib.dumps(
        {
            "DeviceNode": "/dev/disk3s5",
            "FilesystemType": "apfs",
            "FileVault": filevault,
            "MountPoint": "/System/Volumes/Data",
            "VolumeName": "Données",
        }
    ).decode()


def filevault(host: Host) -> TableRow:
    (row,) = rows_of(vigie_mac_filevault.tables(host), "vigie_mac_filevault")
    return row


def test_filevault_that_is_on_encrypts_the_volume_of_the_data(tmp_path: Path) -> None:
    programs = {TOOL: "FileVault is On.\n", DISKUTIL: a_volume(filevault=True)}

    assert filevault(a_device(tmp_path, programs=programs)) == {
        "volume": "/System/Volumes/Data",
        "device": "/dev/disk3s5",
        "encrypted": 1,
        "protection": "on",
        "percent": None,
        "method": "APFS",
        "detail": "FileVault on",
        "collected": "yes",
        "why": "",
    }


@pytest.mark.parametrize(
    ("said", "percent", "detail"),
    [
        ("FileVault is Off.\n", None, "FileVault off"),
        (
            "FileVault is On.\nEncryption in progress: Percent completed = 42.7\n",
            42,
            "FileVault encrypting",
        ),
        ("FileVault is On.\nEncryption in progress:\n", None, "FileVault encrypting"),
        (
            "FileVault is Off.\nDecryption in progress: Percent completed = 10\n",
            90,
            "FileVault decrypting",
        ),
        (
            "FileVault is Off.\nDeferred enablement appears to be active for user 'marie'.\n",
            None,
            "FileVault off, deferred until the next login",
        ),
        (
            "FileVault is Off, but will be enabled after the next restart.\n",
            None,
            "FileVault off, waiting for a restart",
        ),
        (
            "FileVault is Off, but needs to be restarted to finish.\n",
            None,
            "FileVault off, waiting for a restart",
        ),
    ],
)
def test_anything_short_of_on_and_finished_does_not_protect(
    tmp_path: Path, said: str, percent: int | None, detail: str
) -> None:
    row = filevault(a_device(tmp_path, programs={TOOL: said}))

    assert (row["encrypted"], row["protection"], row["percent"], row["detail"]) == (
        0, "off", percent, detail,
    )  # fmt: skip


@pytest.mark.parametrize("on", [True, False])
def test_diskutil_answers_where_fdesetup_does_not(tmp_path: Path, *, on: bool) -> None:
    programs: dict[str, CommandResult | str] = {
        TOOL: CommandResult(Outcome.TIMED_OUT),
        DISKUTIL: a_volume(filevault=on),
    }

    row = filevault(a_device(tmp_path, programs=programs))

    assert (row["encrypted"], row["collected"]) == (int(on), "yes")
    assert row["detail"] == f"FileVault {'on' if on else 'off'}, by diskutil"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (CommandResult(Outcome.MISSING), "this Mac has no fdesetup"),
        (CommandResult(Outcome.TIMED_OUT), "fdesetup did not answer in time"),
        (failed("Error: this command must be run as root"), "needs root: fdesetup"),
        ("", "fdesetup answered what could not be understood"),
        ("FileVault est activé.\n", "fdesetup answered what could not be understood"),
    ],
)
def test_where_neither_answers_it_is_neither_on_nor_off(
    tmp_path: Path, said: CommandResult | str, why: str
) -> None:
    row = filevault(a_device(tmp_path, programs={TOOL: said, DISKUTIL: "<plist><dict>"}))

    assert (row["collected"], row["why"], row.get("protection")) == ("no", why, None)
