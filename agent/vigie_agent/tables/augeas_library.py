"""The system's libaugeas, as far as reading configuration files needs it.

A binding of our own because python-augeas needs a compiler and headers where it is installed.
Nothing is ever saved: the handle is opened so that saving is not possible.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from vigie_agent.domain.table import LibraryMissing, TableError

_SAVE_NOTHING, _LOAD_NOTHING, _KEEP_ON_ERROR = 1 << 4, 1 << 5, 1 << 8

_Strings = ctypes.POINTER(ctypes.c_void_p)


class Node(NamedTuple):
    """A node of the tree: its place, its last part, its value and the file it was read from."""

    place: str
    label: str
    value: str
    file: str


class AugeasTree:
    """The tree of the configuration files that were loaded."""

    def __init__(self, library: ctypes.CDLL, free: "ctypes._NamedFuncPointer", handle: int) -> None:
        self._library, self._free, self._handle = library, free, handle

    def load(self, path: str) -> None:
        """Adds one file; one that no lens is for, or that its lens cannot parse, adds nothing."""
        self._library.aug_load_file(self._handle, _encoded(path))

    def load_all(self) -> None:
        """Adds every file that some lens is for."""
        self._library.aug_load(self._handle)

    def matching(self, expression: str) -> Iterator[Node]:
        """The nodes that a path expression selects; none if it is not a path expression."""
        if self._library.aug_defvar(self._handle, b"found", _encoded(expression)) < 0:
            return
        places = _Strings()
        count = self._library.aug_match(self._handle, b"$found", ctypes.byref(places))
        try:
            for index in range(max(0, count)):
                yield self._node(index, self._taken(places[index]))
                places[index] = None
        finally:
            for index in range(max(0, count)):  # what a reader that stopped early left
                self._free(places[index])
            self._free(places)

    def _node(self, index: int, place: str) -> Node:
        value, label = ctypes.c_char_p(), ctypes.c_char_p()
        file = ctypes.c_void_p()
        self._library.aug_ns_attr(
            self._handle,
            b"found",
            index,
            ctypes.byref(value),
            ctypes.byref(label),
            ctypes.byref(file),
        )
        source = self._taken(file.value)
        return Node(place, _text(label.value), _text(value.value), source)

    def _taken(self, pointer: int | None) -> str:
        """The text at `pointer`, which is ours to free."""
        text = _text(ctypes.string_at(pointer)) if pointer else ""
        self._free(pointer)
        return text


@contextmanager
def opened_tree(root: Path) -> Iterator[AugeasTree]:
    """An empty tree over the files below `root`. Raises LibraryMissing, or TableError."""
    library, free = _libraries()
    handle = library.aug_init(
        str(root).encode(), None, _SAVE_NOTHING | _LOAD_NOTHING | _KEEP_ON_ERROR
    )
    if not handle:
        raise TableError("libaugeas could not be started")
    try:
        if library.aug_error(handle) != 0:
            raise LibraryMissing("the lenses of Augeas are missing: install augeas-lenses")
        yield AugeasTree(library, free, handle)
    finally:
        library.aug_close(handle)


def _libraries() -> "tuple[ctypes.CDLL, ctypes._NamedFuncPointer]":
    try:
        library = ctypes.CDLL("libaugeas.so.0")
    except OSError:
        raise LibraryMissing(
            "libaugeas.so.0 is missing: install libaugeas0 (Debian) or augeas-libs (Fedora)"
        ) from None
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    library.aug_init.restype = pointer
    library.aug_init.argtypes = (text, text, ctypes.c_uint)
    library.aug_error.argtypes = (pointer,)
    library.aug_close.argtypes = (pointer,)
    library.aug_load.argtypes = (pointer,)
    library.aug_load_file.argtypes = (pointer, text)
    library.aug_defvar.argtypes = (pointer, text, text)
    library.aug_match.argtypes = (pointer, text, ctypes.POINTER(_Strings))
    library.aug_ns_attr.argtypes = (
        pointer,
        text,
        ctypes.c_int,
        ctypes.POINTER(text),
        ctypes.POINTER(text),
        ctypes.POINTER(pointer),
    )
    free = ctypes.CDLL(None).free
    free.argtypes, free.restype = (pointer,), None
    return library, free


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
