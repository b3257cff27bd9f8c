"""`system_info`, `platform_info`: the machine, its processor and its firmware.

Serial numbers and the UUID of the firmware are readable by root only: empty otherwise.
"""

import os
import struct
import uuid
from collections.abc import Iterable
from typing import Final, NamedTuple

from vigie_agent.domain.table import Request, Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host
from vigie_agent.tables.memory import memory_bytes

SYSTEM_INFO: Final = osquery_columns(
    "hostname, uuid, cpu_type, cpu_subtype, cpu_brand, cpu_physical_cores INTEGER, "
    "cpu_logical_cores INTEGER, cpu_sockets INTEGER, cpu_microcode, physical_memory BIGINT, "
    "hardware_vendor, hardware_model, hardware_version, hardware_serial, board_vendor, "
    "board_model, board_version, board_serial, computer_name, local_hostname, "
    "emulated_cpu_type hidden"
)
PLATFORM_INFO: Final = osquery_columns(
    "vendor, version, date, revision, extra, firmware_type, address, size, volume_size INTEGER"
)

# Any constant would do: it makes the machine's secret identifier unreadable, as systemd advises.
_MACHINE_NAMESPACE: Final = uuid.UUID("0b6a8f3e-54f5-4c0c-9f0e-6d1f1c2b7a55")


def tables(host: Host) -> tuple[Table, ...]:
    linux = frozenset({"linux"})
    return (
        Table("system_info", SYSTEM_INFO, lambda request: _system(host, request), linux),
        Table("platform_info", PLATFORM_INFO, lambda _request: _platform(host), linux),
    )


def device_uuid(host: Host) -> str:
    """The firmware's UUID; else one made of the system's own identifier; else nothing."""
    firmware = _dmi(host, "product_uuid").lower()
    if firmware:
        return firmware
    machine = host.text_or_empty("/etc/machine-id").strip()
    return str(uuid.uuid5(_MACHINE_NAMESPACE, machine)) if machine else ""


def _dmi(host: Host, name: str) -> str:
    return host.text_or_empty(f"/sys/class/dmi/id/{name}").strip()


def _system(host: Host, request: Request) -> Iterable[TableRow]:
    name = host.text_or_empty("/proc/sys/kernel/hostname").strip() or os.uname().nodename
    processor = _processor(host.text_or_empty("/proc/cpuinfo"))
    model, version = _dmi(host, "product_name"), _dmi(host, "product_version")
    if _dmi(host, "sys_vendor").upper() == "LENOVO":  # it puts the name people know in the version
        model, version = version, model
    yield {
        "hostname": _full_name(host, name),
        "uuid": device_uuid(host) if request.uses("uuid") else "",
        "cpu_type": os.uname().machine,
        "cpu_subtype": processor.model,
        "cpu_brand": processor.brand,
        "cpu_physical_cores": processor.cores,
        "cpu_logical_cores": processor.threads,
        "cpu_sockets": processor.sockets,
        "cpu_microcode": processor.microcode,
        "physical_memory": memory_bytes(host).get("MemTotal"),
        "hardware_vendor": _dmi(host, "sys_vendor"),
        "hardware_model": model,
        "hardware_version": version,
        "hardware_serial": _dmi(host, "product_serial"),
        "board_vendor": _dmi(host, "board_vendor"),
        "board_model": _dmi(host, "board_name"),
        "board_version": _dmi(host, "board_version"),
        "board_serial": _dmi(host, "board_serial"),
        "computer_name": name,
        "local_hostname": name,
    }


def _full_name(host: Host, name: str) -> str:
    """The host name with its domain if /etc/hosts knows it. No name server is asked."""
    for line in host.text_or_empty("/etc/hosts").splitlines():
        _address, *names = line.partition("#")[0].split() or [""]
        if name in names:
            return next((known for known in names if known.startswith(f"{name}.")), name)
    return name


class _Processor(NamedTuple):
    model: str
    brand: str
    microcode: str
    threads: int
    cores: int
    sockets: int


def _processor(text: str) -> _Processor:
    """From /proc/cpuinfo: one block of lines for each thread that the system can run at once."""
    threads = []
    for block in text.split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines())
        thread = {name.strip(): value.strip() for name, _colon, value in pairs}
        if "processor" in thread:
            threads.append(thread)
    first = threads[0] if threads else {}
    # Where nothing is told of cores (ARM, some virtual machines), each thread counts as one.
    places = {(t.get("physical id", "0"), t.get("core id", t["processor"])) for t in threads}
    return _Processor(
        model=first.get("model", ""),
        brand=first.get("model name", ""),
        microcode=first.get("microcode", ""),
        threads=len(threads),
        cores=len(places),
        sockets=len({socket for socket, _core in places}),
    )


def _platform(host: Host) -> Iterable[TableRow]:
    """The firmware; no row where the machine tells nothing of it."""
    has_efi = host.path("/sys/firmware/efi").exists()
    if not has_efi and not host.path("/sys/class/dmi/id").exists():
        return
    address, size = _rom(host)
    yield {
        "vendor": _dmi(host, "bios_vendor"),
        "version": _dmi(host, "bios_version"),
        "date": _dmi(host, "bios_date"),
        "revision": _dmi(host, "bios_release"),
        "extra": "",
        "firmware_type": "uefi" if has_efi else "bios",
        "address": address,
        "size": size,
        "volume_size": 0,
    }


def _rom(host: Host) -> tuple[str, str]:
    """Where the firmware's memory begins and how long it is: SMBIOS structure 0, for root only."""
    try:
        raw = host.read_bytes("/sys/firmware/dmi/entries/0-0/raw")
        segment, _date, blocks = struct.unpack_from("<HBB", raw, 6)
    except (OSError, struct.error):
        return "", ""
    return f"0x{segment:x}", str((blocks + 1) * 64 * 1024)
