"""`memory_info`: the memory of the machine, in bytes."""

from collections.abc import Mapping
from typing import Final

from vigie_agent.domain.table import Table
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

MEMORY_INFO: Final = osquery_columns(
    "memory_total BIGINT, memory_free BIGINT, memory_available BIGINT, buffers BIGINT, "
    "cached BIGINT, swap_cached BIGINT, active BIGINT, inactive BIGINT, swap_total BIGINT, "
    "swap_free BIGINT"
)
_NAMES: Final[Mapping[str, str]] = {
    "memory_total": "MemTotal",
    "memory_free": "MemFree",
    "memory_available": "MemAvailable",
    "buffers": "Buffers",
    "cached": "Cached",
    "swap_cached": "SwapCached",
    "active": "Active",
    "inactive": "Inactive",
    "swap_total": "SwapTotal",
    "swap_free": "SwapFree",
}


def tables(host: Host) -> tuple[Table, ...]:
    def generate(_request: object) -> list[dict[str, int | None]]:
        sizes = memory_bytes(host)
        return [{column: sizes.get(name) for column, name in _NAMES.items()}]

    return (Table("memory_info", MEMORY_INFO, generate, platforms=frozenset({"linux"})),)


def memory_bytes(host: Host) -> Mapping[str, int]:
    """The sizes in /proc/meminfo by the kernel's names, in bytes."""
    sizes = {}
    for line in host.text_or_empty("/proc/meminfo").splitlines():
        name, _colon, value = line.partition(":")
        match value.split():
            case [number, "kB"]:
                sizes[name] = int(number) * 1024
            case _:  # counts of pages: no size
                continue
    return sizes
