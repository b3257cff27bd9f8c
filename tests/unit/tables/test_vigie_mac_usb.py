import plistlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from fake_host import a_device, closed, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_mac_usb
from vigie_agent.tables.host import CommandResult, Host, Outcome

IOREG = "/usr/sbin/ioreg"
PROFILES = "/usr/bin/profiles"
MEDIA = "/Library/Managed Preferences/com.apple.systemuiserver.plist"
DISK_ACCESS = "/Library/Managed Preferences/com.apple.security.diskaccess.plist"
VERSION = "/System/Library/CoreServices/SystemVersion.plist"
MANAGED = (
    "Enrolled via DEP: No\nMDM enrollment: Yes (User Approved)\nMDM server: https://mdm.example\n"
)
UNMANAGED = "Enrolled via DEP: No\nMDM enrollment: No\n"
HIDDEN = "a managed Mac does not show what its management server declares about storage"


def a_node(kind: str, *children: object, **properties: object) -> dict[str, object]:
    return {"IOObjectClass": kind, "IORegistryEntryChildren": list(children)} | properties


def an_interface(number: int, *children: object) -> dict[str, object]:
    return a_node("IOUSBHostInterface", *children, bInterfaceClass=number, bInterfaceNumber=0)


def a_disk(name: str) -> dict[str, object]:
    partition = a_node("IOMedia", **{"BSD Name": f"{name}s1", "Whole": False})
    disk = a_node("IOMedia", partition, **{"BSD Name": name, "Whole": True})
    return a_node("IOSCSIPeripheralDeviceNub", a_node("IOBlockStorageDriver", disk))


def a_usb(place: int, *children: object, **properties: object) -> dict[str, object]:
    defaults = {"idVendor": 1921, "idProduct": 21888, "locationID": place, "bDeviceClass": 0}
    return a_node("IOUSBHostDevice", *children, **(defaults | properties))


STICK = a_usb(
    0x100000,
    an_interface(8, a_disk("disk4")),
    **{
        "USB Vendor Name": "SanDisk",
        "USB Product Name": "Clé Ultra",
        "USB Serial Number": "4C531001500626",
    },
)
KEYBOARD = a_usb(0x200000, an_interface(3), **{"USB Product Name": "Clavier"})


def storage(root: Path, *registry: object) -> list[TableRow]:
    printed = plistlib.dumps(list(registry)).decode()
    return storage_of(a_device(root, programs={IOREG: printed}))


def storage_of(host: Host) -> list[TableRow]:
    return rows_of(vigie_mac_usb.tables(host), "vigie_mac_usb_storage")


def policy(
    root: Path,
    release: str,
    files: Mapping[str, Mapping[str, object]] | None = None,
    *,
    said: CommandResult | str = UNMANAGED,
) -> list[TableRow]:
    contents = {path: plistlib.dumps(dict(content)) for path, content in (files or {}).items()}
    contents[VERSION] = plistlib.dumps({"ProductVersion": release})
    host = a_device(root, contents, programs={PROFILES: said})
    return rows_of(vigie_mac_usb.tables(host), "vigie_mac_usb_policy")


def test_a_stick_is_known_by_its_interface(tmp_path: Path) -> None:
    assert storage(tmp_path, KEYBOARD, STICK) == [
        {
            "vendor": "SanDisk",
            "model": "Clé Ultra",
            "serial": "4C531001500626",
            "builtin": 0,
            "device": "/dev/disk4",
            "collected": "yes",
            "why": "",
        }
    ]


def test_a_stick_behind_a_hub_is_found_once_and_the_hub_is_none(tmp_path: Path) -> None:
    hub = a_usb(0x300000, an_interface(9), STICK, bDeviceClass=9)

    rows = storage(tmp_path, hub, STICK)

    assert [row["serial"] for row in rows] == ["4C531001500626"]


def test_two_sticks_of_one_make_are_two(tmp_path: Path) -> None:
    other = a_usb(0x400000, an_interface(8), **{"USB Serial Number": "2"})

    assert len(storage(tmp_path, STICK, other)) == 2


def test_a_disk_that_speaks_uas_is_storage_too(tmp_path: Path) -> None:
    uas = a_node(
        "IOUSBHostInterface", bInterfaceClass=8, bInterfaceSubClass=6, bInterfaceProtocol=98
    )

    assert len(storage(tmp_path, a_usb(0x500000, uas))) == 1


def test_a_device_of_another_driver_class_is_known_by_its_descriptor(tmp_path: Path) -> None:
    other = a_usb(0x900000, an_interface(8)) | {"IOObjectClass": "AppleUSBDevice"}

    assert len(storage(tmp_path, other)) == 1


def test_a_nameless_device_is_told_by_its_numbers(tmp_path: Path) -> None:
    (row,) = storage(tmp_path, a_usb(0x600000, an_interface(8)))

    assert (row["vendor"], row["model"], row["serial"], row["device"]) == ("0781", "5580", "", "")


