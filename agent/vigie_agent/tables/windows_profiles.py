r"""Whose profiles a Windows device holds, and which of their hives can be read now.

A hive is loaded while its owner is logged on: the settings of the others are not absent, they are
out of reach. Entra accounts have identifiers of their own kind (S-1-12-1-...).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_codes import filetime
from vigie_agent.tables.windows_system import Reason, RegistryKey, Unread

_PROFILES: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
_PEOPLE: Final = ("S-1-5-21-", "S-1-12-1-")


@dataclass(frozen=True, slots=True)
class Profile:
    """A person's profile on this device."""

    sid: str
    folder: str  # C:\Users\...; empty where the registry does not say
    loaded_at: int | None  # UNIX seconds: the last logon that this device remembers
    hive: bool  # its settings can be read now

    @property
    def folder_name(self) -> str:
        """The last part of the folder: the name that the account had at its first logon."""
        return self.folder.rstrip("\\").rpartition("\\")[2]


def is_person(sid: str) -> bool:
    """Whether a SID is that of a person's account: local, of a domain, or of Entra."""
    return sid.startswith(_PEOPLE) and sid.rpartition("-")[2].isdecimal()


def is_entra(sid: str) -> bool:
    """Whether a SID belongs to an account or group of Entra."""
    return sid.startswith("S-1-12-1-")


def loaded_hives(host: Host) -> frozenset[str] | Unread:
    """The SIDs of people whose hives are loaded."""
    users = host.windows.registry("HKEY_USERS")
    if isinstance(users, Unread):
        return users
    return frozenset(name for name in users.subkeys if is_person(name))


def profiles(host: Host) -> Sequence[Profile] | Unread:
    """The profiles of people; leftovers (`.bak`) and service accounts are not."""
    listed = host.windows.registry(_PROFILES)
    if isinstance(listed, Unread):
        return listed
    hives = loaded_hives(host)
    known = frozenset[str]() if isinstance(hives, Unread) else hives
    found = []
    for sid in sorted(filter(is_person, listed.subkeys)):
        key = host.windows.registry(f"{_PROFILES}\\{sid}")
        if not isinstance(key, Unread):
            found.append(
                Profile(sid, key.text("ProfileImagePath") or "", _loaded_at(key), sid in known)
            )
    return found


def users_key(host: Host, sid: str, path: str) -> RegistryKey | Unread:
    """A key of a person's loaded hive."""
    return host.windows.registry(f"HKEY_USERS\\{sid}\\{path}")


def values_of(host: Host, key: str) -> RegistryKey | Unread:
    """A key whose absence means that nothing is set: an empty one then."""
    found = host.windows.registry(key)
    if isinstance(found, Unread) and found.reason is Reason.ABSENT:
        return RegistryKey()
    return found


def _loaded_at(key: RegistryKey) -> int | None:
    high, low = key.number("LocalProfileLoadTimeHigh"), key.number("LocalProfileLoadTimeLow")
    return None if high is None or low is None else filetime((high << 32) | low)
