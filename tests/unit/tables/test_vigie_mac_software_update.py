import plistlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fake_host import a_device, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_mac_software_update
from vigie_agent.tables.host import CommandResult, Host, Outcome
from vigie_agent.tables.mac_settings import managed

TOOL = "/usr/sbin/softwareupdate"
OWN = "/Library/Preferences/com.apple.SoftwareUpdate.plist"
MANAGED = "/Library/Managed Preferences/com.apple.SoftwareUpdate.plist"
DECLARED = "/var/db/softwareupdate/SoftwareUpdateDDMStatePersistence.plist"
HISTORY = "/Library/Receipts/InstallHistory.plist"
ON = "Automatic checking for updates is turned on\n"
OFF = "Automatic checking for updates is turned off\n"


def a_file(**settings: object) -> bytes:
    return plistlib.dumps(settings, fmt=plistlib.FMT_BINARY)


def declared(**settings: int) -> bytes:
    return a_file(SUCorePersistedStatePolicyFields={"SUCoreDDMDeclarationGlobalSettings": settings})


def installed(name: str, day: int, process: str = "softwareupdated") -> dict[str, object]:
    return {
        "date": datetime(2026, 11, day, 7, 30),  # noqa: DTZ001 (as property lists hold it)
        "displayName": name,
        "displayVersion": "1",
        "processName": process,
    }


def updates(host: Host) -> dict[object, TableRow]:
    rows = rows_of(vigie_mac_software_update.tables(host), "vigie_mac_software_update")
    return {row["part"]: row for row in rows}


def automatic(root: Path, files: Mapping[str, bytes], said: CommandResult | str = ON) -> TableRow:
    return updates(a_device(root, files, programs={TOOL: said}))["automatic"]


@pytest.mark.parametrize(
    ("files", "installs"),
    [
        ({OWN: a_file(AutomaticallyInstallMacOSUpdates=True)}, 1),
        ({OWN: a_file(AutomaticallyInstallMacOSUpdates=False)}, 0),
        (
            {
                OWN: a_file(AutomaticallyInstallMacOSUpdates=False),
                MANAGED: a_file(AutomaticallyInstallMacOSUpdates=1),
            },
            1,
        ),
        (
            {
                OWN: a_file(AutomaticallyInstallMacOSUpdates=True),
                MANAGED: a_file(AutomaticallyInstallMacOSUpdates=True),
                DECLARED: declared(automaticallyInstallOSUpdates=0),
            },
            0,
        ),
        ({DECLARED: declared(automaticallyInstallOSUpdates=1, automaticallyDownload=1)}, 1),
        (
            {
                OWN: a_file(AutomaticallyInstallMacOSUpdates=True),
                DECLARED: declared(automaticallyInstallOSUpdates=2),
            },
            1,
        ),
        ({OWN: a_file(AutomaticallyInstallMacOSUpdates=True, AutomaticDownload=False)}, 0),
    ],
    ids=["own on", "own off", "profile wins", "declaration wins", "declared only",
         "declared as allowed", "not downloaded"],
)  # fmt: skip
def test_declarations_come_before_profiles_and_those_before_the_macs_own_setting(
    tmp_path: Path, files: Mapping[str, bytes], installs: int
) -> None:
    row = automatic(tmp_path, files)

    assert (row["installs"], row["collected"]) == (installs, "yes")


def test_a_setting_at_the_releases_default_is_not_told_as_a_fact(tmp_path: Path) -> None:
    row = automatic(tmp_path, {OWN: a_file(AutomaticDownload=True)})

    assert (row["collected"], row["why"]) == (
        "no",
        "the setting is at the default of this release",
    )
    assert row.get("installs") is None


def test_a_mac_that_does_not_look_for_updates_installs_none(tmp_path: Path) -> None:
    row = automatic(tmp_path, {OWN: a_file(AutomaticallyInstallMacOSUpdates=True)}, OFF)

    assert (row["checks"], row["installs"]) == (0, 0)


