"""Takes the builder's folders out of libraries.

A Python that was built by hand tells its libraries to look for others in the folder where it was
installed. On a device whoever can make that folder could have the agent load what they like.
"""

import struct
from pathlib import Path
from typing import Final

_ELF64_LITTLE: Final = b"\x7fELF\x02\x01"
_LOAD, _DYNAMIC = 1, 2
_STRING_TABLE: Final = 5
_RUNPATHS: Final = (15, 29)  # DT_RPATH, DT_RUNPATH


class RunpathMixed(Exception):
    """A library looks both beside itself and in a folder of the builder."""


def forget_builders_folders(folder: Path) -> None:
    """Empties each run path that names an absolute folder, in every ELF file below `folder`.

    Raises RunpathMixed: such a path cannot be emptied, and none is known.
    """
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = bytearray(path.read_bytes())
            if content.startswith(_ELF64_LITTLE) and _emptied(content, path):
                path.write_bytes(content)


def _emptied(content: bytearray, path: Path) -> bool:
    """Whether something was emptied. Only the first byte is: names may share the rest."""
    segments = _segments(content)
    found = False
    for kind, offset, _, size in segments:
        if kind != _DYNAMIC:
            continue
        entries = list(struct.iter_unpack("<QQ", content[offset : offset + size]))
        address = next((value for tag, value in entries if tag == _STRING_TABLE), None)
        if address is None:
            continue
        table = _place(segments, address)
        for start in (table + value for tag, value in entries if tag in _RUNPATHS):
            text = bytes(content[start : content.index(0, start)]).decode()
            absolute = [place for place in text.split(":") if place.startswith("/")]
            if absolute and len(absolute) < len(text.split(":")):
                raise RunpathMixed(f"{path}: {text}")
            if absolute:
                content[start] = 0
                found = True
    return found


def _segments(content: bytearray) -> list[tuple[int, int, int, int]]:
    """Kind, offset in the file, address and size of each segment (ELF-64, program headers)."""
    (first,) = struct.unpack_from("<Q", content, 32)
    each, count = struct.unpack_from("<HH", content, 54)
    found = []
    for number in range(count):
        kind, _, offset, address, _, size = struct.unpack_from(
            "<IIQQQQ", content, first + number * each
        )
        found.append((kind, offset, address, size))
    return found


def _place(segments: list[tuple[int, int, int, int]], address: int) -> int:
    """Where in the file lies what is loaded at `address`."""
    return next(
        address - begins + offset
        for kind, offset, begins, size in segments
        if kind == _LOAD and begins <= address < begins + size
    )
