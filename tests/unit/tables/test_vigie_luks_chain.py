from collections.abc import Mapping
from pathlib import Path

import pytest

from fake_host import a_device, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables.block_stack import device_by_name
from vigie_agent.tables.host import CommandResult, Host
from vigie_agent.tables.mount_table import Mount, mount_of, read_mountinfo, read_swaps
from vigie_agent.tables.vigie_luks_chain import tables

LUKS2 = "CRYPT-LUKS2-0123456789abcdef0123456789abcdef-luks-root"
PLAIN_SWAP = "CRYPT-PLAIN-cryptswap"
VERITY = "CRYPT-VERITY-0123456789abcdef0123456789abcdef-image"
LVM = "LVM-abcdefabcdefabcdefabcdefabcdefab"


class Disks:
    """Builds the block devices of a device in /sys, with their numbers in order of creation."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.numbers: dict[str, str] = {}

    def disk(self, name: str) -> "Disks":
        return self._add(name, f"devices/{name}")

    def partition(self, name: str, of: str) -> "Disks":
        self._add(name, f"devices/{of}/{name}")
        (self.root / f"sys/devices/{of}/{name}/partition").write_text("1")
        return self

    def mapped(self, name: str, label: str, uuid: str, *over: str) -> "Disks":
        self._add(name, f"devices/virtual/{name}")
        folder = self.root / f"sys/devices/virtual/{name}"
        (folder / "dm").mkdir()
        (folder / "dm/uuid").write_text(f"{uuid}\n")
        (folder / "dm/name").write_text(f"{label}\n")
        return self.over(name, *over)

    def over(self, name: str, *parents: str) -> "Disks":
        slaves = self.root / "sys/class/block" / name / "slaves"
        slaves.mkdir(exist_ok=True)
        for parent in parents:
            (slaves / parent).symlink_to(f"/sys/class/block/{parent}")
        return self

    def _add(self, name: str, folder: str) -> "Disks":
        (self.root / "sys" / folder).mkdir(parents=True)
        number = f"253:{len(self.numbers)}"
        self.numbers[name] = number
        for place in (f"class/block/{name}", f"dev/block/{number}"):
            link = self.root / "sys" / place
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(f"../../{folder}")
        return self


def mounted(
    root: Path,
    *mounts: tuple[str, str, str, str],
    swaps: str = "",
    programs: Mapping[str, CommandResult | str] | None = None,
) -> Host:
    """A device with `mounts`: path, number, type, source."""
    lines = [
        f"{n} 1 {number} / {path} rw,relatime shared:1 - {kind} {source} rw\n"
        for n, (path, number, kind, source) in enumerate(mounts, start=20)
    ]
    header = "Filename Type Size Used Priority\n"
    files = {"/proc/self/mountinfo": "".join(lines), "/proc/swaps": header + swaps}
    return a_device(root, files, programs=programs)


def volumes(host: Host) -> dict[object, TableRow]:
    return {row["mount"]: row for row in rows_of(tables(host), "vigie_luks_chain")}


def test_a_volume_on_lvm_on_luks_on_a_partition_is_encrypted(tmp_path: Path) -> None:
    disks = Disks(tmp_path).disk("nvme0n1").partition("nvme0n1p3", of="nvme0n1")
    disks.mapped("dm-0", "luks-root", LUKS2, "nvme0n1p3").mapped("dm-1", "vg-root", LVM, "dm-0")
    host = mounted(tmp_path, ("/", disks.numbers["dm-1"], "ext4", "/dev/mapper/vg-root"))

    row = volumes(host)["/"]

    assert row == {
        "mount": "/",
        "device": "/dev/mapper/vg-root",
        "fs_type": "ext4",
        "system": 1,
        "encrypted": 1,
        "method": "LUKS2",
        "chain": "vg-root < luks-root (LUKS2) < nvme0n1p3 < nvme0n1",
        "collected": "yes",
        "why": "",
    }


def test_a_volume_over_one_clear_and_one_encrypted_disk_is_not(tmp_path: Path) -> None:
    disks = Disks(tmp_path).disk("sda").disk("sdb").mapped("dm-0", "luks-a", LUKS2, "sda")
    disks.mapped("dm-1", "vg-home", LVM, "dm-0", "sdb")
    host = mounted(tmp_path, ("/home", disks.numbers["dm-1"], "xfs", "/dev/mapper/vg-home"))

    row = volumes(host)["/home"]

    assert (row["encrypted"], row["method"]) == (0, "LUKS2")
    assert row["chain"] == "vg-home < [luks-a (LUKS2) < sda | sdb]"


def test_raid_over_two_encrypted_disks_is_encrypted(tmp_path: Path) -> None:
    disks = Disks(tmp_path).disk("sda").disk("sdb").disk("md0")
    disks.mapped("dm-0", "a", LUKS2, "sda").mapped("dm-1", "b", PLAIN_SWAP, "sdb")
    disks.over("md0", "dm-0", "dm-1")
    host = mounted(tmp_path, ("/srv", disks.numbers["md0"], "ext4", "/dev/md0"))

    row = volumes(host)["/srv"]

    assert (row["encrypted"], row["method"]) == (1, "LUKS2, PLAIN")


def test_a_plain_partition_and_a_watched_over_image_are_clear(tmp_path: Path) -> None:
    disks = Disks(tmp_path).disk("sda").partition("sda1", of="sda")
    disks.mapped("dm-0", "image", VERITY, "sda1")
    host = mounted(
        tmp_path,
        ("/", disks.numbers["sda1"], "ext4", "/dev/root"),
        ("/usr", disks.numbers["dm-0"], "ext4", "/dev/mapper/image"),
    )

    rows = volumes(host)

    assert [(rows[mount]["encrypted"], rows[mount]["chain"]) for mount in ("/", "/usr")] == [
        (0, "sda1 < sda"),
        (0, "image < sda1 < sda"),
    ]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("overlay", "the root file system is overlay: a container or a live system"),
        ("tmpfs", "the root file system is tmpfs: it is in memory"),
        ("nfs4", "the root file system is nfs4: it is on another machine"),
        ("fuse.x", "the root file system is fuse.x: it is not on a disk of this machine"),
    ],
)
def test_a_root_that_is_no_disk_says_what_it_is(tmp_path: Path, kind: str, why: str) -> None:
    (row,) = volumes(mounted(tmp_path, ("/", "0:30", kind, kind))).values()

    assert (row["system"], row["collected"], row["why"]) == (1, "no", why)


def test_a_device_that_sys_does_not_show_is_not_known(tmp_path: Path) -> None:
    (row,) = volumes(mounted(tmp_path, ("/", "8:1", "ext4", "/dev/sda1"))).values()

    assert (row["collected"], row["why"]) == (
        "no",
        "/sys does not show the device that it lies on",
    )


def test_without_the_list_of_mounts_nothing_is_known(tmp_path: Path) -> None:
    (row,) = volumes(a_device(tmp_path)).values()

    assert (row["mount"], row["collected"]) == ("/", "no")


def test_btrfs_is_encrypted_only_if_all_its_devices_are(tmp_path: Path) -> None:
    Disks(tmp_path).disk("sda").disk("sdb").mapped("dm-0", "a", LUKS2, "sda")
    for name in ("dm-0", "sdb"):
        a_device(tmp_path, {f"/sys/fs/btrfs/0b6a/devices/{name}/size": "1"})
    a_device(tmp_path, {"/dev/dm-0": ""})
    (tmp_path / "dev/mapper").mkdir()
    (tmp_path / "dev/mapper/a").symlink_to("../dm-0")
    host = mounted(
        tmp_path,
        ("/", "0:40", "btrfs", "/dev/mapper/a"),
        ("/home", "0:41", "btrfs", "/dev/mapper/a"),
    )

    rows = volumes(host)

    assert set(rows) == {"/"}
    assert (rows["/"]["encrypted"], rows["/"]["chain"]) == (0, "a (LUKS2) < sda | sdb")


@pytest.mark.parametrize(
    ("programs", "collected", "encrypted", "why"),
    [
        ({"zfs": "aes-256-gcm\n"}, "yes", 1, ""),
        ({"zfs": "off\n", "zpool": "rpool\t9G\n\t/dev/sda\t9G\n"}, "yes", 0, ""),
        ({"zfs": "off\n"}, "no", None, "/sys does not show the device that it lies on"),
        ({"zfs": failed("no dataset")}, "no", None, "zfs is not installed, or did not answer"),
        ({}, "no", None, "zfs is not installed, or did not answer"),
    ],
)
def test_zfs_tells_its_own_encryption_or_its_pools_disks_do(
    tmp_path: Path,
    programs: Mapping[str, CommandResult | str],
    collected: str,
    encrypted: int | None,
    why: str,
) -> None:
    Disks(tmp_path).disk("sda")
    host = mounted(tmp_path, ("/", "0:30", "zfs", "rpool/ROOT/debian"), programs=programs)

    (row,) = volumes(host).values()

    assert (row["collected"], row.get("encrypted"), row["why"]) == (collected, encrypted, why)


def test_swap_is_told_with_what_it_lies_on_and_swap_in_memory_is_not(tmp_path: Path) -> None:
    disks = Disks(tmp_path).disk("sda").mapped("dm-0", "cryptswap", PLAIN_SWAP, "sda")
    a_device(tmp_path, {"/dev/dm-0": ""})
    swaps = "/dev/dm-0 partition 1 0 -2\n/swap\\040file file 1 0 -3\n/dev/zram0 partition 1 0 100\n"
    host = mounted(tmp_path, ("/", disks.numbers["sda"], "ext4", "/dev/sda"), swaps=swaps)

    rows = volumes(host)

    assert {mount: row["encrypted"] for mount, row in rows.items()} == {
        "/": 0,
        "swap /dev/cryptswap": 1,
        "swap /swap file": 0,
    }


def test_removable_media_and_images_have_no_row(tmp_path: Path) -> None:
    disks = Disks(tmp_path).disk("sda").disk("sdb").disk("loop0")
    host = mounted(
        tmp_path,
        ("/", disks.numbers["sda"], "ext4", "/dev/sda"),
        ("/media/nurse/KEY", disks.numbers["sdb"], "vfat", "/dev/sdb"),
        ("/snap/core/1", disks.numbers["loop0"], "squashfs", "/dev/loop0"),
        ("/mnt/again", disks.numbers["sda"], "ext4", "/dev/sda"),
    )

    assert set(volumes(host)) == {"/"}


def test_devices_that_lie_on_themselves_end(tmp_path: Path) -> None:
    Disks(tmp_path).disk("sda").over("sda", "sda")

    device = device_by_name(Host(root=tmp_path), "sda")

    assert device is not None
    assert not device.encrypted


def test_odd_lines_of_proc_are_left_out() -> None:
    text = "garbage\n1 2 3\n20 1 8:1 / /a\\040b rw - ext4 /dev/sda1 rw\n21 1 8:1 / /c rw - ext4\n"

    assert read_mountinfo(text) == (Mount("/a b", "8:1", "ext4", "/dev/sda1"),)
    assert read_swaps("") == ()
    assert read_swaps("Filename Type\nonly-a-name\n") == ()


def test_a_path_lies_on_the_deepest_mount_and_on_the_last_of_two() -> None:
    mounts = (
        Mount("/", "8:1", "ext4", "/dev/sda1"),
        Mount("/home", "8:2", "ext4", "/dev/sda2"),
        Mount("/home", "8:3", "ext4", "/dev/sda3"),
    )

    assert mount_of("/home/nurse", mounts) == mounts[2]
    assert mount_of("/homework", mounts) == mounts[0]
    assert mount_of("/", ()) is None
