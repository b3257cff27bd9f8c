"""Serves the HTTP application inside the server's event loop."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import uvicorn
from anyio import to_thread
from fastapi import FastAPI

from vigie_server.domain.listening import cannot_listen
from vigie_server.web.connections import within

_BACKLOG: Final = 256


def bound(address: str, setting: str) -> socket.socket:
    """A socket that listens on host:port: who connects from now waits.

    `setting`: the one that names the address. Raises SettingsMalformed.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)
    except (OSError, ValueError) as error:
        raise cannot_listen(address, setting, error) from error
    # What is accepted inherits it. asyncio sets it only where the protocol is named, and without it
    # each short answer on a kept connection waits 40 ms for the reader's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def is_loopback(address: str) -> bool:
    """Whether host:port is of this machine alone."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def serve_http(
    app: FastAPI,
    listener: socket.socket,
    stop: asyncio.Event,
    *,
    certificate: Path | None,
    key: Path | None,
    max_head: int,
    threads: int,
    keep_alive: timedelta,
) -> None:
    """Serves until stopped, over TLS when a certificate is given; closes the listener.

    `max_head`: bytes of the request line and the headers of a request, at most. `threads`: how many
    requests read the store together, each in a thread, beside the lists (`web/short_ways.py`).
    `keep_alive`: how long a connection is kept without a request, in whole seconds.
    """
    config = uvicorn.Config(
        app,
        http=within(max_head),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        backlog=_BACKLOG,
        timeout_keep_alive=int(keep_alive.total_seconds()),
        timeout_graceful_shutdown=5,
        ssl_certfile=None if certificate is None else str(certificate),
        ssl_keyfile=None if key is None else str(key),
    )
    to_thread.current_default_thread_limiter().total_tokens = threads
    server = _Server(config)
    with listener:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(sockets=[listener]))
            stopping = tasks.create_task(stop.wait())
            await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            stopping.cancel()


class _Server(uvicorn.Server):
    """Leaves signals to the process that runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
