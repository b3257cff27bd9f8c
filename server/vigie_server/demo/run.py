"""The demo: a server on loopback, this machine's agent, its first verdicts; then it keeps running.

Everything lives in one folder, thrown away at the end unless one was named.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from rich.console import Console

from vigie.v1 import enrolment_token
from vigie_server import clock
from vigie_server.bootstrap.codes import invite
from vigie_server.bootstrap.server import Addresses, Server, build_server
from vigie_server.bootstrap.store import initialise
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.demo import shown
from vigie_server.demo.local_agent import AgentFailed, LocalAgent
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.views import DeviceView
from vigie_server.domain.whereabouts import NETWORK
from vigie_server.logs import configure_logs
from vigie_server.ports.declaring import Act
from vigie_server.ports.readers import DeviceFilter, FleetReader
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import MakeTokens
from vigie_server.settings import (
    EnrolmentSettings,
    Listen,
    ServerSettings,
    SessionSettings,
)
from vigie_server.simulator.fleet import Addresses as FleetAddresses
from vigie_server.simulator.fleet import Fleet, simulated_devices
from vigie_server.simulator.recorded import recordings
from vigie_server.store.fleet import Fleet as FleetInStore
from vigie_server.store.tokens import Tokens

SITE: Final = "demo"
FLEET_SITE: Final = "demo-fleet"
FIRST_VERDICTS_WITHIN: Final = timedelta(minutes=3)
_LOOK_EVERY: Final = 0.25
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for. `data` None: a new temporary folder, removed at the end."""

    once: bool
    fleet: int
    language: shown.Language
    data: Path | None
    recorded: Path


