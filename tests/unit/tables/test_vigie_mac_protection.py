import plistlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fake_host import a_device, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_mac_protection
from vigie_agent.tables.host import CommandResult, Host, Outcome

CORE = "/Library/Apple/System/Library/CoreServices"
OLD_COPY = f"{CORE}/XProtect.bundle/Contents/Info.plist"
ACTIVE = "/private/var/protected/xprotect/XProtect.bundle/Contents/Info.plist"
REMEDIATOR = f"{CORE}/XProtect.app/Contents/Info.plist"
MRT = f"{CORE}/MRT.app/Contents/Info.plist"
HISTORY = "/Library/Receipts/InstallHistory.plist"
XPROTECT = "/usr/bin/xprotect"
LIST = "/usr/bin/systemextensionsctl"
EXTENSIONS = """\
4 extension(s)
--- com.apple.system_extension.endpoint_security (Go to 'System Settings > General > Login Items & \
Extensions > Endpoint Security Extensions' to modify these system extension(s))
enabled\tactive\tteamID\tbundleID (version)\tname\t[state]
*\t*\tABCDE12345\tfr.exemple.agent (4.9.2/492)\tAgent Exemple\t[activated enabled]
\t\tABCDE12345\tfr.exemple.agent (4.8.0/480)\tAgent Exemple\t[terminated waiting to uninstall on \
reboot]
--- com.apple.system_extension.network_extension (Go to 'System Settings' to modify)
enabled\tactive\tteamID\tbundleID (version)\tname\t[state]
\t*\tL82V4Y2P3C\tcom.wireguard.macos.network-extension (1.0.16/27)\tWireGuard\t[activated waiting \
for user]
*\t*\tABCDE12345\tfr.exemple.filtre (4.9.2)\tFiltre\t[activated enabled]
"""


def a_bundle(version: object) -> bytes:
    return plistlib.dumps({"CFBundleShortVersionString": version})


def protection(host: Host) -> dict[object, TableRow]:
    rows = rows_of(vigie_mac_protection.tables(host), "vigie_mac_protection")
    return {row["component"]: row for row in rows}


def extensions(host: Host) -> list[TableRow]:
    return rows_of(vigie_mac_protection.tables(host), "vigie_mac_system_extensions")


def test_the_newest_copy_of_the_signatures_counts(tmp_path: Path) -> None:
    host = a_device(tmp_path, {OLD_COPY: a_bundle("999"), ACTIVE: a_bundle("5322")})

    assert protection(host)["XProtect"]["version"] == "5322"


def test_before_macos_15_there_is_one_copy_and_nobody_to_ask_about_scans(tmp_path: Path) -> None:
    host = a_device(tmp_path, {OLD_COPY: a_bundle("2166")})

    row = protection(host)["XProtect"]

    assert (row["version"], row["launch_scans"], row["background_scans"]) == ("2166", None, None)
    assert (row["installed"], row["auto_update"], row["collected"]) == (None, None, "yes")


def test_from_macos_15_xprotect_says_when_it_was_renewed_and_whether_it_scans(
    tmp_path: Path,
) -> None:
    host = a_device(
        tmp_path,
        {ACTIVE: a_bundle("5322")},
        programs={
            f"{XPROTECT} status": "XProtect launch scans: enabled\n"
            "XProtect background scans: disabled\n",
            f"{XPROTECT} version": "Version: 5322 Installed: 2026-11-18 12:00:00 +0000\n",
        },
    )

    row = protection(host)["XProtect"]

    assert (row["launch_scans"], row["background_scans"]) == (1, 0)
    assert row["installed"] == int(datetime(2026, 11, 18, 12, tzinfo=UTC).timestamp())


def test_each_component_has_its_own_version_and_date(tmp_path: Path) -> None:
    day = datetime(2026, 11, 12)  # noqa: DTZ001 (as property lists hold it)
    history = [
        {"date": day, "displayName": "XProtectPayloads", "processName": "softwareupdated"},
        {"date": day.replace(day=2), "displayName": "XProtectPlistConfigData"},
    ]
    host = a_device(
        tmp_path,
        {OLD_COPY: a_bundle("5322"), REMEDIATOR: a_bundle(157), HISTORY: plistlib.dumps(history)},
    )

    rows = protection(host)

    assert list(rows) == ["XProtect", "XProtect Remediator"]
    assert rows["XProtect Remediator"]["version"] == "157"
    assert rows["XProtect Remediator"]["installed"] == int(day.replace(tzinfo=UTC).timestamp())
    assert rows["XProtect"]["installed"] == int(day.replace(day=2, tzinfo=UTC).timestamp())


