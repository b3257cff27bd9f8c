from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import usb_devices, vigie_usb_policy, vigie_usb_storage
from vigie_agent.tables.host import Host

DEVICES = "/sys/bus/usb/devices"
STICK = {
    f"{DEVICES}/1-2/{name}": value
    for name, value in {
        "busnum": "1\n",
        "devnum": "5\n",
        "idVendor": "0951\n",
        "idProduct": "1666\n",
        "manufacturer": "Kingston\n",
        "product": "DataTraveler 3.0\n",
        "serial": "E0D55EA573F1\n",
        "bDeviceClass": "00\n",
        "bDeviceSubClass": "00\n",
        "bDeviceProtocol": "00\n",
        "bcdDevice": "0110\n",
        "removable": "removable\n",
    }.items()
} | {
    f"{DEVICES}/1-2:1.0/bInterfaceClass": "08\n",
    f"{DEVICES}/1-2:1.0/host2/target2:0:0/2:0:0:0/block/sdb/size": "1",
}
KEYBOARD = {
    f"{DEVICES}/1-3/idVendor": "046d",
    f"{DEVICES}/1-3/busnum": "1",
    f"{DEVICES}/1-3/devnum": "6",
    f"{DEVICES}/1-3/bDeviceClass": "ef",
    f"{DEVICES}/1-3/removable": "unknown",
    f"{DEVICES}/1-3:1.0/bInterfaceClass": "03",
}
MODULE = "usb_storage module"


def policy(host: Host) -> dict[object, TableRow]:
    return {
        row["mechanism"]: row for row in rows_of(vigie_usb_policy.tables(host), "vigie_usb_policy")
    }


def test_a_stick_is_known_by_its_interface(tmp_path: Path) -> None:
    host = a_device(tmp_path, STICK | KEYBOARD)
    driver = tmp_path / "sys/bus/usb/devices/1-2:1.0/driver"
    driver.symlink_to("../../../../bus/usb/drivers/usb-storage")

    rows = rows_of(vigie_usb_storage.tables(host), "vigie_usb_storage")

    assert rows == [
        {
            "vendor": "Kingston",
            "vendor_id": "0951",
            "model": "DataTraveler 3.0",
            "model_id": "1666",
            "serial": "E0D55EA573F1",
            "port": "1-2",
            "driver": "usb-storage",
            "device": "/dev/sdb",
            "collected": "yes",
            "why": "",
        }
    ]


def test_a_stick_that_was_refused_has_no_driver(tmp_path: Path) -> None:
    files = {path: text for path, text in STICK.items() if "/block/" not in path}

    (row,) = rows_of(vigie_usb_storage.tables(a_device(tmp_path, files)), "vigie_usb_storage")

    assert (row["driver"], row["device"]) == ("", "")


def test_without_a_usb_bus_nothing_is_attached(tmp_path: Path) -> None:
    host = a_device(tmp_path)

    assert rows_of(vigie_usb_storage.tables(host), "vigie_usb_storage") == []
    assert rows_of(usb_devices.tables(host), "usb_devices") == []


def test_usb_devices_are_told_as_osqueryd_tells_them(tmp_path: Path) -> None:
    rows = rows_of(usb_devices.tables(a_device(tmp_path, STICK | KEYBOARD)), "usb_devices")

    assert [
        (row["usb_address"], row["usb_port"], row["class"], row["removable"]) for row in rows
    ] == [
        (5, 1, "0", 1),
        (6, 1, "239", -1),
    ]
    assert (rows[0]["version"], rows[1]["serial"]) == ("0110", "")


