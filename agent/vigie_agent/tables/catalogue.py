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
    vigie_admin_rights,
    vigie_chassis,
    vigie_clamav,
    vigie_file_lines,
    vigie_local_accounts,
    vigie_luks_chain,
    vigie_nftables,
    vigie_password_policy,
    vigie_sessions,
    vigie_settings,
    vigie_usb_policy,
    vigie_usb_storage,
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
    vigie_admin_rights.tables,
    vigie_chassis.tables,
    vigie_clamav.tables,
    vigie_file_lines.tables,
    vigie_local_accounts.tables,
    vigie_luks_chain.tables,
    vigie_nftables.tables,
    vigie_password_policy.tables,
    vigie_sessions.tables,
    vigie_settings.tables,
    vigie_usb_policy.tables,
    vigie_usb_storage.tables,
)


def all_tables(host: Host) -> tuple[Table, ...]:
    """The tables of `host`: osquery's own as far as we write them, and ours (`vigie_*`)."""
    return tuple(table for tables in _MODULES for table in tables(host))
