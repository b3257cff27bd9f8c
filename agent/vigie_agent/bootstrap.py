"""The one place where the agent's parts are made and wired.

Heavy libraries load inside the functions that need them: every command starts within its budget.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from vigie_agent import bundled, clock
from vigie_agent.domain.answers import QueryError, Reason
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.packs import Host, machine_shard
from vigie_agent.domain.table import Table
from vigie_agent.domain.topics import Topic
from vigie_agent.ports import KeyStore, QueryEngine
from vigie_agent.services.asking import OneAtATime
from vigie_agent.services.collect import Collect
from vigie_agent.services.standing_orders import StandingOrders
from vigie_agent.settings import AgentSettings, EngineKind, EngineSettings


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


def build_engine(settings: AgentSettings, folder: Path) -> QueryEngine:
    """The engine that the settings choose; an osqueryd of ours would run in `folder`.

    Attached to an osqueryd that somebody else runs, our own tables are answered beside it, so that
    its manager never sees them. Raises EngineLost when there is no engine to use.
    """
    from vigie_agent.tables.catalogue import all_tables
    from vigie_agent.tables.host import Host as Machine

    tables = all_tables(Machine())
    ours = tuple(table for table in tables if table.name.startswith("vigie_"))
    kind = settings.engine.kind
    if kind is not EngineKind.EMBEDDED:
        engine = _osqueryd(settings.engine, folder, ours)
        if engine is not None:
            return engine
        if kind is EngineKind.OSQUERYD or platform_name() != "linux":
            raise EngineLost(
                "no osqueryd on this device: install osquery, or name its socket or program in the "
                "settings (engine.osquery_socket, engine.osqueryd)"
            )
    return _embedded(tables)


def _osqueryd(settings: EngineSettings, folder: Path, ours: Sequence[Table]) -> QueryEngine | None:
    """An osqueryd that runs here and lets us ask, else one that we start; None without either."""
    from vigie_agent.engines.osqueryd_attached import attached_engine, running_osqueryd
    from vigie_agent.engines.osqueryd_own import installed_osqueryd, own_engine

    named = settings.osquery_socket
    listening = named or (None if settings.osqueryd else running_osqueryd())
    if listening is not None and (named is not None or os.access(listening, os.R_OK | os.W_OK)):
        return _beside(attached_engine(listening), ours)
    program = settings.osqueryd or installed_osqueryd()
    if program is None:
        return None
    if platform_name() == "windows":
        return _beside(own_engine(program, folder), ours)
    return own_engine(program, folder, ours)


def _beside(main: QueryEngine, ours: Sequence[Table]) -> QueryEngine:
    from vigie_agent.engines.routed import RoutedEngine

    names = frozenset(table.name for table in ours)
    return RoutedEngine(main, _embedded(ours), own_tables=names, platform=platform_name())


def _embedded(tables: Sequence[Table]) -> QueryEngine:
    from vigie_agent.engines.embedded import EmbeddedEngine

    return EmbeddedEngine(tables)


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
    engine = build_engine(settings, folder)
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


def key_store(settings: AgentSettings) -> KeyStore:
    """Where this device's identity is kept."""
    from vigie_agent.identity.files import IdentityFiles
    from vigie_agent.identity.protection import system_protection

    return IdentityFiles(settings.identity_dir, system_protection())


def this_host(engine: QueryEngine) -> Host:
    """What decides which queries run here."""
    return Host(platform_name(), engine.version, machine_shard(socket.gethostname()))


def is_privileged() -> bool:
    """Whether this process may read what only the administrator may."""
    if sys.platform == "win32":
        import ctypes

        return bool(ctypes.windll.shell32.IsUserAnAdmin())
    return os.geteuid() == 0
