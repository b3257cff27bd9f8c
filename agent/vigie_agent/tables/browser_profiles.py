"""Whose browsers are looked at: the accounts asked for, else the agent's own, as in osqueryd."""

import os
from collections.abc import Iterator

from vigie_agent.domain.table import Request
from vigie_agent.tables.accounts import User, local_users
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_folder


def asked_users(host: Host, request: Request) -> list[User]:
    """The local accounts whose uid the query names; without a uid, the agent's own account."""
    wanted = request.equals("uid") or (str(os.geteuid()),)
    return [user for user in local_users(host) if str(user.uid) in wanted]


def folders(host: Host, path: str) -> Iterator[str]:
    """The folders in `path`, by name; none when it cannot be listed."""
    try:
        names = sorted(item.name for item in host.path(path).iterdir())
    except OSError:
        return
    yield from (f"{path}/{name}" for name in names if is_folder(host, f"{path}/{name}"))
