"""What tables make one believe of services, logins, management and firmware, and what packs say."""

from collections.abc import Mapping
from typing import Final

import pytest

from simulated_machines import AnswerRow, Asked, TableRows

Row = Mapping[str, object]

HKLM: Final = "HKEY_LOCAL_MACHINE\\"
WINDOWS_NT: Final = HKLM + r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
TERMINAL: Final = HKLM + r"SYSTEM\CurrentControlSet\Control\Terminal Server"
TERMINAL_POLICY: Final = HKLM + r"SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services"
LISTENERS: Final = HKLM + r"SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Listener"
SECURE_BOOT: Final = HKLM + r"SYSTEM\CurrentControlSet\Control\SecureBoot\State"
LOGINWINDOW: Final = "/Library/Preferences/com.apple.loginwindow.plist"


def _value(key: str, name: str, data: str) -> Row:
    return {"key": key, "name": name, "data": data}


# --- What starts by itself ------------------------------------------------------------------------


def test_the_copy_of_a_service_for_one_logon_is_left_out(asked: Asked) -> None:
    rows = asked(
        "services_windows_services",
        {
            "services": [
                _service("CDPUserSvc"),
                _service("CDPUserSvc_4d5e6"),
                _service("ScreenConnect Client (0123abcd)"),
                _service("backup_fade"),
            ]
        },
    )

    # The last one ends as a copy does, but there is nothing that it could be a copy of.
    assert [row["name"] for row in rows] == [
        "CDPUserSvc",
        "ScreenConnect Client (0123abcd)",
        "backup_fade",
    ]


@pytest.mark.parametrize(
    ("path", "program"),
    [
        (r'"C:\Program Files\Tool\tool.exe" --key s3cret', r"C:\Program Files\Tool\tool.exe"),
        (r"C:\Tool\tool.exe -k s3cret", r"C:\Tool\tool.exe"),
        (r"c:\users\marie\AppData\AnyDesk.exe --service", r"c:\users\*\AppData\AnyDesk.exe"),
        (r"D:\Users\Jean Petit\x.EXE", r"D:\Users\*\x.EXE"),
        (r"C:\Tool\tool.cmd s3cret", ""),
        ('"C:\\Tool\\broken', ""),
        ('"', ""),
        ("", ""),
    ],
)
def test_of_a_service_the_program_is_told_without_arguments_and_without_the_persons_name(
    path: str, program: str, asked: Asked
) -> None:
    (row,) = asked("services_windows_services", {"services": [_service("tool", path=path)]})

    assert row["program"] == program


def test_a_driver_and_a_service_on_demand_are_not_what_starts_by_itself(asked: Asked) -> None:
    rows = asked(
        "services_windows_services",
        {
            "services": [
                _service("disk", service_type="KERNEL_DRIVER"),
                _service("bits", start_type="DEMAND_START"),
                _service("WinDefend"),
            ]
        },
    )

    assert [row["name"] for row in rows] == ["WinDefend"]


def test_the_vendor_of_a_service_is_that_of_the_innermost_program_it_lies_in(asked: Asked) -> None:
    (row,) = asked(
        "services_windows_services",
        {
            "services": [_service("x", path=r'"C:\Program Files\Suite\Tool\x.exe"')],
            "programs": [
                {"publisher": "Suite SA", "install_location": "C:\\Program Files\\Suite\\"},
                {"publisher": "Tool SAS", "install_location": '"C:\\Program Files\\Suite\\Tool"'},
                {"publisher": "Other", "install_location": "C:\\Program Files\\Suite\\To"},
                {"publisher": "Everything", "install_location": "C:\\"},
            ],
        },
    )

    assert row["vendor"] == "Tool SAS"


# --- Secure boot ----------------------------------------------------------------------------------


def _firmware(asked: Asked, tables: Mapping[str, TableRows]) -> AnswerRow:
    (row,) = asked("secure_boot_windows_firmware", tables)
    return row


def test_without_rights_the_firmwares_minus_one_is_no_answer(asked: Asked) -> None:
    row = _firmware(asked, {"secureboot": [{"secure_boot": -1, "setup_mode": -1}]})

    assert (row["collected"], row["secure_boot"], row["setup_mode"]) == ("no", "", "")


def test_without_rights_what_windows_noted_at_its_start_is_told(asked: Asked) -> None:
    row = _firmware(
        asked,
        {
            "secureboot": [{"secure_boot": -1, "setup_mode": -1}],
            "registry": [_value(SECURE_BOOT, "UEFISecureBootEnabled", "1")],
        },
    )

    assert (row["collected"], row["secure_boot"], row["detail"]) == ("yes", "1", "registry")


def test_without_enrolled_keys_secure_boot_checks_nothing(asked: Asked) -> None:
    row = _firmware(asked, {"secureboot": [{"secure_boot": 1, "setup_mode": 1}]})

    assert (row["secure_boot"], row["setup_mode"]) == ("0", "1")


