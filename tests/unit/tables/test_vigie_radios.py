"""Bluetooth and other open radios, from a folder that stands for sysfs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from fake_host import a_device, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_radios
from vigie_agent.tables.host import CommandResult, Host
from vigie_agent.tables.vigie_radios import read_iw_dev
from vigie_agent.tables.windows_radios import RadioCount

ADAPTER: Final = "/sys/class/bluetooth/hci0/address"
WIFI: Final = "/sys/class/net/wlp2s0/phy80211/name"
IW_MANAGED: Final = (
    "phy#0\n\tInterface wlp2s0\n\t\tifindex 3\n\t\ttype managed\n\t\tchannel 36 (5180 MHz)\n"
)


def a_switch(
    number: int, kind: str, device: str, *, soft: int = 0, hard: int = 0
) -> dict[str, str]:
    """The files of one rfkill switch."""
    folder = f"/sys/class/rfkill/rfkill{number}"
    values = {"type": kind, "name": device, "soft": str(soft), "hard": str(hard)}
    return {f"{folder}/{name}": f"{value}\n" for name, value in values.items()}


def radios(host: Host) -> list[TableRow]:
    return rows_of(vigie_radios.tables(host, "linux"), "vigie_radios")


def a_laptop(
    root: Path,
    files: Mapping[str, str] | None = None,
    *,
    bluez: str | CommandResult = "b true\nb false\n",
) -> Host:
    """A laptop with a Bluetooth adapter."""
    return a_device(
        root, {ADAPTER: "02:00:00:00:00:01\n", **(files or {})}, programs={"busctl": bluez}
    )


def test_without_an_adapter_there_is_no_row(tmp_path: Path) -> None:
    assert radios(a_device(tmp_path)) == []


@pytest.mark.parametrize(
    ("said", "powered", "discoverable"),
    [
        ("b true\nb true\n", 1, 1),
        ("b true\nb false\n", 1, 0),
        ("b false\nb false\n", 0, 0),
        ("b false\nb true\n", 0, 0),  # remembered for when it is on again
    ],
)
def test_the_daemon_tells_what_an_adapter_does(
    said: str, powered: int, discoverable: int, tmp_path: Path
) -> None:
    (row,) = radios(a_laptop(tmp_path, bluez=said))

    assert (row["name"], row["powered"], row["discoverable"]) == ("hci0", powered, discoverable)


def test_the_daemon_is_never_started_by_the_question(tmp_path: Path) -> None:
    host = a_laptop(tmp_path)

    radios(host)

    (argv,) = (argv for argv in host.run.asked if argv[0] == "busctl")  # type: ignore[attr-defined]
    assert "--auto-start=no" in argv


@pytest.mark.parametrize(("soft", "hard"), [(1, 0), (0, 1), (1, 1)])
def test_a_switch_that_blocks_settles_it_whatever_the_daemon_says(
    soft: int, hard: int, tmp_path: Path
) -> None:
    files = a_switch(1, "bluetooth", "hci0", soft=soft, hard=hard)

    (row,) = radios(a_laptop(tmp_path, files, bluez="b true\nb true\n"))

    assert (row["powered"], row["discoverable"], row["blocked"]) == (0, 0, 1)


def test_the_switch_of_another_radio_blocks_nothing_here(tmp_path: Path) -> None:
    files = a_switch(0, "wlan", "phy0", soft=1) | a_switch(1, "bluetooth", "hci0")

    (row,) = radios(a_laptop(tmp_path, files))

    assert (row["powered"], row["blocked"]) == (1, 0)


@pytest.mark.parametrize(
    "bluez",
    [
        failed("The name org.bluez was not provided by any .service files"),
        "b true\n",
        "s on\ns off\n",
        "",
    ],
)
def test_an_adapter_whose_state_nobody_tells_is_not_off(
    bluez: str | CommandResult, tmp_path: Path
) -> None:
    (row,) = radios(a_laptop(tmp_path, bluez=bluez))

    assert (row["collected"], row["name"]) == ("no", "hci0")
    assert "powered" not in row


def test_a_connection_is_no_adapter(tmp_path: Path) -> None:
    host = a_laptop(tmp_path, {"/sys/class/bluetooth/hci0:64/address": "x"})

    assert [row["name"] for row in radios(host)] == ["hci0"]


def test_a_module_that_is_refused_and_not_loaded_is_blocked(tmp_path: Path) -> None:
    rules = {"/etc/modprobe.d/bt.conf": "install bluetooth /bin/false\n"}

    (row,) = radios(a_device(tmp_path, rules))

    assert (row["part"], row["name"], row["blocked"]) == ("policy", "modprobe", 1)


def test_a_refused_module_that_is_loaded_all_the_same_is_not_blocked(tmp_path: Path) -> None:
    files = {
        "/etc/modprobe.d/bt.conf": "blacklist btusb\nblacklist bluetooth\n",
        "/proc/modules": "bluetooth 1019904 41 btusb, Live 0x0\n",
    }

    (row,) = radios(a_device(tmp_path, files))

    assert row["blocked"] == 0


def test_a_driver_that_is_blacklisted_alone_refuses_nothing(tmp_path: Path) -> None:
    assert radios(a_device(tmp_path, {"/etc/modprobe.d/bt.conf": "blacklist btusb\n"})) == []


def test_an_interface_that_offers_a_network_is_a_hotspot(tmp_path: Path) -> None:
    shared = IW_MANAGED.replace("managed", "AP")

    def powered(iw: str) -> list[object]:
        host = a_device(tmp_path, {WIFI: "phy0"}, programs={"iw": iw})
        return [row["powered"] for row in radios(host) if row["radio"] == "wifi hotspot"]

    assert powered(shared) == [1]
    assert powered(IW_MANAGED) == []


def test_without_iw_a_hotspot_is_told_by_its_program_only(tmp_path: Path) -> None:
    host = a_device(tmp_path, {WIFI: "phy0"})
    (unknown,) = radios(host)

    (seen,) = radios(a_device(tmp_path, {"/proc/70/comm": "hostapd\n"}))

    assert unknown["collected"] == "no"
    assert (seen["collected"], seen["powered"]) == ("yes", 1)


def test_an_nfc_radio_that_is_blocked_is_off_and_any_other_is_not_known(tmp_path: Path) -> None:
    there = {"/sys/class/nfc/nfc0/uevent": ""}

    (open_,) = radios(a_device(tmp_path / "open", there))
    (blocked,) = radios(a_device(tmp_path / "blocked", there | a_switch(3, "nfc", "nfc0", soft=1)))

    assert open_["collected"] == "no"
    assert (blocked["powered"], blocked["blocked"]) == (0, 1)


def test_the_modes_of_interfaces_are_read_by_name() -> None:
    text = IW_MANAGED + "phy#1\n\tUnnamed/non-netdev interface\n\t\ttype P2P-device\n"

    assert read_iw_dev(text) == {"wlp2s0": "managed"}


def test_windows_lists_the_radios_that_are_on(tmp_path: Path) -> None:
    def rows(count: RadioCount) -> list[tuple[object, ...]]:
        tables = vigie_radios.tables(a_device(tmp_path), "windows", lambda: count)
        return [
            (row["name"], row["powered"], row["discoverable"])
            for row in rows_of(tables, "vigie_radios")
        ]

    assert rows(RadioCount(0, discoverable=False)) == []
    assert rows(RadioCount(2, discoverable=True)) == [("radio 1", 1, 1), ("radio 2", 1, 1)]


def test_a_windows_that_does_not_answer_is_not_a_windows_without_radios(tmp_path: Path) -> None:
    def refuse() -> RadioCount:
        raise OSError(5, "Accès refusé")

    (row,) = rows_of(vigie_radios.tables(a_device(tmp_path), "windows", refuse), "vigie_radios")

    assert (row["collected"], row["why"]) == ("no", "Windows did not list its radios: error 5")
