"""When Windows locks sessions: limits, screen savers, and hives that are not there to be read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from fake_host import rows_of
from fake_windows import DENIED, WrittenWindows, a_windows_device
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_screen_lock
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_system import LocalUser, RegistryData, RegistryKey, Unread

MARIE: Final = "S-1-5-21-1-2-3-1001"
LUC: Final = "S-1-12-1-4-5-6-7"
NT: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
PROFILES: Final = NT + r"\ProfileList"
MACHINE: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
MANAGED: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\PolicyManager\current\device\DeviceLock"
POLICY: Final = r"Software\Policies\Microsoft\Windows\Control Panel\Desktop"
SAVER: Final[Mapping[str, RegistryData]] = {
    "ScreenSaveActive": "1",
    "ScreenSaverIsSecure": "1",
    "ScreenSaveTimeOut": "600",
    "SCRNSAVE.EXE": r"C:\Windows\system32\scrnsave.scr",
}

Keys = Mapping[str, Mapping[str, RegistryData] | RegistryKey | Unread]


def locks(keys: Keys, users: Sequence[LocalUser] = ()) -> list[TableRow]:
    """The rows of a Windows where MARIE has a profile."""
    profile = {f"{PROFILES}\\{MARIE}": {"ProfileImagePath": r"C:\Users\m.bernard"}}
    host = a_windows_device(WrittenWindows(keys={**profile, **keys}, users=users))
    return rows_of(vigie_screen_lock.tables(host, "windows"), "vigie_screen_lock")


def of_machine(keys: Keys) -> TableRow:
    (row,) = (row for row in locks(keys) if row["part"] == "machine")
    return row


def of_marie(keys: Keys) -> TableRow:
    (row,) = (row for row in locks(keys) if row["part"] == "users")
    return row


def a_desktop(under: str = r"Control Panel\Desktop", **values: str) -> Keys:
    """A loaded hive with these values of the screen saver; one that is "-" is left out."""
    named: dict[str, RegistryData] = {**SAVER}
    named |= {name.replace("_", "."): value for name, value in values.items()}
    found: Mapping[str, RegistryData] = {name: data for name, data in named.items() if data != "-"}
    return {f"HKEY_USERS\\{MARIE}\\{under}": found}


def test_a_hive_that_is_not_loaded_is_not_an_account_without_a_lock() -> None:
    row = of_marie({})

    assert (row["collected"], row["username"]) == ("no", "m.bernard")
    assert row["why"] == "the account is logged off: its settings are not loaded"
    assert "locks" not in row


def test_the_limit_of_the_machine_holds_for_accounts_that_are_logged_off() -> None:
    row = of_marie({MACHINE: {"InactivityTimeoutSecs": 600}})

    assert (row["locks"], row["lock_after_seconds"], row["enforced"]) == (1, 600, 1)


def test_an_empty_value_before_the_limit_does_not_hide_it() -> None:
    values: Mapping[str, RegistryData] = {
        "legalnoticecaption": "",
        "InactivityTimeoutSecs": 900,
    }

    assert of_machine({MACHINE: values})["lock_after_seconds"] == 900


@pytest.mark.parametrize(
    ("changed", "locked"),
    [
        ({}, 1),
        ({"SCRNSAVE_EXE": "-"}, 0),
        ({"SCRNSAVE_EXE": ""}, 0),
        ({"ScreenSaverIsSecure": "0"}, 0),
        ({"ScreenSaverIsSecure": "-"}, 0),
        ({"ScreenSaveTimeOut": "0"}, 0),
        ({"ScreenSaveActive": "0"}, 0),
    ],
)
def test_a_screen_saver_locks_only_when_on_chosen_timed_and_protected(
    changed: dict[str, str], locked: int
) -> None:
    row = of_marie(a_desktop(**changed))

    assert (row["collected"], row["locks"]) == ("yes", locked)
    assert row["lock_after_seconds"] == (605 if locked else None)


def test_a_hive_that_is_loaded_and_sets_nothing_never_locks() -> None:
    row = of_marie({f"HKEY_USERS\\{MARIE}\\Control Panel": {}})

    assert (row["collected"], row["locks"]) == ("yes", 0)


def test_a_policy_beats_the_accounts_own_screen_saver() -> None:
    keys = {
        **a_desktop(ScreenSaveTimeOut="3600"),
        **a_desktop(under=POLICY, ScreenSaveTimeOut="300"),
    }

    row = of_marie(keys)

    assert (row["lock_after_seconds"], row["source"]) == (305, "screen saver policy")
    assert row["enforced"] == 1


def test_a_policy_that_turns_the_time_off_beats_the_accounts_own_time() -> None:
    keys = {**a_desktop(), **a_desktop(POLICY, ScreenSaveTimeOut="0")}

    assert of_marie(keys)["locks"] == 0


@pytest.mark.parametrize(("limit", "after"), [(300, 300), (900, 605), (0, 605)])
def test_the_shorter_of_two_limits_wins(limit: int, after: int) -> None:
    row = of_marie({**a_desktop(), MACHINE: {"InactivityTimeoutSecs": limit}})

    assert row["lock_after_seconds"] == after


def test_the_grace_that_is_set_counts() -> None:
    keys = {**a_desktop(), NT + r"\Winlogon": {"ScreenSaverGracePeriod": "0"}}

    assert of_marie(keys)["lock_after_seconds"] == 600


@pytest.mark.parametrize(("password", "after"), [(0, 900), (1, None)])
def test_device_management_counts_minutes_and_zero_demands_a_password(
    password: int, after: int | None
) -> None:
    row = of_machine(
        {MANAGED: {"MaxInactivityTimeDeviceLock": 15, "DevicePasswordEnabled": password}}
    )

    assert (row["lock_after_seconds"], row["locks"]) == (after, int(after is not None))


def test_settings_that_may_not_be_opened_are_not_settings_that_are_absent() -> None:
    row = of_marie({f"HKEY_USERS\\{MARIE}\\Control Panel\\Desktop": DENIED})

    assert (row["collected"], row["why"]) == ("no", "the account's settings: needs elevated rights")


def test_a_limit_that_may_not_be_read_leaves_every_account_unknown() -> None:
    rows = locks({MACHINE: DENIED, **a_desktop()})

    assert [(row["part"], row["collected"]) for row in rows] == [("machine", "no"), ("users", "no")]


def test_a_list_of_profiles_that_may_not_be_read_says_so() -> None:
    windows = WrittenWindows(keys={PROFILES: DENIED})
    host = Host(Path("/nowhere"), windows=windows)

    rows = rows_of(vigie_screen_lock.tables(host, "windows"), "vigie_screen_lock")

    assert [(row["part"], row["collected"]) for row in rows] == [
        ("machine", "yes"),
        ("users", "no"),
    ]


def test_accounts_are_people_of_the_device_of_a_domain_and_of_entra() -> None:
    keys: Keys = {
        f"{PROFILES}\\S-1-5-18": {
            "ProfileImagePath": r"%systemroot%\system32\config\systemprofile"
        },
        f"{PROFILES}\\{LUC}": {"ProfileImagePath": r"C:\Users\LucMartin"},
        f"{PROFILES}\\{MARIE}.bak": {},
    }

    rows = locks(keys, [LocalUser("marie", MARIE, flags=0)])

    assert {row["username"] for row in rows} == {"", "LucMartin", "marie"}


def test_a_device_that_is_no_windows_claims_nothing() -> None:
    host = Host(Path("/nowhere"))

    rows = rows_of(vigie_screen_lock.tables(host, "windows"), "vigie_screen_lock")

    assert {row["collected"] for row in rows} == {"no"}
