"""`processes`: what runs on the device, from /proc. Never the environment of a process."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from vigie_agent.domain.table import Request, Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

PROCESSES: Final = osquery_columns(
    "pid BIGINT index, name, path, cmdline, state, cwd, root, uid BIGINT, gid BIGINT, "
    "euid BIGINT, egid BIGINT, suid BIGINT, sgid BIGINT, on_disk INTEGER, "
    "wired_size BIGINT, resident_size BIGINT, total_size BIGINT, user_time BIGINT, "
    "system_time BIGINT, disk_bytes_read BIGINT, disk_bytes_written BIGINT, "
    "start_time BIGINT, parent BIGINT, pgroup BIGINT, threads INTEGER, nice INTEGER, "
    "elevated_token INTEGER hidden, secure_process INTEGER hidden, protection_type hidden, "
    "virtual_process INTEGER hidden, elapsed_time BIGINT hidden, handle_count BIGINT hidden, "
    "percent_processor_time BIGINT hidden, upid BIGINT hidden, uppid BIGINT hidden, "
    "cpu_type INTEGER hidden, cpu_subtype INTEGER hidden, translated INTEGER hidden, "
    "cgroup_path"
)

_DELETED: Final = " (deleted)"
_MAX_CMDLINE_BYTES: Final = 256 * 1024


def tables(host: Host) -> tuple[Table, ...]:
    def generate(request: Request) -> Iterable[TableRow]:
        boot_time, ticks = _boot_time(host), os.sysconf("SC_CLK_TCK")
        for pid in selected_pids(host, request):
            row = _row(host, pid, request, boot_time=boot_time, ticks=ticks)
            if row is not None:
                yield row

    return (Table("processes", PROCESSES, generate, platforms=frozenset({"linux"})),)


def selected_pids(host: Host, request: Request) -> Iterator[int]:
    """The processes that run now, in order; only those that a condition on `pid` names."""
    wanted = request.equals("pid")
    if wanted:
        yield from sorted({int(pid) for pid in wanted if pid.isdecimal()})
        return
    try:
        names = os.listdir(host.path("/proc"))  # noqa: PTH208 (names, not paths)
    except OSError:
        return
    yield from sorted(int(name) for name in names if name.isdecimal())


def _boot_time(host: Host) -> int:
    for line in host.text_or_empty("/proc/stat").splitlines():
        if line.startswith("btime "):
            return int(line.split()[1])
    return 0


def _row(host: Host, pid: int, request: Request, *, boot_time: int, ticks: int) -> TableRow | None:
    """What /proc tells of `pid`; None if it has ended meanwhile. `ticks`: of one second."""
    folder = f"/proc/{pid}"
    # The name stands in brackets and may hold anything, brackets and spaces included.
    _name, _bracket, rest = host.text_or_empty(f"{folder}/stat").rpartition(")")
    stat = rest.split()
    status = _fields(host.text_or_empty(f"{folder}/status"))
    if len(stat) < 20 or not status:  # noqa: PLR2004 (the start time is its 20th field)
        return None
    uses_disk = request.uses("disk_bytes_read") or request.uses("disk_bytes_written")
    uids, gids = status.get("Uid", "").split(), status.get("Gid", "").split()
    return {
        "pid": pid,
        "name": status.get("Name", ""),
        **(_executable(host, folder) if request.uses("path") or request.uses("on_disk") else {}),
        "cmdline": _command_line(host, folder) if request.uses("cmdline") else "",
        "state": stat[0],
        "cwd": _link(host, f"{folder}/cwd"),
        "root": _link(host, f"{folder}/root"),
        **dict(zip(("uid", "euid", "suid"), uids, strict=False)),
        **dict(zip(("gid", "egid", "sgid"), gids, strict=False)),
        "wired_size": 0,
        "resident_size": _bytes(status.get("VmRSS")),
        "total_size": _bytes(status.get("VmSize")),
        "user_time": int(stat[11]) * 1000 // ticks,
        "system_time": int(stat[12]) * 1000 // ticks,
        **(_disk_use(host, folder) if uses_disk else {}),
        "start_time": boot_time + int(stat[19]) // ticks,
        "parent": int(stat[1]),
        "pgroup": int(stat[2]),
        "threads": int(stat[17]),
        "nice": int(stat[16]),
        "cgroup_path": _cgroup(host, folder) if request.uses("cgroup_path") else "",
    }


def _fields(text: str) -> dict[str, str]:
    """Lines of a name, a colon and a value."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _colon, value in pairs}


def _executable(host: Host, folder: str) -> Mapping[str, str | int]:
    """The program's file, and whether it is still there: 1, 0, or -1 where it cannot be told."""
    path = _link(host, f"{folder}/exe")
    if not path:
        return {"path": "", "on_disk": -1}
    path = path.removesuffix(_DELETED)
    try:
        host.path(path).stat()
    except PermissionError:
        return {"path": path, "on_disk": -1}
    except OSError:
        return {"path": path, "on_disk": 0}
    return {"path": path, "on_disk": 1}


def _command_line(host: Host, folder: str) -> str:
    text = host.text_or_empty(f"{folder}/cmdline", max_bytes=_MAX_CMDLINE_BYTES)
    return text.replace("\0", " ").strip()


def _link(host: Host, path: str) -> str:
    try:
        return os.readlink(host.path(path))  # noqa: PTH115 (the text as it stands)
    except OSError:
        return ""


def _bytes(kilobytes: str | None) -> int | None:
    """`1024 kB` in bytes; a thread of the kernel has no memory of its own."""
    return int(kilobytes.split()[0]) * 1024 if kilobytes else None


def _disk_use(host: Host, folder: str) -> Mapping[str, int]:
    """Bytes read from and written to disks; what was written and then dropped is not counted."""
    counts = _fields(host.text_or_empty(f"{folder}/io"))
    if "read_bytes" not in counts:
        return {}
    written = int(counts["write_bytes"]) - int(counts["cancelled_write_bytes"])
    return {"disk_bytes_read": int(counts["read_bytes"]), "disk_bytes_written": written}


def _cgroup(host: Host, folder: str) -> str:
    for line in host.text_or_empty(f"{folder}/cgroup").splitlines():
        if line.startswith("0::"):
            return line.removeprefix("0::")
    return ""
