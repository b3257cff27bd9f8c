"""The stores that the suites of this folder run over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.stored import STORES, opened_store
from vigie_server.store.database import Database


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Every store passes every test that asks for one."""
    with opened_store(request.param, tmp_path) as opened:
        yield opened
