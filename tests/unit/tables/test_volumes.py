import os
from pathlib import Path

import pytest

from fake_host import a_device, rows_of
from vigie_agent.domain.table import PermissionNeeded
from vigie_agent.tables import kernel_modules, volumes
from vigie_agent.tables.host import Host

LUKS2 = "CRYPT-LUKS2-0123456789abcdef0123456789abcdef-root"


def a_disk(root: Path) -> Host:
    """A disk with one partition, and a LUKS2 volume on it."""
    block, dev = "/sys/class/block", "/sys/devices/sda"
    host = a_device(
        root,
        {
            f"{dev}/dev": "8:0\n",
            f"{dev}/size": "1000\n",
            f"{dev}/queue/logical_block_size": "512\n",
            f"{dev}/device/vendor": "ATA     \n",
            f"{dev}/device/model": "SSD 850\n",
            f"{dev}/sda1/dev": "8:1\n",
            f"{dev}/sda1/size": "900\n",
            f"{dev}/sda1/partition": "1\n",
            f"{block}/dm-0/dev": "253:0\n",
            f"{block}/dm-0/size": "800\n",
            f"{block}/dm-0/queue/logical_block_size": "4096\n",
            f"{block}/dm-0/dm/uuid": f"{LUKS2}\n",
            f"{block}/dm-0/dm/name": "root\n",
            f"{block}/dm-0/slaves/sda1/size": "900\n",
            "/run/udev/data/b8:1": "S:disk\nE:ID_FS_TYPE=crypto_LUKS\nE:ID_FS_UUID=0123\n",
            "/dev/dm-0": "",
        },
        programs={"dmsetup": "root: 0 800 crypt aes-xts-plain64 :64:logon:key 0 8:1 32768\n"},
    )
    (root / "sys/class/block/sda").symlink_to("../../devices/sda")
    (root / "sys/class/block/sda1").symlink_to("../../devices/sda/sda1")
    (root / "dev/mapper").mkdir()
    (root / "dev/mapper/root").symlink_to("../dm-0")
    return host


def test_mounts_are_told_with_links_followed(tmp_path: Path) -> None:
    host = a_disk(tmp_path)
    a_device(
        tmp_path,
        {
            "/proc/mounts": (
                "/dev/mapper/root / ext4 rw,relatime 0 0\n"
                "server:/share /mnt/a\\040share nfs4 rw 0 0\n"
                "tmpfs /gone tmpfs rw 0 0\n"
                "garbage\n"
            )
        },
    )

    rows = rows_of(volumes.tables(host), "mounts")

    assert [(row["device_alias"], row["path"], row["type"]) for row in rows] == [
        ("/dev/dm-0", "/", "ext4"),
        ("server:/share", "/mnt/a share", "nfs4"),
        ("tmpfs", "/gone", "tmpfs"),
    ]
    assert rows[0]["blocks_size"] == os.statvfs(tmp_path).f_bsize
    assert "blocks" not in rows[1]
    assert "blocks" not in rows[2]


def test_block_devices_name_their_parents(tmp_path: Path) -> None:
    rows = rows_of(volumes.tables(a_disk(tmp_path)), "block_devices")

    assert [(row["name"], row["parent"], row["size"], row["block_size"]) for row in rows] == [
        ("/dev/dm-0", "/dev/sda1", 800, 4096),
        ("/dev/sda", "", 1000, 512),
        ("/dev/sda1", "/dev/sda", 900, 512),
    ]
    assert (rows[1]["vendor"], rows[1]["model"]) == ("ATA", "SSD 850")
    assert (rows[2]["type"], rows[2]["uuid"]) == ("crypto_LUKS", "0123")


def test_encryption_is_told_with_its_cipher_and_never_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    rows = rows_of(volumes.tables(a_disk(tmp_path)), "disk_encryption")

    assert [(row["name"], row["encrypted"], row["type"]) for row in rows] == [
        ("/dev/dm-0", 1, "LUKS2-aes-xts-plain64"),
        ("/dev/sda", 0, ""),
        ("/dev/sda1", 0, ""),
    ]
    assert rows[0]["uuid"] == "01234567-89ab-cdef-0123-456789abcdef"
    assert {row["encryption_status"] for row in rows} == {"encrypted", "not encrypted"}
    assert "logon" not in str(rows)


def test_encryption_asks_for_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(PermissionNeeded, match="run as root"):
        rows_of(volumes.tables(a_disk(tmp_path)), "disk_encryption")


def test_kernel_modules_are_told_as_osqueryd_tells_them(tmp_path: Path) -> None:
    modules = (
        "nf_tables 311296 2 nft_compat,nft_chain_nat, Live 0xffffffffc0a00000\n"
        "ext4 983040 1 - Live 0x0000000000000000 (E)\n"
        "torn 12\n"
    )
    host = a_device(tmp_path, {"/proc/modules": modules})

    rows = rows_of(kernel_modules.tables(host), "kernel_modules")

    assert rows == [
        {
            "name": "nf_tables",
            "size": 311296,
            "used_by": "nft_compat,nft_chain_nat",
            "status": "Live",
            "address": "0xffffffffc0a00000",
        },
        {
            "name": "ext4",
            "size": 983040,
            "used_by": "-",
            "status": "Live",
            "address": "0x0000000000000000",
        },
    ]
