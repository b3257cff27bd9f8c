"""What osquery's tables make one believe, and what the packs say instead."""

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from components import required_file
from simulated_machines import PACKS, AnswerRow, Schema, SimulatedMachine, TableRows

Asked = Callable[[str, Mapping[str, TableRows]], list[AnswerRow]]

FIREWALL: Final = (
    r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
)
FIREWALL_POLICY: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\WindowsFirewall"
DEFENDER: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows Defender"
PROFILES: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
UPDATES: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\WindowsUpdate\UX\Settings"


@pytest.fixture
def asked() -> Asked:
    """Asks one query of a machine that has these rows in its tables."""
    published = required_file("VIGIE_OSQUERY_SCHEMA", "osquery's published schema")

    def ask(name: str, tables: Mapping[str, TableRows]) -> list[AnswerRow]:
        (query,) = [
            query for pack in PACKS.values() for query in pack.queries if query.name == name
        ]
        (platform,) = query.platforms
        machine = SimulatedMachine(Schema.of(platform, published), tables)
        try:
            return machine.ask(query.sql)[1]
        finally:
            machine.close()

    return ask


# --- Windows --------------------------------------------------------------------------------------


def test_a_clear_disk_with_a_cached_protection_status_is_not_encrypted(asked: Asked) -> None:
    (volume,) = asked(
        "disk_encryption_windows_volumes",
        {"bitlocker_info": [_bitlocker(conversion_status=0, percentage_encrypted=0)]},
    )

    assert (volume["encrypted"], volume["protection"]) == ("0", "off")


def test_a_suspended_disk_is_encrypted_and_said_to_be_suspended(asked: Asked) -> None:
    (volume,) = asked(
        "disk_encryption_windows_volumes", {"bitlocker_info": [_bitlocker(protection_status=0)]}
    )

    assert (volume["encrypted"], volume["protection"]) == ("1", "suspended")


def test_a_disk_that_is_being_encrypted_is_not_encrypted_yet(asked: Asked) -> None:
    (volume,) = asked(
        "disk_encryption_windows_volumes",
        {"bitlocker_info": [_bitlocker(conversion_status=2, percentage_encrypted=97)]},
    )

    assert (volume["encrypted"], volume["percent"]) == ("0", "97")


def test_a_disk_that_did_not_answer_is_neither_clear_nor_encrypted(asked: Asked) -> None:
    (volume,) = asked(
        "disk_encryption_windows_volumes",
        {"bitlocker_info": [_bitlocker(conversion_status=-1, protection_status=-1)]},
    )

    assert (volume["collected"], volume["encrypted"]) == ("no", "")


def test_group_policy_beats_what_the_machine_set_for_its_firewall(asked: Asked) -> None:
    rows = asked(
        "firewall_windows_profiles",
        {
            "registry": [
                _value(FIREWALL + r"\StandardProfile", "EnableFirewall", "1"),
                _value(FIREWALL_POLICY + r"\PrivateProfile", "EnableFirewall", "0"),
                _value(FIREWALL + r"\Mdm\StandardProfile", "EnableFirewall", "1"),
            ]
        },
    )

    profiles = {row["name"]: (row["collected"], row["enabled"], row["origin"]) for row in rows}
    assert profiles == {
        "private": ("yes", "0", "policy"),
        "public": ("no", "", ""),
        "domain": ("no", "", ""),
    }


def test_an_established_ipv6_connection_is_no_listener(asked: Asked) -> None:
    rows = asked(
        "listeners_windows_tcp",
        {
            "process_open_sockets": [
                {"pid": 7, "protocol": 6, "family": 23, "local_address": "2001:db8::1",
                 "local_port": 50500, "remote_port": 0, "state": "ESTABLISHED"},
                {"pid": 4, "protocol": 6, "family": 23, "local_address": "::",
                 "local_port": 445, "remote_port": 0, "state": "LISTEN"},
            ]
        },
    )  # fmt: skip

    assert [(row["port"], row["process"]) for row in rows] == [("445", "System")]


def test_a_filetime_of_the_registry_becomes_unix_time(asked: Asked) -> None:
    (defender,) = asked(
        "antivirus_windows_defender",
        {
            "registry": [
                _value(DEFENDER + r"\Signature Updates", "AVSignatureApplied", "009B558C8961D201")
            ],
            "services": [{"name": "WinDefend", "status": "RUNNING", "start_type": "AUTO_START"}],
        },
    )

    assert defender["signatures_time"] == "1482984654"


