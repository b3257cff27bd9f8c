import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vigie_agent.domain.table import Request, Table, Value
from vigie_agent.tables import engine_info, hardware, instants, memory, system
from vigie_agent.tables.host import Host
from vigie_agent.tables.system import os_release

CPUINFO = """\
processor\t: 0
model\t\t: 17
model name\t: AMD EPYC
microcode\t: 0x1000065
physical id\t: 0
core id\t\t: 0

processor\t: 1
model\t\t: 17
model name\t: AMD EPYC
microcode\t: 0x1000065
physical id\t: 0
core id\t\t: 0

processor\t: 2
physical id\t: 1
core id\t\t: 0
"""


def write(root: Path, files: Mapping[str, str]) -> Host:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return Host(root=root)


def only(tables: tuple[Table, ...], name: str) -> Mapping[str, Value]:
    (row,) = next(table for table in tables if table.name == name).generate(Request())
    return row


def test_the_machine_is_described_from_firmware_and_kernel(tmp_path: Path) -> None:
    host = write(
        tmp_path,
        {
            "proc/sys/kernel/hostname": "desk7\n",
            "etc/hosts": "127.0.0.1 localhost\n192.168.1.7 desk7.ehpad.example desk7 # ours\n",
            "proc/cpuinfo": CPUINFO,
            "proc/meminfo": "MemTotal:       16000000 kB\nHugePages_Total:       0\n",
            "sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
            "sys/class/dmi/id/product_name": "OptiPlex 7090\n",
            "sys/class/dmi/id/product_uuid": "4C4C4544-0032-4A10-8058-B4C04F503532\n",
        },
    )

    row = only(hardware.tables(host), "system_info")

    assert (row["hostname"], row["computer_name"]) == ("desk7.ehpad.example", "desk7")
    assert (row["hardware_vendor"], row["hardware_model"]) == ("Dell Inc.", "OptiPlex 7090")
    assert row["uuid"] == "4c4c4544-0032-4a10-8058-b4c04f503532"
    assert (row["cpu_brand"], row["cpu_subtype"]) == ("AMD EPYC", "17")
    assert row["cpu_logical_cores"] == 3
    assert (row["cpu_physical_cores"], row["cpu_sockets"]) == (2, 2)
    assert row["physical_memory"] == 16_384_000_000
    assert row["hardware_serial"] == ""


def test_a_lenovo_is_told_by_the_name_people_know(tmp_path: Path) -> None:
    host = write(
        tmp_path,
        {
            "sys/class/dmi/id/sys_vendor": "LENOVO",
            "sys/class/dmi/id/product_name": "20QDCTO1WW",
            "sys/class/dmi/id/product_version": "ThinkPad X1 Carbon 7th",
        },
    )

    row = only(hardware.tables(host), "system_info")

    assert row["hardware_model"] == "ThinkPad X1 Carbon 7th"
    assert row["hardware_version"] == "20QDCTO1WW"


def test_without_the_firmwares_uuid_one_is_made_that_stays_and_gives_nothing_away(
    tmp_path: Path,
) -> None:
    host = write(tmp_path, {"etc/machine-id": "0123456789abcdef0123456789abcdef\n"})

    row = only(hardware.tables(host), "system_info")

    assert row["uuid"] == hardware.device_uuid(host)
    assert row["uuid"] != ""
    assert "0123" not in str(row["uuid"])


def test_a_machine_without_any_identifier_has_no_uuid(tmp_path: Path) -> None:
    assert hardware.device_uuid(Host(root=tmp_path)) == ""


def test_the_firmware_is_described(tmp_path: Path) -> None:
    host = write(
        tmp_path,
        {
            "sys/class/dmi/id/bios_vendor": "SeaBIOS\n",
            "sys/class/dmi/id/bios_version": "1.16.2\n",
            "sys/class/dmi/id/bios_date": "04/01/2014\n",
            "sys/class/dmi/id/bios_release": "2.7\n",
            "sys/firmware/efi/systab": "",
        },
    )
    raw = tmp_path / "sys/firmware/dmi/entries/0-0/raw"
    raw.parent.mkdir(parents=True)
    raw.write_bytes(struct.pack("<BBHBBHBB", 0, 24, 0, 1, 2, 0xE800, 3, 15))

    row = only(hardware.tables(host), "platform_info")

    assert row == {
        "vendor": "SeaBIOS",
        "version": "1.16.2",
        "date": "04/01/2014",
        "revision": "2.7",
        "extra": "",
        "firmware_type": "uefi",
        "address": "0xe800",
        "size": "1048576",
        "volume_size": 0,
    }


def test_a_machine_that_tells_nothing_of_its_firmware_has_no_row(tmp_path: Path) -> None:
    firmware = hardware.tables(Host(root=tmp_path))[1]

    assert list(firmware.generate(Request())) == []


def test_memory_is_told_in_bytes(tmp_path: Path) -> None:
    host = write(tmp_path, {"proc/meminfo": "MemTotal:  2 kB\nSwapFree:  1 kB\nPages:  9\n"})

    row = only(memory.tables(host), "memory_info")

    assert (row["memory_total"], row["swap_free"], row["buffers"]) == (2048, 1024, None)


