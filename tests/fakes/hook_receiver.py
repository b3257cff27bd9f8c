"""A receiver of webhooks on loopback: real HTTPS, with whatever certificate a test made."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class HookReceiver:
    """Answers with `statuses`, once each, then 204; `requests` are target, headers and body."""

    tls: ssl.SSLContext
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
    open_ones: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            await _talk(receiver, reader, writer)
        writer.transport.abort()
        open_ones.discard(writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=receiver.tls)
    receiver.port = listening.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        listening.close()
        for writer in open_ones.copy():
            writer.transport.abort()
        await listening.wait_closed()


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
