"""`hash`: digests of files. Only the digests that the query reads are computed."""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from typing import Final

from vigie_agent.domain.table import Request, Table, TableRow
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host
from vigie_agent.tables.path_patterns import constrained_paths

_CHUNK_BYTES: Final = 1024 * 1024
_DIGESTS: Final = ("md5", "sha1", "sha256")

COLUMNS: Final = osquery_columns(
    "path required index, directory required, md5, sha1, sha256, pid_with_namespace INTEGER "
    "hidden additional, mount_namespace_id hidden"
)


def tables(host: Host) -> tuple[Table, ...]:
    def generate(request: Request) -> Iterable[TableRow]:
        for path, folder in constrained_paths(host, request):
            if _is_regular(host, path):
                digests = _digests(host, path, request)
                yield {"path": path, "directory": folder, "pid_with_namespace": 0, **digests}

    return (Table("hash", COLUMNS, generate, platforms=frozenset({"linux"})),)


def _is_regular(host: Host, path: str) -> bool:
    try:
        return not path.endswith("/") and stat.S_ISREG(host.path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def _digests(host: Host, path: str, request: Request) -> Mapping[str, str]:
    """The digests that are asked for; none where the file cannot be read to its end."""
    wanted = [name for name in _DIGESTS if request.uses(name)]
    hashes = [hashlib.new(name, usedforsecurity=False) for name in wanted]
    if not hashes:
        return {}
    try:
        # O_NONBLOCK: between the look and the opening, the file may have become a pipe.
        descriptor = os.open(host.path(path), os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK_BYTES):
                request.check_time()
                for digest in hashes:
                    digest.update(chunk)
    except OSError:
        return {}
    return {name: digest.hexdigest() for name, digest in zip(wanted, hashes, strict=True)}
