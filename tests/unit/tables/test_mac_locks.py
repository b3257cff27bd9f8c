"""When Macs lock sessions: profiles, own settings, the display, and what a session tells."""

import plistlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from fake_host import FakePrograms, a_device, failed, printed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_screen_lock
from vigie_agent.tables.host import CommandResult, Host, Outcome
from vigie_agent.tables.mac_answers import WHO
from vigie_agent.tables.mac_locks import (
    ID,
    LAUNCHCTL,
    PMSET,
    SaverSettings,
    display_sleep,
    judged,
    screen_lock_status,
)
from vigie_agent.tables.session_locks import Lock

HOME: Final = "/Users/marie/Library/Preferences"
BY_HOST: Final = f"{HOME}/ByHost/com.apple.screensaver.564D1B2C-0000-1111-2222-333344445555.plist"
PROFILE: Final = "/Library/Managed Preferences/com.apple.screensaver.plist"
PASSCODE: Final = "/Library/Managed Preferences/com.apple.mobiledevice.passwordpolicy.plist"
CUSTOM: Final = """Battery Power:
 Sleep On Power Button 1
 displaysleep         2
 sleep                1
AC Power:
 displaysleep         {minutes}
 disksleep            10
"""
IMMEDIATE: Final = "2026-11-20 08:00:00.123 sysadminctl[640:4711] screenLock delay is immediate\n"
CONSOLE: Final = "marie            console      Nov 20 07:58 \n"


def a_mac(
    root: Path,
    plists: Mapping[str, Mapping[str, object]] | None = None,
    programs: Mapping[str, CommandResult | str] | None = None,
) -> Host:
    """The Mac of marie; its display sleeps after ten minutes."""
    files = {path: plistlib.dumps(dict(values)) for path, values in (plists or {}).items()}
    return a_device(
        root,
        {f"{HOME}/.keep": b"", "/Users/Shared/.keep": b"", **files},
        programs={PMSET: CUSTOM.format(minutes=10), **(programs or {})},
    )


def locks(host: Host) -> dict[object, TableRow]:
    rows = rows_of(vigie_screen_lock.tables(host, "darwin"), "vigie_screen_lock")
    return {row["part"]: row for row in rows}


def in_session(said: str) -> Mapping[str, CommandResult | str]:
    """Marie is at the console, where sysadminctl answers on its error output."""
    answered = CommandResult(Outcome.EXITED, 0, "", said)
    return {WHO: CONSOLE, ID: "501\n", LAUNCHCTL: answered}


def test_to_a_daemon_macos_does_not_tell_whether_the_password_is_asked(tmp_path: Path) -> None:
    row = locks(a_mac(tmp_path, {BY_HOST: {"idleTime": 600}}))["users"]

    assert (row["collected"], row["username"]) == ("no", "marie")
    assert "locks" not in row


def test_the_session_at_the_console_tells_it(tmp_path: Path) -> None:
    host = a_mac(tmp_path, {BY_HOST: {"idleTime": 300}}, in_session(IMMEDIATE))

    row = locks(host)["users"]

    assert (row["locks"], row["lock_after_seconds"], row["enforced"]) == (1, 300, 0)


def test_the_question_is_asked_as_the_account_itself_and_changes_nothing(tmp_path: Path) -> None:
    host = a_mac(tmp_path, programs=in_session(IMMEDIATE))
    assert isinstance(host.run, FakePrograms)

    locks(host)

    (argv,) = (argv for argv in host.run.asked if argv[0] == LAUNCHCTL)
    assert argv[1:3] == ("asuser", "501")
    assert argv[-3:] == ("/usr/sbin/sysadminctl", "-screenLock", "status")


def test_a_session_of_somebody_else_is_not_asked(tmp_path: Path) -> None:
    programs = {**in_session(IMMEDIATE), WHO: "luc   console  Nov 20 07:58\nmarie ttys000 Nov 20\n"}

    assert locks(a_mac(tmp_path, programs=programs))["users"]["collected"] == "no"


