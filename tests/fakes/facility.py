"""A care home as its staff lives it: devices report over mTLS, people act through the API."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx2

from fakes.plain_http import plain_client
from fakes.running_server import MovableClock, RunningServer, running_server
from fakes.scraping import scrape
from metric_pages import samples_of
from vigie.v1 import enrolment_token
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.domain.rules import Catalogue
from vigie_server.ports.tokens import NewToken, Role
from vigie_server.services.tokens import MakeTokens
from vigie_server.settings import HttpSettings, MaturitySettings, SweepSettings
from vigie_server.simulator.fleet import PLACES, Addresses, Fleet, SimulatedDevice
from vigie_server.simulator.recorded import Recording, recordings
from vigie_server.store.tokens import Tokens

SITE = "Les Tilleuls"
RECORDED = Path(__file__).parents[1] / "fixtures"
OFTEN = timedelta(milliseconds=50)
WITHIN = 30.0
"""Seconds within which the server follows; a loaded machine needs a part of them."""
LOOK = 0.03
"""Seconds between two looks."""

Seen = TypeVar("Seen")
Levels = Mapping[int, int | None]
Question = Mapping[str, Any]
Action = Mapping[str, Any]


class Unmoved(AssertionError):
    """What was waited for did not come."""


@dataclass
class Facility:
    """One site of a running server."""

    running: RunningServer
    clock: MovableClock
    catalogue: Catalogue
    recorded: Mapping[tuple[str, str], Recording]
    client: httpx2.AsyncClient
    devices: dict[str, SimulatedDevice] = field(default_factory=dict)
    declared: dict[str, Any] = field(default_factory=dict)
    _token: tuple[datetime, str] | None = None
    _fleet: Fleet | None = None

    async def asks(self, method: str, path: str, **sent: Any) -> Any:
        """What the API answers. Raises AssertionError with what it refuses."""
        headers = {"Authorization": f"Bearer {self._bearer()}"}
        answer = await self.client.request(method, path, headers=headers, **sent)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        if not answer.content:
            return None
        json = "json" in answer.headers["content-type"]
        return answer.json() if json else answer.text

    async def of_site(self, path: str, method: str = "GET", **sent: Any) -> Any:
        """What the API answers below the site."""
        return await self.asks(method, f"/api/v1/sites/{SITE}{path}", **sent)

    async def question(self, number: int) -> Question:
        """The site's level in a question, with what holds it there."""
        found: list[Question] = (await self.of_site("/maturity"))["questions"]
        return found[number - 1]

    async def levels(self) -> Levels:
        """The site's level by question."""
        found = await self.of_site("/maturity")
        return {one["question"]: one["level"] for one in found["questions"]}

    async def until(self, number: int, holds: Callable[[Question], bool]) -> Question:
        """The question once this holds of it."""
        return await _until(lambda: self.question(number), holds)

    async def until_levels(self, wanted: Levels) -> None:
        """Returns once the site holds these levels."""
        await _until(self.levels, lambda found: found == wanted)

    async def enrol(self, wanted: Sequence[tuple[str, str]]) -> None:
        """New devices, each of a platform in a scenario, that report once."""
        known = len(self.devices)
        new = []
        for number, of in enumerate(wanted, start=known):
            name = f"{PLACES[number % len(PLACES)]}-{number:03d}"
            new.append(SimulatedDevice(name, f"SIM{number:06d}", self.recorded[of], number))
        text = self.running.token(
            uses=len(new), site=SITE, serials=tuple(device.serial for device in new)
        )
        self._fleet = Fleet(
            Addresses(
                f"localhost:{self.running.addresses.enrolment}",
                f"localhost:{self.running.addresses.telemetry}",
                self.running.authority.certificate_pem,
            ),
            enrolment_token.decode(text).secret,
            self.catalogue.topics,
            self.clock,
        )
        await self._fleet.join(new, joined=lambda _: None)
        self.devices |= {device.hostname: device for device in new}

    async def report(self, *names: str) -> None:
        """These devices report; all of them where none is named."""
        assert self._fleet is not None
        for name in names or self.devices:
            await self._fleet.report(self.devices[name])

    async def change(self, name: str, topics: Sequence[str], scenario: str = "compliant") -> None:
        """Somebody sees to these topics of a device: it answers as the scenario's does."""
        device = self.devices[name]
        other = self.recorded[device.recording.platform, scenario].topics
        changed = {topic: other[topic] for topic in topics}
        device.recording = replace(device.recording, topics={**device.recording.topics, **changed})
        await self.report(name)

    async def declare(self, **declared: Any) -> None:
        """The site declares this, beside what it declared."""
        self.declared |= declared
        await self.of_site("", "PUT", json=self.declared)

    async def attest(self, item: str, **said: Any) -> Any:
        """The management attests an item."""
        sent = {"item": item, "outcome": "held", "author": "C. Direction", **said}
        return await self.of_site("/attestations", "POST", json=sent)

    async def set(self, rule: str, parameter: str, value: object) -> None:
        """A parameter of a rule, for the whole site."""
        await self.asks(
            "PUT",
            f"/api/v1/parameters/site/{SITE}/{rule}/{parameter}",
            json={"value": value, "reason": "réglage de l'établissement"},
        )

    async def ids(self) -> Mapping[str, str]:
        """The devices' ids by name."""
        found = await self.asks("GET", "/api/v1/devices")
        return {device["hostname"]: device["id"] for device in found["items"]}

    async def later(self, by: timedelta, *names: str) -> None:
        """The clock moves on, and these devices report; all of them where none is named."""
        self.clock.ahead += by
        await self.report(*names)

    async def verdict(self, name: str, rule: str) -> Mapping[str, Any]:
        """What a rule says of a device."""
        found = await self.asks("GET", f"/api/v1/devices/{(await self.ids())[name]}/verdicts")
        return next(one for one in found["items"] if one["rule"] == rule)

    async def until_verdict(
        self, name: str, rule: str, holds: Callable[[Mapping[str, Any]], bool]
    ) -> Mapping[str, Any]:
        """The verdict once this holds of it."""
        return await _until(lambda: self.verdict(name, rule), holds)

    async def rule(self, rule: str) -> Mapping[str, Any]:
        """What a rule of the whole site says."""
        found: list[Mapping[str, Any]] = (await self.of_site("/rules"))["items"]
        return next(one for one in found if one["rule"] == rule)

    async def until_rule(self, rule: str, status: str, reason: str = "") -> None:
        """Returns once a rule of the whole site says so, for a reason that holds this."""
        await _until(
            lambda: self.rule(rule),
            lambda one: one["status"] == status and reason in one["reason"]["en"],
        )

    def contractor(self, sites: frozenset[str] | None) -> str:
        """The id of a contractor's token for these sites; None for all, as older ones may be."""
        now = self.clock()
        token = NewToken(uuid4().hex[:8], uuid4().bytes, now, now + timedelta(days=180), "test")
        Tokens(self.running.server.database).add_api_token(
            token,
            name="Informatique des Lilas",
            role=Role.CONTRACTOR,
            sites=sites,
            personal_data=False,
        )
        return token.id

    def revoke(self, token: str) -> None:
        """A token ends now."""
        store = Tokens(self.running.server.database)
        store.revoke(token, now=self.clock(), actor="test")

    async def metrics(self) -> str:
        """All that a scrape gives."""
        return await scrape(self.client, headers={"Authorization": f"Bearer {self._bearer()}"})

    async def metric(self, name: str, label: str, **others: str) -> Mapping[str, float]:
        """A metric of the site by one of its labels, as a scrape gives it."""
        wanted = {"site": SITE, **others}.items()
        return {
            dict(labels)[label]: value
            for (known, labels), value in samples_of(await self.metrics()).items()
            if known == name and wanted <= set(labels)
        }

    async def until_metric(
        self, wanted: Mapping[str, float], name: str, label: str, **others: str
    ) -> None:
        """Returns once a scrape shows this: what is shown follows what is stored."""
        await _until(lambda: self.metric(name, label, **others), lambda found: found == wanted)

    @property
    def _tokens(self) -> MakeTokens:
        return MakeTokens(Tokens(self.running.server.database), self.clock, "test")

    def _bearer(self) -> str:
        now = self.clock()
        if self._token is None or now - self._token[0] > timedelta(minutes=30):
            self._token = now, self.running.api_token(Role.ADMIN)
        return self._token[1]


@asynccontextmanager
async def facility(folder: Path, **settings: object) -> AsyncIterator[Facility]:
    """A site without devices, on a running server with all that Vigie ships."""
    clock = MovableClock()
    catalogue = bundled_catalogue()
    found = {
        (recording.platform, recording.scenario): recording for recording in recordings(RECORDED)
    }
    async with (
        running_server(
            folder,
            catalogue=catalogue,
            site_guide=bundled_site_guide(catalogue),
            now=clock,
            maturity=MaturitySettings(every=OFTEN, pause=timedelta(0)),
            sweep=SweepSettings(every=OFTEN, views_every=OFTEN),
            http=HttpSettings(plain=True),
            **settings,
        ) as running,
        plain_client(f"http://127.0.0.1:{running.addresses.http}") as client,
    ):
        yield Facility(running, clock, catalogue, found, client)


async def _until(look: Callable[[], Awaitable[Seen]], holds: Callable[[Seen], bool]) -> Seen:
    try:
        async with asyncio.timeout(WITHIN):
            while not holds(found := await look()):  # noqa: ASYNC110 (an answer, not an event)
                await asyncio.sleep(LOOK)
    except TimeoutError:
        raise Unmoved(f"it stays as it is: {found}") from None
    return found
