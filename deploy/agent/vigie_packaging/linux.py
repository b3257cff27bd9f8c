"""The tree that Linux packages install, and the deb and the rpm of it.

Both are built by their systems' own tools, from a tree and the small files of
`deploy/agent/linux`.
"""

import platform
import shutil
from pathlib import Path
from typing import Final

from vigie_packaging.bundle import NAME, normalise
from vigie_packaging.debian import COMPRESSION, pack, run_tool
from vigie_packaging.release import ROOT, Release
from vigie_packaging.rpm import pack_rpm

_LINUX: Final = ROOT / "deploy" / "agent" / "linux"
_CONTROL: Final = """Maintainer: Vigie contributors <vigie@example.org>
Depends: libc6 (>= {glibc}), debconf (>= 0.5) | debconf-2.0, init-system-helpers (>= 1.54~)
Section: admin
Priority: optional
Description: reads the digital hygiene of this device for its Vigie server
 A light agent that reads the state of this device (updates, firewall, disk
 encryption, accounts) and reports it to the Vigie server of the facility. It
 only reads.
"""
_MANAGED: Final = "The package manager brings the next version: updates.mode = auto is off here.\n"
_COPYRIGHT: Final = """Vigie is licensed under Apache-2.0: /usr/lib/vigie-agent/share/LICENSE.
What it carries of others, and their licences: /usr/lib/vigie-agent/share/sbom.cdx.json and
/usr/lib/vigie-agent/share/licences.
"""


def build_deb(folder: Path, bundle: Path, release: Release, compression: int = COMPRESSION) -> Path:
    """Builds the Debian package of `bundle` in `folder`; the path of it."""
    tree = _tree(folder / "deb-tree", bundle, release)
    return pack(
        tree,
        NAME,
        release,
        control=_CONTROL.format(glibc=_glibc()),
        scripts=_LINUX / "deb",
        conffiles=["/etc/vigie/agent.toml"],
        compression=compression,
    )


def build_rpm(folder: Path, bundle: Path, release: Release) -> Path:
    """Builds the rpm of `bundle` in `folder`; the path of it."""
    tree = _tree(folder / "rpm-tree", bundle, release)
    spec = _LINUX / "rpm" / f"{NAME}.spec"
    return pack_rpm(tree, NAME, release, spec, glibc=_glibc())


def _tree(tree: Path, bundle: Path, release: Release) -> Path:
    """Every file where a device has it."""
    shutil.rmtree(tree, ignore_errors=True)
    program = tree / "usr" / "lib" / NAME
    program.parent.mkdir(parents=True)
    run_tool(release, "cp", "--archive", "--link", bundle, program)
    shutil.copy(_LINUX / "enrol-if-asked", program)
    shutil.copy(ROOT / "docs" / "install-linux.md", program / "share")
    (program / "share" / "package-managed").write_text(_MANAGED)
    for place, source in {
        "usr/lib/systemd/system/vigie-agent.service": _LINUX / "vigie-agent.service",
        "etc/vigie/agent.toml": _LINUX / "agent.toml",
    }.items():
        (tree / place).parent.mkdir(parents=True)
        shutil.copy(source, tree / place)
    (tree / "usr" / "bin").mkdir()
    (tree / "usr" / "bin" / NAME).symlink_to(f"../lib/{NAME}/{NAME}")
    about = tree / "usr" / "share" / "doc" / NAME
    about.mkdir(parents=True)
    (about / "copyright").write_text(_COPYRIGHT)
    normalise(tree, release.epoch)
    return tree


def _glibc() -> str:
    """The C library that this was built on: the least that a device needs."""
    return platform.libc_ver()[1]
