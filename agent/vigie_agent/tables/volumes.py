"""`mounts`, `block_devices`, `disk_encryption`: file systems and the devices below them."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from vigie_agent.domain.table import PermissionNeeded, Table, TableRow
from vigie_agent.tables.block_stack import BlockDevice, device_by_name
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import real_path
from vigie_agent.tables.mount_table import unescaped

MOUNTS: Final = osquery_columns(
    "device, device_alias, path, type, blocks_size BIGINT, blocks BIGINT, blocks_free BIGINT, "
    "blocks_available BIGINT, inodes BIGINT, inodes_free BIGINT, flags"
)
BLOCK_DEVICES: Final = osquery_columns(
    "name index, parent, vendor, model, serial, size BIGINT, block_size INTEGER, uuid, type, label"
)
DISK_ENCRYPTION: Final = osquery_columns(
    "name index, uuid, encrypted INTEGER, type, encryption_status, uid hidden, user_uuid hidden, "
    "filevault_status hidden"
)
_LINUX: Final = frozenset({"linux"})
_MOUNT_FIELDS: Final = 4
_REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "autofs"})
_TIMEOUT: Final = timedelta(seconds=10)
_MAX_OUTPUT: Final = 1024 * 1024
_NAME_IN_TABLE: Final = 4


def tables(host: Host) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table("mounts", MOUNTS, lambda _request: _mounts(host), _LINUX),
        Table("block_devices", BLOCK_DEVICES, lambda _request: _devices(host), _LINUX),
        Table("disk_encryption", DISK_ENCRYPTION, lambda _request: _encryption(host), _LINUX),
    )


def _mounts(host: Host) -> Iterator[TableRow]:
    for line in host.text_or_empty("/proc/mounts").splitlines():
        fields = [unescaped(field) for field in line.split()]
        if len(fields) < _MOUNT_FIELDS:
            continue
        device, path, kind, flags = fields[:_MOUNT_FIELDS]
        yield {
            "device": device,
            "device_alias": _alias(host, device),
            "path": path,
            "type": kind,
            "flags": flags,
            # A server that is away would hold this query for minutes: remote systems are not asked.
            **({} if kind in _REMOTE else _space(host, path)),
        }


def _alias(host: Host, device: str) -> str:
    if not device.startswith("/"):
        return device
    try:
        return real_path(host, device)
    except OSError:
        return device


def _space(host: Host, path: str) -> TableRow:
    try:
        found = os.statvfs(host.path(path))
    except OSError:
        return {}
    return {
        "blocks_size": found.f_bsize,
        "blocks": found.f_blocks,
        "blocks_free": found.f_bfree,
        "blocks_available": found.f_bavail,
        "inodes": found.f_files,
        "inodes_free": found.f_ffree,
    }


def _names(host: Host) -> list[str]:
    try:
        return sorted(item.name for item in host.path("/sys/class/block").iterdir())
    except OSError:
        return []


def _devices(host: Host) -> Iterator[TableRow]:
    for name in _names(host):
        folder = f"/sys/class/block/{name}"
        udev = _udev(host, host.text_or_empty(f"{folder}/dev").strip())
        device = device_by_name(host, name)
        parent = device.parents[0].name if device and device.parents else ""
        disk = f"/sys/class/block/{parent}" if parent and not name.startswith("dm-") else folder
        yield {
            "name": f"/dev/{name}",
            "parent": f"/dev/{parent}" if parent else "",
            "vendor": _read(host, f"{folder}/device/vendor"),
            "model": _read(host, f"{folder}/device/model"),
            "serial": udev.get("ID_SERIAL_SHORT", "") or _read(host, f"{folder}/device/serial"),
            "size": _number(_read(host, f"{folder}/size")),
            "block_size": _number(_read(host, f"{disk}/queue/logical_block_size")),
            "uuid": udev.get("ID_FS_UUID", ""),
            "type": udev.get("ID_FS_TYPE", ""),
            "label": udev.get("ID_FS_LABEL", ""),
        }


def _udev(host: Host, number: str) -> dict[str, str]:
    """What udev noted about a device when it came: readable without rights, unlike the disk."""
    lines = host.text_or_empty(f"/run/udev/data/b{number}").splitlines()
    pairs = (line[2:].partition("=") for line in lines if line.startswith("E:"))
    return {key: value for key, _, value in pairs}


def _encryption(host: Host) -> Iterator[TableRow]:
    if os.geteuid() != 0:
        raise PermissionNeeded("disk_encryption: run as root to see the state of disks")
    ciphers = _ciphers(host)
    for name in _names(host):
        device = device_by_name(host, name)
        if device is not None:
            yield _encryption_row(host, device, ciphers)


def _encryption_row(host: Host, device: BlockDevice, ciphers: dict[str, str]) -> TableRow:
    """Unlike osqueryd, which follows the first parent only, every way down must be encrypted."""
    kinds = sorted(device.methods) if device.encrypted else []
    crypt = next(_crypt_below(device), None) if device.encrypted else None
    words = [*kinds[:1], ciphers.get(crypt.label, "") if crypt else ""]
    return {
        "name": f"/dev/{device.name}",
        "uuid": _uuid(host, crypt) if crypt else "",
        "encrypted": int(device.encrypted),
        "type": "-".join(word for word in words if word),
        "encryption_status": "encrypted" if device.encrypted else "not encrypted",
    }


def _crypt_below(device: BlockDevice) -> Iterator[BlockDevice]:
    if device.cipher:
        yield device
    for parent in device.parents:
        yield from _crypt_below(parent)


def _uuid(host: Host, crypt: BlockDevice) -> str:
    """dm-crypt's `CRYPT-LUKS2-<32 digits>-<name>`, written as a UUID."""
    digits = _read(host, f"/sys/class/block/{crypt.name}/dm/uuid").split("-")[2:3]
    text = digits[0] if digits else ""
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])) if text else ""


def _ciphers(host: Host) -> dict[str, str]:
    """The cipher of each dm-crypt device by name, when dmsetup is there to tell; never its key."""
    argv = ["dmsetup", "table", "--target", "crypt"]
    result = host.run(argv, timeout=_TIMEOUT, max_output=_MAX_OUTPUT)
    rows = (line.split() for line in result.stdout.splitlines()) if result.ok else ()
    return {row[0].rstrip(":"): row[4] for row in rows if len(row) > _NAME_IN_TABLE}


def _read(host: Host, path: str) -> str:
    return host.text_or_empty(path).strip()


def _number(written: str) -> int:
    return int(written) if written.isdecimal() else 0
