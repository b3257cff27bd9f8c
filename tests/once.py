"""What is dear to build and only read: built once a run, by whichever worker needs it first."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], Path]) -> Path:
    """What `build` made in the folder that it was given; the other workers wait for it.

    Nobody may change it. A build that failed is tried again by the next worker, which says so too.
    """
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # of all workers of this run
    shared = shared / "built-once"
    shared.mkdir(exist_ok=True)
    told = shared / f"{name}.path"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if told.exists():
            return Path(told.read_text())
        folder = shared / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        made = build(folder)
        told.write_text(str(made))
        return made