def test_a_legacy_bios_has_no_row_and_no_secure_boot(asked: Asked) -> None:
    row = _firmware(asked, {"platform_info": [{"firmware_type": "bios"}]})

    assert (row["collected"], row["firmware"], row["secure_boot"]) == ("yes", "bios", "0")


def test_a_zero_of_the_tpm_may_be_a_failed_call(asked: Asked) -> None:
    (row,) = asked(
        "secure_boot_windows_chip",
        {"tpm_info": [{"activated": 1, "enabled": 1, "owned": 0, "spec_version": "2.0, 0, 1.38"}]},
    )

    assert (row["chip_present"], row["chip_version"], row["chip_ready"]) == ("1", "2.0", "")


def test_no_tpm_is_an_absence_only_for_who_may_look(asked: Asked) -> None:
    (without,) = asked("secure_boot_windows_chip", {})
    (elevated,) = asked(
        "secure_boot_windows_chip", {"security_profile_info": [{"password_complexity": 1}]}
    )

    assert (without["collected"], elevated["collected"]) == ("no", "yes")
    assert elevated["chip_present"] == "0"


@pytest.mark.parametrize(
    ("processor", "t2", "row", "secure"),
    [
        ("Apple M3", False, {"secure_boot": 1, "description": "Reduced Security"}, "1"),
        ("Apple M3", False, {"secure_boot": 0, "description": "Permissive Security"}, "0"),
        ("Intel(R) Core(TM) i7", True, {"secure_mode": 2}, "1"),
        ("Intel(R) Core(TM) i7", True, {"secure_mode": 0}, "0"),
        ("Intel(R) Core(TM) i7", True, {"secure_boot": ""}, ""),
        ("Intel(R) Core(TM) i5", False, {"secure_boot": ""}, "0"),
        ("Apple M3", False, {"secure_boot": ""}, ""),
    ],
)
def test_a_mac_starts_securely_by_its_chip(
    processor: str, t2: bool, row: Row, secure: str, asked: Asked
) -> None:
    (answer,) = asked(
        "secure_boot_darwin_firmware",
        {
            "system_info": [{"cpu_brand": processor}],
            "ibridge_info": [{"boot_uuid": "x"}] if t2 else [],
            "secureboot": [row],
        },
    )

    assert answer["secure_boot"] == secure
    assert (answer["collected"] == "yes") == bool(secure)


# --- Sessions without a password ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tables", "enabled"),
    [
        ({}, "1"),
        ({"disk_encryption": [{"name": "/dev/disk3s5", "filevault_status": "on"}]}, "0"),
        (
            {
                "managed_policies": [
                    {
                        "domain": "com.apple.loginwindow",
                        "name": "com.apple.login.mcx.DisableAutoLoginClient",
                        "value": "1",
                    }
                ]
            },
            "0",
        ),
    ],
)
def test_an_automatic_login_does_not_hold_with_filevault_on_or_against_a_profile(
    tables: Mapping[str, TableRows], enabled: str, asked: Asked
) -> None:
    (row,) = asked(
        "automatic_login_darwin_sessions",
        {"plist": [{"path": LOGINWINDOW, "key": "autoLoginUser", "value": "atelier"}], **tables},
    )

    assert (row["enabled"], row["account"]) == (enabled, "atelier" if enabled == "1" else "")


# --- What is offered to others --------------------------------------------------------------------


def _offered(rows: list[AnswerRow]) -> Mapping[str, tuple[str, str]]:
    return {row["service"]: (row["offered"], row["origin"]) for row in rows}


def test_the_policy_on_remote_desktop_beats_the_local_switch_both_ways(asked: Asked) -> None:
    def offered(local: str, policy: str) -> tuple[str, str]:
        rows = asked(
            "inbound_services_windows_services",
            {
                "services": [_service("TermService", start_type="DEMAND_START")],
                "registry": [
                    _value(TERMINAL, "fDenyTSConnections", local),
                    _value(TERMINAL_POLICY, "fDenyTSConnections", policy),
                ],
            },
        )
        return _offered(rows)["remote_desktop"]

    assert offered(local="0", policy="1") == ("0", "policy")
    assert offered(local="1", policy="0") == ("1", "policy")


def test_the_policy_on_network_authentication_beats_the_local_switch(asked: Asked) -> None:
    rows = asked(
        "inbound_services_windows_services",
        {
            "services": [_service("TermService", start_type="DEMAND_START")],
            "registry": [
                _value(TERMINAL, "fDenyTSConnections", "0"),
                _value(TERMINAL + r"\WinStations\RDP-Tcp", "UserAuthentication", "1"),
                _value(TERMINAL_POLICY, "UserAuthentication", "0"),
            ],
        },
    )

    (remote,) = [row for row in rows if row["service"] == "remote_desktop"]
    assert (remote["offered"], remote["guarded"]) == ("1", "0")


