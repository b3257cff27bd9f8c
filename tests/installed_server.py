"""The server as a package installed it in a clean root, and an agent of this machine beside it.

No systemd runs there: the service's own command is run as its unit names it, as its account.
"""

import asyncio
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass

from clean_root import CleanRoot
from programs import ANSWERS_WITHIN, AgentProgram, Program
from vigie_packaging.release import ROOT
from vigie_packaging.server import PYTHON

UNIT = "usr/lib/systemd/system/vigie-server.service"
DATA = "var/lib/vigie-server"
BACKUPS = "/var/backups/vigie-server"
PASSPHRASE = "/etc/vigie-server/backup-passphrase"
ACCOUNT = "vigie-server"
NEEDS = (PYTHON, "libstdc++6", "passwd")
"""What the package wants of the distribution that the clean root lacks."""


@dataclass
class Installed:
    """The server in a clean root, and an agent of this machine beside it."""

    root: CleanRoot
    telemetry: int
    enrolment: int
    http: int

    def settle(self) -> None:
        """Leaves settings as one does who has them before the package."""
        file = self.root.folder / "etc" / "vigie-server" / "server.env"
        file.parent.mkdir(exist_ok=True)
        template = (ROOT / "deploy" / "server" / "linux" / "server.env").read_text()
        file.write_text(
            f"{template}VIGIE_SERVER_NAMES=127.0.0.1\n"
            f"VIGIE_SERVER_LISTEN__TELEMETRY='127.0.0.1:{self.telemetry}'\n"
            f"VIGIE_SERVER_LISTEN__ENROLMENT=127.0.0.1:{self.enrolment}\n"
            f"VIGIE_SERVER_LISTEN__HTTP=127.0.0.1:{self.http}\n"
            "VIGIE_SERVER_SESSIONS__HEARTBEAT=PT1S\n"
        )

    def service(self) -> Program:
        """The command of the unit, run as its account."""
        unit = (self.root.folder / UNIT).read_text()
        (command,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
        (account,) = re.findall(r"^User=(.+)$", unit, re.MULTILINE)
        user = ("setpriv", f"--reuid={account}", f"--regid={account}", "--init-groups")
        return Program(self.root.inside(*user, *command.split()), {})

    def devices(self) -> str:
        """What the command line says of devices."""
        return self.root.run("vigie-server", "devices", "list")

    def last_seq(self) -> int:
        """Number of the last report in the store of the running server."""
        store = self.root.folder / DATA / "vigie.db"
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as opened:
            ((last,),) = opened.execute("SELECT last_seq FROM device").fetchall()
        return int(last)


async def reports(installed: Installed, agent: AgentProgram, after: int) -> int:
    """Has the agent report to the running server; the number of its last report, beyond `after`."""
    await agent.program.start()
    async with asyncio.timeout(ANSWERS_WITHIN):
        while (last := installed.last_seq()) <= after:
            assert agent.program.running, agent.program.last_words()
            await asyncio.sleep(0.1)
    await agent.program.stop()
    return last


async def a_round(installed: Installed, agent: AgentProgram, after: int) -> int:
    """Serves, has the agent report, and stops."""
    service = installed.service()
    await service.start()
    await service.event("server_started")
    last = await reports(installed, agent, after)
    await service.stop()
    return last
