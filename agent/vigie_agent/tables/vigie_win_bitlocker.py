"""vigie_win_bitlocker: which volumes BitLocker encrypts and protects now.

Each volume is asked (its methods), because the properties beside them come from a cache that was
seen to claim protection for a disk in the clear. Encrypted and protected are two facts: a suspended
volume is encrypted, and its key lies beside it.
"""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_codes import as_number, as_text, reason_of, wql
from vigie_agent.tables.windows_system import BITLOCKER, Unread, WmiRow

COLUMNS: Final = (
    text("volume", "Drive letter; empty for a volume without one"),
    text("device", "The volume's own name"),
    integer("system", "Holds the running system"),
    integer("encrypted", "All of it is encrypted"),
    text("protection", "on, off, suspended (encrypted, the key in the clear), or unknown"),
    integer("percent", "Share that is encrypted; NULL for a locked volume"),
    text("method", "Cipher: XTS_AES_128, XTS_AES_256, ..., None"),
    text("conversion", "fully decrypted, fully encrypted, encrypting, decrypting, paused, locked"),
    *COLLECTED,
)
"""One row a volume that BitLocker knows."""

_QUESTION: Final = wql("DriveLetter, DeviceID, VolumeType", "Win32_EncryptableVolume")
_METHODS: Final = (
    "GetProtectionStatus",
    "GetConversionStatus",
    "GetEncryptionMethod",
    "GetLockStatus",
)
_OS_VOLUME: Final = 0
_LOCKED: Final = 1
_ON: Final = 1
_OFF: Final = 0
_WHOLE: Final = 1
_CONVERSIONS: Final = {
    0: "fully decrypted",
    1: "fully encrypted",
    2: "encrypting",
    3: "decrypting",
    4: "encryption paused",
    5: "decryption paused",
}
_METHOD_NAMES: Final = {
    0: "None",
    1: "AES_128_WITH_DIFFUSER",
    2: "AES_256_WITH_DIFFUSER",
    3: "AES_128",
    4: "AES_256",
    5: "HARDWARE_ENCRYPTION",
    6: "XTS_AES_128",
    7: "XTS_AES_256",
}


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_win_bitlocker",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"windows"}),
            description="Which volumes BitLocker encrypts and protects now",
        ),
    )


def _rows(host: Host) -> Iterator[TableRow]:
    volumes = host.windows.wmi(BITLOCKER, _QUESTION, methods=_METHODS)
    if isinstance(volumes, Unread):
        yield not_collected(volumes.why("BitLocker"))
        return
    if not volumes:
        yield not_collected("BitLocker names no volume")
    yield from map(_row, volumes)


def _row(volume: WmiRow) -> TableRow:
    known: dict[str, str | int | None] = {
        "volume": as_text(volume["DriveLetter"]),
        "device": as_text(volume["DeviceID"]),
        "system": int(as_number(volume["VolumeType"]) == _OS_VOLUME),
    }
    if _answer(volume, "GetLockStatus", "LockStatus") == _LOCKED:
        return collected(**known, encrypted=1, protection="on", conversion="locked")
    conversion = _answer(volume, "GetConversionStatus", "ConversionStatus")
    if conversion not in _CONVERSIONS:
        failed = as_number(volume.get("GetConversionStatus.ReturnValue")) or 0
        return not_collected(Unread(reason_of(failed), failed).why("BitLocker"), **known)
    method = _answer(volume, "GetEncryptionMethod", "EncryptionMethod")
    return collected(
        **known,
        encrypted=int(conversion == _WHOLE),
        protection=_protection(
            conversion, _answer(volume, "GetProtectionStatus", "ProtectionStatus")
        ),
        percent=_answer(volume, "GetConversionStatus", "EncryptionPercentage"),
        method="UNKNOWN" if method is None else _METHOD_NAMES.get(method, "UNKNOWN"),
        conversion=_CONVERSIONS[conversion],
    )


def _protection(conversion: int, status: int | None) -> str:
    if conversion != _WHOLE:
        return "off"
    if status == _ON:
        return "on"
    return "suspended" if status == _OFF else "unknown"


def _answer(volume: WmiRow, method: str, name: str) -> int | None:
    """What a method gave back; None when it failed."""
    if as_number(volume.get(f"{method}.ReturnValue")) != 0:
        return None
    return as_number(volume.get(f"{method}.{name}"))
