"""Programs that tests begin hundreds of times: forks of one process that has loaded their modules.

Loading is most of what a start costs, and nothing that such a test shows depends on it. From the
program's own function on everything is as when it is started: a process with the environment that
it was given, killed like any other. Programs that tests start a few times are started in earnest.
"""

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Final

from programs import Program, clean_environment

_LOADED: Final = [
    "vigie_server.cli.main",
    "vigie_server.cli.serve",
    "vigie_agent.bootstrap.agent",
    "vigie_agent.link.grpc_enrolment",
    "vigie_agent.link.grpc_session",
    "vigie_agent.spool.sqlite",
    "vigie_agent.services.deliver",
]
"""By the process that is forked, which tests of a worker share; none of them starts a thread."""

_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(_LOADED)


class ForkedProgram(Program):
    """A `Program` whose first argument is `module:function` instead of a file."""

    async def _begun(self) -> "_Fork":
        read, write = _FORKS.Pipe(duplex=False)
        given = clean_environment() | dict(self.environment)
        process = _FORKS.Process(
            target=_become, args=(list(self.arguments), given, write), daemon=True
        )
        await asyncio.to_thread(process.start)  # the first one waits until all is loaded
        write.close()
        stderr = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            partial(asyncio.StreamReaderProtocol, stderr), os.fdopen(os.dup(read.fileno()), "rb")
        )
        read.close()
        return _Fork(process, stderr)


class _Fork:
    """As much of an asyncio `Process` as `Program` uses."""

    def __init__(
        self, process: multiprocessing.context.ForkServerProcess, stderr: asyncio.StreamReader
    ) -> None:
        self.stderr: Final = stderr
        self.pid: Final = process.pid or 0
        self.returncode: int | None = None
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._loop.add_reader(process.sentinel, self._note_its_end)

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return int(await asyncio.shield(self._ended))

    def send_signal(self, number: int) -> None:
        """Raises ProcessLookupError when it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def _note_its_end(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self.returncode = self._process.exitcode
        self._process.close()
        self._ended.set_result(self.returncode)


def _become(arguments: Sequence[str], environment: Mapping[str, str], stderr: Connection) -> None:
    """What the fork does: it becomes the program."""
    with open(os.devnull, "r+b", buffering=0) as nothing:  # noqa: PTH123 (no text, no buffer)
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    os.dup2(stderr.fileno(), 2)
    stderr.close()
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(arguments)
    module, _, function = arguments[0].partition(":")
    getattr(import_module(module), function)()
