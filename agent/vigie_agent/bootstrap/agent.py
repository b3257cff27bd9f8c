"""The one place where the agent's parts are made and wired.

Heavy libraries load inside the functions that need them: every command starts within its budget.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import structlog

from vigie_agent import bundled, clock
from vigie_agent.bootstrap.engine import (
    about_agent,
    approval,
    build_engine,
    platform_name,
    this_host,
)
from vigie_agent.bootstrap.updates import updating
from vigie_agent.domain.answers import Rows
from vigie_agent.domain.errors import (
    AgentRuns,
    DeviceDisabled,
    EngineLost,
    IdentityMissing,
    SpoolUnusable,
)
from vigie_agent.domain.identity import HardwareClaims
from vigie_agent.domain.packs import Pack
from vigie_agent.domain.schedule import Schedule
from vigie_agent.domain.topics import Topic
from vigie_agent.ports import KeyStore, QueryEngine, Spool
from vigie_agent.services.ask import AnswerLive, AskedQuestions
from vigie_agent.services.asking import OneAtATime
from vigie_agent.services.collect import Collect
from vigie_agent.services.standing_orders import StandingOrders
from vigie_agent.services.state_file import open_folder
from vigie_agent.services.status import StatusBoard, is_alive, read_status
from vigie_agent.settings import AgentSettings
from vigie_agent.supervisor import Part, run_parts, stopped_by_signals
from vigie_agent.updates.starting import ends_with_input

if TYPE_CHECKING:
    from vigie_agent.domain.session import About
    from vigie_agent.services.enrol import Enrol
    from vigie_agent.tables.about_agent import TopicInForce

log = structlog.get_logger()

_HARDWARE: Final = "SELECT uuid, hardware_serial, hardware_vendor, hardware_model FROM system_info"


@dataclass(frozen=True, slots=True)
class Collection:
    """All that collecting takes, with no server in it."""

    engine: QueryEngine
    ask: OneAtATime
    orders: StandingOrders
    topics: Mapping[str, Topic]
    collect: Collect


@contextmanager
def collection(settings: AgentSettings) -> Iterator[Collection]:
    """What collecting once takes. An osqueryd of ours runs apart from the agent's own."""
    with (
        TemporaryDirectory(prefix="vigie-", ignore_cleanup_errors=True) as folder,
        lasting_collection(settings, Path(folder) / "osqueryd") as parts,
    ):
        yield parts


@contextmanager
def lasting_collection(settings: AgentSettings, folder: Path) -> Iterator[Collection]:
    """Everything that collecting takes; the engine is let go of at the end."""
    from vigie_agent.priority import lower_priority

    lower_priority(niceness=settings.collect.niceness, idle_io=settings.collect.idle_io)
    about = about_agent(_version_if_readable())
    engine = build_engine(settings, folder, about)
    ask = OneAtATime(engine, approval(platform_name()))
    try:
        topics = bundled.read_topics(settings.topics_dir or bundled.folder("topics"))
        orders = StandingOrders(
            settings.config_path,
            shipped=_packs(settings),
            topics=topics,
            host=lambda: this_host(engine),
        )
        about.topics = lambda: _topics_in_force(orders)
        collect = Collect(
            ask=ask,
            timeout=settings.collect.query_timeout,
            limits=orders.limits,
            clock=clock.boot_clock,
            cpu=clock.cpu_time,
        )
        yield Collection(engine, ask, orders, topics, collect)
    finally:
        ask.close()
        engine.close()


def _packs(settings: AgentSettings) -> tuple[Pack, ...]:
    """The shipped packs, or those in their place, and the site's own."""
    packs = bundled.read_packs(settings.packs_dir or bundled.folder("packs"))
    if settings.own_packs_dir is None:
        return packs
    return bundled.packs_beside(packs, settings.own_packs_dir)


def _topics_in_force(orders: StandingOrders) -> list["TopicInForce"]:
    from vigie_agent.tables.about_agent import TopicInForce

    return [
        TopicInForce(topic.topic, topic.version, topic.query_digest.hex())
        for topic in orders.plan().topics.values()
    ]


@dataclass(frozen=True, slots=True)
class Agent:
    """A running agent: its parts by name, run together until stopped."""

    parts: Mapping[str, Part]
    stop: asyncio.Event
    forget_orders: Callable[[], None]
    superseded: Callable[[], bool] = lambda: False
    """Whether another version is current now, for which this one ended."""

    async def run(self) -> None:
        """Runs until a signal comes or a part ends. What parts raise comes in a group."""
        with stopped_by_signals(self.stop, with_input=ends_with_input()):
            await self.serve()

    async def serve(self) -> None:
        """The same without signals: until `stop` is set."""
        try:
            await run_parts(self.parts, self.stop)
        except* DeviceDisabled:  # delivery has erased identity and spool
            self.forget_orders()
            raise


