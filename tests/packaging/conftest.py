"""What is built once a run: the agent as devices have it, and a clean root to install in."""

import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from clean_root import CleanRoot, made_root
from components import missing, required_program
from installed_server import NEEDS, Installed
from once import once
from ports import free_ports
from programs import ServerProgram
from vigie_packaging.bundle import build_bundle, normalise
from vigie_packaging.linux import build_deb
from vigie_packaging.release import Release, release
from vigie_packaging.server import build_environment, build_wheel

OLDER = "0.0.9"


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On the disk: roots and packages are large, and copies of them cost it little."""
    return tmp_path_factory.mktemp("packaged")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's folder, as `make agent-bundle` builds it."""
    if sys.platform != "linux":
        missing("the agent is built and tested on Linux")
    return once(tmp_path_factory, "bundle", lambda folder: build_bundle(folder, release()))


@pytest.fixture(scope="session")
def older(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release]:
    """The same agent, said to be of an earlier release: to its package, and by itself."""
    return (
        once(tmp_path_factory, "older", lambda folder: _said_to_be(OLDER, bundle, folder)),
        replace(release(), version=OLDER),
    )


def _said_to_be(version: str, bundle: Path, folder: Path) -> Path:
    this = release()
    copy = folder / bundle.name
    shutil.copytree(bundle, copy, symlinks=True)
    about = copy / "_internal" / f"vigie-{this.version}.dist-info"
    told = (about / "METADATA").read_text()
    text = told.replace(f"Version: {this.version}", f"Version: {version}")
    (about / "METADATA").write_text(text)
    about.rename(about.with_name(f"vigie-{version}.dist-info"))
    normalise(copy, this.epoch)
    return copy


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean root to copy."""
    required_program("mmdebstrap")
    return once(tmp_path_factory, "template", lambda folder: made_root(folder / "root"))


@pytest.fixture
def root(template: Path, tmp_path: Path) -> CleanRoot:
    """A clean root to change."""
    return CleanRoot.copied(template, tmp_path / "root")


@pytest.fixture(scope="session")
def deb(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package of this release."""
    return once(tmp_path_factory, "deb", lambda folder: build_deb(folder, bundle, release()))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's wheel of this release."""
    return once(tmp_path_factory, "wheel", build_wheel)


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a package of the server installs."""
    if sys.platform != "linux":
        missing("the server's package is built and tested on Linux")
    return once(
        tmp_path_factory, "environment", lambda folder: build_environment(folder, wheel, release())
    )


@pytest.fixture
def installed(root: CleanRoot, tmp_path: Path) -> Installed:
    """A clean root with the distribution's Python, and ports for a server in it."""
    root.add(tmp_path / "debs", *NEEDS)
    return Installed(root, *free_ports(3))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProgram]:
    """A server on loopback."""
    made = ServerProgram(tmp_path / "server")
    await made.command("init")
    await made.start()
    yield made
    await made.program.stop()
