"""What tables make one believe of radios and browsers, and what the packs say instead."""

import pytest

from simulated_machines import Asked
from vigie_agent.domain.safety import Approved, Refused, check

# --- Radios ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "powered", "discoverable"),
    [
        ('[{"controller_properties": {"controller_state": "attrib_on"}}]', "1", ""),
        ('[{"controller_properties": {"controller_state": "attrib_off"}}]', "0", "0"),
        (
            '[{"local_device_title":{"general_power":"on","general_discoverable": "attrib_Yes"}}]',
            "1",
            "1",
        ),
    ],
    ids=["macOS 12", "off", "macOS 11"],
)
def test_both_forms_of_the_system_report_are_read(
    report: str, powered: str, discoverable: str, asked: Asked
) -> None:
    (row,) = asked(
        "bluetooth_darwin_adapters",
        {"system_profiler": [{"data_type": "SPBluetoothDataType", "value": report}]},
    )

    assert (row["powered"], row["discoverable"]) == (powered, discoverable)


def test_a_report_that_keeps_silent_is_completed_by_the_setting_on_file(asked: Asked) -> None:
    silent = [{"data_type": "SPBluetoothDataType", "value": '[{"controller_properties": {}}]'}]
    setting = {
        "path": "/Library/Preferences/com.apple.Bluetooth.plist",
        "key": "ControllerPowerState",
        "value": "0",
    }

    (unknown,) = asked("bluetooth_darwin_adapters", {"system_profiler": silent})
    (known,) = asked("bluetooth_darwin_adapters", {"system_profiler": silent, "plist": [setting]})

    assert (unknown["collected"], unknown["powered"]) == ("no", "")
    assert (known["collected"], known["powered"]) == ("yes", "0")


def test_a_mac_without_bluetooth_has_no_adapter_and_a_failed_report_is_none(asked: Asked) -> None:
    nothing = [{"data_type": "SPBluetoothDataType", "value": "[]"}]
    damaged = [{"data_type": "SPBluetoothDataType", "value": "<plist>"}]

    assert asked("bluetooth_darwin_adapters", {"system_profiler": nothing}) == []
    (row,) = asked("bluetooth_darwin_adapters", {"system_profiler": damaged})
    assert row["collected"] == "no"


def test_what_was_ever_paired_may_not_be_asked() -> None:
    plist = "SELECT value FROM plist WHERE path = '/Library/Preferences/com.apple.Bluetooth.plist'"

    assert isinstance(
        check(f"{plist} AND key = 'ControllerPowerState'", platform="darwin"), Approved
    )
    assert isinstance(check(f"{plist} AND key = 'DeviceCache'", platform="darwin"), Refused)
    assert isinstance(check(plist, platform="darwin"), Refused)


# --- Browsers -------------------------------------------------------------------------------------


def test_a_browser_of_root_is_known_by_its_cut_name_and_told_once(asked: Asked) -> None:
    rows = asked(
        "browsers_linux_elevated",
        {
            "processes": [
                {"pid": 1, "name": "systemd", "euid": 0},
                {"pid": 70, "name": "chromium-browse", "euid": 0},
                {"pid": 71, "name": "chromium-browse", "euid": 0},
                {"pid": 72, "name": "firefox", "euid": 1000},
                {"pid": 73, "name": "chrome-sandbox", "euid": 0},
            ]
        },
    )

    assert [(row["collected"], row["browser"]) for row in rows] == [("yes", "chromium-browse")]


def test_browsers_of_accounts_that_are_hidden_are_not_an_absence(asked: Asked) -> None:
    (row,) = asked("browsers_linux_elevated", {"processes": [{"pid": 4000, "name": "bash"}]})

    assert row["collected"] == "no"


def test_a_token_that_could_not_be_read_is_not_an_ordinary_one(asked: Asked) -> None:
    def told(elevated: int) -> list[tuple[str, str]]:
        process = {"pid": 9, "name": "MSEDGE.EXE", "elevated_token": elevated}
        rows = asked("browsers_windows_elevated", {"processes": [process]})
        return [(row["collected"], row["browser"]) for row in rows]

    assert (told(1), told(0), told(-1)) == ([("yes", "edge")], [], [("no", "edge")])


def test_the_component_that_shows_pages_in_other_programs_is_no_browser(asked: Asked) -> None:
    process = {"pid": 9, "name": "msedgewebview2.exe", "elevated_token": 1}

    assert asked("browsers_windows_elevated", {"processes": [process]}) == []


def test_only_known_password_managers_that_are_on_are_told_and_for_nobody(asked: Asked) -> None:
    bitwarden = "nngceckbapebfimnlniiiahkandclblb"
    chrome = {"uid": 1000, "browser_type": "chrome"}

    rows = asked(
        "browsers_linux_managers",
        {
            "users": [{"uid": 1000, "username": "marie"}],
            "shadow": [{"username": "root"}],
            "chrome_extensions": [
                chrome | {"referenced_identifier": bitwarden, "state": "1"},
                chrome | {"identifier": "aeblfdkhhhdcdjpifhhbdiojplfjncoa", "state": "0"},
                chrome | {"referenced_identifier": "a" * 32, "state": "1"},
            ],
            "firefox_addons": [
                {"uid": 1000, "identifier": "keepassxc-browser@keepassxc.org", "active": 0}
            ],
        },
    )

    assert [(row["browser"], row["name"], row["username"]) for row in rows] == [
        ("chrome", "Bitwarden", "")
    ]
