"""Mail domains from the declaration to the verdict, over real DNS and SMTP on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import select

from fakes.callers import Callers
from fakes.dns_server import Odd
from fakes.mail_server import DAY, NOW
from fakes.mail_world import MX, D, World, world
from fakes.plain_http import plain_client
from fakes.running_server import MovableClock, RunningServer, running_server
from fakes.scraping import scraped, values_of
from fakes.stored import SITE
from fakes.zone import Zone
from vigie_server.bundled import bundled_mail_rules
from vigie_server.domain.mail.findings import DKIM, DMARC, RULES, SPF, STARTTLS
from vigie_server.domain.maturity import Attested, OfSite
from vigie_server.domain.site_guide import NO_SITE_GUIDE, SiteGuide
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import MakeTokens
from vigie_server.settings_messages import MailSettings
from vigie_server.store.declared_models import SiteVerdict
from vigie_server.store.maturity import MaturityRecords
from vigie_server.store.models import Audit
from vigie_server.store.tables import table
from vigie_server.store.tokens import Tokens

AT = f"/api/v1/sites/{SITE}/mail"


LADDER = SiteGuide(
    ladder={
        7: {
            1: (OfSite(STARTTLS),),
            2: (Attested("Q07-reporting-tool"),),
            3: (Attested("Q07-client-tls"),),
            4: (Attested("Q07-relay-server"),),
        }
    },
    words={},
    site_rules={},
    titles={},
    questions={},
    mail_rules=bundled_mail_rules(),
)


async def level(running: RunningServer, wanted: int | None) -> None:
    """Returns once the site's level is so; the test's own time limit ends a vain wait."""
    records = MaturityRecords(running.server.database)
    while [found.level for found in await asyncio.to_thread(records.levels, SITE)] != [wanted]:  # noqa: ASYNC110 (a condition, not an event)
        await asyncio.sleep(0.02)


class Caller:
    """Calls the API of a running server."""

    def __init__(self, running: RunningServer, client: httpx2.AsyncClient) -> None:
        self._running = running
        self._client = client
        self._tokens: dict[Role, str] = {}

    async def __call__(
        self, method: str, path: str, role: Role = Role.ADMIN, **more: Any
    ) -> httpx2.Response:
        if role not in self._tokens:
            make = MakeTokens(Tokens(self._running.server.database), self._running.now, "test")
            sites = frozenset({SITE}) if role is Role.CONTRACTOR else None
            _, self._tokens[role] = make.api(
                name="test", role=role, sites=sites, lifetime=timedelta(days=9)
            )
        headers = {"Authorization": f"Bearer {self._tokens[role]}"}
        return await self._client.request(
            method,
            f"http://127.0.0.1:{self._running.addresses.http}{path}",
            **({"headers": headers} | more),
        )

    async def verdicts(self, after: str | None = None) -> dict[str, dict[str, Any]]:
        """The domain's verdicts, once it was checked (again)."""
        while True:
            held = (await self("GET", f"{AT}/{D}")).json()
            if held["checked_at"] not in {None, after}:
                return {verdict["rule"]: verdict for verdict in held["verdicts"]}
            await asyncio.sleep(0.02)


@asynccontextmanager
async def watched(
    folder: Path,
    *,
    zone: Zone | None = None,
    clock: MovableClock | None = None,
    guide: SiteGuide = NO_SITE_GUIDE,
    **mail: object,
) -> AsyncIterator[tuple[World, RunningServer, Caller]]:
    """A running server that has a site, in such a world."""
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(world(folder / "world", zone))
        running = await stack.enter_async_context(
            running_server(
                folder / "data",
                now=clock or MovableClock(),
                site_guide=guide,
                maturity={"every": timedelta(milliseconds=20), "pause": timedelta(0)},
                mail=MailSettings.model_validate(around.settings(**mail)),
                http={"plain": True},
            )
        )
        client = await stack.enter_async_context(plain_client())
        running.token(site=SITE)
        yield around, running, Caller(running, client)


def scoped(running: RunningServer, site: str) -> dict[str, str]:
    """The headers of an operator of one site."""
    return Callers(running.server.database, running.now())(Role.OPERATOR, site)


