"""`file`: what the file system says of a path. Never a file's content."""

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from vigie_agent.domain.table import Request, Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host
from vigie_agent.tables.path_patterns import constrained_paths, parent_and_name

_TYPES: Final[Mapping[Callable[[int], bool], str]] = {
    stat.S_ISREG: "regular",
    stat.S_ISDIR: "directory",
    stat.S_ISCHR: "character",
    stat.S_ISBLK: "block",
    stat.S_ISFIFO: "fifo",
    stat.S_ISSOCK: "socket",
}

COLUMNS: Final = osquery_columns(
    "path required index, directory required, filename, inode BIGINT, uid BIGINT, gid "
    "BIGINT, mode, device BIGINT, size BIGINT, block_size INTEGER, atime BIGINT, mtime "
    "BIGINT, ctime BIGINT, btime BIGINT, hard_links INTEGER, symlink INTEGER, type, "
    "symlink_target_path, attributes hidden, volume_serial hidden, file_id hidden, "
    "file_version hidden, product_version hidden, original_filename hidden, "
    "shortcut_target_path hidden, shortcut_target_type hidden, shortcut_target_location "
    "hidden, shortcut_start_in hidden, shortcut_run hidden, shortcut_comment hidden, "
    "bsd_flags hidden, pid_with_namespace INTEGER hidden additional, mount_namespace_id "
    "hidden "
)


def tables(host: Host) -> tuple[Table, ...]:
    def generate(request: Request) -> Iterable[TableRow]:
        for path, folder in constrained_paths(host, request):
            row = _row(host, path, folder)
            if row is not None:
                yield row

    return (Table("file", COLUMNS, generate, platforms=frozenset({"linux"})),)


def _row(host: Host, path: str, folder: str) -> TableRow | None:
    """What is at `path`, through links; a link that leads nowhere is described itself."""
    place = os.path.join(host.root, path.lstrip("/"))  # noqa: PTH118 (a final slash counts)
    try:
        own = os.lstat(place)
        is_link = stat.S_ISLNK(own.st_mode)
        found = _followed(place, own) if is_link else own
    except (OSError, ValueError):  # not there, not allowed to look, or no name of a file at all
        return None
    return {
        "path": path,
        "directory": folder,
        "filename": parent_and_name(path)[1],
        "inode": found.st_ino,
        "uid": found.st_uid,
        "gid": found.st_gid,
        "mode": f"{stat.S_IMODE(found.st_mode):04o}",
        "device": found.st_rdev,
        "size": found.st_size,
        "block_size": found.st_blksize,
        "atime": int(found.st_atime),
        "mtime": int(found.st_mtime),
        "ctime": int(found.st_ctime),
        "btime": 0,
        "hard_links": found.st_nlink,
        "symlink": int(is_link),
        "type": next((name for test, name in _TYPES.items() if test(found.st_mode)), "unknown"),
        "symlink_target_path": _target(host, path) if is_link else "",
        "pid_with_namespace": 0,
    }


def _target(host: Host, path: str) -> str:
    """Where a link finally leads, in full; it need not exist."""
    target = Path(os.path.realpath(host.path(path)))  # unlike resolve(), takes links in a circle
    return host.shown(target) if target.is_relative_to(host.root) else str(target)


def _followed(place: str, own: os.stat_result) -> os.stat_result:
    try:
        return os.stat(place)  # noqa: PTH116 (a final slash counts)
    except OSError:
        return own
