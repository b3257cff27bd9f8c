"""vigie_luks_chain: whether what is mounted lies on encrypted disks (Linux)."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final, NamedTuple

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.block_stack import (
    BlockDevice,
    device_by_name,
    device_by_number,
    device_by_path,
)
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.mount_table import Mount, Swap, mount_of, read_mountinfo, read_swaps

COLUMNS: Final = (
    text("mount", "Mount point, or `swap` with the device or file"),
    text("device", "Block device, ZFS dataset or swap file"),
    text("fs_type", "File system type, or swap"),
    integer("system", "Holds the running system (mounted on /)"),
    integer("encrypted", "Every path from the volume to a disk crosses encryption"),
    text("method", "LUKS2, LUKS1, PLAIN, ..., or the cipher of a ZFS dataset; empty when clear"),
    text("chain", "How it is stacked, from volume to disks"),
    *COLLECTED,
)
"""One row a local file system (its first mount) and swap area, and always one for /. Removable
media, read-only images and swap in memory have none."""

_IMAGES: Final = frozenset({"squashfs", "iso9660", "udf", "erofs", "cramfs"})
_LEFT_OUT: Final = ("/media/", "/run/media/", "/snap/", "/var/lib/snapd/snap/", "/etc/")
"""Removable media, images of packages, and the files that containers mount over /etc."""
_NO_DISK: Final = {
    "overlay": "a container or a live system",
    "aufs": "a container or a live system",
    "tmpfs": "it is in memory",
    "ramfs": "it is in memory",
    "rootfs": "it is in memory",
    "nfs": "it is on another machine",
    "nfs4": "it is on another machine",
    "9p": "it is the virtual machine host's",
    "virtiofs": "it is the virtual machine host's",
}
_DATASET: Final = re.compile(r"[A-Za-z0-9][\w.:/ -]*")
_TIMEOUT: Final = timedelta(seconds=10)
_MAX_OUTPUT: Final = 65_536


class Encryption(NamedTuple):
    """What is known of one volume; `why` is not empty when it is not known."""

    encrypted: bool = False
    method: str = ""
    chain: str = ""
    why: str = ""


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_luks_chain",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="Whether file systems and swap lie on encrypted disks",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    mounts = read_mountinfo(host.text_or_empty("/proc/self/mountinfo"))
    root = mount_of("/", mounts)
    if root is None:
        yield not_collected("/proc/self/mountinfo could not be read", mount="/", system=1)
    elif not _is_local(root):
        yield _row(root.path, root.source, root.fs_type, Encryption(why=_why_no_disk(root)))
    known = set[str]()
    for mount in sorted(mounts, key=lambda mount: mount.path):
        volume = mount.source if mount.fs_type in {"zfs", "btrfs"} else mount.number
        if _is_local(mount) and volume not in known and not mount.path.startswith(_LEFT_OUT):
            known.add(volume)
            yield _row(mount.path, mount.source, mount.fs_type, encryption_of(host, mount))
    for swap in read_swaps(host.text_or_empty("/proc/swaps")):
        if not swap.path.rpartition("/")[2].startswith("zram"):
            yield _swap_row(host, swap, mounts)


def _row(mount: str, device: str, fs_type: str, found: Encryption) -> TableRow:
    known: dict[str, str | int | None] = {
        "mount": mount,
        "device": device,
        "fs_type": fs_type,
        "system": int(mount == "/"),
    }
    if found.why:
        return not_collected(found.why, **known)
    return collected(
        **known, encrypted=int(found.encrypted), method=found.method, chain=found.chain
    )


def _swap_row(host: Host, swap: Swap, mounts: tuple[Mount, ...]) -> TableRow:
    if not swap.is_file:
        device = device_by_path(host, swap.path)
        label = f"/dev/{device.label}" if device else swap.path
        return _row(f"swap {label}", label, "swap", _of_devices([device]))
    mount = mount_of(swap.path, mounts)
    found = encryption_of(host, mount) if mount else Encryption(why="it lies on no known mount")
    return _row(f"swap {swap.path}", swap.path, "swap", found)


def encryption_of(host: Host, mount: Mount) -> Encryption:
    """What is known of the volume that `mount` shows."""
    if mount.fs_type == "zfs":
        return _of_dataset(host, mount.source)
    if mount.fs_type == "btrfs":
        return _of_devices(_btrfs_devices(host, mount))
    if mount.fs_type == "bcachefs":
        return _of_devices([device_by_path(host, path) for path in mount.source.split(":")])
    return _of_devices([device_by_number(host, mount.number)])


def _of_devices(devices: list[BlockDevice | None]) -> Encryption:
    found = [device for device in devices if device is not None]
    if not found or len(found) < len(devices):
        return Encryption(why="/sys does not show the device that it lies on")
    return Encryption(
        encrypted=all(device.encrypted for device in found),
        method=", ".join(sorted(frozenset().union(*(device.methods for device in found)))),
        chain=" | ".join(str(device) for device in found),
    )


def _btrfs_devices(host: Host, mount: Mount) -> list[BlockDevice | None]:
    """All devices of the file system: its data may lie on any of them."""
    device = device_by_path(host, mount.source)
    if device is None:
        return [None]
    for members in sorted(host.path("/sys/fs/btrfs").glob("*/devices")):
        names = sorted(item.name for item in members.iterdir())
        if device.name in names:
            return [device_by_name(host, name) for name in names]
    return [device]


def _of_dataset(host: Host, dataset: str) -> Encryption:
    """ZFS's own encryption, else that of every disk of its pool."""
    if not _DATASET.fullmatch(dataset):
        return Encryption(why="the dataset's name is odd")
    cipher = _printed(host, "zfs", "get", "-H", "-o", "value", "encryption", dataset)
    if cipher is None:
        return Encryption(why="zfs is not installed, or did not answer")
    if cipher.strip() not in {"off", "-", ""}:
        return Encryption(encrypted=True, method=cipher.strip(), chain=dataset)
    pool = dataset.partition("/")[0]
    listed = _printed(host, "zpool", "list", "-v", "-H", "-P", "-L", pool) or ""
    paths = [word for line in listed.splitlines() for word in line.split()[:1] if word[0] == "/"]
    found = _of_devices([device_by_path(host, path) for path in paths])
    return found if found.why else found._replace(chain=f"{dataset} < [{found.chain}]")


def _printed(host: Host, *argv: str) -> str | None:
    result = host.run(argv, timeout=_TIMEOUT, max_output=_MAX_OUTPUT)
    return result.stdout if result.ok else None


def _is_local(mount: Mount) -> bool:
    """Whether it is a file system on a disk (or what the kernel takes for one)."""
    if mount.fs_type in _IMAGES:
        return False
    return mount.fs_type in {"zfs", "btrfs", "bcachefs"} or mount.source.startswith("/dev/")


def _why_no_disk(mount: Mount) -> str:
    reason = _NO_DISK.get(mount.fs_type, "it is not on a disk of this machine")
    return f"the root file system is {mount.fs_type}: {reason}"
