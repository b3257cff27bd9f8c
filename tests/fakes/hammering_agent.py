"""An agent that collects made-up rows as fast as it can, and keeps a ledger of what it collected.

Spool, identity, session and delivery are the agent's own; only the facts are made up, each report's
unlike any other. `python -m fakes.begun fakes.hammering_agent LEDGER [--drain]`, with the agent's
settings in the environment. With `--drain` it collects nothing and ends once all is delivered.

A ledger line is written before a report is handed to the spool (`meant`) and after it became
durable (`kept`): what was kept must reach the server, and what the server holds was meant.
"""

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

import structlog

from fakes.kept_orders import Answers, KeptOrders
from vigie_agent import clock
from vigie_agent.bootstrap.agent import agent_version, key_store
from vigie_agent.domain.backoff import Backoff
from vigie_agent.domain.session import About
from vigie_agent.domain.snapshot import Report, Snapshot, Status
from vigie_agent.link.grpc_enrolment import GrpcEnrolment
from vigie_agent.link.grpc_session import GrpcLink
from vigie_agent.logs import configure_logs
from vigie_agent.services.deliver import Deliver
from vigie_agent.services.renew import Renew
from vigie_agent.settings import load_settings
from vigie_agent.spool.sqlite import SqliteSpool

log = structlog.get_logger()

TOPICS = ("firewall", "usb_storage", "vpn")
BURST = 20  # reports of one topic in a row: one that is taken twice is then not the topic's newest
MOST_PENDING = 500
PAUSE = 0.01


class Ledger:
    """Lines appended with one write each: a kill leaves whole lines."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, **line: object) -> None:
        """One line."""
        os.write(self._file, json.dumps(line).encode() + b"\n")


def made_up(topic: str, number: int, life: str) -> Snapshot:
    """A snapshot that no other report repeats."""
    rows = [("yes", f"{life}-{number}-{row}", "made-up", "") for row in range(3)]
    columns = ("collected", "detail", "part", "why")
    return Snapshot.of(topic=topic, topic_version=1, status=Status.OK, columns=columns, rows=rows)


async def hammer(spool: SqliteSpool, deliver: Deliver, ledger: Ledger, stop: asyncio.Event) -> None:
    """Collects until killed."""
    life = os.urandom(6).hex()
    number = 0
    while not stop.is_set():
        if spool.pending() < MOST_PENDING:
            snapshot = made_up(TOPICS[number // BURST % len(TOPICS)], number, life)
            ledger.write(meant=snapshot.digest.hex(), topic=snapshot.topic, rows=snapshot.rows)
            report = Report(clock.utc_now(), clock.boot_id(), clock.boot_clock(), (snapshot,))
            spool.append(report)
            ledger.write(kept=snapshot.digest.hex(), spool=spool.spool_id.hex())
            deliver.wake()
            number += 1
        await asyncio.sleep(PAUSE)


async def drained(spool: SqliteSpool, stop: asyncio.Event) -> None:
    """Ends the run once the server has committed everything."""
    while spool.pending():  # noqa: ASYNC110 (the spool is a file: it tells nobody)
        await asyncio.sleep(0.05)
    stop.set()


async def main(ledger: Ledger, *, drain: bool) -> None:
    """Hammers, or drains."""
    settings = load_settings()
    keys = key_store(settings)
    spool = SqliteSpool(settings.spool_path, max_bytes=settings.spool.max_bytes)
    link = GrpcLink(settings.https_proxy)
    deliver = Deliver(
        keys=keys,
        spool=spool,
        link=link,
        renew=Renew(keys, link, GrpcEnrolment(settings.https_proxy)),
        orders=KeptOrders(),
        answer=Answers(),
        about=lambda: About(agent_version(), "made-up", "1", "linux", clock.boot_id()),
        now=clock.moment,
        backoff=Backoff(first=timedelta(milliseconds=500), longest=timedelta(seconds=1)),
    )
    stop = asyncio.Event()
    log.info("hammering")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(deliver.run(stop))
        tasks.create_task(drained(spool, stop) if drain else hammer(spool, deliver, ledger, stop))
    spool.close()


def run() -> None:
    """The program."""
    configure_logs(level="info")
    asyncio.run(main(Ledger(Path(sys.argv[1])), drain="--drain" in sys.argv))
