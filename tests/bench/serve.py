"""One server of the benchmark in a process of its own: `serve.py KIND FOLDER`.

A `floor` only acknowledges. The others are the server as it ships: `real`; `visited`, which holds
no device; `listed`, which assesses its sites without a rest: it begins with all of them, and lists
are measured once it is through.

Prints its ports as one line of JSON once it listens; stops when its standard input ends.
"""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path

from bench.floor import BareSessions
from vigie_server import clock
from vigie_server.bootstrap.server import Addresses, build_server
from vigie_server.bootstrap.store import authorities, initialise
from vigie_server.ca import authority
from vigie_server.ca.peers import peer_of
from vigie_server.domain.reports import Limits
from vigie_server.garbage import look_seldom
from vigie_server.ingest.listening import listening
from vigie_server.ingest.telemetry import Telemetry
from vigie_server.logs import configure_logs
from vigie_server.settings import (
    EnrolmentSettings,
    HttpSettings,
    LimitSettings,
    Listen,
    MaturitySettings,
    ServerSettings,
    SessionSettings,
)

IN_FLIGHT = 64
WITHOUT_REST = MaturitySettings(rest=0, pause=timedelta(0), every=timedelta(seconds=2))
"""Of a server that is to be at rest soon, with all sites, and with those that changed meanwhile."""


def bench_settings(folder: Path, *, held: int | None = None, rest: bool = True) -> ServerSettings:
    """A server on loopback with no limit in the way of a load from one address."""
    return ServerSettings(
        data=folder,
        names=("127.0.0.1", "localhost"),
        listen=Listen(telemetry="127.0.0.1:0", enrolment="127.0.0.1:0", http="127.0.0.1:0"),
        http=HttpSettings(requests_per_minute=1e6, requests_at_once=1e6),
        limits=LimitSettings(max_in_flight=IN_FLIGHT),
        sessions=SessionSettings(heartbeat=timedelta(minutes=1), held=held),
        maturity=MaturitySettings() if rest else WITHOUT_REST,
        enrolment=EnrolmentSettings(attempts_per_minute=1e6, attempts_at_once=1e6),
    )


def prepare(folder: Path) -> ServerSettings:
    """Settings whose data folder has been made."""
    settings = bench_settings(folder)
    initialise(settings, now=clock.utc_now())
    return settings


async def serve_real(settings: ServerSettings, stop: asyncio.Event) -> None:
    """The server as it ships."""

    def started(addresses: Addresses) -> None:
        tell(addresses.telemetry, addresses.enrolment, addresses.http)

    await build_server(settings).run(stop, started=started)


async def serve_floor(settings: ServerSettings, stop: asyncio.Event) -> None:
    """The telemetry port alone, and behind it sessions that only acknowledge."""
    devices = authority.load(authorities(settings), authority.DEVICES)
    pair = devices.issue_server_certificate(settings.own_names, now=clock.utc_now())
    server, port = listening(
        address=settings.listen.telemetry,
        setting="VIGIE_SERVER_LISTEN__TELEMETRY",
        key=pair.key,
        chain=pair.chain,
        client_authority=devices.certificate_pem,
        max_message_bytes=settings.limits.max_message_bytes,
        max_connections=100_000,
    )
    sessions = BareSessions(Limits(**settings.limits.model_dump()))
    # Renewal is not asked for in a benchmark: the floor has none.
    bare = Telemetry(sessions, None, peer_of, hello_within=20)  # type: ignore[arg-type]
    server.add_generic_rpc_handlers((bare.handler,))
    await server.start()
    tell(port, 0, 0)
    await stop.wait()
    await server.stop(None)


def tell(telemetry: int, enrolment: int, http: int) -> None:
    """The line that the benchmark waits for."""
    print(json.dumps({"telemetry": telemetry, "enrolment": enrolment, "http": http}), flush=True)


async def main(kind: str, folder: Path) -> None:
    """Serves until standard input ends."""
    configure_logs()
    look_seldom()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    serving = serve_floor if kind == "floor" else serve_real
    held = 0 if kind == "visited" else None
    await serving(bench_settings(folder, held=held, rest=kind != "listed"), stop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
