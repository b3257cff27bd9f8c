"""Loopback ports for programs that are told theirs before they bind it.

They come from below the ports that the system gives to outgoing connections, and each worker of
pytest-xdist has a range of its own: nobody takes one between its choice and its use.
"""

import os
import socket
from itertools import count, cycle
from typing import Final

_FIRST: Final = 20_000
_EACH: Final = 1_500
_WORKERS: Final = 8
OF_TESTS: Final = range(_FIRST, _FIRST + _WORKERS * _EACH)
"""All that any worker may give away."""
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
# Another run of the tests may be under way: where in the range it begins is its own.
_RANGE: Final = range(
    _FIRST + _WORKER % _WORKERS * _EACH, _FIRST + (_WORKER % _WORKERS + 1) * _EACH
)
_NEXT: Final = cycle([*_RANGE[os.getpid() % _EACH :], *_RANGE[: os.getpid() % _EACH]])


def free_ports(wanted: int) -> tuple[int, ...]:
    """Ports that nobody listens on now; a server that comes back finds its own again."""
    found: list[int] = []
    for tried in count():
        if len(found) == wanted:
            break
        if tried == _EACH:
            raise OSError(f"no {wanted} free ports in {_RANGE}")
        port = next(_NEXT)
        try:
            with socket.create_server(("127.0.0.1", port)):
                found.append(port)
        except OSError:
            continue
    return tuple(found)
