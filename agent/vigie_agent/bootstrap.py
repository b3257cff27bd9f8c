"""The one place where the agent's parts are made and wired.

Heavy libraries load inside the functions that need them: every command starts within its budget.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from vigie_agent import bundled, clock
from vigie_agent.domain.answers import QueryError, Reason
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.findings import Endpoint
from vigie_agent.domain.packs import Host, machine_shard
from vigie_agent.domain.topics import Topic
from vigie_agent.ports import QueryEngine
from vigie_agent.services.asking import OneAtATime
from vigie_agent.services.collect import Collect
from vigie_agent.services.standing_orders import StandingOrders
from vigie_agent.settings import AgentSettings, EngineKind

if TYPE_CHECKING:
    from vigie_agent.services.doctor import Doctor, Enrolment


@dataclass(frozen=True, slots=True)
class Collection:
    """All that collecting takes, with no server in it."""

    engine: QueryEngine
    ask: OneAtATime
    orders: StandingOrders
    topics: Mapping[str, Topic]
    collect: Collect


def platform_name() -> str:
    """The system as packs name it: `linux`, `darwin` or `windows`."""
    return "windows" if sys.platform == "win32" else sys.platform


def build_engine(settings: AgentSettings) -> QueryEngine:
    """The engine that the settings choose. Raises EngineLost when there is none."""
    from vigie_agent.engines.embedded import EmbeddedEngine
    from vigie_agent.tables import catalogue
    from vigie_agent.tables.host import Host as Machine

    if settings.engine.kind is EngineKind.OSQUERYD:
        raise EngineLost("osqueryd")
    return EmbeddedEngine(catalogue.all_tables(Machine()))


@contextmanager
def collection(settings: AgentSettings) -> Iterator[Collection]:
    """Everything that collecting takes; the engine is let go of at the end."""
    from vigie_agent.priority import lower_priority

    lower_priority(niceness=settings.collect.niceness, idle_io=settings.collect.idle_io)
    engine = build_engine(settings)
    ask = OneAtATime(engine, approval(platform_name()))
    try:
        topics = bundled.read_topics(settings.topics_dir or bundled.folder("topics"))
        orders = StandingOrders(
            settings.config_path,
            shipped=bundled.read_packs(settings.packs_dir or bundled.folder("packs")),
            topics=topics,
            host=lambda: this_host(engine),
        )
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


def approval(platform: str) -> Callable[[str], str | QueryError]:
    """The allow-list as the engine's door takes it: the SQL that may run, or the refusal."""
    from vigie_agent.domain.safety import Approved, Refused, check

    def approve(sql: str) -> str | QueryError:
        match check(sql, platform=platform):
            case Approved(sql=approved):
                return approved
            case Refused(reason=reason):
                return QueryError(Reason.REFUSED, reason)

    return approve


@dataclass(frozen=True, slots=True)
class Standing:
    """How the agent on this device is doing, running or not."""

    device_id: str
    certificate_until: datetime | None
    spool_bytes: int
    running: dict[str, Any] | None
    is_alive: bool

    @property
    def enrolled(self) -> bool:
        """Whether the device has an identity."""
        return bool(self.device_id)

    def as_dict(self) -> dict[str, Any]:
        """The same, for JSON."""
        return {
            "enrolled": self.enrolled,
            "device_id": self.device_id,
            "certificate_until": self.certificate_until and self.certificate_until.isoformat(),
            "spool_bytes": self.spool_bytes,
            "is_alive": self.is_alive,
            "agent": self.running,
        }


def standing(settings: AgentSettings) -> Standing:
    """How the agent is doing, as its files say. Raises PermissionError."""
    from vigie_agent.services.status import is_alive, read_status

    running = read_status(settings.status_path)
    spool = settings.spool_path
    files = (spool, spool.with_name(f"{spool.name}-wal"))
    return Standing(
        device_id="",
        certificate_until=None,
        spool_bytes=sum(file.stat().st_size for file in files if file.exists()),
        running=running,
        is_alive=running is not None and is_alive(running),
    )


def build_doctor(settings: AgentSettings, servers: Sequence[Endpoint]) -> "Doctor":
    """The doctor for this device; `servers` are tried in place of those it knows."""
    from vigie_agent.identity.reading import X509Reading
    from vigie_agent.link.probe import Probe
    from vigie_agent.services.doctor import Doctor
    from vigie_agent.services.state_file import try_writing

    return Doctor(
        enrolment=known_server(settings, servers),
        network=Probe(settings.https_proxy),
        certificates=X509Reading(),
        engine=lambda: build_engine(settings),
        write_data=lambda: try_writing(settings.data_dir),
        measured_skew=_measured_skew(settings),
        now=clock.utc_now,
    )


def known_server(settings: AgentSettings, servers: Sequence[Endpoint] = ()) -> "Enrolment":
    """What this device knows of its server: from its identity, else from the token it was given."""
    from vigie.v1.enrolment_token import decode
    from vigie_agent.services.doctor import Enrolment

    if settings.enrolment_token is None:
        return Enrolment(endpoints=tuple(servers))
    try:
        token = decode(settings.enrolment_token.get_secret_value())
    except ValueError as error:
        return Enrolment(endpoints=tuple(servers), problem=str(error))
    named = tuple(Endpoint.parse(address) for address in token.endpoints)
    return Enrolment(endpoints=tuple(servers) or named, pinned=token.ca_sha256)


def _measured_skew(settings: AgentSettings) -> timedelta | None:
    """How far this clock is from the server's, as the last session measured it."""
    from vigie_agent.services.status import read_status

    try:
        seconds = (read_status(settings.status_path) or {}).get("clock_skew_seconds")
    except OSError:
        return None
    return timedelta(seconds=seconds) if isinstance(seconds, int | float) else None


def this_host(engine: QueryEngine) -> Host:
    """What decides which queries run here."""
    return Host(platform_name(), engine.version, machine_shard(socket.gethostname()))


def is_privileged() -> bool:
    """Whether this process may read what only the administrator may."""
    if sys.platform == "win32":
        import ctypes

        return bool(ctypes.windll.shell32.IsUserAnAdmin())
    return os.geteuid() == 0
