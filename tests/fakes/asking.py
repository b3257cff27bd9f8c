"""Somebody who asks devices live questions over the API of a running server."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from fakes.running_server import RunningServer
from fakes.secure_http import secure_client
from vigie_server.ports.tokens import Role


class Asker:
    """A caller with a token of a role."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def asks(self, status: int = 201, /, **sent: Any) -> dict[str, Any]:
        """What the server says of a question that is sent to it."""
        answer = await self._client.post("/api/v1/questions", json={"purpose": "a test", **sent})
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def gets(self, path: str, status: int = 200) -> dict[str, Any]:
        answer = await self._client.get(f"/api/v1/questions/{path}")
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def allows(self, site: str, *, free: bool) -> None:
        answer = await self._client.put(f"/api/v1/sites/{site}/questions", json={"free": free})
        assert answer.status_code == 200, answer.text

    async def cancels(self, question: str) -> None:
        answer = await self._client.delete(f"/api/v1/questions/{question}")
        assert answer.status_code == 200, answer.text

    async def follows(
        self, question: str, until: Callable[[dict[str, Any]], bool] = lambda _: False
    ) -> list[dict[str, Any]]:
        """The lines of the stream, to its end or to the first that is as wanted."""
        lines = []
        path = f"/api/v1/questions/{question}/stream"
        async with self._client.stream("GET", path) as answer:
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                lines.append(json.loads(line))
                if until(lines[-1]):
                    break
        return lines


@asynccontextmanager
async def asker(running: RunningServer, role: Role = Role.OPERATOR) -> AsyncIterator[Asker]:
    authority = running.server.settings.data / "ca" / "https.crt"
    headers = {"Authorization": f"Bearer {running.api_token(role)}"}
    url = f"https://localhost:{running.addresses.http}"
    async with secure_client(authority, url, headers=headers) as client:
        yield Asker(client)
