"""Puts restored files in the place of those in a data folder, so that a crash leaves no mixture.

The folder may be a mount of its own, so it is not renamed: its files are moved. What is being done
is the name of the folder with the new files, and each of its steps can be done again:

    .restore-STAMP       being filled; nothing else was touched. A crash leaves it behind.
    restore-STAMP.out    whole. Former files are moved to replaced-STAMP.
    restore-STAMP.in     no former file is left. The new ones are moved into their place.

A server does not start while either of the latter is there: `finish` goes on.
"""

import os
import shutil
from pathlib import Path
from typing import Final

from vigie_server.backups.manifest import FOLDERS, SETTINGS, STORE
from vigie_server.domain.errors import SettingsMalformed

OURS: Final = (STORE, f"{STORE}-wal", f"{STORE}-shm", "store.mark", "https", SETTINGS, *FOLDERS)
"""What a restore replaces; other files of the folder stay (reports, say)."""
_FILLED: Final = ".restore-"
_MOVING: Final = "restore-"
_FORMER: Final = "replaced-"


def former(data: Path) -> list[str]:
    """What a restore would take the place of."""
    return [name for name in OURS if (data / name).exists()]


def staging(data: Path, stamp: str) -> Path:
    """A new folder to put the files into; those of restores that never came to an end go."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in data.glob(f"{_FILLED}*"):
        shutil.rmtree(left)
    stage = data / f"{_FILLED}{stamp}"
    stage.mkdir(mode=0o700)
    return stage


def place(stage: Path) -> Path | None:
    """Puts the files of a staging folder in their place; where the former ones are, if any were."""
    data, stamp = stage.parent, stage.name.removeprefix(_FILLED)
    _to_disk(stage)
    stage.rename(data / f"{_MOVING}{stamp}.out")
    _to_disk(data)
    return finish(data)


def finish(data: Path) -> Path | None:
    """Goes on with a restore that was interrupted, if one was; where the former files are."""
    replaced = None
    for out in data.glob(f"{_MOVING}*.out"):
        replaced = _replaced(data, out)
        replaced.mkdir(mode=0o700, exist_ok=True)
        for name in former(data):
            (data / name).rename(replaced / name)
        _to_disk(replaced)
        out.rename(out.with_suffix(".in"))
        _to_disk(data)
    for moving in data.glob(f"{_MOVING}*.in"):
        replaced = _replaced(data, moving)
        for file in moving.iterdir():
            file.rename(data / file.name)
        _to_disk(data)
        moving.rmdir()
    if replaced is not None and not any(replaced.iterdir()):
        replaced.rmdir()
        return None
    return replaced


def require_finished(data: Path) -> None:
    """Raises SettingsMalformed while a restore of this folder is under way or was interrupted."""
    if any(data.glob(f"{_MOVING}*.out")) or any(data.glob(f"{_MOVING}*.in")):
        raise SettingsMalformed(
            f"a restore of {data} is under way, or was interrupted: `vigie-server restore --finish`"
        )


def _replaced(data: Path, moving: Path) -> Path:
    return data / f"{_FORMER}{moving.stem.removeprefix(_MOVING)}"


def _to_disk(folder: Path) -> None:
    """The names in a folder are on the disk (where the system can be asked for it)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
