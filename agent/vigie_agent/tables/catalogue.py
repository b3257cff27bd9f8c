"""Every table the agent brings along, in one place. Each module of tables adds its line."""

from collections.abc import Callable
from typing import Final

from vigie_agent.domain.table import Table
from vigie_agent.tables import (
    accounts,
    augeas,
    engine_info,
    file,
    file_hash,
    hardware,
    instants,
    memory,
    processes,
    sockets,
    system,
    vigie_file_lines,
    vigie_luks_chain,
    vigie_nftables,
    vigie_password_policy,
    vigie_settings,
)
from vigie_agent.tables.host import Host

_MODULES: Final[tuple[Callable[[Host], tuple[Table, ...]], ...]] = (
    accounts.tables,
    augeas.tables,
    engine_info.tables,
    file.tables,
    file_hash.tables,
    hardware.tables,
    instants.tables,
    memory.tables,
    processes.tables,
    sockets.tables,
    system.tables,
    vigie_file_lines.tables,
    vigie_luks_chain.tables,
    vigie_nftables.tables,
    vigie_password_policy.tables,
    vigie_settings.tables,
)


def all_tables(host: Host) -> tuple[Table, ...]:
    """The tables of `host`: osquery's own as far as we write them, and ours (`vigie_*`)."""
    return tuple(table for tables in _MODULES for table in tables(host))
