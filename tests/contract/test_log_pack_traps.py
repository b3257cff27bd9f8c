"""What tables make one believe of logs and clocks, and what the packs say instead."""

from collections.abc import Mapping
from typing import Final

import pytest

from simulated_machines import AnswerRow, Asked

Row = Mapping[str, object]

HKLM: Final = "HKEY_LOCAL_MACHINE\\"
LOGS: Final = HKLM + r"SYSTEM\CurrentControlSet\Services\EventLog"
LOG_POLICY: Final = HKLM + r"SOFTWARE\Policies\Microsoft\Windows\EventLog"
FORWARDING: Final = LOG_POLICY + r"\EventForwarding\SubscriptionManager"
TIME: Final = HKLM + r"SYSTEM\CurrentControlSet\Services\W32Time"
TIME_POLICY: Final = HKLM + r"SOFTWARE\Policies\Microsoft\W32Time"
WINDOWS_NT: Final = HKLM + r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"


def _value(key: str, name: str, data: str) -> Row:
    return {"key": key, "name": name, "data": data, "type": "REG_SZ"}


# --- Logs -----------------------------------------------------------------------------------------


def _security(asked: Asked, *values: Row) -> AnswerRow:
    rows = asked("logging_windows_storage", {"registry": values})
    (row,) = [row for row in rows if row["name"] == "Security"]
    return row


def test_group_policy_counts_the_size_of_a_log_in_kilobytes(asked: Asked) -> None:
    own = _value(LOGS + r"\Security", "MaxSize", "20971520")
    policy = _value(LOG_POLICY + r"\Security", "MaxSize", "196608")

    told = _security(asked, own), _security(asked, own, policy)

    assert [(row["max_bytes"], row["source"]) for row in told] == [
        ("20971520", "machine"),
        ("201326592", "policy"),
    ]


def test_the_size_of_a_log_is_a_double_word_without_its_sign(asked: Asked) -> None:
    row = _security(asked, _value(LOGS + r"\Security", "MaxSize", "-65536"))

    assert row["max_bytes"] == "4294901760"


def test_a_size_that_nothing_sets_is_not_told_as_one(asked: Asked) -> None:
    row = _security(asked, _value(LOGS + r"\System", "MaxSize", "20971520"))

    assert (row["collected"], row["max_bytes"]) == ("no", "")


@pytest.mark.parametrize(
    ("retention", "archives", "when_full"),
    [("0", "0", "overwrite"), ("-1", "1", "archive"), ("-1", "0", "stop"), ("0", "1", "overwrite")],
)
def test_a_full_log_is_overwritten_archived_or_stops(
    retention: str, archives: str, when_full: str, asked: Asked
) -> None:
    row = _security(
        asked,
        _value(LOGS + r"\Security", "MaxSize", "20971520"),
        _value(LOGS + r"\Security", "Retention", retention),
        _value(LOGS + r"\Security", "AutoBackupLogFiles", archives),
    )

    assert row["when_full"] == when_full


@pytest.mark.parametrize(
    ("address", "target", "encrypted"),
    [
        ("Server=http://logs.example:5985/wsman/WEC,Refresh=60", "logs.example:5985", ""),
        ("Refresh=60,Server=HTTPS://logs.example:5986/wsman/WEC", "logs.example:5986", "1"),
        ("Server=https://logs.example,Refresh=60", "logs.example", "1"),
    ],
)
def test_of_a_collectors_address_the_machine_and_port_are_told(
    address: str, target: str, encrypted: str, asked: Asked
) -> None:
    rows = asked(
        "logging_windows_targets",
        {"registry": [_value(FORWARDING, "1", address), _value(WINDOWS_NT, "ProductName", "W")]},
    )

    assert [(row["target"], row["encrypted"]) for row in rows] == [(target, encrypted)]


def test_a_syslog_unit_that_is_not_installed_takes_no_logs(asked: Asked) -> None:
    rows = asked(
        "logging_linux_services",
        {
            "systemd_units": [
                {"id": "rsyslog.service", "load_state": "not-found", "active_state": "inactive"},
                {
                    "id": "systemd-journald.service",
                    "load_state": "loaded",
                    "active_state": "active",
                },
            ]
        },
    )

    assert [(row["name"], row["active"]) for row in rows] == [("systemd-journald", "1")]


# --- The clock ------------------------------------------------------------------------------------


def _windows_time(
    asked: Asked, *values: Row, start: str = "DEMAND_START", status: str = "STOPPED"
) -> AnswerRow:
    service = {"name": "W32Time", "status": status, "start_type": start}
    (row,) = asked("time_sync_windows_service", {"services": [service], "registry": values})
    return row


def test_a_time_service_that_does_not_run_now_is_in_force_all_the_same(asked: Asked) -> None:
    row = _windows_time(asked, _value(TIME + r"\Parameters", "Type", "NTP"))

    assert (row["active"], row["mode"]) == ("1", "NTP")


@pytest.mark.parametrize("stopped", ["type", "client", "service", "policy"])
def test_each_switch_of_the_time_service_turns_it_off(stopped: str, asked: Asked) -> None:
    row = _windows_time(
        asked,
        _value(TIME + r"\Parameters", "Type", "NoSync" if stopped == "type" else "NTP"),
        _value(TIME + r"\TimeProviders\NtpClient", "Enabled", "0" if stopped == "client" else "1"),
        *(
            [_value(TIME_POLICY + r"\TimeProviders\NtpClient", "Enabled", "0")]
            if stopped == "policy"
            else []
        ),
        start="DISABLED" if stopped == "service" else "AUTO_START",
    )

    assert (row["collected"], row["active"]) == ("yes", "0")


def _servers(asked: Asked, *values: Row) -> list[tuple[str, str]]:
    rows = asked("time_sync_windows_servers", {"registry": values})
    return sorted((row["server"], row["source"]) for row in rows)


def test_servers_are_told_without_their_flags(asked: Asked) -> None:
    listed = "time.windows.com,0x9  temps.example,0x8 other.example"

    assert _servers(
        asked,
        _value(TIME + r"\Parameters", "Type", "NTP"),
        _value(TIME + r"\Parameters", "NtpServer", listed),
    ) == [
        ("other.example", "machine"),
        ("temps.example", "machine"),
        ("time.windows.com", "machine"),
    ]


def test_a_list_that_is_left_over_does_not_count_where_the_domain_gives_the_time(
    asked: Asked,
) -> None:
    assert _servers(
        asked,
        _value(TIME + r"\Parameters", "Type", "NT5DS"),
        _value(TIME + r"\Parameters", "NtpServer", "time.windows.com,0x9"),
    ) == [("", "domain")]


def test_policy_beats_the_machines_own_servers(asked: Asked) -> None:
    assert _servers(
        asked,
        _value(TIME + r"\Parameters", "Type", "NTP"),
        _value(TIME + r"\Parameters", "NtpServer", "time.windows.com,0x9"),
        _value(TIME_POLICY + r"\Parameters", "NtpServer", "temps.example,0x9"),
    ) == [("temps.example", "policy")]


def test_hyper_v_is_told_from_a_surface(asked: Asked) -> None:
    def told(model: str) -> str:
        info = [{"hardware_vendor": "Microsoft Corporation", "hardware_model": model}]
        (row,) = asked("time_sync_windows_machine", {"system_info": info})
        return row["hypervisor"]

    assert (told("Virtual Machine"), told("Surface Laptop 5")) == ("hyperv", "")
