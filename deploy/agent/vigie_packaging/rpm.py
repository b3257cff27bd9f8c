"""Packs a tree into an rpm, with rpmbuild and a spec that names what is defined here."""

import platform
import shutil
from pathlib import Path

from vigie_packaging.debian import run_tool
from vigie_packaging.release import Release


def pack_rpm(tree: Path, name: str, release: Release, spec: Path, **defined: str) -> Path:
    """Packs `tree` beside it, and takes it away; the path of the package.

    The spec finds the tree, version and release number, and what else is `defined`.
    """
    folder = tree.parent
    version, number = rpm_version(release.version)
    told = {
        "tree": tree,
        "version_": version,
        "release_": number,
        "_topdir": folder / "rpm-work",
        "_rpmdir": folder,
        "_rpmfilename": f"{name}-{version}-{number}.%{{ARCH}}.rpm",
        **defined,
    }
    options = [f"--define={key} {value}" for key, value in told.items()]
    run_tool(release, "rpmbuild", "--quiet", "-bb", *options, spec)
    shutil.rmtree(tree)
    shutil.rmtree(folder / "rpm-work")
    return folder / f"{name}-{version}-{number}.{platform.machine()}.rpm"


def rpm_version(version: str) -> tuple[str, str]:
    """Version and release number, for the same order."""
    final, candidate, number = version.partition("rc")
    return final, f"0.rc{number}" if candidate else "1"
