"""A crowd of agents in one process: enrolled with one token, each collecting at a steady pace.

Spools, identities, sessions, waits and jitter are the agent's own; only the facts are made up.
`python -m fakes.hammering_crowd FOLDER COUNT [--drain]`, with the token in CROWD_TOKEN when the
crowd is new. The ledger (see `hammering_agent`) is `FOLDER/ledger`. With `--drain` it collects
nothing and ends once all is delivered.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

import structlog

from fakes.hammering_agent import MOST_PENDING, TOPICS, Ledger, made_up
from fakes.kept_orders import Answers, KeptOrders
from vigie_agent import clock
from vigie_agent.bootstrap.agent import agent_version
from vigie_agent.domain.identity import HardwareClaims
from vigie_agent.domain.session import About
from vigie_agent.domain.snapshot import Report
from vigie_agent.identity.files import IdentityFiles
from vigie_agent.identity.protection import FileModes
from vigie_agent.link.grpc_enrolment import GrpcEnrolment
from vigie_agent.link.grpc_session import GrpcLink
from vigie_agent.logs import configure_logs
from vigie_agent.services.deliver import Deliver
from vigie_agent.services.enrol import Enrol
from vigie_agent.services.renew import Renew
from vigie_agent.spool.sqlite import SqliteSpool

log = structlog.get_logger()

PAUSE = 0.5


class Member:
    """One agent of the crowd."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.keys = IdentityFiles(folder / "identity", FileModes())
        self.spool = SqliteSpool(folder / "spool.db", max_bytes=16 * 1024 * 1024)
        link = GrpcLink()
        self.deliver = Deliver(
            keys=self.keys,
            spool=self.spool,
            link=link,
            renew=Renew(self.keys, link, GrpcEnrolment()),
            orders=KeptOrders(),
            answer=Answers(),
            about=lambda: About(agent_version(), "made-up", "1", "linux", clock.boot_id()),
            now=clock.moment,
        )

    async def enrol(self, token: str, serial: str) -> None:
        enrol = Enrol(self.keys, GrpcEnrolment(), agent_version())
        claims = HardwareClaims(serial, "linux", hardware_serial=serial)
        await enrol(token, claims, stop=asyncio.Event())

    async def hammer(self, ledger: Ledger, stop: asyncio.Event) -> None:
        """Collects until stopped, not in step with the others."""
        life, number = os.urandom(6).hex(), 0
        while not stop.is_set():
            if self.spool.pending() < MOST_PENDING:
                snapshot = made_up(TOPICS[number % len(TOPICS)], number, life)
                ledger.write(meant=snapshot.digest.hex(), topic=snapshot.topic, rows=snapshot.rows)
                now = clock.utc_now()
                self.spool.append(Report(now, clock.boot_id(), clock.boot_clock(), (snapshot,)))
                ledger.write(kept=snapshot.digest.hex(), spool=self.spool.spool_id.hex())
                self.deliver.wake()
                number += 1
            await asyncio.sleep(PAUSE * 2 * random.random())  # the pace of collection


async def drained(members: list[Member], stop: asyncio.Event) -> None:
    """Ends the run once the server has committed everything."""
    while any(member.spool.pending() for member in members):  # noqa: ASYNC110 (files tell nobody)
        await asyncio.sleep(0.05)
    stop.set()


async def main(folder: Path, count: int, *, drain: bool) -> None:
    """Enrols a new crowd; then hammers until killed, or drains."""
    members = [Member(folder / str(number)) for number in range(count)]
    if members[0].keys.load() is None:
        for number, member in enumerate(members):
            await member.enrol(os.environ["CROWD_TOKEN"], f"PF-{number}")
    ledger, stop = Ledger(folder / "ledger"), asyncio.Event()
    log.info("hammering")
    async with asyncio.TaskGroup() as tasks:
        for member in members:
            tasks.create_task(member.deliver.run(stop))
            if not drain:
                tasks.create_task(member.hammer(ledger, stop))
        if drain:
            tasks.create_task(drained(members, stop))
    for member in members:
        member.spool.close()


if __name__ == "__main__":
    configure_logs(level="info")
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), drain="--drain" in sys.argv))