def site_verdicts(running: RunningServer) -> dict[str, str]:
    verdict = table(SiteVerdict)
    with running.server.database.reading() as connection:
        return {row.rule: row.status for row in connection.execute(select(verdict))}


async def test_a_domain_in_order_passes_every_rule_within_moments(tmp_path: Path) -> None:
    async with watched(tmp_path) as (around, running, call):
        made = await call("PUT", f"{AT}/Contact@{D.upper()}.", json={"selectors": ["S1"]})
        verdicts = await call.verdicts()
        listed = await call("GET", AT, Role.AUDITOR)
        for_site = site_verdicts(running)
        name = "vigie_mail_domain_rule_compliant"
        shown = await scraped(running, wanted=lambda page: len(values_of(page, name)) == len(RULES))

    assert made.status_code == 200
    assert made.json()["domain"] == D
    assert {rule: verdict["status"] for rule, verdict in verdicts.items()} == dict.fromkeys(
        RULES, "pass"
    )
    assert verdicts[STARTTLS]["detail"][0]["host"] == MX
    assert around.mail.heard == ["EHLO [127.0.0.1]", "STARTTLS", "QUIT"]
    assert [rule["id"] for rule in listed.json()["rules"]] == list(RULES)
    assert for_site == dict.fromkeys(RULES, "pass")
    by_rule = {rule: values_of(shown, name, site=SITE, domain=D, rule=rule) for rule in RULES}
    assert by_rule == {rule: [1] for rule in RULES}


async def test_a_domain_that_goes_wrong_fails_at_its_next_check_and_comes_back(
    tmp_path: Path,
) -> None:
    clock = MovableClock()
    async with watched(tmp_path, clock=clock) as (around, running, call):
        await call("PUT", f"{AT}/{D}", json={"selectors": ["s1"]})
        good = await call.verdicts()
        around.dns.zone.txt(D, "v=spf1 +all").txt(f"_dmarc.{D}", "v=DMARC1; p=none")
        around.mail.tls = around.authority.issue(MX, begins=NOW - 9 * DAY, ends=NOW - DAY)
        clock.ahead = timedelta(days=1.2)
        bad = await call.verdicts(after=good[SPF]["checked_at"])
        for_site = site_verdicts(running)
        around.dns.zone.txt(D, "v=spf1 -all")
        await call("POST", f"{AT}/{D}/check")
        mended = await call.verdicts(after=bad[SPF]["checked_at"])

    assert {rule: verdict["status"] for rule, verdict in bad.items()} == {
        SPF: "fail",
        DKIM: "pass",
        DMARC: "fail",
        STARTTLS: "fail",
    }
    assert for_site[STARTTLS] == "fail"
    assert MX in bad[STARTTLS]["reason"]["fr"]
    assert bad[DKIM]["since"] == good[DKIM]["since"]
    assert bad[SPF]["failing_since"] == bad[SPF]["since"] != good[SPF]["since"]
    assert mended[SPF]["status"] == "pass"
    assert mended[SPF]["failing_since"] is None


async def test_dns_that_falls_silent_makes_unknown_and_is_asked_again_within_the_hour(
    tmp_path: Path,
) -> None:
    clock = MovableClock()
    short = timedelta(seconds=1)  # how long what says nothing is waited for
    async with watched(tmp_path, clock=clock, dns_within=short) as (around, _, call):
        around.dns.odd[D] = Odd.SILENT
        await call("PUT", f"{AT}/{D}", json={"selectors": ["s1"]})
        silent = await call.verdicts()
        around.dns.odd.clear()
        clock.ahead = timedelta(hours=1, minutes=1)
        after = await call.verdicts(after=silent[SPF]["checked_at"])

    assert silent[SPF]["status"] == silent[STARTTLS]["status"] == "unknown"
    assert silent[DKIM]["status"] == "pass"
    assert after[SPF]["status"] == after[STARTTLS]["status"] == "pass"