@pytest.mark.parametrize(
    ("rules", "blocked"),
    [
        ("install usb-storage /bin/true", 1),
        ("install usb_storage /usr/bin/false\n", 1),
        ("install usb-storage /sbin/modprobe --ignore-install usb-storage", 0),
        ("install usb-storage", 0),
        ("blacklist usb-storage", 0),
        ("blacklist usb_storage\nblacklist uas", 1),
        ("# install usb-storage /bin/true", 0),
        ("install uas /bin/true", 0),
        ("", 0),
    ],
)
def test_modprobes_rules_refuse_storage_or_not(tmp_path: Path, rules: str, blocked: int) -> None:
    host = a_device(tmp_path, {"/etc/modprobe.d/usb.conf": rules})

    assert policy(host)[MODULE]["blocked"] == blocked


@pytest.mark.parametrize(
    ("command_line", "blocked"),
    [
        ("quiet module_blacklist=usb_storage", 1),
        ("modprobe.blacklist=usb_storage,uas", 1),
        ("modprobe.blacklist=usb_storage", 0),
        ("quiet", 0),
    ],
)
def test_the_kernels_command_line_counts(tmp_path: Path, command_line: str, blocked: int) -> None:
    host = a_device(tmp_path, {"/proc/cmdline": command_line})

    assert policy(host)[MODULE]["blocked"] == blocked


@pytest.mark.parametrize(
    ("files", "detail"),
    [
        (
            {"/proc/modules": "usb_storage 81920 1 uas, Live 0x0\n"},
            "modprobe refuses it, but it is loaded: restart the device",
        ),
        (
            {
                "/proc/sys/kernel/osrelease": "6.1.0\n",
                "/lib/modules/6.1.0/modules.builtin": "kernel/drivers/usb/storage/usb-storage.ko\n",
            },
            "it is part of the kernel: modprobe's rules do not reach it",
        ),
    ],
)
def test_a_rule_that_does_not_bite_blocks_nothing(
    tmp_path: Path, files: dict[str, str], detail: str
) -> None:
    host = a_device(tmp_path, {"/etc/modprobe.d/a.conf": "install usb-storage /bin/true", **files})

    row = policy(host)[MODULE]

    assert (row["blocked"], row["detail"]) == (0, detail)


def test_the_administrators_file_hides_the_vendors_of_the_same_name(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/usr/lib/modprobe.d/usb.conf": "install usb-storage /bin/true",
            "/etc/modprobe.d/usb.conf": "# allowed here",
        },
    )

    assert policy(host)[MODULE]["blocked"] == 0


def test_a_rule_file_that_cannot_be_read_makes_the_policy_unknown(tmp_path: Path) -> None:
    host = a_device(tmp_path)
    closed(host, "/etc/modprobe.d/usb.conf")

    row = policy(host)[MODULE]

    assert (row["collected"], row["why"]) == ("no", "/etc/modprobe.d/usb.conf: Is a directory")


@pytest.mark.parametrize(
    ("files", "blocked", "detail"),
    [
        ({}, 0, "installed, not running"),
        ({"/proc/9/comm": "usbguard-daemon\n"}, 1, "running; a device that no rule names: block"),
        (
            {
                "/proc/9/comm": "usbguard-daemon\n",
                "/etc/usbguard/usbguard-daemon.conf": "ImplicitPolicyTarget=allow\n",
            },
            0,
            "running; a device that no rule names: allow",
        ),
    ],
)
def test_usbguard_blocks_when_it_runs_and_refuses_what_no_rule_names(
    tmp_path: Path, files: dict[str, str], blocked: int, detail: str
) -> None:
    host = a_device(tmp_path, {"/usr/sbin/usbguard-daemon": "", **files})

    row = policy(host)["usbguard"]

    assert (row["blocked"], row["detail"]) == (blocked, detail)


def test_closed_settings_of_usbguard_are_not_known(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/usr/sbin/usbguard-daemon": "", "/proc/9/comm": "usbguard-daemon"})
    closed(host, "/etc/usbguard/usbguard-daemon.conf")

    row = policy(host)["usbguard"]

    assert (row["collected"], row["why"]) == ("no", "usbguard's settings: Is a directory")