def test_a_double_word_of_the_registry_is_read_without_its_sign(asked: Asked) -> None:
    rows = asked(
        "accounts_windows_local",
        {
            "users": [
                {"uid": 1001, "username": "marie", "uuid": "S-1-5-21-1-2-3-1001", "type": "local"}
            ],
            "registry": [
                _value(PROFILES + r"\S-1-5-21-1-2-3-1001", "LocalProfileLoadTimeHigh", "31291584"),
                _value(PROFILES + r"\S-1-5-21-1-2-3-1001", "LocalProfileLoadTimeLow", "-215004160"),
            ],
        },
    )

    (marie,) = [row for row in rows if row["username"] == "marie"]
    assert marie["last_logon_time"] == "1795132800"  # 2026-11-20, of 07:30


def test_defender_beside_another_antivirus_is_passive_and_protects_nothing(asked: Asked) -> None:
    (defender,) = asked(
        "antivirus_windows_defender",
        {
            "services": [{"name": "WinDefend", "status": "RUNNING", "start_type": "AUTO_START"}],
            "windows_security_products": [
                {"type": "Antivirus", "name": "ESET Security", "state": "On"}
            ],
        },
    )

    assert (defender["passive"], defender["real_time"]) == ("1", "0")


def test_without_the_security_center_no_product_is_no_fact(asked: Asked) -> None:
    (row,) = asked(
        "antivirus_windows_security_center",
        {"windows_security_center": [{"windows_security_center_service": "Error"}]},
    )

    assert row["collected"] == "no"


def test_only_a_pause_that_lasts_stops_updates(asked: Asked) -> None:
    def enabled(until: str) -> str:
        (row,) = asked(
            "updates_windows_automatic",
            {
                "services": [
                    {"name": "wuauserv", "status": "STOPPED", "start_type": "DEMAND_START"}
                ],
                "registry": [_value(UPDATES, "PauseUpdatesExpiryTime", until)],
            },
        )
        return row["enabled"]

    assert enabled("2001-01-01T00:00:00Z") == "1"
    assert enabled("9999-01-01T00:00:00Z") == "0"


def test_uas_disks_bypass_a_disabled_usbstor_driver(asked: Asked) -> None:
    services = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services"
    rows = asked(
        "usb_storage_windows_policy",
        {
            "registry": [
                _value(services + r"\USBSTOR", "Start", "4"),
                _value(services + r"\UASPStor", "Start", "3"),
            ]
        },
    )

    assert {row["blocked"] for row in rows} == {"0"}


def test_whether_a_domain_account_is_an_administrator_stays_unknown(asked: Asked) -> None:
    (session,) = asked(
        "local_admins_windows_sessions",
        {
            "logged_in_users": [
                {"user": "j.petit", "sid": "S-1-5-21-9-9-9-1104", "type": "active"}
            ],
            "users": [
                {
                    "uid": 1104,
                    "username": "j.petit",
                    "uuid": "S-1-5-21-9-9-9-1104",
                    "type": "roaming",
                }
            ],
        },
    )

    assert (session["collected"], session["is_admin"]) == ("no", "")


def test_a_domain_account_does_not_inherit_the_groups_of_a_local_one_with_its_number(
    asked: Asked,
) -> None:
    rows = asked(
        "local_admins_windows_members",
        {
            "groups": [{"gid": 544, "groupname": "Administrateurs", "group_sid": "S-1-5-32-544"}],
            "user_groups": [{"uid": 1001, "gid": 544}],
            "users": [
                {"uid": 1001, "username": "adm", "uuid": "S-1-5-21-1-2-3-1001", "type": "local"},
                {
                    "uid": 1001,
                    "username": "j.petit",
                    "uuid": "S-1-5-21-9-9-9-1001",
                    "type": "roaming",
                },
            ],
        },
    )

    assert [row["account"] for row in rows if row["collected"] == "yes"] == ["adm"]


# --- macOS ----------------------------------------------------------------------------------------


def test_a_mac_that_is_still_being_encrypted_is_not_encrypted_yet(asked: Asked) -> None:
    (volume,) = asked(
        "disk_encryption_darwin_volumes",
        {
            "vigie_mac_filevault": [
                {"volume": "/System/Volumes/Data", "encrypted": 0, "protection": "off",
                 "percent": 42, "detail": "FileVault encrypting", "collected": "yes", "why": ""}
            ]
        },
    )  # fmt: skip

    assert (volume["encrypted"], volume["percent"], volume["system"]) == ("0", "42", "1")


