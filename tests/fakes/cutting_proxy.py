"""A TCP relay that cuts connections after a number of bytes: in the middle of a message, say."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress


class CuttingProxy:
    """Relays to `port`. Each new connection may send as many bytes as `budgets` says next."""

    def __init__(self, port: int, budgets: Iterator[int | None]) -> None:
        self._target = port
        self._budgets = budgets
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.cuts = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["CuttingProxy"]:
        server = await asyncio.start_server(self.relay, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()
        await self.hang_up()

    async def hang_up(self) -> None:
        """Cuts whatever is open, and waits until it is closed."""
        for writer in list(self._open):
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        budget = next(self._budgets, None)
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._open |= {writer, onward_writer}
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._copy(reader, onward_writer, budget)),
                group.create_task(self._copy(onward_reader, writer, None)),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        for end in (writer, onward_writer):
            end.transport.abort()
            with suppress(ConnectionError):
                await end.wait_closed()
            self._open.discard(end)

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: int | None
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if budget is not None:
                    if len(data) > budget:
                        writer.write(data[:budget])
                        await writer.drain()
                        self.cuts += 1
                        return
                    budget -= len(data)
                writer.write(data)
                await writer.drain()


class ConnectProxy:
    """An HTTP proxy that knows CONNECT, and remembers where it was asked to go."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        self._relays: list[CuttingProxy] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["ConnectProxy"]:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()
        for relay in self._relays:
            await relay.hang_up()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        place = head.split(b" ", 2)[1].decode()
        self.asked.append(place)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        onward = CuttingProxy(int(place.rpartition(":")[2]), iter(()))
        self._relays.append(onward)
        await onward.relay(reader, writer)
