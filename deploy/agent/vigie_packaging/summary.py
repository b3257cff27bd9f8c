"""Sets what msitools makes up anew in each installer: its own identifier, and its moments.

They stand in the summary of the installer, a property set ([MS-OLEPS] 2.21), which is changed in
place: nothing moves.
"""

import struct
from pathlib import Path
from typing import Final
from uuid import UUID

_SUMMARY: Final = UUID("f29f85e0-4ff9-1068-ab91-08002b27b3d9").bytes_le
_REVISION, _CREATED, _SAVED = 9, 12, 13
_TEXT, _MOMENT = 30, 64
_EPOCH: Final = 116_444_736_000_000_000
"""1970 in the moments of Windows: steps of 100 ns since 1601."""


class SummaryUnknown(Exception):
    """The installer has no summary of the form that msitools writes."""


def settle_summary(installer: Path, identifier: str, epoch: int) -> None:
    """Gives `installer` the package code `identifier` and the moment `epoch`, in seconds.

    Raises SummaryUnknown.
    """
    content = bytearray(installer.read_bytes())
    if content.count(_SUMMARY) != 1:
        raise SummaryUnknown(f"{installer} has {content.count(_SUMMARY)} summaries")
    place = content.index(_SUMMARY)
    # The stream begins 28 bytes before: byte order, version, system, class, number of sets.
    (offset,) = struct.unpack_from("<I", content, place + 16)
    start = place - 28 + offset
    _, count = struct.unpack_from("<II", content, start)
    moment = struct.pack("<Q", epoch * 10_000_000 + _EPOCH)
    text = f"{{{identifier}}}".encode("ascii")
    wanted = {_REVISION: (_TEXT, text), _CREATED: (_MOMENT, moment), _SAVED: (_MOMENT, moment)}
    for number in range(count):
        kind, offset = struct.unpack_from("<II", content, start + 8 + number * 8)
        if kind in wanted:
            expected, value = wanted.pop(kind)
            (told,) = struct.unpack_from("<I", content, start + offset)
            at = start + offset + (8 if expected == _TEXT else 4)  # a text has its length before
            if told != expected:
                raise SummaryUnknown(f"property {kind} of {installer} is of type {told}")
            content[at : at + len(value)] = value
    if wanted:
        raise SummaryUnknown(f"{installer} lacks properties {sorted(wanted)}")
    installer.write_bytes(content)
