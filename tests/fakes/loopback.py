"""A server on loopback whose connections all end with it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def loopback_server(
    talk: Talk, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Its port; 0 takes a free one. A client that goes away or talks nonsense is let go."""
    open_ones: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, ValueError):
            await talk(reader, writer)
        writer.transport.abort()
        open_ones.discard(writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", port, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for writer in open_ones.copy():
            writer.transport.abort()
        await listening.wait_closed()
