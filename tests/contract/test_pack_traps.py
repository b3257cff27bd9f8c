"""What osquery's tables make one believe, and what the packs say instead."""

import re
from collections.abc import Mapping
from typing import Final

import pytest

from simulated_machines import PACKS, Asked
from vigie_agent.domain.packs import Query
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.host import Host

UPDATES: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\WindowsUpdate\UX\Settings"


# --- Windows --------------------------------------------------------------------------------------


WINDOWS_QUERIES: Final = [
    (query, table)
    for pack in PACKS.values()
    for query in pack.queries
    if query.platforms == {"windows"}
    for table in sorted(set(re.findall(r"\bvigie_win_\w+", query.sql)))
]
COLUMNS: Final = {
    table.name: {column.name for column in table.columns} for table in all_tables(Host())
}


@pytest.mark.parametrize(
    ("query", "table"),
    WINDOWS_QUERIES,
    ids=[f"{query.name}-{name}" for query, name in WINDOWS_QUERIES],
)
def test_what_windows_did_not_tell_is_no_fact(asked: Asked, query: Query, table: str) -> None:
    named = {"part": query.part, "type": "antivirus"}
    unread = {"collected": "no", "why": "x: needs elevated rights"} | {
        name: value for name, value in named.items() if name in COLUMNS[table]
    }

    rows = asked(query.name, {table: [unread]})

    assert rows
    for row in rows:
        assert (row["collected"], row["why"]) == ("no", "x: needs elevated rights")
        said = {column for column, value in row.items() if value} - {"part", "collected", "why"}
        assert said <= {"mechanism", "name", "service"}, said


def test_a_volume_of_unknown_protection_is_not_said_to_be_off(asked: Asked) -> None:
    volumes = [
        {"collected": "yes", "encrypted": 1, "protection": protection}
        for protection in ("on", "suspended", "unknown")
    ]

    rows = asked("disk_encryption_windows_volumes", {"vigie_win_bitlocker": volumes})

    assert [row["protection"] for row in rows] == ["on", "suspended", ""]


def test_accounts_whose_rights_are_unknown_stay_and_the_gap_is_told(asked: Asked) -> None:
    why = "the group of administrators: needs elevated rights"
    marie = {"username": "marie", "enabled": 1, "collected": "yes", "why": why}

    rows = asked("accounts_windows_local", {"vigie_win_accounts": [marie]})

    assert sorted((row["collected"], row["username"], row["why"]) for row in rows) == [
        ("no", "", why),
        ("yes", "marie", ""),
    ]


def test_a_group_of_a_domain_is_an_administrator_whose_members_are_not_known(asked: Asked) -> None:
    group = {
        "account": r"ESSMS\Admins du domaine", "kind": "group", "group_name": "Administrateurs",
        "collected": "yes", "why": "the members of this group are known to its directory alone",
    }  # fmt: skip
    user = {"account": r"ESSMS\j.petit", "kind": "user", "collected": "yes", "why": ""}

    members = asked("local_admins_windows_members", {"vigie_win_admins": [group, user]})
    nested = asked("local_admins_windows_nested", {"vigie_win_admins": [group, user]})

    assert {row["account"]: (row["collected"], row["enabled"]) for row in members} == {
        r"ESSMS\Admins du domaine": ("yes", "1"),
        r"ESSMS\j.petit": ("yes", ""),
    }
    assert [(row["account"], row["collected"]) for row in nested] == [
        (r"ESSMS\Admins du domaine", "no")
    ]


def test_whether_a_domain_account_is_an_administrator_stays_unknown(asked: Asked) -> None:
    session = {
        "account": r"ESSMS\j.petit", "sid": "S-1-5-21-9-9-9-500", "source": "domain",
        "collected": "no", "why": "needs elevated rights: the groups of an open session",
    }  # fmt: skip

    (row,) = asked("local_admins_windows_sessions", {"vigie_win_sessions": [session]})

    assert (row["collected"], row["is_admin"]) == ("no", "")


@pytest.mark.parametrize(("quick", "full", "last"), [(5, 9, "9"), (5, None, "5"), (None, None, "")])
def test_the_last_scan_is_the_newer_of_both_kinds(
    asked: Asked, quick: int | None, full: int | None, last: str
) -> None:
    told = {"collected": "yes", "running_mode": "normal", "quick_scan_time": quick}

    (row,) = asked(
        "antivirus_windows_defender", {"vigie_win_defender": [told | {"full_scan_time": full}]}
    )

    assert row["last_scan_time"] == last


def test_a_product_of_another_state_than_on_protects_nothing(asked: Asked) -> None:
    products = [
        {"type": "antivirus", "product": state, "state": state, "collected": "yes"}
        for state in ("on", "off", "snoozed", "expired", "unknown")
    ] + [{"type": "firewall", "product": "ESET", "state": "on", "collected": "yes"}]

    rows = asked("antivirus_windows_security_center", {"vigie_win_security_products": products})

    active = [row["product"] for row in rows if row["active"] == "1"]
    assert (active, len(rows)) == (["on"], 5)


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


def _value(key: str, name: str, data: str) -> Mapping[str, object]:
    return {"key": key, "name": name, "data": data}
