"""What tables make one believe of locks, radios and browsers, and what the packs say instead."""

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from components import required_file
from simulated_machines import PACKS, AnswerRow, Schema, SimulatedMachine, TableRows

Asked = Callable[[str, Mapping[str, TableRows]], list[AnswerRow]]

MARIE: Final = "S-1-5-21-1-2-3-1001"
LUC: Final = "S-1-12-1-4-5-6-7"
MACHINE: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
MANAGED: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\PolicyManager\current\device\DeviceLock"
PROFILES: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
SCREEN_SAVER: Final = "com.apple.screensaver"


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


# --- Screen lock ----------------------------------------------------------------------------------


def test_a_hive_that_is_not_loaded_is_not_an_account_without_a_lock(asked: Asked) -> None:
    (row,) = asked(
        "screen_lock_windows_users",
        {"registry": [_value(f"{PROFILES}\\{MARIE}", "Flags", "0")]},
    )

    assert (row["collected"], row["username"], row["locks"]) == ("no", MARIE, "")


def test_the_limit_of_the_machine_holds_for_accounts_that_are_logged_off(asked: Asked) -> None:
    (row,) = asked(
        "screen_lock_windows_users",
        {
            "registry": [
                _value(f"{PROFILES}\\{LUC}", "Flags", "0"),
                _value(MACHINE, "InactivityTimeoutSecs", "600"),
            ],
            "users": [{"username": "luc", "uuid": LUC, "type": "roaming"}],
        },
    )

    assert (row["username"], row["locks"], row["lock_after_seconds"]) == ("luc", "1", "600")
    assert row["enforced"] == "1"


@pytest.mark.parametrize(
    ("missing", "locks"),
    [("", "1"), ("SCRNSAVE.EXE", "0"), ("ScreenSaverIsSecure", "0"), ("ScreenSaveTimeOut", "0")],
)
def test_a_screen_saver_locks_only_when_chosen_timed_and_protected(
    missing: str, locks: str, asked: Asked
) -> None:
    (row,) = asked("screen_lock_windows_users", {"registry": _saver(MARIE, without=missing)})

    assert (row["collected"], row["locks"]) == ("yes", locks)


def test_a_policy_beats_the_accounts_own_screen_saver(asked: Asked) -> None:
    (row,) = asked(
        "screen_lock_windows_users",
        {
            "registry": [
                *_saver(MARIE, seconds="3600"),
                *_saver(MARIE, seconds="300", under=r"Software\Policies\Microsoft\Windows"),
            ]
        },
    )

    assert (row["lock_after_seconds"], row["source"]) == ("305", "screen saver policy")


def test_the_shorter_of_two_limits_wins(asked: Asked) -> None:
    def after(limit: str) -> str:
        registry = [*_saver(MARIE, seconds="600"), _value(MACHINE, "InactivityTimeoutSecs", limit)]
        (row,) = asked("screen_lock_windows_users", {"registry": registry})
        return row["lock_after_seconds"]

    assert (after("300"), after("900"), after("0")) == ("300", "605", "605")


def test_service_accounts_and_classes_are_nobodys_session(asked: Asked) -> None:
    (row,) = asked("screen_lock_windows_users", {"registry": [*_saver("S-1-5-18"), *_saver(MARIE)]})

    assert row["username"] == MARIE


@pytest.mark.parametrize(("password", "locks"), [("0", "1"), ("1", "0")])
def test_device_management_counts_minutes_and_zero_demands_a_password(
    password: str, locks: str, asked: Asked
) -> None:
    (row,) = asked(
        "screen_lock_windows_machine",
        {
            "registry": [
                _value(MANAGED, "MaxInactivityTimeDeviceLock", "15"),
                _value(MANAGED, "DevicePasswordEnabled", password),
                _value(PROFILES.rpartition("\\")[0], "ProductName", "Windows 10 Pro"),
            ]
        },
    )

    assert (row["locks"], row["lock_after_seconds"]) == (locks, "900" if locks == "1" else "")


def test_to_a_daemon_macos_does_not_tell_whether_the_password_is_asked(asked: Asked) -> None:
    (row,) = asked("screen_lock_darwin_users", _mac(idle="600"))

    assert (row["collected"], row["locks"]) == ("no", "")


def test_a_screen_that_never_blanks_never_locks_whatever_else_is_unknown(asked: Asked) -> None:
    (row,) = asked("screen_lock_darwin_users", _mac(idle="0"))

    assert (row["collected"], row["locks"]) == ("yes", "0")


def test_a_grace_of_minus_one_is_no_password_not_a_short_delay(asked: Asked) -> None:
    (row,) = asked(
        "screen_lock_darwin_users",
        _mac(
            idle="600",
            screenlock=[{"enabled": 0, "grace_period": -1}],
            logged_in_users=[{"user": "marie", "tty": "console"}],
        ),
    )

    assert (row["collected"], row["locks"], row["asks_password"]) == ("yes", "0", "0")


def test_an_idle_time_at_the_default_of_the_release_is_not_told_as_a_fact(asked: Asked) -> None:
    (row,) = asked(
        "screen_lock_darwin_users",
        _mac(managed_policies=[_profile("askForPassword", "1")]),
    )

    assert (row["collected"], row["why"]) == ("no", "the setting is at the default of this release")


def test_a_profile_beats_what_the_account_set(asked: Asked) -> None:
    profile = [_profile("askForPassword", "1"), _profile("idleTime", "300")]

    (row,) = asked("screen_lock_darwin_users", _mac(idle="7200", managed_policies=profile))

    assert (row["lock_after_seconds"], row["source"], row["enforced"]) == ("300", "profile", "1")


def _saver(
    sid: str, *, seconds: str = "600", without: str = "", under: str = ""
) -> list[Mapping[str, object]]:
    """A screen saver that locks, but for the value that is left out."""
    key = "\\".join(filter(None, ("HKEY_USERS", sid, under, r"Control Panel\Desktop")))
    values = {
        "ScreenSaveActive": "1",
        "ScreenSaverIsSecure": "1",
        "ScreenSaveTimeOut": seconds,
        "SCRNSAVE.EXE": r"C:\Windows\system32\scrnsave.scr",
    }
    return [_value(key, name, data) for name, data in values.items() if name != without]


def _mac(idle: str = "", **tables: TableRows) -> Mapping[str, TableRows]:
    """A Mac with the account marie, who may have set an idle time."""
    preference = {"username": "marie", "domain": SCREEN_SAVER, "key": "idleTime", "value": idle}
    return {
        "users": [{"uid": 501, "username": "marie", "shell": "/bin/zsh"}],
        "preferences": [preference | {"host": "current"}] if idle else [],
        **tables,
    }


def _profile(name: str, value: str) -> Mapping[str, object]:
    return {"domain": SCREEN_SAVER, "name": name, "value": value, "username": ""}


def _value(key: str, name: str, data: str) -> Mapping[str, object]:
    return {"key": key, "name": name, "data": data}
