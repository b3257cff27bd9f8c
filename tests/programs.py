"""The project's own programs as processes on loopback, for tests that drive them from outside."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ports import free_ports

BIN = Path(sys.executable).parent
ANSWERS_WITHIN = 90.0
_started: "list[Program]" = []


class ProgramFailed(AssertionError):
    """A program ended, or did not say in time what the test waits for."""


class Running(Protocol):
    """A process that was begun, however it was."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    @property
    def stderr(self) -> asyncio.StreamReader | None: ...
    async def wait(self) -> int: ...
    def send_signal(self, number: int, /) -> None: ...


@dataclass(eq=False)
class Program:
    """One process, its environment, and the JSON events of its log."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    events: list[dict[str, object]] = field(default_factory=list)
    _process: Running | None = None
    _reading: asyncio.Task[None] | None = None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def failed(self) -> bool:
        """Whether it has ended, otherwise than by itself and well."""
        return self._process is not None and self._process.returncode not in {None, 0}

    async def start(self) -> None:
        """Starts it; its log so far is forgotten."""
        self.events.clear()
        self._process = await self._begun()
        self._reading = asyncio.create_task(self._read())
        if self not in _started:
            _started.append(self)

    async def event(self, name: str, *, after: int = 0) -> dict[str, object]:
        """The first event of this name at or after that place in the log."""

        def found() -> dict[str, object] | None:
            return next((e for e in self.events[after:] if e.get("event") == name), None)

        async with asyncio.timeout(ANSWERS_WITHIN), self._news:
            while (event := found()) is None:
                if not self.running and self._reading is not None and self._reading.done():
                    raise ProgramFailed(f"{self.arguments[0]} ended:\n{self.last_words()}")
                await self._news.wait()
        return event

    async def ended(self) -> None:
        """Returns once it has ended by itself and its log is read."""
        assert self._process is not None
        await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def kill(self) -> None:
        """Ends it at once, as kill -9 does."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, and until it has ended."""
        await self._end(signal.SIGTERM)

    def last_words(self) -> str:
        """The end of its log, for the message of a failing test."""
        return "\n".join(json.dumps(event) for event in self.events[-30:])

    async def _begun(self) -> Running:
        return await asyncio.create_subprocess_exec(
            *self.arguments,
            env=clean_environment() | dict(self.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )

    async def _end(self, number: int) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        await self._process.wait()
        if self._reading is not None:
            await self._reading
        self._process = None

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": line.decode(errors="replace").rstrip()}
            await self._heard(event)
        await self._process.wait()
        await self._heard({"event": "process_ended"})

    async def _heard(self, event: dict[str, object]) -> None:
        async with self._news:
            self.events.append(event)
            self._news.notify_all()


@contextmanager
def none_left() -> Iterator[None]:
    """Kills what was started in the block and still runs at its end, as after a test that failed.

    It would go on hammering its server, and make other tests late.
    """
    before = len(_started)
    try:
        yield
    finally:
        for program in _started[before:]:
            if program.running:
                with suppress(ProcessLookupError):
                    os.kill(program.pid, signal.SIGKILL)
        del _started[before:]


async def run(*arguments: str, environment: Mapping[str, str]) -> str:
    """Runs a command to its end and gives its standard output. Raises ProgramFailed."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        env=clean_environment() | dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(ANSWERS_WITHIN):
        output, errors = await process.communicate()
    if process.returncode != 0:
        raise ProgramFailed(f"{' '.join(arguments)}: {errors.decode(errors='replace')}")
    return output.decode()


def clean_environment() -> dict[str, str]:
    """The environment of this process without any setting of ours."""
    ours = ("VIGIE_AGENT_", "VIGIE_SERVER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@dataclass
class ServerProgram:
    """`vigie-server serve` on ports that stay the same when it is started again."""

    data: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.telemetry, self.enrolment, self.http = free_ports(3)
        self.environment = {
            "VIGIE_SERVER_DATA": str(self.data),
            "VIGIE_SERVER_NAMES": "127.0.0.1,localhost",
            "VIGIE_SERVER_LISTEN__TELEMETRY": f"127.0.0.1:{self.telemetry}",
            "VIGIE_SERVER_LISTEN__ENROLMENT": f"127.0.0.1:{self.enrolment}",
            "VIGIE_SERVER_LISTEN__HTTP": f"127.0.0.1:{self.http}",
            "VIGIE_SERVER_SESSIONS__HEARTBEAT": "PT1S",
            **self.extra,
        }
        self.program = Program((str(BIN / "vigie-server"), "serve"), self.environment)

    @property
    def https_authority(self) -> Path:
        """What a reader of the API trusts."""
        return self.data / "ca" / "https.crt"

    async def command(self, *arguments: str) -> str:
        """Runs `vigie-server ...` and gives what it prints."""
        return await run(str(BIN / "vigie-server"), *arguments, environment=self.environment)

    async def start(self) -> None:
        """Serves, and returns once every port listens."""
        await self.program.start()
        await self.program.event("server_started")


@dataclass
class AgentProgram:
    """`vigie-agent` with a data folder of its own."""

    data: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {
            "VIGIE_AGENT_DATA_DIR": str(self.data),
            "VIGIE_AGENT_ENGINE__KIND": "embedded",
            **self.extra,
        }
        self.program = Program((str(BIN / "vigie-agent"), "run"), self.environment)

    async def command(self, *arguments: str) -> str:
        """Runs `vigie-agent ...` and gives what it prints."""
        return await run(str(BIN / "vigie-agent"), *arguments, environment=self.environment)

    async def enrol(self, token: str) -> None:
        """Enrols with this token."""
        environment = self.environment | {"VIGIE_AGENT_ENROLMENT_TOKEN": token}
        await run(str(BIN / "vigie-agent"), "enroll", environment=environment)
