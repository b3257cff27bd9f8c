import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from vigie_agent.domain.table import Constraint, Operator, Request, Value
from vigie_agent.tables import processes
from vigie_agent.tables.host import Host

STATUS = """\
Name:\tweb (old)
State:\tS (sleeping)
Uid:\t33\t34\t35\t33
Gid:\t43\t44\t45\t43
VmSize:\t    4360 kB
VmRSS:\t    3196 kB
"""
STAT = (
    "42 (web (old)) S 1 40 40 0 -1 4194560 1 0 0 0 250 120 0 0 20 5 3 0 1000 4464640 799 "
    "18446744073709551615"
)
KERNEL_STATUS = "Name:\tkthreadd\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"
KERNEL_STAT = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 1844674407"


@pytest.fixture
def device(tmp_path: Path) -> Path:
    web, kernel = tmp_path / "proc/42", tmp_path / "proc/2"
    for folder in (web, kernel, tmp_path / "usr/bin", tmp_path / "proc/7"):
        folder.mkdir(parents=True)
    (tmp_path / "proc/stat").write_text("cpu 1 2 3\nbtime 1700000000\n")
    (web / "status").write_text(STATUS)
    (web / "stat").write_text(STAT)
    (web / "cmdline").write_bytes(b"/usr/bin/web\0--port\08080\0")
    (web / "io").write_text("read_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1024\n")
    (web / "cgroup").write_text("1:name=systemd:/old\n0::/system.slice/web.service\n")
    (web / "exe").symlink_to("/usr/bin/web (deleted)")
    (web / "cwd").symlink_to("/srv")
    (web / "root").symlink_to("/")
    (kernel / "status").write_text(KERNEL_STATUS)
    (kernel / "stat").write_text(KERNEL_STAT)
    return tmp_path


def rows(device: Path, request: Request | None = None) -> list[Mapping[str, Value]]:
    (table,) = processes.tables(Host(root=device))
    return list(table.generate(request or Request()))


def test_a_process_is_described(device: Path) -> None:
    second = os.sysconf("SC_CLK_TCK")

    *_others, web = rows(device)

    assert web == {
        "pid": 42,
        "name": "web (old)",
        "path": "/usr/bin/web",
        "on_disk": 0,
        "cmdline": "/usr/bin/web --port 8080",
        "state": "S",
        "cwd": "/srv",
        "root": "/",
        "uid": "33",
        "euid": "34",
        "suid": "35",
        "gid": "43",
        "egid": "44",
        "sgid": "45",
        "wired_size": 0,
        "resident_size": 3196 * 1024,
        "total_size": 4360 * 1024,
        "user_time": 250_000 // second,
        "system_time": 120_000 // second,
        "disk_bytes_read": 4096,
        "disk_bytes_written": 7168,
        "start_time": 1_700_000_000 + 1000 // second,
        "parent": 1,
        "pgroup": 40,
        "threads": 3,
        "nice": 5,
        "cgroup_path": "/system.slice/web.service",
    }


def test_a_program_that_is_still_there_is_on_disk(device: Path) -> None:
    (device / "usr/bin/web").touch()

    *_others, web = rows(device)

    assert web["on_disk"] == 1


def test_a_thread_of_the_kernel_has_no_program_and_no_memory(device: Path) -> None:
    kernel, *_others = rows(device)

    assert (kernel["path"], kernel["on_disk"], kernel["cmdline"]) == ("", -1, "")
    assert kernel["resident_size"] is None


def test_a_process_that_ended_meanwhile_has_no_row(device: Path) -> None:
    assert [row["pid"] for row in rows(device)] == [2, 42]


@pytest.mark.parametrize(("pid", "found"), [("42", [42]), ("41", []), ("-1", []), ("self", [])])
def test_a_process_is_found_by_its_number(pid: str, found: list[int], device: Path) -> None:
    request = Request({"pid": (Constraint(Operator.EQUALS, pid),)})

    assert [row["pid"] for row in rows(device, request)] == found
