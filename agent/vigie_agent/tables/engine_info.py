"""`osquery_info` and its kin: the engine itself, as osquery tells it, without passing for it.

This engine has no flags, no extensions and no schedule of its own: those tables are empty.
"""

import os
import uuid
from collections.abc import Iterable
from typing import Final

from vigie_agent.clock import utc_now
from vigie_agent.domain.table import OSQUERY_SCHEMA, Request, Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.hardware import device_uuid
from vigie_agent.tables.host import Host

OSQUERY_INFO: Final = osquery_columns(
    "pid INTEGER, uuid, instance_id, version, config_hash, config_valid INTEGER, extensions, "
    "build_platform, build_distro, start_time INTEGER, watcher INTEGER, platform_mask INTEGER"
)
OSQUERY_EXTENSIONS: Final = osquery_columns("uuid BIGINT, name, version, sdk_version, path, type")
OSQUERY_FLAGS: Final = osquery_columns(
    "name, type, description, default_value, value, shell_only INTEGER"
)
OSQUERY_SCHEDULE: Final = osquery_columns(
    "name, query, interval INTEGER, executions BIGINT, last_executed BIGINT, denylisted INTEGER, "
    "output_size BIGINT, wall_time BIGINT, wall_time_ms BIGINT, last_wall_time_ms BIGINT, "
    "user_time BIGINT, last_user_time BIGINT, system_time BIGINT, last_system_time BIGINT, "
    "average_memory BIGINT, last_memory BIGINT, blacklisted INTEGER hidden"
)
_LINUX_MASK: Final = 9


def tables(host: Host) -> tuple[Table, ...]:
    instance_id, start_time = str(uuid.uuid4()), int(utc_now().timestamp())

    def generate(request: Request) -> Iterable[TableRow]:
        yield {
            "pid": os.getpid(),
            "uuid": device_uuid(host) if request.uses("uuid") else "",
            "instance_id": instance_id,
            "version": OSQUERY_SCHEMA,
            "config_hash": "",
            "config_valid": 0,
            "extensions": "inactive",
            "build_platform": "linux",
            "build_distro": "vigie",  # who asks can tell that this is no osqueryd
            "start_time": start_time,
            "watcher": -1,
            "platform_mask": _LINUX_MASK,
        }

    linux = frozenset({"linux"})
    return (
        Table("osquery_info", OSQUERY_INFO, generate, platforms=linux),
        Table("osquery_extensions", OSQUERY_EXTENSIONS, lambda _request: (), platforms=linux),
        Table("osquery_flags", OSQUERY_FLAGS, lambda _request: (), platforms=linux),
        Table("osquery_schedule", OSQUERY_SCHEDULE, lambda _request: (), platforms=linux),
    )
