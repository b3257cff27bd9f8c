"""What the suites of this folder share: the stores they run over, and machines that packs ask."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from components import required_file
from fakes.stored import STORES, opened_store
from simulated_machines import PACKS, AnswerRow, Asked, Schema, SimulatedMachine, TableRows
from vigie_server.store.database import Database


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Every store passes every test that asks for one."""
    with opened_store(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
def asked() -> Asked:
    """Asks one query of a machine that has these rows in its tables."""
    published = required_file("VIGIE_OSQUERY_SCHEMA", "osquery's published schema")

    def ask(name: str, tables: Mapping[str, TableRows]) -> list[AnswerRow]:
        (query,) = [
            query for pack in PACKS.values() for query in pack.queries if query.name == name
        ]
        (platform,) = query.platforms
        machine = SimulatedMachine(Schema.of(platform, published), tables)
        try:
            return machine.ask(query.sql)[1]
        finally:
            machine.close()

    return ask
