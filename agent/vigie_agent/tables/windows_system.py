r"""What Windows tables look at: WMI, the registry, local accounts, and why any of it stays unread.

Nothing here raises. A look gives what was found, or an `Unread` that says why not: a namespace that
this edition lacks, a class nobody provides, missing rights and an overrun are different facts, and
none of them is an absence. Windows words its own messages in the language of the device, so reasons
go by number and are told in our words.

Tables reach it as `host.windows`. `windows_live.py` is the device's own; tests bring a written one.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol

WMI_TIMEOUT: Final = timedelta(seconds=10)
MAX_WMI_ROWS: Final = 1_000
_LONGEST_NUMBER: Final = 20

CIMV2: Final = r"root\CIMV2"
STANDARD_CIMV2: Final = r"root\StandardCimv2"
DEFENDER: Final = r"root\Microsoft\Windows\Defender"
SECURITY_CENTER: Final = r"root\SecurityCenter2"
BITLOCKER: Final = r"root\CIMV2\Security\MicrosoftVolumeEncryption"

ADMINISTRATORS: Final = "S-1-5-32-544"
"""The group of the local administrators: its name is translated, its identifier never is."""

WmiValue = str | int | float | bool | tuple[str | int | float | bool, ...] | None
WmiRow = Mapping[str, WmiValue]
RegistryData = str | int | bytes | tuple[str, ...] | None


class Reason(StrEnum):
    """Why something could not be read."""

    DENIED = "denied"
    ABSENT = "absent"  # no such key, group or object
    NO_NAMESPACE = "no_namespace"  # this edition, or an uninstalled feature, lacks it
    NO_CLASS = "no_class"
    TIMED_OUT = "timed_out"
    TOO_LONG = "too_long"
    STOPPED = "stopped"  # the service behind it is off or broken
    FAILED = "failed"
    NOT_WINDOWS = "not_windows"


_WORDS: Final[Mapping[Reason, str]] = {
    Reason.DENIED: "needs elevated rights",
    Reason.ABSENT: "is not there",
    Reason.NO_NAMESPACE: "is not part of this edition",
    Reason.NO_CLASS: "is not part of this edition",
    Reason.TIMED_OUT: "did not answer in time",
    Reason.TOO_LONG: "answered more than is read",
    Reason.STOPPED: "its service does not run",
    Reason.FAILED: "could not be read",
    Reason.NOT_WINDOWS: "exists on Windows only",
}


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read. `code` is Windows' own number for it, 0 for none."""

    reason: Reason
    code: int = 0

    def why(self, subject: str) -> str:
        """The sentence for a row's `why`: "BitLocker: needs elevated rights"."""
        return f"{subject}: {_WORDS[self.reason]}"


def whole_number(written: str) -> int | None:
    """A number that a 64-bit value can hold, written in digits; None for all else."""
    return int(written) if written.isdecimal() and len(written) <= _LONGEST_NUMBER else None


@dataclass(frozen=True, slots=True)
class RegistryKey:
    """One key: its values and the names of its subkeys. Names compare without regard to case."""

    values: Mapping[str, RegistryData] = field(default_factory=dict)
    subkeys: tuple[str, ...] = ()
    written: int | None = None  # UNIX seconds of the last change of the key itself

    def __post_init__(self) -> None:
        lowered = {name.lower(): data for name, data in self.values.items()}
        object.__setattr__(self, "values", lowered)

    def has(self, name: str) -> bool:
        """Whether the value exists, be it empty."""
        return name.lower() in self.values

    def text(self, name: str) -> str | None:
        """A value of text, several joined with commas; None when absent or of another kind."""
        match self.values.get(name.lower()):
            case str(data):
                return data.rstrip("\0")
            case tuple(data):
                return ",".join(data)
            case _:
                return None

    def number(self, name: str) -> int | None:
        """A number, unsigned. One written as text counts too, as programs write both."""
        match self.values.get(name.lower()):
            case bool():
                return None
            case int(data):
                return data & 0xFFFF_FFFF if data < 0 else data
            case str(data):
                return whole_number(data.strip("\0 "))
            case _:
                return None

    def binary(self, name: str) -> bytes | None:
        """A value of bytes."""
        data = self.values.get(name.lower())
        return data if isinstance(data, bytes) else None


@dataclass(frozen=True, slots=True)
class LocalUser:
    """An account of the device's own register (NetUserEnum, level 3)."""

    name: str
    sid: str
    flags: int
    last_logon: int = 0  # UNIX seconds; 0 when there was none
    password_age: int | None = None  # seconds
    expires: int | None = None  # UNIX seconds; None never


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A member of a local group. `kind` is Windows' SID_NAME_USE: 1 user, 2 group, 6 deleted."""

    sid: str
    name: str  # DOMAIN\name; empty when nobody could resolve it
    kind: int


