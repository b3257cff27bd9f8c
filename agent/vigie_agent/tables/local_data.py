"""Whether documents of people lie on this device: a hint, without looking at what they are.

Folders that people see first are asked whether anything is in them. Names go no further than this
module, and nothing is opened.
"""

import re
from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import TableRow
from vigie_agent.tables.backup_facts import Part
from vigie_agent.tables.backup_places import CLOUD, NETWORK, place_of
from vigie_agent.tables.columns import collected, not_collected
from vigie_agent.tables.homes import Home, homes
from vigie_agent.tables.host import Host

_FOLDERS: Final = ("Documents", "Desktop", "Pictures")
_USER_DIRS: Final = re.compile(
    r'^\s*XDG_(?:DOCUMENTS|DESKTOP|PICTURES)_DIR="\$HOME/([^"]+)"', re.MULTILINE
)
_NO_DATA: Final = re.compile(
    r"\..*|desktop\.ini|thumbs\.db|.*\.(?:lnk|url|desktop)|My .*", re.IGNORECASE
)
_MAX_ENTRIES: Final = 200
_CLOSED: Final = "folders of people are closed to the agent"
_CLOSED_MAC: Final = (
    "needs Full Disk Access (System Settings, Privacy & Security, Full Disk Access): "
    "folders of people"
)


def local_data_rows(host: Host, system: str) -> Iterator[TableRow]:
    """One row, where the device has accounts of people at all."""
    closed, looked = False, False
    for home in homes(host, system):
        if system == "linux" and place_of(host, home.directory) in {NETWORK, CLOUD}:
            looked = True
            continue
        answer = _holds_data(host, home, system)
        if answer:
            yield collected(part=Part.LOCAL_DATA.value, mechanism="documents", holds_data=1)
            return
        closed, looked = closed or answer is None, True
    if closed:
        why = _CLOSED_MAC if system == "darwin" else _CLOSED
        yield not_collected(why, part=Part.LOCAL_DATA.value)
    elif looked:
        yield collected(part=Part.LOCAL_DATA.value, mechanism="documents", holds_data=0)


def _holds_data(host: Host, home: Home, system: str) -> bool | None:
    """Whether anything lies in a home's own folders; None when one is closed and none has any."""
    folders = _FOLDERS
    if system == "linux":
        text = host.text_or_empty(f"{home.directory}/.config/user-dirs.dirs")
        own = [name for name in _USER_DIRS.findall(text) if ".." not in name.split("/")]
        folders = tuple(dict.fromkeys([*_FOLDERS, *own]))
    closed = False
    for folder in folders:
        try:
            entries = host.path(f"{home.directory}/{folder}").iterdir()
            names = [item.name for _n, item in zip(range(_MAX_ENTRIES), entries, strict=False)]
        except PermissionError:
            closed = True
            continue
        except OSError:
            continue
        if any(not _NO_DATA.fullmatch(name) for name in names):
            return True
    return None if closed else False