@pytest.mark.parametrize(
    ("said", "checks"),
    [
        (ON, 1),
        (OFF, 0),
        ("Automatic check is on\n", 1),
        ("Automatic checking for updates is turned on (managed)\n", 1),
        ("La recherche automatique est activée\n", None),
        ("", None),
        (CommandResult(Outcome.TIMED_OUT), None),
        (failed("softwareupdate: Must be run as root"), None),
    ],
)
def test_the_tool_says_whether_it_looks_and_the_file_where_it_does_not(
    tmp_path: Path, said: CommandResult | str, checks: int | None
) -> None:
    row = automatic(tmp_path, {OWN: a_file(AutomaticallyInstallMacOSUpdates=True)}, said)
    by_file = automatic(
        tmp_path, {OWN: a_file(AutomaticallyInstallMacOSUpdates=1, AutomaticCheckEnabled=0)}, said
    )

    assert row["checks"] == checks
    assert by_file["checks"] == (0 if checks is None else checks)


@pytest.mark.parametrize("path", [OWN, MANAGED, DECLARED])
def test_a_damaged_file_of_settings_hides_what_is_in_force(tmp_path: Path, path: str) -> None:
    row = automatic(tmp_path, {path: b"bplist00 damaged"})

    assert (row["collected"], row["why"]) == ("no", f"{path} could not be understood")


def test_the_last_installation_of_macos_is_told_and_its_check_to_the_day(tmp_path: Path) -> None:
    history = [
        installed("macOS 26.1", 10),
        installed("XProtectPlistConfigData", 18),
        installed("MRTConfigData", 19),
        installed("Pages", 19, "appstoreagent"),
        installed("Command Line Tools for Xcode", 3),
    ]
    checked = datetime(2026, 11, 19, 23, 15)  # noqa: DTZ001 (as property lists hold it)
    host = a_device(
        tmp_path,
        {HISTORY: plistlib.dumps(history), OWN: a_file(LastSuccessfulDate=checked)},
    )

    row = updates(host)["history"]

    assert row["last_install"] == int(datetime(2026, 11, 10, 7, 30, tzinfo=UTC).timestamp())
    assert row["last_check_day"] == int(datetime(2026, 11, 19, tzinfo=UTC).timestamp())


def test_a_damaged_file_of_settings_hides_the_last_check_and_not_the_history(
    tmp_path: Path,
) -> None:
    files = {HISTORY: plistlib.dumps([installed("macOS 26.1", 10)]), OWN: b"damaged"}

    row = updates(a_device(tmp_path, files))["history"]

    assert (row["collected"], row["last_check_day"]) == ("yes", None)


def test_macos_installed_by_its_own_installer_counts(tmp_path: Path) -> None:
    history = [installed("macOS Tahoe", 12, "osinstallersetupd")]

    row = updates(a_device(tmp_path, {HISTORY: plistlib.dumps(history)}))["history"]

    assert (row["collected"], row["last_check_day"]) == ("yes", None)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "this Mac has no history of installations"),
        ({HISTORY: plistlib.dumps([])}, "no installation is on record"),
        ({HISTORY: plistlib.dumps([installed("XProtectPayloads", 3)])},
         "no installation is on record"),
        ({HISTORY: plistlib.dumps([{"displayName": "macOS 15"}, "odd"])},
         "no installation is on record"),
        ({HISTORY: plistlib.dumps({"a": "dictionary"})}, f"{HISTORY} could not be understood"),
        ({HISTORY: plistlib.dumps([installed("macOS 15", 3)])[:-40]},
         f"{HISTORY} could not be understood"),
    ],
    ids=["absent", "empty", "signatures only", "undated", "other content", "truncated"],
)  # fmt: skip
def test_a_history_that_tells_nothing_is_not_a_date(
    tmp_path: Path, files: Mapping[str, bytes], why: str
) -> None:
    row = updates(a_device(tmp_path, files))["history"]

    assert (row["collected"], row["why"]) == ("no", why)


def test_only_the_domains_that_are_named_can_be_opened(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        managed(a_device(tmp_path), "com.apple.wifi.managed")
