"""vigie_chassis: what kind of machine this is (Linux)."""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there

COLUMNS: Final = (
    text("chassis", "laptop, tablet, desktop, server, virtual, container, embedded or unknown"),
    integer("chassis_type", "SMBIOS chassis type number"),
    integer("portable", "Made to be carried: laptop or tablet; NULL when not known"),
    text("virtualization", "kvm, vmware, virtualbox, hyperv, xen, ...; empty on bare metal"),
    text("container", "docker, podman, lxc, ...; empty outside of containers"),
    integer("battery", "It has a battery of its own"),
    *COLLECTED,
)
"""Always one row."""

_CHASSIS: Final = {
    **dict.fromkeys((3, 4, 5, 6, 7, 13, 15, 16, 24, 35, 36), "desktop"),
    **dict.fromkeys((8, 9, 10, 14, 31), "laptop"),
    **dict.fromkeys((11, 30, 32), "tablet"),
    **dict.fromkeys((17, 23, 25, 28, 29), "server"),
    **dict.fromkeys((33, 34), "embedded"),
}
"""SMBIOS 3: the chassis types that say something (1 and 2 are "other" and "unknown")."""

_HYPERVISORS: Final = (
    ("virtualbox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("vmware", "vmware"),
    ("qemu", "kvm"),
    ("kvm", "kvm"),
    ("bochs", "kvm"),
    ("firecracker", "kvm"),
    ("amazon ec2", "kvm"),
    ("google compute engine", "kvm"),
    ("openstack", "kvm"),
    ("xen", "xen"),
    ("parallels", "parallels"),
    ("apple virtualization", "apple"),
    ("bhyve", "bhyve"),
)
"""Words of the firmware's vendor or product, and who they stand for."""


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_chassis",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="Whether this is a laptop, a desktop, a server or a virtual machine",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    number = _number(_dmi(host, "chassis_type"))
    container, hypervisor = container_of(host), hypervisor_of(host)
    battery = _has_battery(host)
    if container:
        chassis = "container"
    elif hypervisor:
        chassis = "virtual"
    else:
        chassis = _CHASSIS.get(number or 0, "laptop" if battery else "unknown")
    known: dict[str, str | int | None] = {
        "chassis": chassis,
        "chassis_type": number,
        "virtualization": hypervisor,
        "container": container,
        "battery": int(battery),
    }
    if chassis == "unknown":
        yield not_collected("the firmware does not say what kind of machine this is", **known)
    else:
        yield collected(**known, portable=int(chassis in {"laptop", "tablet"}))


def hypervisor_of(host: Host) -> str:
    """The hypervisor under this machine, empty on bare metal.

    The processor's flag decides where firmware is silent (small virtual machines have none).
    """
    firmware = " ".join(
        _dmi(host, name) for name in ("sys_vendor", "product_name", "board_vendor", "bios_vendor")
    ).lower()
    for word, name in _HYPERVISORS:
        if word in firmware:
            return name
    if "microsoft corporation" in firmware and "virtual machine" in firmware:
        return "hyperv"
    kind = host.text_or_empty("/sys/hypervisor/type").strip()
    if kind:
        return kind
    flags = host.text_or_empty("/proc/cpuinfo").partition("\nflags")[2].partition("\n")[0]
    # On real hardware the flag is set below Hyper-V or WSL only; firmware then names a vendor.
    return "kvm" if "hypervisor" in flags.split() and not firmware.strip() else ""


def container_of(host: Host) -> str:
    """The container manager around this process, empty outside of containers."""
    for path, name in (("/.dockerenv", "docker"), ("/run/.containerenv", "podman")):
        if is_there(host, path):
            return name
    if said := host.text_or_empty("/run/systemd/container").strip():
        return said
    environment = host.text_or_empty("/proc/1/environ").split("\0")
    found = [entry.partition("=")[2] for entry in environment if entry.startswith("container=")]
    return found[0] if found else ""


def _has_battery(host: Host) -> bool:
    """A battery that feeds the machine, not one of a mouse (its scope is Device)."""
    try:
        supplies = [item.name for item in host.path("/sys/class/power_supply").iterdir()]
    except OSError:
        return False
    return any(
        host.text_or_empty(f"/sys/class/power_supply/{name}/type").strip() == "Battery"
        and host.text_or_empty(f"/sys/class/power_supply/{name}/scope").strip() != "Device"
        for name in supplies
    )


def _dmi(host: Host, name: str) -> str:
    return host.text_or_empty(f"/sys/class/dmi/id/{name}").strip()


def _number(written: str) -> int | None:
    return int(written) & 0x7F if written.isdecimal() else None
