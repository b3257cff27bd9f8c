"""A Debian package of a tree of files and the small files that tell dpkg about it."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vigie_packaging.bundle import files
from vigie_packaging.release import Release

COMPRESSION: Final = 9
"""Of zstd, for packages that people download; 0 packs as it is."""


def pack(
    tree: Path,
    name: str,
    release: Release,
    *,
    control: str,
    scripts: Path,
    conffiles: Sequence[str] = (),
    compression: int = COMPRESSION,
) -> Path:
    """Packs `tree` beside it, and takes it away; the path of the package.

    `control` is its control file without version, architecture and size; `scripts` a folder of
    maintainer scripts, with `templates` where debconf asks something.
    """
    told = tree / "DEBIAN"
    told.mkdir()
    for script in scripts.iterdir():
        shutil.copy(script, told)
        (told / script.name).chmod(0o644 if script.name == "templates" else 0o755)
    inside = [path for path in files(tree) if told not in path.parents]
    version, architecture = debian_version(release.version), _architecture()
    kibibytes = sum(path.lstat().st_size for path in inside) // 1024
    (told / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
        f"Installed-Size: {kibibytes}\n{control}"
    )
    if conffiles:
        (told / "conffiles").write_text("".join(f"{path}\n" for path in conffiles))
    (told / "md5sums").write_text(
        "".join(
            f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  "
            f"{path.relative_to(tree)}\n"
            for path in inside
            if not path.is_symlink() and "etc" not in path.relative_to(tree).parts[:1]
        )
    )
    for path in (told, *told.iterdir()):
        os.utime(path, (release.epoch, release.epoch))
    made = tree.parent / f"{name}_{version}_{architecture}.deb"
    packing = ["-Zzstd", f"-z{compression}"] if compression else ["-Znone"]
    run_tool(release, "dpkg-deb", "--root-owner-group", *packing, "--build", tree, made)
    shutil.rmtree(tree)
    return made


def debian_version(version: str) -> str:
    """A release candidate comes before its release: `1.2.0rc1` is 1.2.0~rc1."""
    return version.replace("rc", "~rc")


def run_tool(release: Release, *command: str | Path) -> None:
    """Runs a tool of the build at the release's moment. Raises CalledProcessError."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(release.epoch), "LC_ALL": "C.UTF-8"}
    subprocess.run([str(part) for part in command], env=environment, check=True)


def _architecture() -> str:
    told = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    )
    return told.stdout.strip()
