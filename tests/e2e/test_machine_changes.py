"""The machine changes, and at the next collection the verdict and its transition follow.

These tests change the machine they run on, and put it back: they need root, and run in CI or where
`VIGIE_TEST_CHANGES_MACHINE=1` says that it may be done.
"""

import asyncio
import json
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components import required_program
from fakes.secure_http import secure_client
from programs import ANSWERS_WITHIN, AgentProgram, ServerProgram, run

PACKS = Path(__file__).parents[2] / "queries" / "packs"
TOPICS = ("password_policy", "local_admins", "accounts")
EVERY_SECONDS = 1
PWQUALITY = Path("/etc/security/pwquality.conf")
COMMON_PASSWORD = Path("/etc/pam.d/common-password")

Json = Mapping[str, object]


def may_change_this_machine() -> bool:
    allowed = os.environ.get("CI") or os.environ.get("VIGIE_TEST_CHANGES_MACHINE")
    return bool(allowed) and os.geteuid() == 0


pytestmark = [
    pytest.mark.skipif(
        not may_change_this_machine(),
        reason="changes this machine: needs root, and CI or VIGIE_TEST_CHANGES_MACHINE=1",
    ),
    pytest.mark.timeout(180),
]


def quick_packs(folder: Path) -> Path:
    """The shipped packs of a few topics, asked every second."""
    folder.mkdir()
    for topic in TOPICS:
        text = (PACKS / f"{topic}.json").read_text()
        interval = json.loads(text.replace("\\\n", ""))["queries"].popitem()[1]["interval"]
        quick = text.replace(f'"interval": {interval}', f'"interval": {EVERY_SECONDS}')
        assert quick != text
        (folder / f"{topic}.json").write_text(quick)
    return folder


@dataclass
class Watched:
    """The machine, watched; readers ask the API."""

    server: ServerProgram
    token: str

    async def verdict(self, rule: str, status: str, naming: str = "") -> Json:
        """The verdict once it has this status, and a reason that holds this text."""
        async with asyncio.timeout(ANSWERS_WITHIN):
            while True:
                for verdict in await self.items("verdicts"):
                    told = json.dumps(verdict["reason"], ensure_ascii=False)
                    if (verdict["rule"], verdict["status"]) == (rule, status) and naming in told:
                        return verdict
                await asyncio.sleep(0.2)

    async def transitions(self, rule: str) -> list[tuple[object, object]]:
        """What the rule's verdict was and became, the oldest first."""
        found = [item for item in await self.items("transitions") if item["rule"] == rule]
        return [(item["before"], item["after"]) for item in reversed(found)]

    async def items(self, what: str) -> list[Json]:
        listed = await self.get("/api/v1/devices")
        devices = listed["items"]
        if not devices:
            return []
        answer = await self.get(f"/api/v1/devices/{devices[0]['id']}/{what}?limit=1000")
        items: list[Json] = answer["items"]
        return items

    async def get(self, path: str) -> dict[str, Any]:
        async with secure_client(self.server.https_authority) as client:
            answer = await client.get(
                f"https://127.0.0.1:{self.server.http}{path}",
                headers={"Authorization": f"Bearer {self.token}"},
            )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    """A server, and this machine's agent that looks every second."""
    server = ServerProgram(tmp_path / "server")
    await server.command("init")
    await server.start()
    printed = await server.command("token", "api", "create", "--role", "auditor")
    agent = AgentProgram(
        tmp_path / "agent", {"VIGIE_AGENT_PACKS_DIR": str(quick_packs(tmp_path / "packs"))}
    )
    await agent.enrol((await server.command("token", "create", "--site", "les-lilas")).strip())
    await agent.program.start()
    try:
        yield Watched(server, printed.strip().splitlines()[-1])
    finally:
        await agent.program.stop()
        await server.program.stop()


@contextmanager
def kept(path: Path, folder: Path) -> Iterator[None]:
    """Puts the file back as it was."""
    copy = folder / path.name
    shutil.copy2(path, copy)
    try:
        yield
    finally:
        shutil.copy2(copy, path)


@asynccontextmanager
async def administrators(names: Sequence[str]) -> AsyncIterator[None]:
    """Accounts with a password in the group sudo, for as long as the block runs."""
    openssl = required_program("openssl")
    hashed = (await run(openssl, "passwd", "-6", "essai", environment={})).strip()
    added = []
    try:
        for name in names:
            command = ("useradd", "-M", "-G", "sudo", "-s", "/bin/bash", "-p", hashed, name)
            await run(*command, environment={})
            added.append(name)
        yield
    finally:
        for name in added:
            await run("userdel", name, environment={})


def set_minimum_length(length: int) -> None:
    """Writes the whole of pwquality's configuration."""
    PWQUALITY.write_text(f"minlen = {length}\n")


def has_pwquality() -> bool:
    """Whether passwords are checked by pam_pwquality here."""
    return PWQUALITY.exists() and "pam_pwquality" in COMMON_PASSWORD.read_text()


async def test_a_minimum_length_that_is_set_and_removed_again(
    watched: Watched, tmp_path: Path
) -> None:
    assert has_pwquality(), "libpam-pwquality is not installed"
    rule = "Q05-min-length"

    with kept(PWQUALITY, tmp_path):
        await watched.verdict(rule, "fail", naming="pam_pwquality")
        set_minimum_length(14)
        await watched.verdict(rule, "pass", naming="14")
        set_minimum_length(9)
        await watched.verdict(rule, "fail", naming="9")

    assert (await watched.transitions(rule))[-3:] == [
        ("unknown", "fail"),
        ("fail", "pass"),
        ("pass", "fail"),
    ]


async def test_administrators_who_come_and_go(watched: Watched) -> None:
    rule = "Q08-admins-few"
    names = [f"vigie-{secrets.token_hex(3)}" for _ in range(3)]
    await watched.verdict(rule, "pass")

    async with administrators(names[:1]):
        await watched.verdict(rule, "pass", naming=names[0])
        async with administrators(names[1:]):
            failed = await watched.verdict(rule, "fail", naming=names[2])
        await watched.verdict(rule, "pass", naming=names[0])

    assert all(name in json.dumps(failed["offending"]) for name in names)
    assert (await watched.transitions(rule))[-2:] == [("pass", "fail"), ("fail", "pass")]
