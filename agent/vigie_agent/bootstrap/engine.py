"""Makes the engine that answers on this device, and the door that every question passes."""

import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vigie_agent.domain.answers import QueryError, Reason
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.packs import Host, machine_shard
from vigie_agent.domain.table import Table
from vigie_agent.ports import QueryEngine
from vigie_agent.settings import AgentSettings, EngineKind, EngineSettings

if TYPE_CHECKING:
    from vigie_agent.tables.about_agent import AboutAgent


def platform_name() -> str:
    """The system as packs name it: `linux`, `darwin` or `windows`."""
    return "windows" if sys.platform == "win32" else sys.platform


def about_agent(version: str) -> "AboutAgent":
    """What the agent tells of itself; its topics are still to be told."""
    from vigie_agent.tables.about_agent import AboutAgent, started_by

    cgroups = parent = ""
    with suppress(OSError):
        if sys.platform == "linux":
            cgroups = Path("/proc/self/cgroup").read_text(encoding="utf-8")
        else:
            parent = _parent_name()
    return AboutAgent(
        version,
        privileged=is_privileged(),
        started_by=started_by(platform_name(), cgroups=cgroups, parent=parent),
    )


def _parent_name() -> str:
    import psutil

    try:
        parent = psutil.Process().parent()
        return parent.name() if parent is not None else ""
    except psutil.Error:
        return ""


def build_engine(
    settings: AgentSettings, folder: Path, about: "AboutAgent | None" = None
) -> QueryEngine:
    """The engine that the settings choose; an osqueryd of ours would run in `folder`.

    Attached to an osqueryd that somebody else runs, our own tables are answered beside it, so that
    its manager never sees them. Raises EngineLost when there is no engine to use.
    """
    from vigie_agent.tables.catalogue import all_tables
    from vigie_agent.tables.host import Host as Machine

    here = platform_name()
    tables = tuple(table for table in all_tables(Machine(), about) if here in table.platforms)
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
