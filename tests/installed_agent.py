"""The agent as a package installed it in a clean root, for tests that live through it there.

No systemd runs there: the service's own commands are run as its unit names them.
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil

from clean_root import CleanRoot
from programs import Program, ServerProgram
from vigie_agent import bundled

MOST_RESIDENT = 80_000_000
UNIT = "usr/lib/systemd/system/vigie-agent.service"
TOKEN = "etc/vigie/enrolment-token"
DATA = "var/lib/vigie-agent"
HERE = {
    name
    for name, topic in bundled.read_topics(bundled.folder("topics")).items()
    if topic.parts_on("linux")
}


def service(root: CleanRoot, *watched_by: str) -> Program:
    """The command of the service's unit, to be run in the root."""
    (command,) = re.findall(r"^ExecStart=(.+)$", (root.folder / UNIT).read_text(), re.MULTILINE)
    settings = {"VIGIE_AGENT_COLLECT__PAUSE": "0s", "VIGIE_AGENT_ENGINE__KIND": "embedded"}
    return Program((*watched_by, *root.inside(*command.split())), settings)


async def a_token(server: ServerProgram) -> str:
    return (await server.command("token", "create", "--site", "les-lilas")).strip()


def leave(root: CleanRoot, token: str) -> None:
    """Leaves a token as an installer does that thinks of no modes."""
    file = root.folder / TOKEN
    file.parent.mkdir(exist_ok=True)
    file.write_text(token)
    file.chmod(0o644)


def in_spool(root: CleanRoot) -> tuple[bytes, list[int]]:
    """The spool's own name, and the numbers of what waits in it."""
    path = root.folder / DATA / "spool.db"
    with closing(sqlite3.connect(path)) as spool:
        ((name,),) = spool.execute("SELECT spool_id FROM spool")
        return bytes(name), [seq for (seq,) in spool.execute("SELECT seq FROM entry ORDER BY seq")]


def device_known(server: ServerProgram) -> tuple[str, bytes, int]:
    """What the server's store holds of its one device: release, spool, last report."""
    with closing(sqlite3.connect(f"file:{server.data / 'vigie.db'}?mode=ro", uri=True)) as store:
        (row,) = store.execute("SELECT agent_version, spool_id, last_seq FROM device").fetchall()
    return str(row[0]), bytes(row[1] or b""), int(row[2])


async def until(true: Callable[[], bool], agent: Program) -> None:
    """Returns once it is so. Raises TimeoutError, and AssertionError when the agent ends first."""
    async with asyncio.timeout(90):
        while not true():
            assert agent.running, agent.last_words()
            await asyncio.sleep(0.05)


def has_collected_all(agent: Program) -> bool:
    return {str(event["topic"]) for event in agent.events if "topic" in event} >= HERE


async def wait_without_a_server(root: CleanRoot, server: ServerProgram) -> tuple[bytes, list[int]]:
    """Has the agent collect all while its server is away; what then waits in its spool."""
    await server.program.stop()
    agent = service(root)
    await agent.start()
    await until(lambda: has_collected_all(agent), agent)
    resident = psutil.Process(agent.pid).memory_info().rss
    await agent.stop()
    print(f"\ninstalled agent: {resident / 1e6:.1f} MB resident after collecting all topics")
    assert resident <= MOST_RESIDENT
    return in_spool(root)


async def deliver(root: CleanRoot, server: ServerProgram, last: int, log: Path) -> None:
    """Has the agent deliver what waits; what any of its processes sends to goes into `log`."""
    await server.start()
    watching = ("strace", "--follow-forks", "-qq", "--trace=connect,sendto", f"--output={log}")
    agent = service(root, *watching)
    await agent.start()
    await until(lambda: device_known(server)[2] >= last, agent)
    psutil.Process(agent.pid).children()[0].terminate()  # strace ends with what it watches
    await agent.ended()


def reached(log: Path) -> set[str]:
    """The IP addresses in what strace wrote."""
    found = re.findall(r'(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"', log.read_text())
    return {address.removeprefix("::ffff:") for address in found}


async def start_time(root: CleanRoot) -> tuple[float, float]:
    """Seconds from exec to an open session, the least of three: by the clock, and of one core."""
    took, worked = [], []
    for _ in range(3):
        agent = service(root)
        began = time.perf_counter()
        await agent.start()
        await agent.event("session_opened")
        took.append(time.perf_counter() - began)
        cpu = psutil.Process(agent.pid).cpu_times()
        worked.append(cpu.user + cpu.system)
        await agent.stop()
    return min(took), min(worked)
