"""A whole server in this process, on free loopback ports, with its data in a folder of the test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from fakes.stored import migrated_store
from vigie_server import clock
from vigie_server.bootstrap.server import Addresses, Server, build_server
from vigie_server.bootstrap.store import initialise
from vigie_server.bundled import whys_file
from vigie_server.ca.authority import CertificateAuthority
from vigie_server.domain.rulebook import load_catalogue
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import MakeTokens
from vigie_server.settings import Listen, ServerSettings, SweepSettings
from vigie_server.store.fleet import Fleet
from vigie_server.store.tokens import Tokens

FIXTURES = Path(__file__).parent.parent / "fixtures" / "server"


@cache
def small_catalogue() -> Catalogue:
    """Two topics and one rule: a firewall that filters passes."""
    return load_catalogue(FIXTURES / "topics", FIXTURES / "guide", whys_file())


def settings_in(folder: Path, **changes: object) -> ServerSettings:
    """Settings of a server on free loopback ports."""
    free = Listen(telemetry="127.0.0.1:0", enrolment="127.0.0.1:0", http="127.0.0.1:0")
    values: dict[str, object] = {
        "data": folder,
        "names": ("localhost", "127.0.0.1"),
        "listen": free,
        "sweep": SweepSettings(views_every=timedelta(milliseconds=20)),
    }
    return ServerSettings.model_validate(values | changes)


class MovableClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return clock.utc_now() + self.ahead


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that runs, and how to reach it."""

    server: Server
    addresses: Addresses
    authority: CertificateAuthority
    now: Callable[[], datetime]
    stop: asyncio.Event

    @property
    def fleet(self) -> Fleet:
        return Fleet(self.server.database, {})

    def token(
        self,
        *,
        uses: int = 1,
        site: str = "Les Tilleuls",
        profile: str = "standard",
        lifetime: timedelta = timedelta(days=1),
        serials: tuple[str, ...] | None = None,
    ) -> str:
        """The text of a new enrolment token."""
        make = MakeTokens(Tokens(self.server.database), self.now, "test")
        _, text = make.enrolment(
            endpoints=[f"localhost:{self.addresses.enrolment}"],
            ca_sha256=self.authority.sha256,
            site=site,
            profile=profile,
            max_uses=uses,
            lifetime=lifetime,
            serials=serials,
        )
        return text

    def api_token(self, role: Role = Role.ADMIN) -> str:
        """The text of a new API token of every site."""
        make = MakeTokens(Tokens(self.server.database), self.now, "test")
        _, text = make.api(name="test", role=role, sites=None, lifetime=timedelta(hours=1))
        return text


@asynccontextmanager
async def running_server(
    folder: Path,
    *,
    catalogue: Catalogue | None = None,
    site_guide: SiteGuide | None = None,
    now: Callable[[], datetime] = clock.utc_now,
    **changes: object,
) -> AsyncIterator[RunningServer]:
    """A server that runs until the block is left. The folder may hold an earlier one's data."""
    settings = settings_in(folder, **changes)
    if not settings.store.url:
        migrated_store(settings.data)
    authority = initialise(settings, now=now())
    server = build_server(
        settings, catalogue=catalogue or small_catalogue(), site_guide=site_guide, now=now
    )
    stop = asyncio.Event()
    started: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        run = tasks.create_task(server.run(stop, started=started.set_result))
        run.add_done_callback(lambda _: started.done() or started.cancel())
        try:
            yield RunningServer(server, await started, authority, now, stop)
        finally:
            stop.set()
