"""The server's wheel, deb and rpm: a virtual environment on the distribution's Python.

The environment holds the wheel and the packages that requirements/server.txt pins, as they were
installed and hash-checked where this runs; another version stops the build. Python itself stays the
distribution's, so that its security updates reach servers without a release of ours.
"""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

from vigie_packaging.bundle import keep_texts, normalise
from vigie_packaging.components import NotAccountedFor, pinned, server_components
from vigie_packaging.debian import COMPRESSION, pack, run_tool
from vigie_packaging.release import ROOT, Release
from vigie_packaging.rpm import pack_rpm
from vigie_packaging.sbom import bill_of_materials

NAME: Final = "vigie-server"
PYTHON: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
PACKAGES: Final = Path("lib") / PYTHON / "site-packages"
_LINUX: Final = ROOT / "deploy" / "server" / "linux"
_PROGRAM: Final = Path("usr") / "lib" / NAME
_DOCUMENTS: Final = ("install-server.md", "installer-serveur.md", "upgrade.md")
_CONTROL: Final = f"""Maintainer: Vigie contributors <vigie@example.org>
Depends: {PYTHON}, libc6 (>= 2.34), libstdc++6, passwd,
 debconf (>= 0.5) | debconf-2.0, init-system-helpers (>= 1.54~)
Section: admin
Priority: optional
Description: judges the digital hygiene of a fleet of computers
 The server of Vigie: it enrols devices, takes what their agents report, judges
 it by the rules of the guide, and shows it in a console, reports and metrics.
"""
_COPYRIGHT: Final = f"""Vigie is licensed under Apache-2.0: /{_PROGRAM}/share/LICENSE.
What it carries of others, and their licences: /{_PROGRAM}/share/sbom.cdx.json and
/{_PROGRAM}/share/licences.
"""


def build_wheel(folder: Path) -> Path:
    """Builds the wheel, which holds agent and server, in `folder`; the path of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for former in folder.glob("*.whl"):
        former.unlink()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (made,) = folder.glob("*.whl")
    return made


def bill_beside(wheel: Path, release: Release) -> Path:
    """Writes what a server of this wheel is installed with beside it; the path of that bill."""
    bill = wheel.with_suffix(".cdx.json")
    bill.write_text(bill_of_materials(release, server_components(), NAME), encoding="utf-8")
    return bill


def build_environment(folder: Path, wheel: Path, release: Release) -> Path:
    """Builds the environment that the package installs in `folder/vigie-server`; the path of it.

    Raises NotAccountedFor.
    """
    made = folder / NAME
    shutil.rmtree(made, ignore_errors=True)
    packages = made / PACKAGES
    packages.mkdir(parents=True)
    for name, version in pinned("server.txt"):
        _bring(metadata.distribution(name), version, packages)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    pip += ["--no-deps", "--no-index", "--no-compile", f"--target={packages}", str(wheel)]
    run_tool(release, *pip)
    shutil.rmtree(packages / "bin")
    for record in packages.glob("*.dist-info/direct_url.json"):  # names the builder's folder
        record.unlink()
    programs = made / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(f"/usr/bin/{PYTHON}")
    shutil.copy(_LINUX / "launch.py", programs / NAME)
    shutil.copy(_LINUX / "prepare", programs)
    (made / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    share = made / "share"
    share.mkdir()
    for file in (ROOT / "LICENSE", _LINUX / "server.env"):
        shutil.copy(file, share)
    for name in _DOCUMENTS:
        shutil.copy(ROOT / "docs" / name, share)
    _describe(share, release)
    _compile(made, release)
    return made


def build_server_deb(
    folder: Path, environment: Path, release: Release, compression: int = COMPRESSION
) -> Path:
    """Builds the Debian package of the environment in `folder`; the path of it."""
    tree = _tree(folder / "deb-tree", environment, release)
    return pack(
        tree, NAME, release, control=_CONTROL, scripts=_LINUX / "deb", compression=compression
    )


def build_server_rpm(
    folder: Path, environment: Path, release: Release, compression: int = COMPRESSION
) -> Path:
    """Builds the rpm of the environment in `folder`; the path of it.

    It is for distributions with the Python that this runs on, e.g. Red Hat 9 with python3.11.
    """
    tree = _tree(folder / "rpm-tree", environment, release)
    spec = _LINUX / "rpm" / f"{NAME}.spec"
    return pack_rpm(tree, NAME, release, spec, python=PYTHON, payload=f"w{compression}.zstdio")


def _tree(tree: Path, environment: Path, release: Release) -> Path:
    """Every file where a server has it."""
    shutil.rmtree(tree, ignore_errors=True)
    program = tree / _PROGRAM
    program.parent.mkdir(parents=True)
    run_tool(release, "cp", "--archive", "--link", environment, program)
    unit = tree / "usr" / "lib" / "systemd" / "system"
    unit.mkdir(parents=True)
    shutil.copy(_LINUX / f"{NAME}.service", unit)
    (tree / "usr" / "bin").mkdir()
    (tree / "usr" / "bin" / NAME).symlink_to(f"../lib/{NAME}/bin/{NAME}")
    about = tree / "usr" / "share" / "doc" / NAME
    about.mkdir(parents=True)
    (about / "copyright").write_text(_COPYRIGHT)
    normalise(tree, release.epoch)
    return tree


def _describe(share: Path, release: Release) -> None:
    """The bill of materials, and the licences."""
    parts = server_components()
    bill = bill_of_materials(release, parts, NAME, f"../{PACKAGES.as_posix()}")
    (share / "sbom.cdx.json").write_text(bill, encoding="utf-8")
    for part in parts:
        keep_texts(share / "licences" / part.name, part.texts)


def _bring(distribution: metadata.Distribution, version: str, packages: Path) -> None:
    """Copies what a package installed, without its programs and what Python compiled."""
    if distribution.version != version:
        raise NotAccountedFor(
            f"{distribution.name} {distribution.version} is installed, {version} is pinned"
        )
    for file in distribution.files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            (packages / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(distribution.locate_file(file)), packages / file)


def _compile(environment: Path, release: Release) -> None:
    """Compiles all for the server's account, which cannot: files that never change need no look."""
    told = ["-q", "--invalidation-mode=unchecked-hash", "-j2"]
    told += ["-s", str(environment), "-p", f"/{_PROGRAM}", str(environment / PACKAGES)]
    run_tool(release, sys.executable, "-m", "compileall", *told)
