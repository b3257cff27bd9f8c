"""Makes what takes updates: `vigie-agent update`, and the part of a running agent that calls it."""

import asyncio
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from vigie_agent import bundled, clock
from vigie_agent.bootstrap.engine import platform_name
from vigie_agent.domain.errors import (
    IdentityMissing,
    SettingsMalformed,
    UpdateFailed,
    UpdateRefused,
)
from vigie_agent.domain.releases import platform_of
from vigie_agent.domain.updating import News, news
from vigie_agent.launching import installed_version, options_of, own_program
from vigie_agent.ports import Asking, Spool, UpdateSource
from vigie_agent.services.show_that_it_works import ShowThatItWorks
from vigie_agent.services.status import read_status
from vigie_agent.services.take_updates import TakeUpdates
from vigie_agent.services.update import Update
from vigie_agent.services.update_by_server import UpdateByServer
from vigie_agent.settings import AgentSettings, UpdateMode
from vigie_agent.supervisor import Part
from vigie_agent.updates.starting import environment_for, on_trial, started_by
from vigie_agent.updates.versions import Versions

log = structlog.get_logger()


def takes_updates(settings: AgentSettings) -> bool:
    """Whether this agent looks for updates by itself. Raises SettingsMalformed.

    By itself (`auto`) one that was built for Linux, that no package manager looks after, and that
    trusts a root. On Windows and on a Mac when it is told to: neither was seen to update, and what
    a Mac lets a program read may be tied to where that lies.
    """
    match settings.updates.mode:
        case UpdateMode.OFF:
            return False
        case UpdateMode.AUTO:
            return (
                platform_name() == "linux"
                and bool(own_program())
                and not bundled.is_package_managed()
                and _root(settings) is not None
            )
        case UpdateMode.ON:
            if _root(settings) is None:
                raise SettingsMalformed(
                    "updates.mode is on, and this agent came without a root of trust: name the "
                    "channel's root.json with updates.root"
                )
            return True


@dataclass(frozen=True, slots=True)
class Updating:
    """What a running agent does about versions: nothing, most often."""

    parts: dict[str, Part]
    superseded: Callable[[], bool]
    """Whether another version is current now, for which this agent ends."""


def updating(
    settings: AgentSettings, ask: Asking, spool: Spool, met_server: Callable[[], bool]
) -> Updating:
    """The parts of a running agent that look for updates, and that show that this version works.

    Raises SettingsMalformed.
    """
    parts: dict[str, Part] = {}
    versions = Versions(settings.updates_dir)
    version = on_trial() or (versions.standing().current if started_by() is not None else "")
    if version:
        timeout = settings.collect.query_timeout
        trial = ShowThatItWorks(version, versions, ask, timeout, spool, met_server)
        parts["trial"] = trial.run
    if not takes_updates(settings):
        return Updating(parts, lambda: False)
    taking = TakeUpdates(settings.updates.every, versions, _look)
    parts["updates"] = taking.run
    return Updating(parts, lambda: taking.taken)


@contextmanager
def build_update(settings: AgentSettings, source: UpdateSource) -> Iterator[Update]:
    """What takes one update. Raises UpdateFailed, UpdateRefused, SettingsMalformed."""
    from vigie_agent.updates.alone import alone
    from vigie_agent.updates.channel import Channel
    from vigie_agent.updates.disk import Disk
    from vigie_agent.updates.trying import try_out

    if not own_program():
        raise UpdateFailed("this agent was not built as a folder: update it as it was installed")
    root = _root(settings)
    if root is None:
        raise SettingsMalformed(
            "this agent trusts no update channel: name the channel's root.json with updates.root"
        )
    folder = settings.updates_dir
    with alone(folder):
        versions = Versions(folder)
        if not versions.is_ours():
            raise UpdateRefused(f"{folder} may be written by others: see to its owner and its mode")
        channel = Channel(folder / "metadata", folder / "incoming", root, source, Disk())
        yield Update(channel, versions, try_out, installed_version(), _platform(), clock.utc_now)


@contextmanager
def build_server_update(settings: AgentSettings) -> Iterator[UpdateByServer]:
    """What takes an update from this device's server, the first of its addresses that answers.

    Raises IdentityMissing, LinkLost, and what `build_update` raises.
    """
    from vigie_agent.identity.files import IdentityFiles
    from vigie_agent.identity.protection import system_protection
    from vigie_agent.link.grpc_updates import answering_server

    identity = IdentityFiles(settings.identity_dir, system_protection()).load()
    if identity is None:
        raise IdentityMissing("this device is not enrolled: run `vigie-agent enroll`")
    with (
        answering_server(identity, settings.https_proxy) as server,
        build_update(settings, server) as update,
    ):
        yield UpdateByServer(server, update)


def versions_here(settings: AgentSettings) -> News:
    """Which version runs on this device, and how the last update went."""
    return news(Versions(settings.updates_dir).standing(), installed_version(), _platform())


def _platform() -> str:
    return platform_of(platform_name(), platform.machine())


def met_its_server(settings: AgentSettings) -> bool:
    """Whether the agent that runs here reached its server when it last tried."""
    try:
        status = read_status(settings.status_path) or {}
    except OSError:
        return False
    return bool(status.get("welcomed_at")) and not status.get("link_error")


def _root(settings: AgentSettings) -> bytes | None:
    """The root of trust: the one that the settings name, else the one that came with the agent."""
    named = settings.updates.root
    if named is None:
        return bundled.update_root()
    try:
        return named.read_bytes()
    except OSError as error:
        raise SettingsMalformed(f"updates.root cannot be read: {error}") from None


async def _look() -> None:
    """Runs `vigie-agent update` of this version to its end, and ends it when this agent ends."""
    # A service of Windows has no output to pass on.
    output = asyncio.subprocess.DEVNULL if sys.stderr is None else None
    try:
        child = await asyncio.create_subprocess_exec(
            *own_program(),
            *options_of(sys.argv[1:]),
            "update",
            env=environment_for(()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    except OSError as error:
        log.warning("update_not_looked_for", error=str(error))
        return
    try:
        await child.wait()
    finally:
        if child.returncode is None:
            child.terminate()
