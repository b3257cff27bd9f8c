"""Where connections of a run go: endpoints in turn, and no more at once than files may be open."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from OpenSSL import SSL

from vigie_server.domain.errors import SettingsMalformed
from vigie_server.open_files import open_as_many_as_allowed
from vigie_server.simulator.identity import Identity
from vigie_server.simulator.stream import Stream, opened_stream
from vigie_server.simulator.tally import Tally

_OTHER_FILES: Final = 128
_PORTS: Final = range(1, 1 << 16)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A telemetry port of a server, its name resolved once."""

    name: str
    address: str
    port: int


@dataclass(slots=True)
class Connections:
    """Opens streams for devices. `most`: connections at once."""

    context: SSL.Context
    endpoints: Sequence[Endpoint]
    tally: Tally
    most: int
    _free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.most)

    @asynccontextmanager
    async def stream(self, identity: Identity, turn: int, hello: bytes) -> AsyncIterator[Stream]:
        """A greeted stream to the endpoint whose turn it is. Raises StreamLost, OSError."""
        self.tally.waited += self._free.locked()
        async with self._free:
            endpoint = self.endpoints[turn % len(self.endpoints)]
            stream = await opened_stream(
                self.context, identity, (endpoint.address, endpoint.port), endpoint.name, hello
            )
            self.tally.connected += 1
            try:
                yield stream
            finally:
                self.tally.connected -= 1
                stream.close()


def resolved(endpoint: str) -> Endpoint:
    """The endpoint of a host:port. Raises SettingsMalformed."""
    name, _, port = endpoint.rpartition(":")
    name = name.removeprefix("[").removesuffix("]")
    try:
        if not (name and port.isascii() and port.isdigit() and int(port) in _PORTS):
            raise ValueError(f"a port is from {_PORTS[0]} to {_PORTS[-1]}")  # noqa: TRY301
        (_, _, _, _, found), *_ = socket.getaddrinfo(name, int(port), type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise SettingsMalformed(
            f"{endpoint!r} is not the host:port of a server (127.0.0.1:8443): {error}"
        ) from error
    return Endpoint(name, str(found[0]), int(found[1]))


def most_connections() -> int:
    """How many connections this process may hold; its soft limit is raised to the hard one."""
    return max(1, open_as_many_as_allowed() - _OTHER_FILES)
