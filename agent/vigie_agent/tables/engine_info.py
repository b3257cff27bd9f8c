"""`osquery_info`: the engine itself, told as osquery tells it, without passing for it."""

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

    return (Table("osquery_info", OSQUERY_INFO, generate, platforms=frozenset({"linux"})),)
