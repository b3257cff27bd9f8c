"""GVDB, the file format of dconf's databases and of GLib's compiled schemas, read without GLib.

A hash table of named items: values, and tables inside the table (dconf's `.locks`, each schema).
Only what is asked for by name is decoded: a person's database holds far more than this agent may
know. Files come from accounts that nobody trusts: every offset is checked, whatever it points at.
"""

import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

Scalar = bool | int | str

_SIGNATURE: Final = b"GVariant"
_SWAPPED: Final = b"raVGtnai"
_HEADER: Final = struct.Struct("<8sIIII")
_TABLE_HEADER: Final = struct.Struct("<II")
_ITEM: Final = struct.Struct("<IIIHcxII")
_BLOOM_WORDS: Final = (1 << 27) - 1
_NO_PARENT: Final = 0xFFFF_FFFF
_MAX_DEPTH: Final = 32
_NUMBERS: Final = {"y": "<B", "n": "<h", "q": "<H", "i": "<i", "u": "<I", "x": "<q", "t": "<Q"}


class DamagedDatabase(ValueError):
    """These bytes are no GVDB file of this machine."""


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    kind: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class GvdbTable:
    """One hash table of a file."""

    _data: bytes
    _items: Mapping[str, _Item]

    def names(self) -> frozenset[str]:
        """The names of its values."""
        return frozenset(item.name for item in self._items.values() if item.kind == b"v")

    def table(self, name: str) -> "GvdbTable | None":
        """The table called `name` inside this one. Raises DamagedDatabase."""
        item = self._items.get(name)
        if item is None or item.kind != b"H":
            return None
        return _table(self._data, item.start, item.end)

    def values(self, wanted: Collection[str]) -> dict[str, Scalar]:
        """Those of the `wanted` values that are there and of a simple type."""
        found = {}
        for name in wanted:
            item = self._items.get(name)
            value = self._decoded(item) if item else None
            if value is not None:
                found[name] = value
        return found

    def _decoded(self, item: _Item) -> Scalar | None:
        if item.kind != b"v":
            return None
        child, _zero, type_string = self._data[item.start : item.end].rpartition(b"\0")
        return scalar(child, type_string.decode("ascii", "replace"))


def read_gvdb(data: bytes) -> GvdbTable:
    """The outermost table. Raises DamagedDatabase."""
    if len(data) < _HEADER.size:
        raise DamagedDatabase("too short for a database")
    signature, version, _options, start, end = _HEADER.unpack_from(data)
    if signature == _SWAPPED:
        raise DamagedDatabase("written on a machine of the other byte order")
    if signature != _SIGNATURE or version != 0:
        raise DamagedDatabase("not a database of dconf or GLib")
    return _table(data, start, end)


def scalar(child: bytes, type_string: str) -> Scalar | None:
    """A GVariant of a simple type; of a tuple its first child; None for any other type.

    The first child of a tuple lies at its start: so lies the default in a compiled schema's key.
    """
    simple = type_string[1:2] if type_string.startswith("(") else type_string
    if simple == "b" and child:
        return child[0] != 0
    if simple in _NUMBERS and len(child) >= struct.calcsize(_NUMBERS[simple]):
        (number,) = struct.unpack_from(_NUMBERS[simple], child)
        return int(number)
    if simple == "s" and type_string == "s":
        return child.partition(b"\0")[0].decode("utf-8", "replace")
    return None


def _table(data: bytes, start: int, end: int) -> GvdbTable:
    if not start + _TABLE_HEADER.size <= end <= len(data):
        raise DamagedDatabase("a table lies outside the file")
    bloom, buckets = _TABLE_HEADER.unpack_from(data, start)
    first = start + _TABLE_HEADER.size + 4 * ((bloom & _BLOOM_WORDS) + buckets)
    if first > end:
        raise DamagedDatabase("a table is longer than its place")
    raw = [_ITEM.unpack_from(data, at) for at in range(first, end - _ITEM.size + 1, _ITEM.size)]
    parents = [parent for _hash, parent, *_rest in raw]
    own = [_fragment(data, key_start, size) for _hash, _parent, key_start, size, *_rest in raw]
    items = {}
    for index, (_hash, _parent, _key, _size, kind, item_start, item_end) in enumerate(raw):
        if item_start <= item_end <= len(data):
            name = "".join(reversed(list(_lineage(index, parents, own))))
            items[name] = _Item(name, kind, item_start, item_end)
    return GvdbTable(data, items)


def _fragment(data: bytes, start: int, size: int) -> str:
    if start + size > len(data):
        raise DamagedDatabase("a name lies outside the file")
    return data[start : start + size].decode("utf-8", "replace")


def _lineage(index: int, parents: list[int], own: list[str]) -> Iterator[str]:
    """An item's own part of its name, then those of its parents."""
    for _ in range(_MAX_DEPTH):
        yield own[index]
        index = parents[index]
        if index == _NO_PARENT:
            return
        if index >= len(own):
            raise DamagedDatabase("an item has no parent")
    raise DamagedDatabase("items are each other's parents")
