"""Which release is built, and the moment that all of its files carry."""

import os
import subprocess
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
_WITHOUT_GIT: Final = 315_532_800
"""1980, the earliest moment that every archive can tell."""


@dataclass(frozen=True, slots=True)
class Release:
    """The version, whose one source is pyproject.toml, and the moment of its source."""

    version: str
    epoch: int
    """Seconds since 1970: SOURCE_DATE_EPOCH, else the last commit."""

    @property
    def moment(self) -> datetime:
        """The same as a moment."""
        return datetime.fromtimestamp(self.epoch, UTC)

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """The version as Windows takes it: four numbers. `1.2.0rc1` is 1.2.0.0."""
        digits = [
            int("".join(sign for sign in part if sign.isdigit()) or 0)
            for part in self.version.partition("rc")[0].split(".")
        ]
        first, second, third, *_ = [*digits, 0, 0, 0]
        return first, second, third, 0


def release() -> Release:
    """The release of this checkout. VIGIE_VERSION takes the place of its version, for trials."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared = str(tomllib.load(file)["project"]["version"])
    return Release(os.environ.get("VIGIE_VERSION") or declared, _epoch())


def _epoch() -> int:
    named = os.environ.get("SOURCE_DATE_EPOCH")
    if named:
        return int(named)
    try:
        told = subprocess.run(
            ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return _WITHOUT_GIT
    return int(told.stdout)
