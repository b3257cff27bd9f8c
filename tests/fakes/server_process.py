"""A server as a process of its own, that a test may kill at any moment.

Run as a program (`python -m fakes.begun fakes.server_process FOLDER`) it serves from a folder,
prints its ports as JSON and goes on until standard input is closed.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fakes.running_server import running_server
from vigie_server.logs import configure_logs


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A running server process and its ports."""

    process: asyncio.subprocess.Process
    telemetry: int
    token: str
    authority_pem: bytes

    async def kill(self) -> None:
        """SIGKILL: no goodbye, no flush."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def server_process(folder: Path) -> AsyncIterator[ServerProcess]:
    """A server process; killed on leaving if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fakes.begun",
        "fakes.server_process",
        str(folder),
        cwd=Path(__file__).parent.parent,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        told = json.loads(await process.stdout.readline())
        yield ServerProcess(process, told["telemetry"], told["token"], told["authority"].encode())
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _main(folder: Path) -> None:
    async with running_server(folder) as running:
        told = {
            "telemetry": running.addresses.telemetry,
            "token": running.token(uses=1000),
            "authority": running.authority.certificate_pem.decode(),
        }
        print(json.dumps(told), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def run() -> None:
    """The program."""
    configure_logs(stream=sys.stderr)
    asyncio.run(_main(Path(sys.argv[1])))
