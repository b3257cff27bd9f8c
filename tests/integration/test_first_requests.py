"""A running server has nothing left to work out when the first request comes."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import routing

from fakes.plain_http import plain_client
from fakes.running_server import running_server
from vigie_server.settings import HttpSettings

PATHS = ("/api/v1/devices", "/api/v1/sites", "/api/v1/parameters", "/api/v1/rules")


async def test_the_first_request_waits_for_no_route_to_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    make = vars(routing)["get_dependant"]

    def noted(**given: Any) -> Any:
        made.append(given["path"])
        return make(**given)

    monkeypatch.setattr(routing, "get_dependant", noted)
    async with running_server(tmp_path, http=HttpSettings(plain=True)) as running:
        made.clear()
        headers = {"Authorization": f"Bearer {running.api_token()}"}
        url = f"http://127.0.0.1:{running.addresses.http}"
        async with plain_client(url, headers=headers) as client:
            answers = [await client.get(path) for path in (*PATHS, "/no/such/place")]

    assert [answer.status_code for answer in answers] == [200] * len(PATHS) + [404]
    assert made == []
