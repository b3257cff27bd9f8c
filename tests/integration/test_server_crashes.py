"""kill -9 of the server under load: what was acknowledged is there, once, row for row."""

import random
from pathlib import Path

import pytest

from fakes.reporters import Reporter, killed_under_load, require_acknowledged
from fakes.running_server import settings_in
from fakes.scripted_device import enrolled
from fakes.server_process import server_process
from vigie_server.bootstrap.store import open_store


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("each_store")
async def test_nothing_acknowledged_is_lost_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    async with server_process(tmp_path) as server:
        reporters = [
            Reporter(await enrolled(server.token, server.authority_pem), number)
            for number in range(1, 5)
        ]
        await killed_under_load(reporters, server.telemetry, server.kill)
    for _ in range(4):
        async with server_process(tmp_path) as server:
            random.shuffle(reporters)
            await killed_under_load(reporters, server.telemetry, server.kill)

    database = open_store(settings_in(tmp_path))
    require_acknowledged(database, reporters)
    database.close()
