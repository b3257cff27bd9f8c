r"""When Windows locks sessions: the machine's limit, and each account's screen saver.

The registry is read value by value: osquery's table stops at the first empty value of a key, and
`Policies\System` has some. An account that is logged off has no hive to read: what it set is not
known, but the machine's limit holds for it all the same.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from vigie_agent.tables.host import Host
from vigie_agent.tables.session_locks import Answer, Lock
from vigie_agent.tables.windows_profiles import Profile, profiles, users_key
from vigie_agent.tables.windows_system import Reason, RegistryKey, Unread, WindowsSystem

_MACHINE: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
_MANAGED: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\PolicyManager\current\device\DeviceLock"
_WINDOWS_NT: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_WINLOGON: Final = _WINDOWS_NT + r"\Winlogon"
_DESKTOP: Final = r"Control Panel\Desktop"
_POLICY: Final = r"Software\Policies\Microsoft\Windows\Control Panel\Desktop"
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


def account_locks(host: Host, limit: Limit | Unread) -> Iterator[AccountLock] | Unread:
    """What holds for each account of a person that has a profile here."""
    found = profiles(host)
    if isinstance(found, Unread):
        return found
    users = host.windows.net_users()
    names = {} if isinstance(users, Unread) else {user.sid: user.name for user in users}
    set_grace = _or_nothing(host.windows.registry(_WINLOGON)).number("ScreenSaverGracePeriod")
    grace = _DEFAULT_GRACE if set_grace is None else set_grace
    return (
        AccountLock(
            names.get(profile.sid) or profile.folder_name or profile.sid,
            *_of_account(host, profile, limit, grace),
        )
        for profile in found
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


def _of_account(
    host: Host, profile: Profile, limit: Limit | Unread, grace: int
) -> tuple[str, Answer]:
    """Which setting wins for an account, and the lock that it makes."""
    if isinstance(limit, Unread):
        return "", limit.why("the machine's limit")
    own = users_key(host, profile.sid, _DESKTOP)
    policy = users_key(host, profile.sid, _POLICY)
    closed = [
        key for key in (own, policy) if isinstance(key, Unread) and key.reason is not Reason.ABSENT
    ]
    if profile.hive and not closed:
        lock, source = stricter(screen_saver(_or_nothing(own), _or_nothing(policy), grace), limit)
        return source, lock
    if limit.seconds:
        return "limit of the machine", Lock(limit.seconds, asks_password=True, enforced=True)
    if closed:
        return "", closed[0].why("the account's settings")
    return "", "the account is logged off: its settings are not loaded"


def _or_nothing(key: RegistryKey | Unread) -> RegistryKey:
    return _NOTHING if isinstance(key, Unread) else key
