"""The deb and the rpm, lived through in a clean Debian.

Silent installation, enrolment with a real server, an upgrade with reports waiting, removal, purge.
No systemd runs there: the service's own commands are run as its unit names them.
"""

import asyncio
import json
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from clean_root import CleanRoot, ran
from components import required_program
from programs import Program, ServerProgram
from vigie_agent import bundled
from vigie_packaging.bundle import normalise
from vigie_packaging.linux import build_deb, build_rpm
from vigie_packaging.release import Release, release

pytestmark = pytest.mark.timeout(400)

MOST_RESIDENT = 80_000_000
LONGEST_START = 1.0
UNIT = "usr/lib/systemd/system/vigie-agent.service"
TOKEN = "etc/vigie/enrolment-token"
DATA = "var/lib/vigie-agent"
OLDER = "0.0.9"
HERE = {
    name
    for name, topic in bundled.read_topics(bundled.folder("topics")).items()
    if topic.parts_on("linux")
}


@pytest.fixture(scope="session")
def older(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release]:
    """The same agent, said to be of an earlier release: to its package, and by itself."""
    this = release()
    earlier = replace(this, version=OLDER)
    copy = tmp_path_factory.mktemp("older") / "vigie-agent"
    shutil.copytree(bundle, copy, symlinks=True)
    about = copy / "_internal" / f"vigie-{this.version}.dist-info"
    text = (about / "METADATA").read_text().replace(f"Version: {this.version}", f"Version: {OLDER}")
    (about / "METADATA").write_text(text)
    about.rename(about.with_name(f"vigie-{OLDER}.dist-info"))
    normalise(copy, this.epoch)
    return copy, earlier


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


async def test_a_deb_installs_silently_reports_is_upgraded_and_leaves_nothing(
    deb: Path,
    older: tuple[Path, Release],
    root: CleanRoot,
    server: ServerProgram,
    tmp_path: Path,
) -> None:
    required_program("strace")
    before = root.holding()
    token = await a_token(server)
    leave(root, token)
    first = root.bring(build_deb(tmp_path, *older))
    second = root.bring(deb)

    said = root.run("dpkg", "--install", first)

    assert "Enrolled as" in said
    assert token not in said
    assert not (root.folder / TOKEN).exists()
    assert (root.folder / DATA).stat().st_mode & 0o777 == 0o711
    assert (root.folder / "usr/lib/vigie-agent/share/package-managed").exists()

    settings = root.folder / "etc" / "vigie" / "agent.toml"
    settings.write_text(settings.read_text() + "live_questions = false\n")
    spool, waiting = await wait_without_a_server(root, server)
    assert waiting

    root.run("dpkg", "--install", second)

    assert in_spool(root) == (spool, waiting)
    assert "live_questions = false" in settings.read_text()

    await deliver(root, server, waiting[-1], tmp_path / "network")
    assert reached(tmp_path / "network") == {"127.0.0.1"}
    assert device_known(server)[:2] == (release().version, spool)
    took, worked = await start_time(root)
    print(f"installed agent: a session {took:.2f} s after its start, {worked:.2f} s of one core")
    assert (
        worked <= LONGEST_START
    )  # others use the machine that tests: the clock would tell of them

    root.run("dpkg", "--remove", "vigie-agent")
    assert json.loads((root.folder / DATA / "identity" / "identity.json").read_bytes())
    assert not (root.folder / "usr" / "lib" / "vigie-agent").exists()

    root.run("dpkg", "--purge", "vigie-agent")
    assert root.holding() ^ before == set()


async def test_a_deb_takes_its_token_from_debconf_which_forgets_it(
    deb: Path, root: CleanRoot, server: ServerProgram
) -> None:
    token = await a_token(server)
    answers = root.folder / "tmp" / "answers"
    answers.write_text(f"vigie-agent vigie-agent/token password {token}\n")
    package = root.bring(deb)
    root.run("debconf-set-selections", "/tmp/answers")  # noqa: S108 (in the root)

    said = root.run("dpkg", "--install", package)

    kept = "".join(file.read_text() for file in (root.folder / "var/cache/debconf").glob("*.dat*"))
    assert "Enrolled as" in said
    assert token not in said
    assert token not in kept
    assert not (root.folder / TOKEN).exists()


async def test_a_deb_whose_server_is_away_is_installed_and_enrols_later(
    deb: Path, root: CleanRoot, server: ServerProgram
) -> None:
    leave(root, await a_token(server))
    package = root.bring(deb)
    await server.program.stop()

    said = root.run("dpkg", "--install", package)

    assert "not enrolled yet" in said
    assert (root.folder / TOKEN).stat().st_mode & 0o777 == 0o600
    await server.start()
    (command,) = re.findall(r"^ExecStartPre=-(.+)$", (root.folder / UNIT).read_text(), re.MULTILINE)
    assert "Enrolled as" in root.run(command)
    assert not (root.folder / TOKEN).exists()


async def test_an_rpm_installs_silently_reports_is_upgraded_and_is_erased(
    bundle: Path,
    older: tuple[Path, Release],
    root: CleanRoot,
    server: ServerProgram,
    tmp_path: Path,
) -> None:
    # Nothing is in the root's database: it cannot hold what the package requires.
    rpm = root.beside(required_program("rpm"), f"--root={root.folder}", "--nodeps")
    required_program("rpmbuild")
    token = await a_token(server)
    leave(root, token)
    first = build_rpm(tmp_path, *older)
    second = build_rpm(tmp_path, bundle, release())

    said = ran(*rpm, "--install", str(first))

    assert "Enrolled as" in said
    assert token not in said
    assert not (root.folder / TOKEN).exists()
    settings = root.folder / "etc" / "vigie" / "agent.toml"
    settings.write_text(settings.read_text() + "live_questions = false\n")
    spool, waiting = await wait_without_a_server(root, server)

    ran(*rpm, "--upgrade", str(second))

    assert in_spool(root) == (spool, waiting)
    assert "live_questions = false" in settings.read_text()
    await deliver(root, server, waiting[-1], tmp_path / "network")
    assert device_known(server)[:2] == (release().version, spool)

    ran(*rpm, "--erase", "vigie-agent")

    assert not (root.folder / "usr" / "lib" / "vigie-agent").exists()
    assert not (root.folder / UNIT).exists()
    assert (root.folder / DATA / "identity" / "identity.json").exists()
