"""Small JSON files in the agent's data folder: whole or absent, never half written."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from vigie_agent.domain.windows_rights import FOR_EVERYONE
from vigie_agent.windows import rights

_LARGEST: Final = 16 * 1024 * 1024


def read_state(path: Path) -> dict[str, Any] | None:
    """What was last written to `path`; None when there is nothing that can be used.

    These files can all be made again, so a damaged one counts as absent. Raises OSError when the
    file is there and may not be read.
    """
    try:
        with path.open("rb") as file:
            state = json.loads(file.read(_LARGEST))
    except (FileNotFoundError, ValueError):
        return None
    return state if isinstance(state, dict) else None


def write_state(path: Path, state: Mapping[str, Any], *, for_everyone: bool = False) -> None:
    """Replaces `path` at once, readable by this account only or `for_everyone`. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)  # one left by a power cut may have another mode
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if for_everyone:
            _let_everyone_read(temporary, descriptor)
        json.dump(state, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _let_everyone_read(path: Path, descriptor: int) -> None:
    if sys.platform == "win32":
        rights.give(path, FOR_EVERYONE)
    else:
        os.fchmod(descriptor, 0o644)


def open_folder(folder: Path) -> None:
    """Makes `folder`, where only files that are meant for everyone can be read by others.

    They can be opened by name, for `vigie-agent explain`; the folder cannot be listed. Raises
    OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)


def try_writing(folder: Path) -> None:
    """Raises OSError when files cannot be written in `folder`. Leaves nothing behind."""
    trial = folder / "trial.json"
    write_state(trial, {})
    trial.unlink(missing_ok=True)