def test_the_time_is_told_in_utc_whatever_the_locale(tmp_path: Path) -> None:
    def now() -> datetime:
        return datetime(2026, 3, 1, 9, 5, 7, tzinfo=UTC)

    row = only(instants.tables(Host(root=tmp_path), now), "time")

    assert row["weekday"] == "Sunday"
    assert row["unix_time"] == 1_772_355_907
    assert row["timestamp"] == "Sun Mar  1 09:05:07 2026 UTC"
    assert row["iso_8601"] == row["datetime"] == "2026-03-01T09:05:07Z"
    assert (row["year"], row["month"], row["day"]) == (2026, 3, 1)
    assert (row["hour"], row["minutes"], row["seconds"]) == (9, 5, 7)


def test_uptime_is_cut_into_days_hours_minutes_and_seconds(tmp_path: Path) -> None:
    host = write(tmp_path, {"proc/uptime": "93784.99 1.0\n"})

    row = only(instants.tables(host), "uptime")

    assert row == {"days": 1, "hours": 2, "minutes": 3, "seconds": 4, "total_seconds": 93784}


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (
            'NAME="Debian GNU/Linux"\nVERSION="12 (bookworm)"\nID=debian\n',
            ("Debian GNU/Linux", "12 (bookworm)", "12", "0", "0", "debian", ""),
        ),
        (
            "NAME='Ubuntu'\nVERSION='24.04.1 LTS (Noble)'\nID=ubuntu\nID_LIKE=debian\n",
            ("Ubuntu", "24.04.1 LTS (Noble)", "24", "04", "1", "ubuntu", "debian"),
        ),
        ("NAME=Rolling\nID=arch\n", ("Rolling", "", "0", "0", "0", "arch", "")),
    ],
)
def test_the_system_is_told_from_its_release_file(
    release: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    host = write(tmp_path, {"etc/os-release": release})

    row = only(system.tables(host), "os_version")

    columns = ("name", "version", "major", "minor", "patch", "platform", "platform_like")
    assert tuple(row[column] for column in columns) == expected


@pytest.mark.parametrize(
    ("release", "red_hat", "expected"),
    [
        (
            'NAME="Fedora Linux"\nVERSION="43 (Workstation Edition)"\nID=fedora\n',
            "Fedora release 43 (Forty Three)\n",
            ("Fedora Linux", "Fedora release 43 (Forty Three)", "43", "0", "0"),
        ),
        (
            'NAME="CentOS Linux"\nVERSION="7 (Core)"\nID=centos\nID_LIKE="rhel fedora"\n',
            "CentOS Linux release 7.9.2009 (Core)\n",
            ("CentOS Linux", "CentOS Linux release 7.9.2009 (Core)", "7", "9", "2009"),
        ),
        (
            'NAME="CentOS Stream"\nVERSION="9"\nID=centos\n',
            "CentOS  Stream release 9\n",
            ("CentOS Stream", "CentOS Stream release 9", "9", "0", "0"),
        ),
        (
            "",
            "Red Hat Enterprise Linux release 9.6 (Plow)\n",
            (
                "Red Hat Enterprise Linux",
                "Red Hat Enterprise Linux release 9.6 (Plow)",
                "9",
                "6",
                "0",
            ),
        ),
        ("NAME=Fedora\nVERSION=43\n", "", ("Fedora", "43", "43", "0", "0")),
    ],
)
def test_a_system_of_red_hats_family_is_rhel_and_its_version_a_sentence(
    release: str, red_hat: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    files = {"etc/os-release": release, "etc/redhat-release": red_hat}

    row = only(system.tables(write(tmp_path, files)), "os_version")

    columns = ("name", "version", "major", "minor", "patch")
    assert tuple(row[column] for column in columns) == expected
    assert (row["platform"], row["platform_like"]) == ("rhel", "rhel")


def test_a_release_file_may_be_odd() -> None:
    assert os_release("# no\nA='b\nC=\nno equals\n") == {"A": "'b", "C": ""}


def test_the_kernels_file_and_root_stand_apart_from_its_arguments(tmp_path: Path) -> None:
    host = write(
        tmp_path,
        {
            "proc/cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet x=y\n",
            "proc/sys/kernel/osrelease": "6.1.0-42-amd64\n",
        },
    )

    assert only(system.tables(host), "kernel_info") == {
        "version": "6.1.0-42-amd64",
        "arguments": "ro quiet x=y",
        "path": "/vmlinuz",
        "device": "/dev/sda1",
    }


def test_the_engine_does_not_pass_for_osqueryd(tmp_path: Path) -> None:
    tables = engine_info.tables(Host(root=tmp_path))

    row = only(tables, "osquery_info")

    assert (row["version"], row["build_distro"]) == ("5.23.1", "vigie")
    assert row["instance_id"] == only(tables, "osquery_info")["instance_id"]