@contextmanager
def build_agent(settings: AgentSettings, stop: asyncio.Event | None = None) -> Iterator[Agent]:
    """The agent whole: rounds that collect, delivery to the server, and what they share.

    `stop` ends it, and is set when it ends.

    Raises IdentityMissing before anything is collected on a device that was never enrolled, and
    AgentRuns when another agent uses the same data folder.
    """
    from vigie_agent.link.grpc_enrolment import GrpcEnrolment
    from vigie_agent.link.grpc_session import GrpcLink
    from vigie_agent.memory import give_back
    from vigie_agent.services.deliver import Deliver
    from vigie_agent.services.renew import Renew
    from vigie_agent.services.rounds import Rounds
    from vigie_agent.spool.sqlite import SqliteSpool

    keys = key_store(settings)
    identity = keys.load()
    if identity is None:
        raise IdentityMissing("this device is not enrolled: run `vigie-agent enroll`")
    refuse_a_second_agent(settings)
    open_folder(settings.data_dir)
    with lasting_collection(settings, settings.data_dir / "osqueryd") as parts:
        spool = SqliteSpool(settings.spool_path, max_bytes=settings.spool.max_bytes)
        link = GrpcLink(settings.https_proxy)
        board = StatusBoard(
            settings.status_path,
            started=clock.moment(),
            pid=os.getpid(),
            facts=lambda: _facts(parts.engine, spool),
        )
        board.write(clock.moment())  # from now on a second agent is refused
        deliver = Deliver(
            keys=keys,
            spool=spool,
            link=link,
            renew=Renew(keys, link, GrpcEnrolment(settings.https_proxy)),
            orders=parts.orders,
            answer=AnswerLive(
                parts.ask,
                AskedQuestions(settings.asked_path),
                clock.utc_now,
                allowed=settings.live_questions,
            ),
            about=lambda: _about(parts.engine),
            now=clock.moment,
            tell=board.tell,
            not_kept=frozenset(
                name for name, topic in parts.topics.items() if topic.retention_days == 0
            ),
        )
        rounds = Rounds(
            plan=parts.orders.plan,
            collect=parts.collect,
            spool=spool,
            schedule=Schedule(identity.device_id),
            now=clock.moment,
            boot_id=clock.boot_id(),
            board=board,
            appended=deliver.wake,
            pause=settings.collect.pause,
            settled=give_back,
        )
        parts.orders.on_change = rounds.wake
        running: dict[str, Part] = {"rounds": rounds.run, "delivery": deliver.run}
        updates = updating(settings, parts.ask, spool, lambda: deliver.met_server)
        try:
            yield Agent(
                running | updates.parts,
                stop or asyncio.Event(),
                lambda: _forget_orders(settings),
                updates.superseded,
            )
        finally:
            spool.close()
            if updates.superseded():  # the next version is another process, or this one
                settings.status_path.unlink(missing_ok=True)


def key_store(settings: AgentSettings) -> KeyStore:
    """Where this device's identity is kept."""
    from vigie_agent.identity.files import IdentityFiles
    from vigie_agent.identity.protection import system_protection

    return IdentityFiles(settings.identity_dir, system_protection())


def build_enrol(settings: AgentSettings) -> "Enrol":
    """What enrols this device."""
    from vigie_agent.link.grpc_enrolment import GrpcEnrolment
    from vigie_agent.services.enrol import Enrol

    return Enrol(key_store(settings), GrpcEnrolment(settings.https_proxy), agent_version())


def claims(settings: AgentSettings) -> HardwareClaims:
    """What this device says of its hardware when it enrols: what its engine can read, or less."""
    found: Mapping[str, str] = {}
    try:
        with collection(settings) as parts:
            answer = asyncio.run(parts.ask(_HARDWARE, timeout=settings.collect.query_timeout))
        if isinstance(answer, Rows) and answer.rows:
            found = answer.rows[0]
    except EngineLost as error:
        log.warning("hardware_not_read", error=str(error))
    return HardwareClaims(
        hostname=socket.gethostname(),
        platform=platform_name(),
        hardware_serial=found.get("hardware_serial", ""),
        hardware_uuid=found.get("uuid", ""),
        hardware_vendor=found.get("hardware_vendor", ""),
        hardware_model=found.get("hardware_model", ""),
    )


def forget_everything(settings: AgentSettings) -> None:
    """Erases identity, spool and the server's orders. Raises AgentRuns, and what erasing raises."""
    from vigie_agent.spool.sqlite import SqliteSpool

    refuse_a_second_agent(settings)
    SqliteSpool(settings.spool_path, max_bytes=settings.spool.max_bytes).erase()
    _forget_orders(settings)
    key_store(settings).erase()


def _forget_orders(settings: AgentSettings) -> None:
    for path in (settings.config_path, settings.status_path):
        path.unlink(missing_ok=True)


def refuse_a_second_agent(settings: AgentSettings) -> None:
    """Raises AgentRuns when an agent with this data folder runs already."""
    try:
        status = read_status(settings.status_path)
    except OSError:
        return
    if status is not None and is_alive(status):
        raise AgentRuns(f"an agent runs here already (process {status['pid']}): stop it first")


def _version_if_readable() -> str:
    """Empty where this account may not read the agent's own folder: collecting goes on."""
    try:
        return agent_version()
    except ImportError:
        return ""


def agent_version() -> str:
    """The release that runs."""
    from importlib.metadata import version

    return version("vigie")


def _about(engine: QueryEngine) -> "About":
    from vigie_agent.domain.session import About

    return About(
        agent_version=agent_version(),
        engine=engine.name,
        engine_version=engine.version,
        platform=platform_name(),
        boot_id=clock.boot_id(),
    )


def _facts(engine: QueryEngine, spool: Spool) -> Mapping[str, object]:
    """What `status` shows beside what the parts tell."""
    facts: dict[str, object] = {"engine": f"{engine.name} {engine.version}".strip()}
    with suppress(SpoolUnusable):  # the rounds log it
        facts |= {"pending": spool.pending(), "dropped": spool.dropped}
    return facts
