"""What goes into the built agent, and what is left out of it."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from vigie_packaging.release import ROOT

LEFT_OUT: Final = [
    "curses",
    "doctest",
    "ensurepip",
    "greenlet",
    "grpc_tools",
    "h2",
    "idna",
    "idlelib",
    "lib2to3",
    "pdb",
    "pip",
    "pkg_resources",
    "pydantic",
    "pydoc",
    "readline",
    "rich",
    "setuptools",
    "test",
    "tkinter",
    "unittest",
]
"""Modules that some library would take where it finds them, and that the agent has no use for."""

NEEDED_ON_WINDOWS: Final = ["win32timezone"]
"""What pywin32's services import by name alone."""

_OF_THE_SYSTEM: Final = ("libaugeas.", "libfa.", "libicu", "libpcre", "libselinux.", "libxml2.")
"""Libraries that the agent asks of the device where it has them: augeas, and what it needs."""

UPDATE_ROOT: Final = "VIGIE_UPDATE_ROOT"
_DATA: Final = ("packs", "topics", "questions")
_CONTENTS: Final = "contents.json"


def data_folders() -> list[tuple[str, str]]:
    """What is asked, by where it lies here and where in the built agent."""
    return [(str(ROOT / "queries" / name), f"vigie_agent/{name}") for name in _DATA]


def update_root(folder: str) -> list[tuple[str, str]]:
    """The root of trust of the update channel that VIGIE_UPDATE_ROOT names, where it does."""
    named = os.environ.get(UPDATE_ROOT)
    if not named:
        return []
    copied = Path(folder) / "update-root.json"
    copied.write_bytes(Path(named).read_bytes())
    return [(str(copied), "vigie_agent")]


def is_of_the_system(name: str) -> bool:
    """Whether a library is the device's to bring."""
    return Path(name).name.startswith(_OF_THE_SYSTEM)


def keep_contents(folder: str, entries: Iterable[Sequence[str]]) -> None:
    """Notes in `folder` from which files the agent is built."""
    sources = sorted({source for _, source, *_ in entries if source})
    (Path(folder) / _CONTENTS).write_text(json.dumps(sources, indent=1), encoding="utf-8")


def kept_contents(folder: Path) -> list[Path]:
    """What `keep_contents` noted there."""
    return [Path(source) for source in json.loads((folder / _CONTENTS).read_bytes())]