def test_a_version_with_a_point_is_compared_by_its_numbers(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {OLD_COPY: a_bundle("9.12"), ACTIVE: a_bundle("10.3"), MRT: a_bundle("1.93")},
    )

    rows = protection(host)

    assert (rows["XProtect"]["version"], rows["MRT"]["version"]) == ("10.3", "1.93")


def test_whether_signatures_install_themselves_is_told_when_it_is_set(tmp_path: Path) -> None:
    setting = "/Library/Preferences/com.apple.SoftwareUpdate.plist"
    host = a_device(
        tmp_path,
        {OLD_COPY: a_bundle("5322"), setting: plistlib.dumps({"ConfigDataInstall": False})},
    )

    assert protection(host)["XProtect"]["auto_update"] == 0


def test_settings_that_cannot_be_read_leave_open_whether_signatures_install_themselves(
    tmp_path: Path,
) -> None:
    setting = "/Library/Preferences/com.apple.SoftwareUpdate.plist"
    host = a_device(tmp_path, {OLD_COPY: a_bundle("5322"), setting: b"damaged"})

    row = protection(host)["XProtect"]

    assert (row["collected"], row["auto_update"]) == ("yes", None)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"damaged", f"{OLD_COPY} could not be understood"),
        (a_bundle("unnumbered"), "the bundle of XProtect could not be read"),
        (plistlib.dumps({}), "the bundle of XProtect could not be read"),
    ],
)
def test_a_bundle_that_tells_no_version_is_no_protection(
    tmp_path: Path, content: bytes, why: str
) -> None:
    row = protection(a_device(tmp_path, {OLD_COPY: content}))["XProtect"]

    assert (row["collected"], row["why"]) == ("no", why)


def test_a_damaged_copy_does_not_hide_a_good_one(tmp_path: Path) -> None:
    host = a_device(tmp_path, {OLD_COPY: b"damaged", ACTIVE: a_bundle("5322")})

    assert protection(host)["XProtect"]["version"] == "5322"


@pytest.mark.parametrize(
    "said",
    [CommandResult(Outcome.TIMED_OUT), failed("xprotect: unknown"), "", "état : activé",
     "Version: 5322 Installed: 2026-13-45 99:00:00 +0000"],
)  # fmt: skip
def test_what_xprotect_does_not_say_stays_open(tmp_path: Path, said: CommandResult | str) -> None:
    host = a_device(tmp_path, {ACTIVE: a_bundle("5322")}, programs={XPROTECT: said})

    row = protection(host)["XProtect"]

    assert (row["launch_scans"], row["installed"], row["version"]) == (None, None, "5322")


def test_extensions_are_told_with_their_state(tmp_path: Path) -> None:
    rows = extensions(a_device(tmp_path, programs={LIST: EXTENSIONS}))

    assert [
        (row["identifier"], row["version"], row["category"], row["active"]) for row in rows
    ] == [
        ("fr.exemple.agent", "4.9.2", "endpoint_security", 1),
        ("fr.exemple.agent", "4.8.0", "endpoint_security", 0),
        ("com.wireguard.macos.network-extension", "1.0.16", "network_extension", 0),
        ("fr.exemple.filtre", "4.9.2", "network_extension", 1),
    ]
    assert (rows[0]["team"], rows[0]["name"]) == ("ABCDE12345", "Agent Exemple")
    assert rows[2]["state"] == "activated waiting for user"


def test_a_mac_without_extensions_has_no_row(tmp_path: Path) -> None:
    assert extensions(a_device(tmp_path, programs={LIST: "0 extension(s)\n"})) == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (EXTENSIONS[: EXTENSIONS.index("fr.exemple.filtre")],
         "systemextensionsctl answered what could not be understood"),
        ("", "systemextensionsctl answered what could not be understood"),
        (CommandResult(Outcome.MISSING), "this Mac has no systemextensionsctl"),
        (CommandResult(Outcome.TIMED_OUT), "systemextensionsctl did not answer in time"),
    ],
    ids=["cut off", "empty", "missing", "timed out"],
)  # fmt: skip
def test_a_list_that_is_not_whole_is_not_taken_for_the_whole(
    tmp_path: Path, said: CommandResult | str, why: str
) -> None:
    assert extensions(a_device(tmp_path, programs={LIST: said})) == [
        {"collected": "no", "why": why}
    ]
