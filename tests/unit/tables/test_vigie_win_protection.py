"""Defender, the Security Center, BitLocker and the password policy of a written Windows."""

import pytest

from fake_host import rows_of
from fake_windows import DENIED, NO_NAMESPACE, WrittenWindows, a_windows_device
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import (
    vigie_win_bitlocker,
    vigie_win_defender,
    vigie_win_password_policy,
)
from vigie_agent.tables.windows_system import AccountRules, Reason, Unread, WmiRow, WmiValue

VERSION = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
SERVER = {VERSION: {"InstallationType": "Server"}}
CORE = {VERSION: {"InstallationType": "Server Core"}}
CLIENT = {VERSION: {"InstallationType": "Client"}}
RUNNING = (
    {"Name": "WinDefend", "State": "Running", "StartMode": "Auto"},
    {"Name": "wuauserv", "State": "Stopped", "StartMode": "Manual"},
)
OLD_STATUS: WmiRow = {
    "AMServiceEnabled": True,
    "AntivirusEnabled": True,
    "RealTimeProtectionEnabled": True,
    "AntivirusSignatureVersion": "1.441.203.0",
    "AntivirusSignatureLastUpdated": "20261118060000.000000+000",
    "QuickScanEndTime": "20261119114207.000000+000",
    "FullScanEndTime": "16010101000000.000000+000",
}
STATUS: WmiRow = {
    **OLD_STATUS,
    "AMRunningMode": "Normal",
    "IsTamperProtected": True,
    "DefenderSignaturesOutOfDate": False,
}


def a_status(**said: WmiValue) -> WmiRow:
    return {**STATUS, **said}


def defender(windows: WrittenWindows) -> list[TableRow]:
    return rows_of(vigie_win_defender.tables(a_windows_device(windows)), "vigie_win_defender")


def products(windows: WrittenWindows) -> list[TableRow]:
    tables = vigie_win_defender.tables(a_windows_device(windows))
    return rows_of(tables, "vigie_win_security_products")


# --- Defender -------------------------------------------------------------------------------------


def test_defender_tells_what_it_does_and_when_it_scanned() -> None:
    (row,) = defender(
        WrittenWindows(
            objects={
                "Win32_Service": RUNNING,
                "MSFT_MpComputerStatus": [STATUS],
                "MSFT_MpPreference": [{"ScanScheduleDay": 0}],
            }
        )
    )

    assert row == {
        "active": 1,
        "real_time": 1,
        "passive": 0,
        "running_mode": "normal",
        "signatures_version": "1.441.203.0",
        "signatures_time": 1794981600,
        "signatures_up_to_date": 1,
        "auto_update": 1,
        "quick_scan_time": 1795088527,
        "full_scan_time": None,
        "scan_scheduled": 1,
        "tamper_protected": 1,
        "collected": "yes",
        "why": "",
    }


@pytest.mark.parametrize(
    ("said", "active", "real_time", "passive"),
    [
        ({}, 1, 1, 0),
        ({"RealTimeProtectionEnabled": False}, 1, 0, 0),
        ({"AntivirusEnabled": False}, 0, 0, 0),
        ({"AMServiceEnabled": False}, 0, 0, 0),
        ({"AMRunningMode": "Passive Mode"}, 1, 0, 1),
        ({"AMRunningMode": "Passive", "AntivirusEnabled": False}, 1, 0, 1),
        ({"AMRunningMode": "SxS Passive Mode"}, 1, 0, 1),
        ({"AMRunningMode": "EDR Block Mode"}, 1, 0, 1),
        ({"AMRunningMode": "Not running"}, 0, 0, 0),
        ({"RealTimeProtectionEnabled": None}, 1, 0, 0),
    ],
)
def test_beside_another_product_defender_protects_nothing(
    said: dict[str, WmiValue], active: int, real_time: int, passive: int
) -> None:
    objects = {"Win32_Service": RUNNING, "MSFT_MpComputerStatus": [a_status(**said)]}

    (row,) = defender(WrittenWindows(objects=objects))

    assert (row["active"], row["real_time"], row["passive"]) == (active, real_time, passive)


def test_a_release_without_the_newer_properties_is_asked_for_the_older_ones() -> None:
    windows = WrittenWindows(
        objects={"Win32_Service": RUNNING, "MSFT_MpComputerStatus": [OLD_STATUS]}
    )

    (row,) = defender(windows)

    assert (row["active"], row["real_time"], row["running_mode"]) == (1, 1, "unknown")
    assert (row["tamper_protected"], row["signatures_up_to_date"]) == (None, None)
    assert sum("MSFT_MpComputerStatus" in question for question in windows.asked) == 3


