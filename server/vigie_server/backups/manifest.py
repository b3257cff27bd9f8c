"""What a backup says of itself: the first thing in it, and what the rest is checked by."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

from vigie_server.domain.errors import BackupRefused

FORMAT: Final = 1
NAME: Final = "manifest.json"
STORE: Final = "vigie.db"
SETTINGS: Final = "settings.env"
FOLDERS: Final = ("ca", "reference", "rules", "secrets", "given")
"""`given` holds the files that settings name: certificates, the password of the mail relay."""
MOST_FILES: Final = 10_000
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Held:
    """A file of a backup: its path in it, its size, its SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`store` is the database it comes from, `schema` its revision; `files` are in their order."""

    made_at: datetime
    version: str
    store: str
    schema: str
    devices: int
    files: Sequence[Held]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def written(self) -> Mapping[str, Any]:
        """As JSON."""
        return {
            "format": FORMAT,
            "made_at": self.made_at.isoformat(),
            "version": self.version,
            "store": self.store,
            "schema": self.schema,
            "devices": self.devices,
            "files": [
                {"path": file.path, "size": file.size, "sha256": file.sha256} for file in self.files
            ],
        }


def read_manifest(given: object) -> Manifest:
    """Raises BackupRefused for what no version of ours writes, or a newer one does."""
    if not isinstance(given, dict) or not isinstance(given.get("format"), int):
        raise BackupRefused("that is no backup of Vigie: it does not say what it holds")
    if given["format"] != FORMAT:
        raise BackupRefused(
            f"the backup has format {given['format']}, this version reads {FORMAT}: "
            "use the version that made it, or a newer one"
        )
    try:
        manifest = Manifest(
            made_at=datetime.fromisoformat(given["made_at"]),
            version=str(given["version"]),
            store=str(given["store"]),
            schema=str(given["schema"]),
            devices=int(given["devices"]),
            files=[
                Held(_safe(file["path"]), int(file["size"]), _digest(file["sha256"]))
                for file in given["files"]
            ],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BackupRefused("the backup's list of files cannot be read") from error
    paths = [file.path for file in manifest.files]
    if STORE not in paths or len(set(paths)) != len(paths) or len(paths) > MOST_FILES:
        raise BackupRefused("the backup's list of files is not one of Vigie")
    return manifest


def _safe(path: str) -> str:
    """Nothing of a backup is ever put outside of its own place."""
    parts = PurePosixPath(path).parts
    inside = len(parts) > 1 and parts[0] in FOLDERS and not {"..", "/"} & set(parts)
    if str(PurePosixPath(path)) != path or not (inside or path in {STORE, SETTINGS}):
        raise ValueError(path)
    return path


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise ValueError(text)
    return text
