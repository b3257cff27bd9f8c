"""vigie_mac_filevault: whether FileVault keeps a thief from the data of a Mac (macOS).

Apple's hardware encrypts always; without FileVault it opens by itself. `fdesetup` says whether it
is on, `diskutil` which volume it is about: neither needs root.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import (
    DISKUTIL,
    FDESETUP,
    Unanswered,
    dictionary,
    flag_of,
    plist_answer,
    read_answer,
    text_of,
)

COLUMNS: Final = (
    text("volume", "Mount point of the volume that holds the data"),
    text("device", "Its device; empty when diskutil does not answer"),
    integer("encrypted", "FileVault is on and all is encrypted"),
    text("protection", "on or off"),
    integer("percent", "Share that is encrypted, while it is being encrypted"),
    text("method", "Kind of file system that is encrypted"),
    text("detail", "The state in words: on, off, encrypting, decrypting, deferred, ..."),
    *COLLECTED,
)
"""One row."""

DATA: Final = "/System/Volumes/Data"
_PERCENT: Final = re.compile(r"percent completed\s*=\s*(\d{1,3})", re.IGNORECASE)
_WAITING: Final = {
    "deferred enablement appears to be active": "deferred until the next login",
    "will be enabled after the next restart": "waiting for a restart",
    "needs to be restarted": "waiting for a restart",
}


@dataclass(frozen=True, slots=True)
class FileVault:
    """What fdesetup says: the switch, how far it is, and the state in words."""

    on: bool
    encrypted: bool
    percent: int | None
    detail: str


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_mac_filevault",
            COLUMNS,
            lambda _request: list(_rows(host)),
            platforms=frozenset({"darwin"}),
            description="FileVault on the volume that holds the data",
        ),
    )


def filevault_in(printed: str) -> FileVault | None:
    """The state in what `fdesetup status` printed; None when it says neither on nor off."""
    said = printed.lower()
    on, off = "filevault is on" in said, "filevault is off" in said
    if on == off:
        return None
    share = _PERCENT.search(said)
    percent = int(share[1]) if share else None
    if "decryption in progress" in said:
        remaining = None if percent is None else 100 - percent
        return FileVault(on=False, encrypted=False, percent=remaining, detail="decrypting")
    if "encryption in progress" in said:
        return FileVault(on=on, encrypted=False, percent=percent, detail="encrypting")
    if on:
        return FileVault(on=True, encrypted=True, percent=None, detail="on")
    waiting = next((words for sign, words in _WAITING.items() if sign in said), "")
    detail = f"off, {waiting}" if waiting else "off"
    return FileVault(on=False, encrypted=False, percent=None, detail=detail)


def _rows(host: Host) -> Iterator[TableRow]:
    volume = _volume(host)
    device = text_of(volume.get("DeviceNode"))
    try:
        state = read_answer(host, filevault_in, FDESETUP, "status")
    except Unanswered as why:
        by_diskutil = flag_of(volume.get("FileVault"))
        if by_diskutil is None:
            yield not_collected(str(why), volume=DATA, device=device)
            return
        word = "on" if by_diskutil else "off"
        state = FileVault(by_diskutil, by_diskutil, None, f"{word}, by diskutil")
    yield collected(
        volume=DATA,
        device=device,
        encrypted=int(state.encrypted),
        protection="on" if state.on and state.encrypted else "off",
        percent=state.percent,
        method=text_of(volume.get("FilesystemType")).upper(),
        detail=f"FileVault {state.detail}",
    )


def _volume(host: Host) -> Mapping[str, object]:
    try:
        return dictionary(plist_answer(host, DISKUTIL, "info", "-plist", DATA))
    except Unanswered:
        return {}
