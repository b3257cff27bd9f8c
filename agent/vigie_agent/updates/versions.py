"""The versions of the agent on this device, side by side, and the file that says which runs.

    updates/launch.json     the standing: which version is current, on trial, rolled back
    updates/versions/1.2.0  a version, whole
    updates/incoming        what is being downloaded

Anyone may read and run what is here; whoever may write here decides what runs, so a folder that
others may write is not followed.
"""

import json
import os
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from vigie_agent.domain.releases import Version
from vigie_agent.domain.updating import Standing, as_state, from_state
from vigie_agent.updates.archive import unpack
from vigie_agent.updates.disk import Disk

PROGRAM: Final = "vigie-agent.exe" if sys.platform == "win32" else "vigie-agent"
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class Versions:
    """See `vigie_agent.ports.Versions`."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self._folder: Final = folder
        self._disk: Final = disk or Disk()
        self._standing: Final = folder / "launch.json"
        self._versions: Final = folder / "versions"

    @property
    def incoming(self) -> Path:
        """Where downloads wait."""
        return self._folder / "incoming"

    def program(self, version: str) -> Path:
        """What is started of a version that was unpacked here."""
        return self._versions / version / PROGRAM

    def standing(self) -> Standing:
        """What is in force; with nothing here, or in doubt, the installed version."""
        try:
            return from_state(json.loads(self._disk.read(self._standing)))
        except (OSError, ValueError):
            return Standing()

    def keep(self, standing: Standing) -> None:
        """Replaces what is in force at once. Raises OSError."""
        self._disk.folder(self._folder)
        self._disk.replace_state(self._standing, as_state(standing))

    def place(self, version: Version, archive: Path, *, unpacked: int) -> Path:
        """Unpacks a release beside the others, and is done with the archive; its program.

        Raises UpdateRefused, OSError.
        """
        self._disk.folder(self._versions)
        half = self._versions / f".half-{version.text}"
        self._disk.remove(half)
        unpack(archive, half, self._disk, most_bytes=unpacked)
        self._disk.remove(self._versions / version.text)
        self._disk.rename(half, self._versions / version.text)
        self._disk.remove(archive)
        return self.program(version.text)

    def tidy(self, standing: Standing) -> None:
        """Removes every version that is started no more, and what a power cut left. Never raises.

        On Windows what still runs cannot be removed; the next time it can.
        """
        with suppress(OSError):
            for path in sorted(self._versions.iterdir()):
                if path.name not in standing.kept:
                    self._disk.remove(path)

    def room(self) -> int:
        """Bytes that are free where versions lie. Raises OSError."""
        return shutil.disk_usage(self._folder).free

    def is_ours(self) -> bool:
        """Whether nobody but this account and the administrator may write here.

        On Windows the folder's access list says so, and the installer sets it.
        """
        if os.name != "posix":
            return True
        return all(
            found.st_uid in {0, os.geteuid()} and not found.st_mode & _OTHERS_WRITE
            for found in (path.stat() for path in (self._folder, self._versions) if path.exists())
        )
