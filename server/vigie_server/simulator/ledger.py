"""What a run has sent and what was acknowledged, line by line, to be held against a store."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from vigie_server.simulator.spool import Entry


class Ledger(Protocol):
    """Takes what happens to a device's entries."""

    def sent(self, device_id: str, spool_id: bytes, entry: Entry) -> None:
        """An entry is about to be sent."""

    def acknowledged(self, device_id: str, spool_id: bytes, entry: Entry, why: str) -> None:
        """The server has acknowledged it; `why` it rejected it, when it did."""


class NoLedger:
    """Keeps nothing."""

    def sent(self, device_id: str, spool_id: bytes, entry: Entry) -> None:
        """Nothing is kept."""

    def acknowledged(self, device_id: str, spool_id: bytes, entry: Entry, why: str) -> None:
        """Nothing is kept."""


class LedgerFile:
    """Lines of JSON, one write each: a kill leaves whole lines."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def sent(self, device_id: str, spool_id: bytes, entry: Entry) -> None:
        self._write("meant", device_id, spool_id, entry)

    def acknowledged(self, device_id: str, spool_id: bytes, entry: Entry, why: str) -> None:
        self._write("kept" if not why else "rejected", device_id, spool_id, entry)

    def _write(self, what: str, device_id: str, spool_id: bytes, entry: Entry) -> None:
        line = {
            what: entry.snapshot.digest.hex(),
            "topic": entry.snapshot.topic,
            "device": device_id,
            "spool": spool_id.hex(),
            "seq": entry.sent_as or entry.seq,
            "whole": entry.is_whole,
        }
        os.write(self._descriptor, json.dumps(line).encode() + b"\n")


@contextmanager
def opened_ledger(path: Path | None) -> Iterator[Ledger]:
    """A ledger that is appended to; without a path, one that keeps nothing."""
    if path is None:
        yield NoLedger()
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        yield LedgerFile(descriptor)
    finally:
        os.close(descriptor)
