"""A small store as a year would leave it, in either database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.grown import grow
from fakes.stored import bare_store
from vigie_server.store.database import Database

DEVICES: Final = 200
CHANGES: Final = 3


@contextmanager
def grown_store(kind: str, folder: Path) -> Iterator[Database]:
    """200 devices of 4 sites, with all that belongs to them."""
    with bare_store(kind, folder) as opened:
        grow(opened.url, devices=DEVICES, changes=CHANGES)
        yield opened