def test_a_stopped_defender_is_a_fact_and_a_device_without_it_another() -> None:
    stopped = {"Name": "WinDefend", "State": "Stopped", "StartMode": "Manual"}

    (row,) = defender(WrittenWindows(objects={"Win32_Service": [stopped]}))

    assert (row["collected"], row["active"], row["running_mode"]) == ("yes", 0, "not running")
    assert defender(WrittenWindows(objects={"Win32_Service": []})) == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (DENIED, "Microsoft Defender: needs elevated rights"),
        (NO_NAMESPACE, "Microsoft Defender: is not part of this edition"),
        (Unread(Reason.TIMED_OUT), "Microsoft Defender: did not answer in time"),
        ([], "Microsoft Defender: could not be read"),
    ],
)
def test_a_defender_that_runs_and_does_not_answer_claims_nothing(
    answer: Unread | list[WmiRow], why: str
) -> None:
    windows = WrittenWindows(objects={"Win32_Service": RUNNING, "MSFT_MpComputerStatus": answer})

    (row,) = defender(windows)

    assert (row["collected"], row["why"]) == ("no", why)


def test_signatures_do_not_come_where_windows_update_is_disabled() -> None:
    services = (RUNNING[0], {"Name": "wuauserv", "State": "Stopped", "StartMode": "Disabled"})
    objects = {
        "Win32_Service": services,
        "MSFT_MpComputerStatus": [STATUS],
        "MSFT_MpPreference": [{"ScanScheduleDay": 8}],
    }

    (row,) = defender(WrittenWindows(objects=objects))

    assert (row["auto_update"], row["scan_scheduled"]) == (0, 0)


# --- The Security Center --------------------------------------------------------------------------


def test_products_of_the_security_center_tell_their_state_in_bits() -> None:
    rows = products(
        WrittenWindows(
            keys=CLIENT,
            objects={
                "AntiVirusProduct": [
                    {"displayName": "Windows Defender", "productState": 393472},
                    {"displayName": "ESET Security", "productState": 266240},
                    {"displayName": "Avast Antivirus", "productState": 0x43010},
                    {"displayName": "Étrange", "productState": None},
                ],
                "FirewallProduct": [],
            },
        )
    )

    told = [(row["product"], row.get("state"), row.get("signatures_up_to_date")) for row in rows]
    assert told == [
        ("Windows Defender", "off", 1),
        ("ESET Security", "on", 1),
        ("Avast Antivirus", "expired", 0),
        ("Étrange", None, None),
    ]
    assert [row["collected"] for row in rows] == ["yes", "yes", "yes", "no"]


@pytest.mark.parametrize("server", [SERVER, CORE])
def test_a_server_has_no_security_center_and_that_is_no_gap(
    server: dict[str, dict[str, str]],
) -> None:
    objects = {"AntiVirusProduct": NO_NAMESPACE, "FirewallProduct": NO_NAMESPACE}

    assert products(WrittenWindows(keys=server, objects=objects)) == []


@pytest.mark.parametrize(
    ("keys", "answer"), [(CLIENT, NO_NAMESPACE), ({}, NO_NAMESPACE), (SERVER, DENIED)]
)
def test_elsewhere_a_security_center_that_does_not_answer_is_told(
    keys: dict[str, dict[str, str]], answer: Unread
) -> None:
    objects = {"AntiVirusProduct": answer, "FirewallProduct": answer}

    rows = products(WrittenWindows(keys=keys, objects=objects))

    assert [(row["type"], row["collected"]) for row in rows] == [
        ("antivirus", "no"),
        ("firewall", "no"),
    ]


# --- BitLocker ------------------------------------------------------------------------------------


def a_volume(
    *, protection: int = 1, conversion: int = 1, percent: int = 100, lock: int = 0
) -> WmiRow:
    return {
        "DriveLetter": "C:",
        "DeviceID": "\\\\?\\Volume{0a}\\",
        "VolumeType": 0,
        "GetProtectionStatus.ReturnValue": 0,
        "GetProtectionStatus.ProtectionStatus": protection,
        "GetConversionStatus.ReturnValue": 0,
        "GetConversionStatus.ConversionStatus": conversion,
        "GetConversionStatus.EncryptionPercentage": percent,
        "GetEncryptionMethod.ReturnValue": 0,
        "GetEncryptionMethod.EncryptionMethod": 7,
        "GetLockStatus.ReturnValue": 0,
        "GetLockStatus.LockStatus": lock,
    }


