"""Whose homes lie on this device: people's accounts, not those of services.

Accounts of a directory are in no file of the device; their homes are where the others are, and
name them. A home that is closed to this process is listed all the same: what is in it is unknown.
"""

import platform
from collections.abc import Iterator
from typing import Final, NamedTuple

from vigie_agent.tables.account_state import is_interactive
from vigie_agent.tables.accounts import local_users
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_folder


class Home(NamedTuple):
    """An account and its folder, as the device names both."""

    username: str
    directory: str


_FOLDERS: Final = {"linux": "/home", "darwin": "/Users", "windows": "C:/Users"}
_ROOTS: Final = {"linux": "/root", "darwin": "/var/root"}
_NOBODYS: Final = frozenset(
    {"Shared", "Guest", ".localized", "lost+found"}
    | {"Public", "Default", "Default User", "All Users", "defaultuser0"}
)
_FIRST_PERSON: Final = 1000
_NOBODY: Final = 65_534


def homes(host: Host, system: str = "") -> Iterator[Home]:
    """The homes of people on `host`, by name of account; the administrator root's is not one."""
    system = system or platform.system().lower()
    found = {}
    for directory in _entries(host, _FOLDERS.get(system, "/home")):
        name = directory.rpartition("/")[2]
        if name not in _NOBODYS and not name.startswith(".") and is_folder(host, directory):
            found[directory] = Home(name, directory)
    if system == "linux":
        for user in local_users(host):
            directory = user.directory.rstrip("/")
            if not _FIRST_PERSON <= user.uid < _NOBODY or not is_interactive(user):
                found.pop(directory, None)
            elif is_folder(host, directory):
                found[directory] = Home(user.name, directory)
    yield from sorted(found.values())


def homes_and_root(host: Host, system: str = "") -> Iterator[Home]:
    """As `homes`, and the home of root where there is one."""
    system = system or platform.system().lower()
    yield from homes(host, system)
    if system in _ROOTS:
        yield Home("root", _ROOTS[system])


def _entries(host: Host, folder: str) -> list[str]:
    try:
        return [f"{folder}/{item.name}" for item in host.path(folder).iterdir()]
    except OSError:
        return []