@pytest.mark.parametrize(
    ("said", "delay"),
    [
        (IMMEDIATE, 0),
        ("sysadminctl[1:2] screenLock delay is 300 seconds", 300),
        ("sysadminctl[1:2] screenLock is off", -1),
        ("sysadminctl[1:2] Operation is not permitted", None),
        ("", None),
    ],
)
def test_the_words_of_sysadminctl_are_read(said: str, delay: int | None) -> None:
    assert screen_lock_status(said) == delay


def test_a_lock_that_is_off_asks_for_no_password(tmp_path: Path) -> None:
    row = locks(a_mac(tmp_path, programs=in_session("screenLock is off\n")))["users"]

    assert (row["collected"], row["locks"], row["asks_password"]) == ("yes", 0, 0)


def test_what_cannot_be_understood_is_not_off(tmp_path: Path) -> None:
    row = locks(a_mac(tmp_path, programs=in_session("Fehler\n")))["users"]

    assert (row["collected"], row["why"]) == ("no", "sysadminctl failed")


def test_a_profile_beats_what_the_account_chose(tmp_path: Path) -> None:
    plists = {
        PROFILE: {"idleTime": 300, "askForPassword": True, "askForPasswordDelay": 5},
        BY_HOST: {"idleTime": 7200},
    }

    found = locks(a_mac(tmp_path, plists))

    assert found["machine"]["lock_after_seconds"] == 305
    assert (found["users"]["lock_after_seconds"], found["users"]["source"]) == (305, "profile")
    assert found["users"]["enforced"] == 1


def test_a_profile_for_the_account_beats_one_for_everyone(tmp_path: Path) -> None:
    plists = {
        PROFILE: {"idleTime": 300, "askForPassword": 1},
        PROFILE.replace("com.", "marie/com."): {"idleTime": 120},
    }

    assert locks(a_mac(tmp_path, plists))["users"]["lock_after_seconds"] == 120


def test_a_passcode_profile_counts_minutes(tmp_path: Path) -> None:
    plists = {PASSCODE: {"maxInactivity": 5, "maxGracePeriod": 1}}

    row = locks(a_mac(tmp_path, plists))["users"]

    assert (row["lock_after_seconds"], row["grace_seconds"]) == (360, 60)


def test_a_display_that_sleeps_locks_too(tmp_path: Path) -> None:
    host = a_mac(tmp_path, {BY_HOST: {"idleTime": 0}}, in_session(IMMEDIATE))

    assert locks(host)["users"]["lock_after_seconds"] == 600


def test_neither_saver_nor_sleep_never_locks(tmp_path: Path) -> None:
    programs = {**in_session(IMMEDIATE), PMSET: CUSTOM.format(minutes=0)}

    row = locks(a_mac(tmp_path, {BY_HOST: {"idleTime": 0}}, programs))["users"]

    assert (row["locks"], row["asks_password"], row["lock_after_seconds"]) == (0, 1, None)


def test_an_idle_time_at_the_default_of_the_release_is_not_made_up(tmp_path: Path) -> None:
    programs = {**in_session(IMMEDIATE), PMSET: failed("no")}

    row = locks(a_mac(tmp_path, programs=programs))["users"]

    assert (row["collected"], row["why"]) == (
        "no",
        "the setting is at the default of this release",
    )


@pytest.mark.parametrize(
    ("said", "minutes"),
    [(CUSTOM.format(minutes=10), 10), (CUSTOM.format(minutes=0), 0), ("", None)],
)
def test_the_power_source_that_waits_longest_counts(said: str, minutes: int | None) -> None:
    assert display_sleep(said) == minutes


def test_a_profile_that_asks_for_no_password_is_known_whatever_the_rest() -> None:
    found = judged(SaverSettings(asks=False), SaverSettings(), None, "not known")

    assert found == Lock(None, asks_password=False, enforced=True)


def test_a_damaged_file_of_profiles_is_not_an_absence(tmp_path: Path) -> None:
    host = a_mac(tmp_path)
    place = host.path(PROFILE)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"bplist00damaged")

    assert {row["collected"] for row in locks(host).values()} == {"no"}


def test_what_is_printed_normally_is_read_as_well() -> None:
    assert screen_lock_status(printed(IMMEDIATE).stdout) == 0