async def demonstrate(wanted: Wanted, console: Console, stop: asyncio.Event) -> int:
    """Runs the demo until `stop`; gives the exit code."""
    folder = wanted.data or Path(mkdtemp(prefix="vigie-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    exit_code = 1
    try:
        with (folder / "server.log").open("w", encoding="utf-8") as log:
            configure_logs(stream=log)
            exit_code = await _Demo(wanted, console, stop, folder, bundled_catalogue()).run()
    except* AgentFailed as failures:
        for failure in failures.exceptions:
            console.print(str(failure), style="bold red", markup=False)
    finally:
        if wanted.data is None:
            shutil.rmtree(folder, ignore_errors=True)
    return exit_code


@dataclass(frozen=True, slots=True)
class _Demo:
    wanted: Wanted
    console: Console
    stop: asyncio.Event
    folder: Path
    catalogue: Catalogue

    async def run(self) -> int:
        self._say(f"Starting a server on loopback, data in {self.folder} ...")
        settings = self._settings()
        initialise(settings, now=clock.utc_now())
        guide = bundled_site_guide(self.catalogue)
        server = build_server(settings, catalogue=self.catalogue, site_guide=guide)
        async with _running(server) as addresses:
            agent = LocalAgent(self.folder / "agent")
            agent.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._say("Enrolling the agent of this machine ...")
            await agent.enrol(self._enrolment_token(server, addresses, SITE, uses=1))
            async with agent.running() as process:
                view = await self._first_verdicts(server, agent, process)
                if view is None:
                    return 1
                self._show(server, view)
                await self._simulate(server, addresses)
                self._show_addresses(server, addresses)
                if not self.wanted.once:
                    self._say("Running until Ctrl-C.")
                    await self.stop.wait()
        return 0

    def _settings(self) -> ServerSettings:
        return ServerSettings(
            data=self.folder / "server",
            names=("127.0.0.1", "localhost"),
            listen=Listen(telemetry="127.0.0.1:0", enrolment="127.0.0.1:0", http="127.0.0.1:0"),
            sessions=SessionSettings(heartbeat=timedelta(seconds=5)),
            # The whole simulated fleet comes from one address.
            enrolment=EnrolmentSettings(
                attempts_per_minute=60_000, attempts_at_once=self.wanted.fleet + 10
            ),
        )

    def _enrolment_token(
        self,
        server: Server,
        addresses: Addresses,
        site: str,
        *,
        uses: int,
        serials: Sequence[str] | None = None,
    ) -> str:
        _, text = _tokens(server).enrolment(
            endpoints=(f"127.0.0.1:{addresses.enrolment}",),
            ca_sha256=server.authority.sha256,
            site=site,
            profile="standard",
            max_uses=uses,
            lifetime=_DAY,
            serials=serials,
        )
        return text

    async def _first_verdicts(
        self, server: Server, agent: LocalAgent, process: asyncio.subprocess.Process
    ) -> DeviceView | None:
        """Waits until every topic of this platform has been judged; None when that fails."""
        reader = _reader(server, self.catalogue)
        deadline = asyncio.get_running_loop().time() + FIRST_VERDICTS_WITHIN.total_seconds()
        with self.console.status("Waiting for the first answers ...") as status:
            while asyncio.get_running_loop().time() < deadline and not self.stop.is_set():
                if process.returncode is not None:
                    raise AgentFailed(f"the agent stopped:\n{agent.last_words()}")
                page = await asyncio.to_thread(
                    reader.devices, DeviceFilter(sites=frozenset({SITE})), after=None, limit=1
                )
                for view in page.devices:
                    expected = _topics_on(self.catalogue, view.device.platform)
                    reported = await asyncio.to_thread(reader.reported_topics, view.device.id)
                    missing = expected - reported.keys()
                    if not missing:
                        return view
                    status.update(
                        f"{len(expected) - len(missing)} of {len(expected)} topics judged; "
                        f"waiting for {', '.join(sorted(missing))} ..."
                    )
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), _LOOK_EVERY)
        if self.stop.is_set():
            return None
        raise AgentFailed(f"not every topic was judged in time:\n{agent.last_words()}")

    def _show(self, server: Server, view: DeviceView) -> None:
        verdicts = _reader(server, self.catalogue).verdicts(view.device.id)
        self.console.print()
        self.console.print(
            f"[bold]{view.device.hostname}[/] · {view.device.os} {view.device.os_version}"
        )
        self.console.print(
            shown.verdict_table(
                verdicts,
                self.catalogue.rules,
                platform=view.device.platform,
                language=self.wanted.language,
            )
        )

        if os.geteuid() != 0:
            self._say(shown.WORDS[self.wanted.language].as_root)

    async def _simulate(self, server: Server, addresses: Addresses) -> None:
        if not self.wanted.fleet:
            return
        devices = simulated_devices(self.wanted.fleet, recordings(self.wanted.recorded))
        serials = [device.serial for device in devices]  # named devices wait for no approval
        token = self._enrolment_token(
            server, addresses, FLEET_SITE, uses=len(devices), serials=serials
        )
        fleet = Fleet(
            addresses=FleetAddresses(
                enrolment=f"127.0.0.1:{addresses.enrolment}",
                telemetry=f"127.0.0.1:{addresses.telemetry}",
                authority=server.authority.certificate_pem,
            ),
            secret=enrolment_token.decode(token).secret,
            topics=self.catalogue.topics,
            now=clock.utc_now,
        )
        with self.console.status("Simulating a fleet ...") as status:
            await fleet.join(
                devices,
                joined=lambda done: status.update(f"{done} of {len(devices)} simulated devices"),
            )
        self._say(f"{len(devices)} simulated devices have enrolled and reported.")

    def _show_addresses(self, server: Server, addresses: Addresses) -> None:
        base = f"https://127.0.0.1:{addresses.http}"
        tokens = _tokens(server)
        _, scrape = tokens.api(name="demo scrape", role=Role.SCRAPE, sites=None, lifetime=_DAY)
        _, read = tokens.api(name="demo reader", role=Role.AUDITOR, sites=None, lifetime=_DAY)
        authority = server.settings.data / "ca" / "https.crt"
        code = invite(server.settings, server.database)(None, Act("demo", clock.utc_now()))
        minutes = round(server.settings.sign_in.setup_code.total_seconds() / 60)
        self.console.print("\nThe console, in a browser:", style="bold")
        self.console.print(
            f"  {base}/setup with the code {code}, which is good for {minutes} minutes; "
            "the browser warns of the certificate, which is this demo's own",
            soft_wrap=True,
            highlight=False,
        )
        self.console.print("\nMetrics for Prometheus, and the API (valid for a day):", style="bold")
        for path, token in (("/metrics", scrape), ("/api/v1/devices", read)):
            self.console.print(
                f'  curl --cacert {authority} -H "Authorization: Bearer {token}" {base}{path}',
                soft_wrap=True,
                highlight=False,
            )

    def _say(self, text: str) -> None:
        self.console.print(text, style="dim", highlight=False)


@asynccontextmanager
async def _running(server: Server) -> AsyncIterator[Addresses]:
    stop = asyncio.Event()
    started: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.run(stop, started=started.set_result))
        try:
            yield await started
        finally:
            stop.set()
            await serving


def _topics_on(catalogue: Catalogue, platform: str) -> frozenset[str]:
    """The topics that devices of this platform answer, and that are kept."""
    return frozenset(
        name
        for name, topic in catalogue.topics.items()
        if name != NETWORK and any(platform in part.platforms for part in topic.parts.values())
    )


def _reader(server: Server, catalogue: Catalogue) -> FleetReader:
    severities = {rule.id: rule.severity for rule in catalogue.rules.values()}
    return FleetInStore(server.database, severities)


def _tokens(server: Server) -> MakeTokens:
    return MakeTokens(Tokens(server.database), now=clock.utc_now, actor="demo")