async def test_the_level_of_a_site_follows_its_mail_domains(tmp_path: Path) -> None:
    async with watched(tmp_path, guide=LADDER) as (around, running, call):
        await call("PUT", f"{AT}/{D}", json={"selectors": ["s1"]})
        first = await call.verdicts()
        await level(running, 1)
        of_site = (await call("GET", f"/api/v1/sites/{SITE}/rules")).json()["items"]
        around.mail.tls = None
        await call("POST", f"{AT}/{D}/check")
        await call.verdicts(after=first[STARTTLS]["checked_at"])
        await level(running, 0)
        await call("DELETE", f"{AT}/{D}")
        await level(running, None)

    assert {held["rule"]: held["status"] for held in of_site} == dict.fromkeys(RULES, "pass")
    assert {held["rule"]: held["severity"] for held in of_site} == {
        SPF: "major",
        DKIM: "major",
        DMARC: "minor",
        STARTTLS: "major",
    }


async def test_a_server_inside_is_not_called_unless_its_network_is_listed(tmp_path: Path) -> None:
    async with world(tmp_path / "world") as around:
        closed = MailSettings.model_validate(around.settings(private_networks="10.0.0.0/8"))
        async with (
            running_server(tmp_path / "data", mail=closed, http={"plain": True}) as running,
            plain_client() as client,
        ):
            running.token(site=SITE)
            call = Caller(running, client)
            await call("PUT", f"{AT}/{D}", json={})
            verdicts = await call.verdicts()

    assert verdicts[STARTTLS]["status"] == "unknown"
    assert "127.0.0.1" in verdicts[STARTTLS]["reason"]["fr"]
    assert around.mail.heard == []
    assert verdicts[DKIM]["status"] == "unknown"


async def test_the_api_keeps_scopes_roles_and_forms_and_notes_who_acted(tmp_path: Path) -> None:
    async with watched(tmp_path) as (_, running, call):
        refused = [
            (await call("PUT", f"{AT}/{D}", role, json={})).status_code
            for role in (Role.AUDITOR, Role.CONTRACTOR, Role.SCRAPE)
        ]
        scraper = await call("GET", AT, Role.SCRAPE)
        wrong = [
            (await call("PUT", f"{AT}/localhost", json={})).status_code,
            (await call("PUT", f"{AT}/{D}", json={"selectors": ["a b"]})).status_code,
            (await call("PUT", f"{AT}/{D}", json={"selector": []})).status_code,
        ]
        missing = [
            (await call("PUT", f"/api/v1/sites/Ailleurs/mail/{D}", json={})).status_code,
            (await call("GET", f"{AT}/{D}")).status_code,
            (await call("POST", f"{AT}/{D}/check")).status_code,
            (await call("DELETE", f"{AT}/{D}")).status_code,
        ]
        made = await call("PUT", f"{AT}/{D}", Role.OPERATOR, json={})
        removed = await call("DELETE", f"{AT}/{D}", Role.OPERATOR)
        left = await call("GET", AT, Role.CONTRACTOR)
        audit = table(Audit)
        with running.server.database.reading() as connection:
            rows = connection.execute(select(audit).where(audit.c.subject == SITE)).all()

    assert all(row.actor.startswith("api:") for row in rows if D in row.action)
    assert refused == [403, 403, 403]
    assert scraper.status_code == 403
    assert wrong == [422, 422, 422]
    assert missing == [404, 404, 404, 404]
    assert (made.status_code, removed.status_code) == (200, 204)
    assert left.json()["items"] == []
    assert [row.action for row in rows if f"mail domain {D}" in row.action] == [
        f"declared mail domain {D}",
        f"removed mail domain {D}",
    ]


async def test_a_token_of_another_site_sees_nothing(tmp_path: Path) -> None:
    async with watched(tmp_path) as (_, running, call):
        await call("PUT", f"{AT}/{D}", json={})
        running.token(site="Les Lilas")
        others = scoped(running, "Les Lilas")
        answers = [
            (await call(method, path, headers=others)).status_code
            for method, path in (("GET", AT), ("GET", f"{AT}/{D}"), ("DELETE", f"{AT}/{D}"))
        ]

    assert answers == [404, 404, 404]


async def test_a_server_that_stops_in_the_middle_of_a_check_does_not_wait_for_it(
    tmp_path: Path,
) -> None:
    loop = asyncio.get_running_loop()
    async with watched(tmp_path) as (around, _, call):
        around.mail.silent_after = "connect"
        await call("PUT", f"{AT}/{D}", json={"selectors": ["s1"]})
        await around.mail.met.wait()
        began = loop.time()

    assert loop.time() - began < 15  # the meeting alone would last twenty seconds
