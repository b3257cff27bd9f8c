"""Lines kept ready: a block is a family's lines of a few devices, or of a site.

A block never changes: where its devices change it is replaced. It holds its lines as text,
compressed, or both, so that a scrape joins what is ready. As text, the lines of 100,000 devices
take hundreds of megabytes: beyond a limit blocks are kept compressed alone, and inflated for who
asks for text.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from vigie_server.metrics.deflated import HEAD, Checksum, deflated, end, inflated

PIECE_BYTES: Final = 128 * 1024
"""Bytes at least of what is sent at once, but for the last."""


class Block:
    """Lines as text, compressed, or both; `checksum` is there with the compressed form."""

    __slots__ = ("checksum", "packed", "text")

    def __init__(self, text: bytes) -> None:
        self.text: bytes | None = text
        self.packed: bytes | None = None
        self.checksum = Checksum()

    def as_text(self) -> bytes:
        """The lines, inflated where only their compressed form is kept."""
        text = self.text
        if text is not None:
            return text
        return inflated(self.packed) if self.packed else b""

    def as_packed(self) -> bytes:
        """The compressed lines, made where they are not there yet."""
        if self.packed is None:
            self.packed, self.checksum = deflated(self.text or b"")
        return self.packed


EMPTY: Final = Block(b"")
EMPTY.packed = b""


class Part(NamedTuple):
    """What stands together on a page: a header and blocks, whose `checksum` gzip needs."""

    header: bytes
    blocks: Sequence[Block] = ()
    checksum: Checksum = Checksum()


class Room:
    """Bytes of text that may be kept."""

    def __init__(self, limit: int) -> None:
        self.limit: Final = limit
        self.kept = 0

    def block(self, lines: str, *, gzip: bool) -> Block:
        """A block of these lines, kept as text where that is asked for and there is room."""
        if not lines:
            return EMPTY
        text = lines.encode()
        block = Block(text)
        if gzip or not self._take(len(text)):
            block.as_packed()
            block.text = None
        return block

    def ready(self, block: Block, *, gzip: bool) -> None:
        """Brings a block into the form that is asked for, where there is room for it."""
        if gzip:
            block.as_packed()
        elif block.text is None and self._take(block.checksum.size):
            block.text = block.as_text()

    def leave(self, block: Block | None) -> None:
        """The block is no longer kept."""
        if block is not None and block.text is not None:
            self.kept -= len(block.text)

    def _take(self, size: int) -> bool:
        fits = self.kept + size <= self.limit
        if fits:
            self.kept += size
        return fits


def pieces(parts: Sequence[Part], *, gzip: bool) -> Iterator[bytes]:
    """A page of these parts, joined to pieces of a good size; one gzip member where asked for."""
    waiting: list[bytes] = []
    size = 0
    for written in _packed(parts) if gzip else _plain(parts):
        waiting.append(written)
        size += len(written)
        if size >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def _plain(parts: Sequence[Part]) -> Iterator[bytes]:
    for part in parts:
        yield part.header
        for block in part.blocks:
            yield block.as_text()


def _packed(parts: Sequence[Part]) -> Iterator[bytes]:
    whole = Checksum()
    yield HEAD
    for part in parts:
        header, checksum = deflated(part.header)
        yield header
        for block in part.blocks:
            yield block.as_packed()
        whole += checksum
        whole += part.checksum
    yield end(whole)