def volumes(answer: list[WmiRow] | Unread) -> list[TableRow]:
    windows = WrittenWindows(objects={"Win32_EncryptableVolume": answer})
    return rows_of(vigie_win_bitlocker.tables(a_windows_device(windows)), "vigie_win_bitlocker")


@pytest.mark.parametrize(
    ("volume", "encrypted", "protection", "conversion"),
    [
        (a_volume(), 1, "on", "fully encrypted"),
        (a_volume(protection=0), 1, "suspended", "fully encrypted"),
        (a_volume(protection=2), 1, "unknown", "fully encrypted"),
        # The status that the cache of Windows 11 24H2 was seen to claim for a clear disk.
        (a_volume(conversion=0, percent=0), 0, "off", "fully decrypted"),
        (a_volume(conversion=2, percent=99), 0, "off", "encrypting"),
        (a_volume(conversion=5, percent=40), 0, "off", "decryption paused"),
        (a_volume(protection=2, lock=1), 1, "on", "locked"),
    ],
)
def test_encrypted_and_protected_are_two_facts(
    volume: WmiRow, encrypted: int, protection: str, conversion: str
) -> None:
    (row,) = volumes([volume])

    assert (row["encrypted"], row["protection"], row["conversion"]) == (
        encrypted,
        protection,
        conversion,
    )
    assert (row["volume"], row["system"]) == ("C:", 1)


def test_the_cipher_is_named_and_an_unknown_one_is_called_so() -> None:
    strange = {**a_volume(), "GetEncryptionMethod.EncryptionMethod": 42}

    assert [row["method"] for row in volumes([a_volume(), strange])] == ["XTS_AES_256", "UNKNOWN"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (DENIED, "BitLocker: needs elevated rights"),
        (NO_NAMESPACE, "BitLocker: is not part of this edition"),
        ([], "BitLocker names no volume"),
    ],
)
def test_a_bitlocker_that_is_out_of_reach_is_not_a_clear_disk(
    answer: Unread | list[WmiRow], why: str
) -> None:
    (row,) = volumes(answer)

    assert (row["collected"], row["why"]) == ("no", why)
    assert "encrypted" not in row


def test_a_volume_whose_method_fails_is_told_with_its_reason() -> None:
    failed: WmiRow = {
        "DriveLetter": "C:",
        "DeviceID": "x",
        "VolumeType": 0,
        "GetConversionStatus.ReturnValue": 0x8007_0005,
        "GetLockStatus.ReturnValue": 0x8007_0005,
        "GetProtectionStatus.ReturnValue": 0x8007_0005,
        "GetEncryptionMethod.ReturnValue": 0x8007_0005,
    }

    (row,) = volumes([failed])

    assert (row["collected"], row["volume"]) == ("no", "C:")
    assert row["why"] == "BitLocker: needs elevated rights"


# --- Password policy ------------------------------------------------------------------------------


def policy(rules: AccountRules | Unread) -> dict[object, TableRow]:
    tables = vigie_win_password_policy.tables(a_windows_device(WrittenWindows(rules=rules)))
    return {row["part"]: row for row in rows_of(tables, "vigie_win_password_policy")}


def test_lockout_and_age_are_told_in_seconds_and_days() -> None:
    rows = policy(AccountRules(12, 365 * 86_400, 86_400, 10, 5, 1800, 900))

    assert rows["quality"]["min_length"] == 12
    assert (rows["lockout"]["lockout_threshold"], rows["lockout"]["lockout_seconds"]) == (5, 1800)
    assert rows["lockout"]["lockout_window_seconds"] == 900
    assert (rows["ageing"]["max_age_days"], rows["ageing"]["history"]) == (365, 10)


def test_never_is_told_apart_from_nothing() -> None:
    rows = policy(AccountRules(0, None, 0, 0, 10, None, 1800))

    assert (rows["quality"]["enforced"], rows["quality"]["min_length"]) == (0, 0)
    assert (rows["lockout"]["enforced"], rows["lockout"]["lockout_seconds"]) == (1, 0)
    assert (rows["ageing"]["enforced"], rows["ageing"]["max_age_days"]) == (0, -1)


def test_a_device_that_never_locks_has_no_duration() -> None:
    row = policy(AccountRules(8, None, 0, 0, 0, 1800, 1800))["lockout"]

    assert (row["enforced"], row["lockout_threshold"], row["lockout_seconds"]) == (0, 0, None)


def test_rules_that_cannot_be_read_are_told_for_each_part() -> None:
    rows = policy(DENIED)

    assert {row["collected"] for row in rows.values()} == {"no"}
    assert set(rows) == {"quality", "lockout", "ageing"}
    assert rows["lockout"]["why"] == "the local security policy: needs elevated rights"