def test_xprotect_whose_scans_are_both_off_does_not_protect(asked: Asked) -> None:
    def active(launch: int | None, background: int | None) -> str:
        (row,) = asked(
            "antivirus_darwin_xprotect",
            {
                "vigie_mac_protection": [
                    {"component": "XProtect", "version": "5322", "launch_scans": launch,
                     "background_scans": background, "collected": "yes", "why": ""},
                    {"component": "MRT", "version": "1", "collected": "yes", "why": ""},
                ]
            },
        )  # fmt: skip
        assert row["detail"] == "MRT 1"
        return row["active"]

    assert (active(0, 0), active(1, 0), active(None, None)) == ("0", "1", "1")


def test_a_former_version_of_an_extension_does_not_hide_the_active_one(asked: Asked) -> None:
    extension = {"identifier": "fr.exemple.agent", "category": "endpoint_security", "team": "T",
                 "collected": "yes", "why": ""}  # fmt: skip

    (row,) = asked(
        "antivirus_darwin_extensions",
        {
            "vigie_mac_system_extensions": [
                extension | {"active": 0, "state": "terminated waiting to uninstall on reboot"},
                extension | {"active": 1, "state": "activated enabled"},
                extension | {"active": 1, "category": "network_extension"},
            ]
        },
    )

    assert (row["active"], row["detail"]) == ("1", "activated enabled, team T")


def test_a_card_reader_of_the_mac_counts_once_a_card_is_in_it(asked: Asked) -> None:
    reader = {"model": "Card Reader", "builtin": 1, "collected": "yes", "why": ""}
    stick = {"model": "Ultra", "builtin": 0, "device": "", "collected": "yes", "why": ""}
    attached = [reader | {"device": ""}, reader | {"device": "/dev/disk5"}, stick]

    rows = asked("usb_storage_darwin_attached", {"vigie_mac_usb_storage": attached})

    assert [row["device"] for row in rows] == ["/dev/disk5", ""]


def test_two_vpn_configurations_of_one_name_are_one_row(asked: Asked) -> None:
    vpn = {"name": "Siège", "collected": "yes", "why": ""}

    (row,) = asked(
        "vpn_darwin_configurations",
        {"vigie_mac_vpn": [vpn | {"connected": 0}, vpn | {"connected": 1}]},
    )

    assert (row["product"], row["installed"], row["running"]) == ("Siège", "1", "1")


def test_a_packet_filter_that_is_off_blocks_nothing_whatever_its_rules(asked: Asked) -> None:
    rules = {"rules": 1, "blocks_inbound": 1, "collected": "yes", "why": ""}

    def told(enabled: int) -> str:
        table = {"vigie_mac_packet_filter": [rules | {"enabled": enabled}]}
        (row,) = asked("firewall_darwin_packet_filter", table)
        return row["inbound_default"]

    assert (told(0), told(1)) == ("", "block")


def test_an_account_that_may_be_an_administrator_is_not_told_as_none(asked: Asked) -> None:
    session = {"username": "marie", "uid": "502", "collected": "yes",
               "why": "needs root: rights given by sudoers"}  # fmt: skip

    (row,) = asked("local_admins_darwin_sessions", {"vigie_mac_sessions": [session]})

    assert (row["collected"], row["why"], row["is_admin"]) == ("no", session["why"], "")


def test_a_link_local_utun_is_a_service_of_the_system_and_no_tunnel(asked: Asked) -> None:
    rows = asked(
        "vpn_darwin_tunnels",
        {
            "interface_addresses": [
                {"interface": "utun0", "address": "fe80::1%utun0"},
                {"interface": "utun4", "address": "10.8.0.2"},
            ]
        },
    )

    assert [row["interface"] for row in rows] == ["utun4"]


def test_a_mac_that_looks_for_no_update_downloads_none(asked: Asked) -> None:
    def told(checks: int | None, downloads: int | None) -> str:
        setting = {"part": "automatic", "checks": checks, "downloads": downloads, "installs": 0,
                   "collected": "yes", "why": ""}  # fmt: skip
        (row,) = asked("updates_darwin_automatic", {"vigie_mac_software_update": [setting]})
        return row["downloads"]

    assert (told(0, 1), told(1, None), told(None, None), told(1, 0)) == ("0", "1", "", "0")


# --- Linux ----------------------------------------------------------------------------------------


def test_an_empty_legacy_iptables_is_no_statement_about_the_firewall(asked: Asked) -> None:
    assert asked("firewall_linux_iptables", {"shadow": [{"username": "root"}]}) == []