def test_remote_desktop_is_not_offered_while_its_service_is_disabled(asked: Asked) -> None:
    rows = asked(
        "inbound_services_windows_services",
        {
            "services": [_service("TermService", start_type="DISABLED")],
            "registry": [_value(TERMINAL, "fDenyTSConnections", "0")],
        },
    )

    assert _offered(rows)["remote_desktop"][0] == "0"


def test_winrm_is_offered_when_it_starts_and_has_a_listener(asked: Asked) -> None:
    def offered(start_type: str, *, listener: bool) -> str:
        keys = [{"key": LISTENERS, "name": "*+HTTP", "type": "subkey"}]
        rows = asked(
            "inbound_services_windows_services",
            {
                "services": [_service("WinRM", start_type=start_type)],
                "registry": keys if listener else [],
            },
        )
        return _offered(rows)["remote_management"][0]

    assert offered("AUTO_START", listener=True) == "1"
    assert offered("AUTO_START", listener=False) == "0"
    assert offered("DEMAND_START", listener=True) == "0"


def test_the_shares_of_windows_own_administration_are_not_offered_to_peers(asked: Asked) -> None:
    tables: Mapping[str, TableRows] = {
        "services": [_service("LanmanServer")],
        "shared_resources": [
            {"name": "C$", "type": 2147483648},
            {"name": "IPC$", "type": 2147483651},
            {"name": "print$", "type": 0},
            {"name": "Bureau", "type": 1},
        ],
    }

    assert _offered(asked("inbound_services_windows_services", tables))["file_sharing"][0] == "0"
    assert asked("inbound_services_windows_shares", tables) == []


def test_a_shared_folder_is_offered_and_what_a_server_does_is_told_to_be_one(asked: Asked) -> None:
    tables: Mapping[str, TableRows] = {
        "services": [_service("LanmanServer")],
        "shared_resources": [{"name": "SYSVOL", "type": 0}],
        "registry": [_value(WINDOWS_NT, "InstallationType", "Server Core")],
    }

    (share,) = asked("inbound_services_windows_shares", tables)

    assert (share["name"], share["offered"]) == ("SYSVOL", "1")
    assert share["installation_type"] == "Server Core"


def test_no_share_at_all_while_the_server_runs_is_an_answer_that_failed(asked: Asked) -> None:
    tables = {"services": [_service("LanmanServer", status="RUNNING")]}

    rows = asked("inbound_services_windows_services", tables)
    (share,) = asked("inbound_services_windows_shares", tables)

    assert {row["collected"] for row in rows if row["service"] == "file_sharing"} == {"no"}
    assert share["collected"] == "no"


# --- Management -----------------------------------------------------------------------------------


def test_whom_a_mac_is_bound_to_is_told_to_root_only(asked: Asked) -> None:
    (ordinary,) = asked("management_darwin_directory", {})
    (root,) = asked("management_darwin_directory", {"sudoers": [{"header": "Defaults"}]})
    (bound,) = asked(
        "management_darwin_directory",
        {"ad_config": [{"domain": "ESSMS.example", "option": "Computer Account"}]},
    )

    assert (ordinary["collected"], root["managed"]) == ("no", "0")
    assert (bound["managed"], bound["name"]) == ("1", "essms.example")


# --- The agent ------------------------------------------------------------------------------------


def test_a_query_that_the_watchdog_denied_is_told(asked: Asked) -> None:
    rows = asked(
        "agent_health_linux_queries",
        {
            "osquery_schedule": [
                {"name": "pack_site_heavy", "denylisted": 1, "executions": 3},
                {"name": "pack_site_light", "denylisted": 0, "executions": 90},
            ]
        },
    )

    assert [(row["name"], row["enabled"]) for row in rows] == [("pack_site_heavy", "0")]


def test_the_watchdog_is_off_when_osquery_has_no_watcher_and_ours_needs_none(asked: Asked) -> None:
    def watchdog(watcher: int, distro: str = "") -> str:
        (row,) = asked(
            "agent_health_linux_engine",
            {"osquery_info": [{"version": "5.23.1", "watcher": watcher, "build_distro": distro}]},
        )
        return row["watchdog"]

    assert (watchdog(812), watchdog(-1), watchdog(-1, "vigie")) == ("1", "0", "")


def test_what_changes_at_each_start_of_osquery_is_not_told(asked: Asked) -> None:
    extension = {"name": "vigie", "version": "0.1.0", "type": "extension"}

    def rows(uuid: int) -> list[AnswerRow]:
        return asked(
            "agent_health_darwin_extensions", {"osquery_extensions": [extension | {"uuid": uuid}]}
        )

    assert rows(1) == rows(2)


def _service(name: str, **differences: str) -> Row:
    return {
        "name": name,
        "display_name": name,
        "status": "STOPPED",
        "start_type": "AUTO_START",
        "service_type": "OWN_PROCESS",
        "path": r"C:\Windows\System32\svchost.exe -k netsvcs",
    } | differences
