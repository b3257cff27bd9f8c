"""Builds the agent's folder with PyInstaller, twice the same from the same source.

`vigie-agent` and `_internal` are PyInstaller's; `share` holds the bill of materials and everyone's
licences; `osquery`, where one was given, an osqueryd.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from vigie_packaging.components import Component, components
from vigie_packaging.contents import kept_contents
from vigie_packaging.release import ROOT, Release
from vigie_packaging.runpaths import forget_builders_folders
from vigie_packaging.sbom import bill_of_materials

NAME: Final = "vigie-agent"
_SOURCES: Final = ("deploy/agent", "agent", "proto")
_PROGRAMS: Final = {
    NAME,
    f"{NAME}.exe",
    "osqueryd",
    "osqueryd.exe",
    "enrol-if-asked",
    "vigie-server",
    "prepare",
}
_METADATA: Final = "Metadata-Version: 2.1\nName: vigie\nVersion: {version}\nLicense: Apache-2.0\n"


def build_bundle(folder: Path, release: Release, osqueryd: Path | None = None) -> Path:
    """Builds into `folder/vigie-agent`, in place of what is there; the path of it.

    Raises NotAccountedFor, and CalledProcessError when PyInstaller fails.
    """
    work = folder / "work"
    bundle = folder / NAME
    _run_pyinstaller(folder, work, release)
    parts = components(kept_contents(work / NAME))
    forget_builders_folders(bundle)
    _describe(bundle, release, parts)
    if osqueryd is not None:
        (bundle / "osquery").mkdir()
        shutil.copy(osqueryd, bundle / "osquery" / osqueryd.name)
    normalise(bundle, release.epoch)
    return bundle


def digest(bundle: Path) -> str:
    """SHA-256 over names, modes and contents of every file."""
    whole = hashlib.sha256()
    for path in files(bundle):
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        line = f"{path.relative_to(bundle).as_posix()} {path.lstat().st_mode:o} "
        whole.update(f"{line}{hashlib.sha256(content).hexdigest()}\n".encode())
    return whole.hexdigest()


def size(bundle: Path) -> int:
    """Bytes of all files."""
    return sum(path.lstat().st_size for path in files(bundle))


def _run_pyinstaller(folder: Path, work: Path, release: Release) -> None:
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level=WARN"]
    command += [f"--distpath={folder}", f"--workpath={work}"]
    command += [str(ROOT / "deploy" / "agent" / "vigie-agent.spec")]
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in _SOURCES),
        "SOURCE_DATE_EPOCH": str(release.epoch),
        "PYINSTALLER_CONFIG_DIR": str(folder / "cache"),
        "LC_ALL": "C.UTF-8",
    }
    subprocess.run(command, env=environment, check=True)


def _describe(bundle: Path, release: Release, parts: Sequence[Component]) -> None:
    """The version for the agent to read, the bill of materials, and the licences."""
    about = bundle / "_internal" / f"vigie-{release.version}.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text(_METADATA.format(version=release.version))
    share = bundle / "share"
    share.mkdir()
    (share / "sbom.cdx.json").write_text(bill_of_materials(release, parts), encoding="utf-8")
    shutil.copy(ROOT / "LICENSE", share / "LICENSE")
    for part in parts:
        keep_texts(share / "licences" / part.name, part.texts)


def keep_texts(folder: Path, texts: Iterable[Path]) -> None:
    """Copies licences into `folder`, each under a name of its own: pywin32 brings seven alike."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = {path.name.lower() for path in folder.iterdir()}
    for text in texts:
        name = text.name if text.name.lower() not in taken else f"{text.parent.name}-{text.name}"
        taken.add(name.lower())
        shutil.copy(text, folder / name)


def normalise(folder: Path, epoch: int) -> None:
    """The same modes and times whoever builds, and whenever."""
    for path in (*sorted(folder.rglob("*"), reverse=True), folder):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.name in _PROGRAMS else 0o644)
        follows = os.utime not in os.supports_follow_symlinks  # Windows, whose folder has no links
        os.utime(path, (epoch, epoch), follow_symlinks=follows)


def files(folder: Path) -> Iterator[Path]:
    """Every file and link below `folder`, in order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file())
