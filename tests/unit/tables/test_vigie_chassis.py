from pathlib import Path

import pytest

from fake_host import a_device, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables.host import Host
from vigie_agent.tables.vigie_chassis import tables

DMI = "/sys/class/dmi/id"


def chassis(host: Host) -> TableRow:
    (row,) = rows_of(tables(host), "vigie_chassis")
    return row


@pytest.mark.parametrize(
    ("number", "kind", "portable"),
    [
        ("10", "laptop", 1),
        ("31", "laptop", 1),
        ("138", "laptop", 1),  # 10, with the bit of a chassis that can be locked
        ("30", "tablet", 1),
        ("3", "desktop", 0),
        ("23", "server", 0),
    ],
)
def test_the_firmware_tells_the_kind_of_machine(
    tmp_path: Path, number: str, kind: str, portable: int
) -> None:
    host = a_device(
        tmp_path, {f"{DMI}/chassis_type": f"{number}\n", f"{DMI}/sys_vendor": "Dell Inc."}
    )

    row = chassis(host)

    assert (row["chassis"], row["portable"], row["virtualization"]) == (kind, portable, "")


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({f"{DMI}/sys_vendor": "VMware, Inc."}, "vmware"),
        ({f"{DMI}/sys_vendor": "QEMU"}, "kvm"),
        ({f"{DMI}/sys_vendor": "innotek GmbH"}, "virtualbox"),
        (
            {
                f"{DMI}/sys_vendor": "Microsoft Corporation",
                f"{DMI}/product_name": "Virtual Machine",
            },
            "hyperv",
        ),
        ({"/sys/hypervisor/type": "xen\n"}, "xen"),
        ({"/proc/cpuinfo": "processor : 0\nflags : fpu hypervisor sse\n"}, "kvm"),
    ],
)
def test_a_virtual_machine_is_known_by_its_firmware_or_processor(
    tmp_path: Path, files: dict[str, str], name: str
) -> None:
    row = chassis(a_device(tmp_path, files))

    assert (row["chassis"], row["virtualization"], row["portable"]) == ("virtual", name, 0)


def test_a_surface_is_no_virtual_machine_though_its_processor_says_hypervisor(
    tmp_path: Path,
) -> None:
    host = a_device(
        tmp_path,
        {
            f"{DMI}/sys_vendor": "Microsoft Corporation",
            f"{DMI}/product_name": "Surface Laptop 4",
            f"{DMI}/chassis_type": "9",
            "/proc/cpuinfo": "processor : 0\nflags : hypervisor\n",
        },
    )

    assert chassis(host)["chassis"] == "laptop"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"/.dockerenv": ""}, "docker"),
        ({"/run/.containerenv": ""}, "podman"),
        ({"/run/systemd/container": "lxc\n"}, "lxc"),
        ({"/proc/1/environ": "A=b\0container=lxc\0"}, "lxc"),
    ],
)
def test_a_container_is_known_by_what_its_manager_leaves(
    tmp_path: Path, files: dict[str, str], name: str
) -> None:
    row = chassis(a_device(tmp_path, files))

    assert (row["chassis"], row["container"]) == ("container", name)


def test_a_battery_makes_a_laptop_where_firmware_is_silent(tmp_path: Path) -> None:
    supply = "/sys/class/power_supply"
    host = a_device(tmp_path, {f"{supply}/BAT0/type": "Battery\n"})

    row = chassis(host)

    assert (row["chassis"], row["battery"], row["chassis_type"]) == ("laptop", 1, None)


def test_a_mouses_battery_is_none_of_the_machines(tmp_path: Path) -> None:
    supply = "/sys/class/power_supply/hid-mouse"
    host = a_device(tmp_path, {f"{supply}/type": "Battery\n", f"{supply}/scope": "Device\n"})

    row = chassis(host)

    assert (row["chassis"], row["battery"], row["collected"]) == ("unknown", 0, "no")


def test_a_silent_machine_is_unknown_and_not_declared_fixed(tmp_path: Path) -> None:
    row = chassis(a_device(tmp_path, {f"{DMI}/chassis_type": "none"}))

    assert row.get("portable") is None
    assert row["why"] == "the firmware does not say what kind of machine this is"
