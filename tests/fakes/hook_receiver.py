"""A receiver of webhooks on loopback: HTTPS with whatever certificate a test made, or HTTP."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from fakes.loopback import loopback_server


@dataclass
class HookReceiver:
    """Answers with `statuses`, once each, then 204; `requests` are target, headers and body."""

    tls: ssl.SSLContext | None
    statuses: list[int] = field(default_factory=list)
    silent: bool = False
    port: int = 0
    requests: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def heard(self, count: int, within: float = 30) -> None:
        """Returns once it was asked so often."""
        async with asyncio.timeout(within):
            while len(self.requests) < count:
                self.asked.clear()
                await self.asked.wait()


@asynccontextmanager
async def hook_receiver(receiver: HookReceiver) -> AsyncIterator[HookReceiver]:
    """Serves on a free port until the block is left."""
    async with loopback_server(partial(_talk, receiver), tls=receiver.tls) as receiver.port:
        yield receiver


async def _talk(
    receiver: HookReceiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    if receiver.silent:
        await reader.read()  # until the client gives up
        return
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    lines = (line.partition(": ") for line in head[1:] if line)
    headers = {name.lower(): value for name, _, value in lines}
    body = await reader.readexactly(int(headers["content-length"]))
    receiver.requests.append((head[0].split()[1], headers, body))
    receiver.asked.set()
    status = receiver.statuses.pop(0) if receiver.statuses else 204
    location = f"Location: https://localhost:{receiver.port}/elsewhere\r\n" if status == 302 else ""
    writer.write(f"HTTP/1.1 {status} So\r\n{location}Content-Length: 0\r\n\r\n".encode())
    await writer.drain()
