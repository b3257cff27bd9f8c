"""The one place where the agent's parts are made and wired.

Heavy libraries load inside the functions that need them: every command starts within its budget.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from vigie_agent import bundled, clock
from vigie_agent.domain.answers import QueryError, Reason
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.packs import Host, machine_shard
from vigie_agent.domain.topics import Topic
from vigie_agent.ports import QueryEngine
from vigie_agent.services.asking import OneAtATime
from vigie_agent.services.collect import Collect
from vigie_agent.services.standing_orders import StandingOrders
from vigie_agent.settings import AgentSettings, EngineKind


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


def this_host(engine: QueryEngine) -> Host:
    """What decides which queries run here."""
    return Host(platform_name(), engine.version, machine_shard(socket.gethostname()))


def is_privileged() -> bool:
    """Whether this process may read what only the administrator may."""
    if sys.platform == "win32":
        import ctypes

        return bool(ctypes.windll.shell32.IsUserAnAdmin())
    return os.geteuid() == 0
