"""What osquery's tables hide or say wrongly, on the recorded devices where it belongs.

`test_pack_traps.py` asks one query of a few rows; here the traps stand among all else that such a
device says, and the answers that are recorded, which rules and the demo use, see through them.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulated_machines import FIXTURES, AnswerRow, Scenario
from yaml_files import read_yaml

EMPTY_VALUE = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"


def rows(device: str, topic: str, part: str) -> list[AnswerRow]:
    platform, name = device.split("/")
    recorded = Scenario(platform, name, FIXTURES / platform / name).recorded(topic)
    return [row for row in recorded if row["part"] == part]


def machine(device: str) -> dict[str, list[dict[str, object]]]:
    path: Path = FIXTURES / device / "machine.yaml"
    document = read_yaml(path)
    assert isinstance(document, dict)
    return document


def day(year: int, month: int, number: int) -> str:
    return str(int(datetime(year, month, number, tzinfo=UTC).timestamp()))


@pytest.mark.parametrize("device", ["windows/partial", "windows/english"])
def test_a_suspended_bitlocker_is_encrypted_and_does_not_protect(device: str) -> None:
    (volume,) = [row for row in rows(device, "disk_encryption", "volumes") if row["system"] == "1"]

    assert (volume["encrypted"], volume["protection"]) == ("1", "suspended")


def test_a_server_without_a_security_center_still_tells_its_antivirus() -> None:
    assert rows("windows/server", "antivirus", "security_center") == []
    assert rows("windows/server", "firewall", "products") == []

    (defender,) = rows("windows/server", "antivirus", "defender")
    assert (defender["active"], defender["real_time"]) == ("1", "1")


def test_a_passive_defender_watches_nothing_whatever_its_own_flag_says() -> None:
    (defender,) = rows("windows/third-party-antivirus", "antivirus", "defender")
    products = rows("windows/third-party-antivirus", "antivirus", "security_center")

    assert (defender["active"], defender["passive"], defender["real_time"]) == ("1", "1", "0")
    assert {row["product"] for row in products if row["active"] == "1"} == {"ESET Security"}


def test_whom_a_firewall_in_the_place_of_windows_lets_in_is_not_known() -> None:
    openings = rows("windows/third-party-antivirus", "listeners", "openings")

    assert {row["collected"] for row in openings} == {"no"}


def test_a_time_of_windows_is_read_in_one_value_and_in_two_signed_halves() -> None:
    (update,) = rows("windows/reimaged", "updates", "history")
    (stopped,) = rows("windows/neglected", "antivirus", "defender")

    assert update["last_install_time"] == day(2026, 9, 10)
    assert stopped["signatures_time"] == "1789000000"  # 2026-09-10 00:26:40


def test_what_follows_an_empty_value_of_the_registry_is_seen_by_our_own_tables_alone() -> None:
    shown = {
        row["name"] for row in machine("windows/reimaged")["registry"] if row["key"] == EMPTY_VALUE
    }
    (seen,) = rows("windows/reimaged", "automatic_login", "sessions")
    claimed = rows("windows/reimaged", "local_admins", "elevation")

    assert "AutoAdminLogon" not in shown
    assert "autologin" not in {row["setting"] for row in claimed}
    assert (seen["enabled"], seen["account"], seen["password_stored"]) == ("1", "install", "1")


def test_an_account_that_is_logged_off_has_settings_that_are_not_known() -> None:
    (away,) = [
        row
        for row in rows("windows/english", "screen_lock", "users")
        if row["username"] == "t.hale"
    ]

    assert (away["collected"], away["locks"]) == ("no", "")
    assert away["why"] == "the account is logged off: its settings are not loaded"


def test_a_limit_of_the_machine_holds_for_an_account_that_is_logged_off() -> None:
    (away,) = [
        row
        for row in rows("windows/domain-joined", "screen_lock", "users")
        if row["username"] == "p.garnier"
    ]

    assert (away["collected"], away["lock_after_seconds"]) == ("yes", "600")


def test_rules_of_nftables_count_where_the_legacy_chains_are_empty() -> None:
    (legacy,) = rows("linux/domain-joined", "firewall", "iptables")
    inbound = rows("linux/domain-joined", "firewall", "inbound")

    assert (legacy["enabled"], legacy["inbound_default"]) == ("0", "allow")
    assert {(row["enabled"], row["inbound_default"]) for row in inbound} == {("1", "block")}


@pytest.mark.parametrize("device", ["linux/partial", "linux/server"])
def test_the_service_of_ufw_is_active_where_ufw_is_off(device: str) -> None:
    (service,) = [row for row in machine(device)["systemd_units"] if row["id"] == "ufw.service"]
    (ufw,) = rows(device, "firewall", "ufw")

    assert (service["active_state"], ufw["enabled"]) == ("active", "0")
    assert {row["enabled"] for row in rows(device, "firewall", "inbound")} == {"0"}


@pytest.mark.parametrize("device", ["linux/compliant", "linux/domain-joined", "linux/french"])
def test_root_and_swap_on_lvm_are_encrypted_when_all_below_is(device: str) -> None:
    volumes = rows(device, "disk_encryption", "volumes")

    assert len(volumes) == 2
    assert {(row["encrypted"], row["method"]) for row in volumes} == {("1", "LUKS2")}


def test_a_program_is_known_by_the_fifteen_letters_that_are_left_of_its_name() -> None:
    found = {
        row["detail"]: row["product"]
        for row in rows("linux/third-party-antivirus", "antivirus", "processes")
    }

    assert found["falcon-sensor-b"] == "CrowdStrike Falcon"


def test_root_without_full_disk_access_does_not_take_a_closed_time_machine_for_none() -> None:
    (agent,) = rows("darwin/server", "agent_health", "agent")
    (schedule,) = rows("darwin/server", "backups", "schedules")

    assert (agent["privileged"], schedule["collected"]) == ("1", "no")
    assert schedule["why"].startswith("needs Full Disk Access")


def test_an_administrator_by_the_directory_alone_is_one() -> None:
    told = rows("darwin/domain-joined", "local_admins", "members")
    groups = machine("darwin/domain-joined")["user_groups"]

    assert {row["via"] for row in told if row["account"] == "s.lefevre"} == {
        "group admin, by the directory"
    }
    assert [row["gid"] for row in groups if row["uid"] == 1411843118] == [20]


def test_every_time_of_a_recording_is_before_it() -> None:
    recorded = int(datetime(2026, 11, 20, 8, tzinfo=UTC).timestamp())
    late = [
        (path.parent.name, path.name, name, value)
        for path in FIXTURES.glob("*/*/*.json")
        if path.name != "scenario.json" and (path.parent / "machine.yaml").exists()
        for row in json.loads(path.read_text("utf-8"))
        for name, value in row.items()
        if name.endswith("_time") and value and int(value) > recorded
    ]

    assert late == []
