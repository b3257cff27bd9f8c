"""What is built once a run: the agent as devices have it, and a clean root to install in."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clean_root import CleanRoot, made_root
from components import missing, required_program
from programs import ServerProgram
from vigie_packaging.bundle import build_bundle
from vigie_packaging.linux import build_deb
from vigie_packaging.release import release


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's folder, as `make agent-bundle` builds it."""
    if sys.platform != "linux":
        missing("the agent is built and tested on Linux")
    return build_bundle(tmp_path_factory.mktemp("bundle"), release())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean root to copy."""
    required_program("mmdebstrap")
    return made_root(tmp_path_factory.mktemp("template") / "root")


@pytest.fixture
def root(template: Path, tmp_path: Path) -> CleanRoot:
    """A clean root to change."""
    return CleanRoot.copied(template, tmp_path / "root")


@pytest.fixture(scope="session")
def deb(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package of this release."""
    return build_deb(tmp_path_factory.mktemp("deb"), bundle, release())


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProgram]:
    """A server on loopback."""
    made = ServerProgram(tmp_path / "server")
    await made.command("init")
    await made.start()
    yield made
    await made.program.stop()