def test_iptables_that_accept_by_policy_and_end_in_a_drop_block(asked: Asked) -> None:
    everywhere = {"filter_name": "filter", "chain": "INPUT", "policy": "ACCEPT", "iniface": "all"}
    any_address = "0.0.0.0"  # noqa: S104 (an address in a rule; nothing listens)
    rules: list[Mapping[str, object]] = [
        everywhere | {"target": "ACCEPT", "protocol": 6, "match": "yes"},
        everywhere
        | {
            "target": "DROP",
            "protocol": 0,
            "src_ip": any_address,
            "dst_ip": any_address,
            "match": "",
        },
        everywhere | {"target": "", "iniface": "", "match": ""},
    ]

    (row,) = asked("firewall_linux_iptables", {"iptables": rules})

    assert (row["inbound_default"], row["rules"]) == ("block", "2")


def test_the_service_of_ufw_is_left_out_because_it_is_active_while_ufw_is_disabled(
    asked: Asked,
) -> None:
    unit = {"id": "ufw.service", "load_state": "loaded", "active_state": "active"}

    assert asked("firewall_linux_services", {"systemd_units": [unit]}) == []


def test_what_listens_in_a_container_does_not_listen_on_the_machine(asked: Asked) -> None:
    listening = {"protocol": 6, "local_address": "127.0.0.1", "state": "LISTEN"}

    rows = asked(
        "listeners_linux_tcp",
        {
            "osquery_info": [{"pid": 90}],
            "process_open_sockets": [
                {"pid": 90, "protocol": 0, "local_port": 0, "net_namespace": "1"},
                listening | {"pid": 91, "local_port": 22, "net_namespace": "1"},
                listening | {"pid": 92, "local_port": 80, "net_namespace": "2"},
            ],
        },
    )

    assert [row["port"] for row in rows] == ["22"]


def test_a_port_that_was_given_at_random_is_told_as_the_first_of_its_kind(asked: Asked) -> None:
    def port(listened: int) -> str:
        socket = {"pid": 4, "protocol": 6, "local_address": "127.0.0.1", "state": "LISTEN"}
        (row,) = asked(
            "listeners_linux_tcp", {"process_open_sockets": [socket | {"local_port": listened}]}
        )
        return row["port"]

    assert (port(445), port(32767), port(40001), port(40002)) == ("445", "32767", "32768", "32768")


def test_a_removed_package_whose_configuration_stayed_is_not_installed(asked: Asked) -> None:
    rows = asked(
        "software_linux_deb",
        {
            "deb_packages": [
                {"name": "telnetd", "version": "0.17-1", "status": "deinstall ok config-files"},
                {"name": "bash", "version": "5.2-3", "status": "install ok installed"},
            ]
        },
    )

    assert [row["name"] for row in rows] == ["bash"]


def test_a_program_name_cut_at_fifteen_characters_is_recognised(asked: Asked) -> None:
    rows = asked(
        "antivirus_linux_processes",
        {"processes": [{"pid": 1, "name": "systemd"}, {"pid": 90, "name": "falcon-sensor-b"}]},
    )

    assert [(row["product"], row["kind"]) for row in rows] == [("CrowdStrike Falcon", "edr")]


def test_hidden_programs_of_other_accounts_are_not_an_absence(asked: Asked) -> None:
    (row,) = asked("antivirus_linux_processes", {"processes": [{"pid": 4000, "name": "bash"}]})

    assert row["collected"] == "no"


def test_an_account_that_has_expired_cannot_be_used(asked: Asked) -> None:
    def enabled(expire: int) -> str:
        (row,) = asked(
            "accounts_linux_passwords",
            {
                "users": [{"uid": 1000, "username": "marie", "shell": "/bin/bash"}],
                "shadow": [{"username": "marie", "password_status": "active", "expire": expire}],
            },
        )
        return row["enabled"]

    assert enabled(-1) == "1"
    assert enabled(1) == "0"


def _bitlocker(**differences: int) -> Mapping[str, object]:
    """A fully encrypted, protected volume C:, but for the differences."""
    return {
        "drive_letter": "C:",
        "device_id": "volume-c",
        "conversion_status": 1,
        "protection_status": 1,
        "percentage_encrypted": 100,
        "encryption_method": "XTS_AES_128",
        "lock_status": 0,
    } | differences


def _value(key: str, name: str, data: str) -> Mapping[str, object]:
    return {"key": key, "name": name, "data": data}