def test_the_macs_own_card_reader_is_told_apart(tmp_path: Path) -> None:
    (row,) = storage(tmp_path, a_usb(0x700000, an_interface(8), **{"Built-In": True}))

    assert row["builtin"] == 1


@pytest.mark.parametrize("printed", ["", "\n", plistlib.dumps([]).decode()])
def test_without_any_usb_device_there_is_no_row(tmp_path: Path, printed: str) -> None:
    assert storage_of(a_device(tmp_path, programs={IOREG: printed})) == []


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        (plistlib.dumps([STICK]).decode()[:-60], "ioreg answered what could not be understood"),
        ("+-o Root  <class IORegistryEntry>", "ioreg answered what could not be understood"),
        (CommandResult(Outcome.MISSING), "this Mac has no ioreg"),
        (CommandResult(Outcome.TIMED_OUT), "ioreg did not answer in time"),
        (CommandResult(Outcome.TOO_LONG, stdout="x"), "ioreg answered more than is read"),
    ],
    ids=["truncated", "as text", "missing", "timed out", "too long"],
)
def test_a_registry_that_cannot_be_read_is_not_an_empty_one(
    tmp_path: Path, printed: CommandResult | str, why: str
) -> None:
    assert storage_of(a_device(tmp_path, programs={IOREG: printed})) == [
        {"collected": "no", "why": why}
    ]


def test_odd_nodes_are_passed_over(tmp_path: Path) -> None:
    odd = a_usb(0x800000, "text", 7, {"IORegistryEntryChildren": "none"}, an_interface(8))

    assert len(storage(tmp_path, odd, "odd", {"IOObjectClass": 3})) == 1


@pytest.mark.parametrize(
    ("actions", "blocked"),
    [(["deny", "eject"], 1), (["deny"], 1), (["read-only"], 0), (["authenticate"], 0), ([], 0)],
)
def test_the_media_controls_of_a_profile_are_read_inside(
    tmp_path: Path, actions: list[str], blocked: int
) -> None:
    rows = policy(tmp_path, "12.7.6", {MEDIA: {"mount-controls": {"harddisk-external": actions}}})

    assert [(row["mechanism"], row["blocked"]) for row in rows] == [
        ("com.apple.systemuiserver mount-controls", blocked)
    ]


def test_one_action_may_be_written_without_a_list(tmp_path: Path) -> None:
    rows = policy(tmp_path, "12.7.6", {MEDIA: {"mount-controls": {"harddisk-external": "deny"}}})

    assert [row["blocked"] for row in rows] == [1]


def test_a_profile_that_denies_external_storage_blocks_it(tmp_path: Path) -> None:
    rows = policy(tmp_path, "26.1", {DISK_ACCESS: {"DenyExternalStorage": True}}, said=MANAGED)

    assert [(row["blocked"], row["collected"]) for row in rows] == [(1, "yes")]


@pytest.mark.parametrize(
    ("release", "said"),
    [("12.7.6", MANAGED), ("14.8", failed("")), ("15.7.2", UNMANAGED), ("26.1", UNMANAGED)],
)
def test_a_mac_whose_profiles_restrict_nothing_accepts_storage(
    tmp_path: Path, release: str, said: CommandResult | str
) -> None:
    (row,) = policy(tmp_path, release, said=said)

    assert (row["mechanism"], row["blocked"]) == ("configuration profiles", 0)


@pytest.mark.parametrize("release", ["15.0", "26.1", ""])
def test_what_a_management_server_may_declare_unseen_is_not_told_as_accepted(
    tmp_path: Path, release: str
) -> None:
    assert policy(tmp_path, release, said=MANAGED) == [{"collected": "no", "why": HIDDEN}]


def test_a_profile_that_restricts_nothing_does_not_rule_out_a_declaration(tmp_path: Path) -> None:
    rows = policy(tmp_path, "26.1", {DISK_ACCESS: {"DenyExternalStorage": False}}, said=MANAGED)

    assert [row.get("blocked") for row in rows] == [0, None]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (CommandResult(Outcome.TIMED_OUT), "profiles did not answer in time"),
        ("Inscription MDM : oui\n", "profiles answered what could not be understood"),
        ("MDM enrollment: peut-être\n", "profiles answered what could not be understood"),
    ],
)
def test_an_enrolment_that_is_not_known_leaves_it_open(
    tmp_path: Path, said: CommandResult | str, why: str
) -> None:
    assert policy(tmp_path, "26.1", said=said) == [{"collected": "no", "why": why}]


def test_a_closed_profile_is_not_taken_for_none(tmp_path: Path) -> None:
    host = a_device(tmp_path)
    closed(host, MEDIA)

    (row,) = rows_of(vigie_mac_usb.tables(host), "vigie_mac_usb_policy")

    assert row["collected"] == "no"
