"""Path conditions as osquery expands them: in `LIKE`, only `%` is a wildcard.

- `%` stands for any run of characters within one level; a final `%%` for everything below.
- Letter case counts; `_`, `*`, `?`, `[` and `{` stand for themselves.
- A wildcard does not match a name that begins with a dot, unless the dot is written.
- Folders come with a final slash, and all in the order of their bytes.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from vigie_agent.domain.table import Request
from vigie_agent.tables.host import Host

_MAX_DEPTH: Final = 64


def constrained_paths(host: Host, request: Request) -> Iterator[tuple[str, str]]:
    """(path, folder) for each file that `path` or `directory` conditions ask for.

    Paths are the device's own; a path that equality names is given whether it exists or not.
    """
    exact = set(request.equals("path"))
    for pattern in request.likes("path"):
        exact.update(expanded(host, pattern, request.check_time))
    for path in sorted(exact):
        if _is_a_place(path):
            yield path, parent_and_name(path)[0]
    folders = set(request.equals("directory"))
    for pattern in request.likes("directory"):
        matches = expanded(host, pattern, request.check_time)
        folders.update(path for path in matches if path.endswith("/"))
    for folder in sorted(folders):
        if _is_a_place(folder):
            for name in _names(host.path(folder)):
                request.check_time()
                yield f"{folder.rstrip('/')}/{name}", folder


def _is_a_place(path: str) -> bool:
    """Whether a path can name a file: the system takes no zero byte, and we no relative path."""
    return path.startswith("/") and "\0" not in path


def parent_and_name(path: str) -> tuple[str, str]:
    """A path's folder and last part; a path that ends with a slash is the `.` of its folder."""
    if path == "/":
        return "", "/"
    parent, _slash, name = path.rpartition("/")
    return parent or "/", name or "."


def expanded(host: Host, pattern: str, check_time: Callable[[], None]) -> Iterator[str]:
    """The device's paths that match a `LIKE` pattern. Raises what `check_time` raises."""
    if not _is_a_place(pattern):
        return
    levels = [level for level in pattern.split("/") if level]
    recursive = bool(levels) and levels[-1] == "%%"
    if any("%%" in level for level in (levels[:-1] if recursive else levels)):
        return  # recursion anywhere but at the end finds nothing
    if recursive:
        levels[-1] = "%"
    for path in _matching(host, "/", levels, check_time):
        is_folder = host.path(path).is_dir()
        if is_folder or not pattern.endswith("/"):
            yield f"{path}/" if is_folder and path != "/" else path
        if recursive and is_folder and not host.path(path).is_symlink():
            yield from _below(host, path, check_time, _MAX_DEPTH)


def _matching(
    host: Host, folder: str, levels: list[str], check_time: Callable[[], None]
) -> Iterator[str]:
    check_time()
    if not levels:
        yield folder
        return
    level, *rest = levels
    if "%" in level:
        fits = _fitting(level)
        names = [name for name in _names(host.path(folder)) if fits(name)]
    else:
        names = [level] if os.path.lexists(host.path(_joined(folder, level))) else []
    for name in names:
        path = _joined(folder, name)
        if not rest or host.path(path).is_dir():
            yield from _matching(host, path, rest, check_time)


def _below(host: Host, folder: str, check_time: Callable[[], None], depth: int) -> Iterator[str]:
    """All below `folder`, except what begins with a dot. A link to a folder is not followed."""
    if depth == 0:
        return
    for entry in _entries(host.path(folder)):
        check_time()
        if entry.name.startswith("."):
            continue
        path = _joined(folder, entry.name)
        if _is_folder(entry):
            yield f"{path}/"
            if not entry.is_symlink():
                yield from _below(host, path, check_time, depth - 1)
        else:
            yield path


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that may not be followed
        return False


def _fitting(level: str) -> Callable[[str], bool]:
    expression = re.compile(
        ".*".join(re.escape(part) for part in re.split("%+", level)), flags=re.DOTALL
    )
    hidden_too = level.startswith(".")
    return lambda name: (
        expression.fullmatch(name) is not None and (hidden_too or not name.startswith("."))
    )


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in _entries(folder)]


def _joined(folder: str, name: str) -> str:
    return f"/{name}" if folder == "/" else f"{folder}/{name}"