@dataclass(frozen=True, slots=True)
class AccountRules:
    """The rules in force for local accounts (NetUserModalsGet, levels 0 and 3), in seconds."""

    min_length: int
    max_age: int | None  # None: passwords do not expire
    min_age: int
    history: int
    lockout_threshold: int
    lockout_duration: int | None  # None: until an administrator unlocks the account
    lockout_window: int


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session of a person, connected or left open. `groups` are the SIDs in its token.

    The token holds what Windows worked out at logon, nested groups of a domain included; only
    LocalSystem may look at it, and `groups` is None otherwise.
    """

    account: str  # DOMAIN\\name
    sid: str  # empty when nobody could resolve it
    remote: bool
    groups: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class InstalledUpdate:
    """A line of Windows Update's own history."""

    title: str
    time: int  # UNIX seconds
    operation: int  # 1 installation, 2 removal
    result: int  # 2 succeeded, 3 succeeded with errors, 4 failed


@dataclass(frozen=True, slots=True)
class UpdateHistory:
    """What Windows Update remembers, newest first, and when it last looked for updates."""

    entries: tuple[InstalledUpdate, ...] = ()
    last_search: int | None = None


class WindowsSystem(Protocol):
    """A Windows device. Bounded in time and rows; never raises."""

    def wmi(
        self,
        namespace: str,
        wql: str,
        *,
        methods: Sequence[str] = (),
        context: Mapping[str, str] | None = None,
        timeout: timedelta = WMI_TIMEOUT,
    ) -> Sequence[WmiRow] | Unread:
        """The objects that `wql` selects, with the properties that it names.

        Each of `methods` (`Get...`, without arguments) is called on each object; what it gives back
        stands in the row as `<method>.<parameter>`; `<method>.ReturnValue` is 0 when it succeeded.
        `context` is passed to the provider: the firewall's takes its policy store from there.
        Times are text as WMI writes them: see `wmi_time`.
        """
        ...

    def registry(self, key: str) -> RegistryKey | Unread:
        r"""One key by its full name (`HKEY_LOCAL_MACHINE\...`), the 64-bit view of it.

        Unlike osquery's table it goes on after an empty value, and tells a key that is not there
        (`ABSENT`) from one that may not be opened (`DENIED`).
        """
        ...

    def net_users(self) -> Sequence[LocalUser] | Unread:
        """The accounts of the device's own register; a domain controller has none."""
        ...

    def net_local_group_members(self, sid: str) -> Sequence[GroupMember] | Unread:
        """The direct members of the local group with this SID; groups among them stay closed."""
        ...

    def account_name(self, sid: str) -> str | Unread:
        r"""`DOMAIN\name` of a SID, as far as this device can tell without waiting long."""
        ...

    def sessions(self) -> Sequence[OpenSession] | Unread:
        """The sessions that people have open now, connected or not."""
        ...

    def update_history(self) -> UpdateHistory | Unread:
        """What Windows Update remembers; empty after its folder was reset."""
        ...

    def audit_policy(self, subcategories: Sequence[str]) -> Sequence[int] | Unread:
        """What is noted of each subcategory (by its GUID), in force: 1 success, 2 failure, 3 both.

        0 or 4 is neither, as Windows answers either.
        """
        ...

    def account_rules(self) -> AccountRules | Unread:
        """The rules for passwords and lockout that hold for local accounts now."""
        ...


class NoWindows:
    """A device that is not a Windows one."""

    def wmi(
        self,
        namespace: str,  # noqa: ARG002 (the protocol)
        wql: str,  # noqa: ARG002 (the protocol)
        *,
        methods: Sequence[str] = (),  # noqa: ARG002 (the protocol)
        context: Mapping[str, str] | None = None,  # noqa: ARG002 (the protocol)
        timeout: timedelta = WMI_TIMEOUT,  # noqa: ARG002 (the protocol)
    ) -> Unread:
        return Unread(Reason.NOT_WINDOWS)

    def registry(self, key: str) -> Unread:  # noqa: ARG002 (the protocol)
        return Unread(Reason.NOT_WINDOWS)

    def net_users(self) -> Unread:
        return Unread(Reason.NOT_WINDOWS)

    def net_local_group_members(self, sid: str) -> Unread:  # noqa: ARG002 (the protocol)
        return Unread(Reason.NOT_WINDOWS)

    def account_name(self, sid: str) -> Unread:  # noqa: ARG002 (the protocol)
        return Unread(Reason.NOT_WINDOWS)

    def sessions(self) -> Unread:
        return Unread(Reason.NOT_WINDOWS)

    def update_history(self) -> Unread:
        return Unread(Reason.NOT_WINDOWS)

    def audit_policy(self, subcategories: Sequence[str]) -> Unread:  # noqa: ARG002 (the protocol)
        return Unread(Reason.NOT_WINDOWS)

    def account_rules(self) -> Unread:
        return Unread(Reason.NOT_WINDOWS)


def this_windows() -> WindowsSystem:
    """The Windows that this process runs on; one that is not there where it runs on another."""
    if sys.platform == "win32":
        from vigie_agent.tables.windows_live import LiveWindows  # noqa: PLC0415 (loads COM)

        return LiveWindows()
    return NoWindows()
