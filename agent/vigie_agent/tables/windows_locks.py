r"""When Windows locks sessions: the machine's limit, and each account's screen saver.

The registry is read value by value: osquery's table stops at the first empty value of a key, and
`Policies\System` has some. An account that is logged off has no hive to read: what it set is not
known, but the machine's limit holds for it all the same.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from vigie_agent.tables.session_locks import Answer, Lock
from vigie_agent.tables.windows_system import Reason, RegistryKey, Unread, WindowsSystem

_MACHINE: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
_MANAGED: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\PolicyManager\current\device\DeviceLock"
_WINDOWS_NT: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_PROFILES: Final = _WINDOWS_NT + r"\ProfileList"
_WINLOGON: Final = _WINDOWS_NT + r"\Winlogon"
_DESKTOP: Final = r"Control Panel\Desktop"
_POLICY: Final = r"Software\Policies\Microsoft\Windows\Control Panel\Desktop"
_PERSON: Final = re.compile(r"S-1-(?:5-21|12-1)(?:-\d+)+")
_DECISIVE: Final = ("ScreenSaveActive", "ScreenSaveTimeOut", "ScreenSaverIsSecure")
_DEFAULT_GRACE: Final = 5
_MINUTE: Final = 60
_NOTHING: Final = RegistryKey()


class Limit(NamedTuple):
    """After how many seconds the machine locks whoever uses it, and what says so; 0 never."""

    seconds: int
    source: str


class AccountLock(NamedTuple):
    """What holds for an account, and which setting won."""

    username: str
    source: str
    lock: Answer


def machine_limit(windows: WindowsSystem) -> Limit | Unread:
    """The stricter of the security option (seconds) and of device management (minutes).

    Device management counts only where it demands a password, and writes 0 for "yes, it does".
    """
    option, managed = windows.registry(_MACHINE), windows.registry(_MANAGED)
    for key in (option, managed):
        if isinstance(key, Unread) and key.reason is not Reason.ABSENT:
            return key
    own, device = _or_nothing(option), _or_nothing(managed)
    limits = [
        Limit(own.number("InactivityTimeoutSecs") or 0, "inactivity limit of the machine"),
        Limit(
            (device.number("MaxInactivityTimeDeviceLock") or 0) * _MINUTE
            if device.number("DevicePasswordEnabled") == 0
            else 0,
            "device management",
        ),
    ]
    imposed = [limit for limit in limits if limit.seconds > 0]
    return min(imposed, default=Limit(0, "no limit of the machine"))


def account_locks(windows: WindowsSystem, limit: Limit | Unread) -> Iterator[AccountLock] | Unread:
    """What holds for each account of a person that has a profile here."""
    profiles = windows.registry(_PROFILES)
    if isinstance(profiles, Unread):
        return profiles
    users = windows.net_users()
    names = {} if isinstance(users, Unread) else {user.sid: user.name for user in users}
    grace = _or_nothing(windows.registry(_WINLOGON)).number("ScreenSaverGracePeriod")
    return (
        _account(windows, sid, names, limit, _DEFAULT_GRACE if grace is None else grace)
        for sid in sorted(profiles.subkeys)
        if _PERSON.fullmatch(sid)
    )


def screen_saver(own: RegistryKey, policy: RegistryKey, grace: int) -> Lock:
    """The lock that a screen saver makes; a policy beats the account's own value, each by itself.

    It locks only when it is on, chosen, timed and protected: without a program nothing starts.
    """

    def said(name: str) -> str:
        return (policy.text(name) if policy.has(name) else own.text(name)) or ""

    idle = (policy if policy.has("ScreenSaveTimeOut") else own).number("ScreenSaveTimeOut") or 0
    starts = said("ScreenSaveActive") == "1" and said("SCRNSAVE.EXE") != "" and idle > 0
    asks = said("ScreenSaverIsSecure") == "1"
    enforced = all(
        policy.has(name)
        for name in ("ScreenSaveActive", "ScreenSaveTimeOut", "ScreenSaverIsSecure")
    )
    return Lock(idle + grace if starts and asks else None, starts and asks, grace, enforced)


def stricter(saver: Lock, limit: Limit) -> tuple[Lock, str]:
    """Whichever comes first, and its name."""
    if limit.seconds and (saver.after_seconds is None or limit.seconds <= saver.after_seconds):
        return Lock(limit.seconds, asks_password=True, enforced=True), "limit of the machine"
    name = "screen saver policy" if saver.enforced else "screen saver of the account"
    enforced = saver.enforced or limit.seconds > 0  # without the saver the limit still locks
    return replace(saver, enforced=enforced), name


def _account(
    windows: WindowsSystem, sid: str, names: dict[str, str], limit: Limit | Unread, grace: int
) -> AccountLock:
    username = names.get(sid) or _folder(windows, sid) or sid
    if isinstance(limit, Unread):
        return AccountLock(username, "", limit.why("the machine's limit"))
    hive = f"HKEY_USERS\\{sid}"
    own, policy = windows.registry(f"{hive}\\{_DESKTOP}"), windows.registry(f"{hive}\\{_POLICY}")
    loaded = not isinstance(own, Unread) or not isinstance(windows.registry(hive), Unread)
    closed = [
        key for key in (own, policy) if isinstance(key, Unread) and key.reason is not Reason.ABSENT
    ]
    if loaded and not closed:
        lock, source = stricter(screen_saver(_or_nothing(own), _or_nothing(policy), grace), limit)
        return AccountLock(username, source, lock)
    if limit.seconds:
        lock = Lock(limit.seconds, asks_password=True, enforced=True)
        return AccountLock(username, "limit of the machine", lock)
    if closed:
        return AccountLock(username, "", closed[0].why("the account's settings"))
    return AccountLock(username, "", "the account is logged off: its settings are not loaded")


def _folder(windows: WindowsSystem, sid: str) -> str:
    """The name of the profile's folder, which is that of a domain's account as it first came."""
    path = _or_nothing(windows.registry(f"{_PROFILES}\\{sid}")).text("ProfileImagePath") or ""
    return path.rstrip("\\").rpartition("\\")[2]


def _or_nothing(key: RegistryKey | Unread) -> RegistryKey:
    return _NOTHING if isinstance(key, Unread) else key
