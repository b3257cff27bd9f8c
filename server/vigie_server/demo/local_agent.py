"""The real agent, on this machine, as a process of its own."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie_server.domain.errors import VigieError

STOP_SECONDS: Final = 10
_PROGRAM: Final = "vigie-agent"
_SETTINGS: Final = "VIGIE_AGENT_"


class AgentFailed(VigieError):
    """The agent did not do what the demo asked of it; the text is the agent's own."""


@dataclass(frozen=True, slots=True)
class LocalAgent:
    """The agent's program and the folder where it keeps its identity and its spool."""

    data: Path

    async def enrol(self, token: str) -> None:
        """Enrols this machine. Raises AgentFailed."""
        process = await self._start("enroll", extra={f"{_SETTINGS}ENROLMENT_TOKEN": token})
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise AgentFailed(f"vigie-agent enroll: {output.decode(errors='replace').strip()}")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The agent, collecting and delivering until the block ends."""
        log = self.data / "agent.log"
        with log.open("wb") as output:
            process = await self._start("run", output=output.fileno())
            try:
                yield process
            finally:
                await _end(process)

    def last_words(self) -> str:
        """The end of the agent's log, for when it failed."""
        return (self.data / "agent.log").read_text("utf-8", "replace")[-2000:]

    async def _start(
        self, command: str, *, extra: Mapping[str, str] | None = None, output: int | None = None
    ) -> asyncio.subprocess.Process:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)
        }
        environment |= {f"{_SETTINGS}DATA_DIR": str(self.data), **(extra or {})}
        return await asyncio.create_subprocess_exec(
            agent_program(),
            command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if output is None else output,
            stderr=asyncio.subprocess.STDOUT,
        )


def agent_program() -> str:
    """The `vigie-agent` beside this Python, or on the path. Raises AgentFailed."""
    beside = Path(sys.executable).with_name(_PROGRAM)
    found = str(beside) if beside.exists() else shutil.which(_PROGRAM)
    if found is None:
        raise AgentFailed("vigie-agent is not installed: pip install 'vigie[agent]'")
    return found


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
