"""How Windows numbers and writes things: error codes, times, kinds of rows. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from vigie_agent.tables.windows_system import Reason, WmiValue, whole_number

_EPOCH_1601: Final = 11_644_473_600
_TICKS: Final = 10_000_000
_TICKS_BYTES: Final = 8
_FOREVER: Final = 0xFFFF_FFFF
_CIM_LENGTH: Final = 25

_REASONS: Final[Mapping[int, Reason]] = {
    0x8004_1003: Reason.DENIED,  # WBEM_E_ACCESS_DENIED
    0x8004_1062: Reason.DENIED,  # WBEM_E_PRIVILEGE_NOT_HELD
    0x8007_0005: Reason.DENIED,  # E_ACCESSDENIED
    0x8004_1002: Reason.ABSENT,  # WBEM_E_NOT_FOUND
    0x8007_0002: Reason.ABSENT,
    0x8004_100E: Reason.NO_NAMESPACE,  # WBEM_E_INVALID_NAMESPACE
    0x8004_1010: Reason.NO_CLASS,  # WBEM_E_INVALID_CLASS
    0x8004_1011: Reason.NO_CLASS,  # WBEM_E_PROVIDER_NOT_FOUND
    0x8004_1017: Reason.NO_CLASS,  # WBEM_E_INVALID_QUERY: a property that this release lacks
    0x8004_1009: Reason.TIMED_OUT,  # WBEM_E_SERVER_TOO_BUSY
    0x0004_0004: Reason.TIMED_OUT,  # WBEM_S_TIMEDOUT
    0x8004_1013: Reason.STOPPED,  # WBEM_E_PROVIDER_LOAD_FAILURE
    0x8004_1014: Reason.STOPPED,  # WBEM_E_INITIALIZATION_FAILURE
    0x8004_1033: Reason.STOPPED,  # WBEM_E_SHUTTING_DOWN
    0x8007_0422: Reason.STOPPED,  # ERROR_SERVICE_DISABLED
    0x8007_06BA: Reason.STOPPED,  # RPC_S_SERVER_UNAVAILABLE
    2: Reason.ABSENT,  # ERROR_FILE_NOT_FOUND
    5: Reason.DENIED,  # ERROR_ACCESS_DENIED
    1314: Reason.DENIED,  # ERROR_PRIVILEGE_NOT_HELD
    1332: Reason.ABSENT,  # ERROR_NONE_MAPPED: no account with this SID
    1376: Reason.ABSENT,  # ERROR_NO_SUCH_ALIAS
    1722: Reason.STOPPED,  # RPC_S_SERVER_UNAVAILABLE
    2220: Reason.ABSENT,  # NERR_GroupNotFound
}

_PRODUCT_STATES: Final = {0: "off", 1: "on", 2: "snoozed", 3: "expired"}


def wql(names: str, of: str, *, where: str = "") -> str:
    """The question for some properties of a class; all three are words of ours, never a device's.

    >>> wql("Name, State", "Win32_Service", where="Name = 'BITS'")
    "SELECT Name, State FROM Win32_Service WHERE Name = 'BITS'"
    """
    return f"SELECT {names} FROM {of}" + (f" WHERE {where}" if where else "")  # noqa: S608


def reason_of(code: int) -> Reason:
    """What an error number of COM, WMI or Win32 means; signed or not."""
    return _REASONS.get(code & 0xFFFF_FFFF, Reason.FAILED)


def product_state(number: int) -> str:
    """on, off, snoozed, expired or unknown: of a product that registered in the Security Center."""
    return _PRODUCT_STATES.get(number >> 12 & 0xF, "unknown")


def filetime(ticks: int) -> int | None:
    """UNIX seconds of a FILETIME (tenths of microseconds since 1601); None for none."""
    seconds = ticks // _TICKS - _EPOCH_1601
    return seconds if ticks > 0 and 0 < seconds < _FOREVER * 2 else None


def filetime_bytes(data: bytes | None) -> int | None:
    """UNIX seconds of a FILETIME as the registry keeps it, eight bytes."""
    return filetime(int.from_bytes(data, "little")) if data and len(data) == _TICKS_BYTES else None


def unix_or_never(seconds: int) -> int | None:
    """A time or span of the network API, whose largest number means never."""
    return None if seconds & 0xFFFF_FFFF == _FOREVER else seconds


def wmi_time(written: WmiValue) -> int | None:
    """UNIX seconds of `20261120080000.000000+060`; None where it is empty, unset or damaged.

    The last figure is the offset from UTC in minutes. Defender writes years before 1970 for never.
    """
    if not isinstance(written, str) or len(written) != _CIM_LENGTH:
        return None
    try:
        offset = timedelta(minutes=int(written[21:]))
        moment = datetime.strptime(written[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC) - offset
    except (ValueError, OverflowError):
        return None
    seconds = int(moment.timestamp())
    return seconds if seconds > 0 else None


def as_bool(value: WmiValue) -> int | None:
    """1 or 0 of a WMI boolean (PowerShell-made classes write numbers); None where it is neither."""
    return int(bool(value)) if isinstance(value, bool | int) else None


def as_number(value: WmiValue) -> int | None:
    """A WMI whole number; 64-bit ones travel as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return whole_number(value) if isinstance(value, str) else None


def as_text(value: WmiValue) -> str:
    """A WMI text, empty where it is not one."""
    return value if isinstance(value, str) else ""
