"""The agent as a service: its life, and what is done to it when Windows installs it."""

import asyncio
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from vigie_agent.bootstrap.agent import (
    build_agent,
    build_enrol,
    claims,
    forget_everything,
    key_store,
)
from vigie_agent.domain.errors import TokenMalformed, VigieError
from vigie_agent.domain.token import read_token
from vigie_agent.domain.windows_service import Configuration, Told
from vigie_agent.identity.token_file import erase_token, token_in
from vigie_agent.launching import Launch, installed_version, own_program
from vigie_agent.services.serve import Serve
from vigie_agent.settings import AgentSettings, system_data_dir, system_token_file
from vigie_agent.updates.versions import Versions
from vigie_agent.windows import closing, events, scm

if TYPE_CHECKING:
    from vigie_agent.services.enrol import Enrolment

log = structlog.get_logger()

_OURS: Final = ("agent.toml", closing.TOKEN)
"""What removal takes from the folder beside the data."""


def harden(top: Path | None = None, system: closing.Rights | None = None) -> None:
    """Closes the folder of the system's agent, and tells what was set aside. Raises OSError."""
    top = top or system_data_dir().parent
    aside = closing.close_folder(top, top / system_data_dir().name, system)
    if aside:
        events.tell(Told.SET_ASIDE, ", ".join(map(str, aside)))


def configuration() -> Configuration:
    """How Windows is to keep the service of this program."""
    return Configuration(sys.executable)


def leave_token(
    text: str, server: str | None, top: Path | None = None, system: closing.Rights | None = None
) -> None:
    """Leaves a token for the service. Raises TokenMalformed when it is not of `server`, OSError."""
    named = read_token(text).endpoints
    if server and not any(server in (one, one.rpartition(":")[0]) for one in named):
        raise TokenMalformed(
            f"this token is of {', '.join(named)}, not of {server}: take the token that your own "
            "server printed"
        )
    closing.leave_token(top or system_data_dir().parent, text, system)


def forget(settings: AgentSettings, top: Path | None = None) -> None:
    """Erases what the agent has on this device, but for what other programs wrote.

    Raises OSError, AgentRuns, and what erasing raises.
    """
    top = top or system_data_dir().parent
    events.forget()
    if settings.data_dir.exists():
        forget_everything(settings)
    shutil.rmtree(top / system_data_dir().name, ignore_errors=True)
    for name in _OURS:
        if (path := top / name).exists():
            erase_token(path)
    if top.is_dir() and not any(top.iterdir()):
        top.rmdir()


@dataclass(slots=True)
class ServiceLife:
    """See `vigie_agent.windows.scm.Life`: the version that is current, to its end, then the next.

    The installed version runs in this process, a newer one below it: Windows speaks with the
    process that it started, which watches what it starts (see `vigie_agent.launching`).
    """

    serve: Serve
    """The installed version, in a loop of its own."""
    superseded: Callable[[], bool]
    """Whether that ended because another version is current now."""
    launch: Launch
    _asked: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> bool:
        """Runs until asked to stop; whether it ended well."""
        while True:
            code = self.launch.ended()
            if code is not None:
                return code == 0 or self._asked.is_set()
            ended_well = asyncio.run(self._served())
            if self._asked.is_set() or not self.superseded():
                return ended_well

    def stop(self) -> None:
        """Asks it to end, from any thread, before it began too."""
        with self._lock:
            self._asked.set()
            if self._loop is not None and self._stop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)
        self.launch.stop()

    async def _served(self) -> bool:
        stop = asyncio.Event()
        with self._lock:
            self._loop, self._stop = asyncio.get_running_loop(), stop
            if self._asked.is_set():
                stop.set()
        try:
            return await self.serve(stop)
        finally:
            with self._lock:  # whoever asks from now on comes too late
                self._loop = None


@dataclass(slots=True)
class RunningAgent:
    """Callable: the agent of these settings, until the event is set."""

    settings: AgentSettings
    superseded: bool = False
    """Whether it ended because another version is current now."""

    async def __call__(self, stop: asyncio.Event) -> None:
        with build_agent(self.settings, stop) as agent:
            await agent.serve()
        self.superseded = agent.superseded()


def build_serve(settings: AgentSettings, run: RunningAgent) -> Serve:
    """The agent as a service of any system: it waits for a token where it needs one."""
    return Serve(
        enrolled=lambda: key_store(settings).load() is not None,
        enrol=lambda stop: enrol_if_asked(settings, stop),
        run=run,
        tell=events.tell,
    )


def windows_service(settings: AgentSettings) -> ServiceLife:
    """The same as a service of Windows, which takes updates too."""
    runs = RunningAgent(settings)
    launch = Launch(
        Versions(settings.updates_dir),
        own_program(),
        ("run", "--wait-for-token", "--log-file", str(settings.log_path)),
        installed_version(),
        below=True,
        say=_say_of_versions,
    )
    return ServiceLife(build_serve(settings, runs), lambda: runs.superseded, launch)


def _say_of_versions(text: str) -> None:
    log.warning("version_watched", told=text)
    events.tell(Told.OF_VERSIONS, text)


@contextmanager
def failure_told() -> Iterator[None]:
    """Tells the event log why the service cannot even begin: nobody sees its standard error."""
    try:
        yield
    except (VigieError, OSError) as error:
        events.tell(Told.FAILED, str(error))
        raise


def host(life: ServiceLife) -> None:
    """Serves until Windows asks to stop. Raises OSError where Windows did not start it."""
    scm.host(life, configuration())


def configure() -> None:
    """Has Windows keep the service as `configuration` says. Raises OSError."""
    scm.configure(configuration())


async def enrol_if_asked(settings: AgentSettings, stop: asyncio.Event) -> str | None:
    """Enrols with the token that somebody left, and erases it; None where nobody did.

    Raises what enrolling raises.
    """
    file = settings.enrolment_token_file or system_token_file()
    if settings.enrolment_token is not None:
        text = settings.enrolment_token.reveal()
    elif file.exists():
        text = token_in(file)
    else:
        return None
    hardware = await asyncio.to_thread(claims, settings)
    ended: Enrolment = await build_enrol(settings)(
        text, hardware, stop=stop, spent=lambda: _erase(file)
    )
    return ended.identity.device_id


def _erase(file: Path) -> None:
    try:
        if file.exists():
            erase_token(file)
    except OSError as error:
        log.warning("token_not_erased", path=str(file), error=str(error))


def is_enrolled(settings: AgentSettings) -> bool:
    """Whether this device has an identity; one that is damaged counts as one."""
    try:
        return key_store(settings).load() is not None
    except VigieError:
        return True
