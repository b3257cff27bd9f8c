"""The agent as it is built for devices, built once a run."""

import sys
from pathlib import Path

import pytest

from components import missing
from vigie_packaging.bundle import build_bundle
from vigie_packaging.release import release


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's folder, as `make agent-bundle` builds it."""
    if sys.platform != "linux":
        missing("the agent is built and tested on Linux")
    return build_bundle(tmp_path_factory.mktemp("bundle"), release())
