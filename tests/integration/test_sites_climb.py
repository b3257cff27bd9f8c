"""A running server: a site climbs by its devices and attestations, and falls when one expires."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from fakes.plain_http import plain_client
from fakes.running_server import MovableClock, RunningServer, running_server, small_catalogue
from fakes.scraping import scraped
from fakes.scripted_device import a_firewall, a_hello, a_report, enrolled, session
from vigie_server.bundled import bundled_catalogue, bundled_site_guide
from vigie_server.domain.attesting import NewAttestation, Outcome
from vigie_server.domain.maturity import Attested, Share
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.domain.sites import Site
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Act
from vigie_server.ports.maturity import LevelRecord
from vigie_server.settings import HttpSettings, MaturitySettings, SweepSettings
from vigie_server.store.attestations import Attestations
from vigie_server.store.maturity import MaturityRecords
from vigie_server.store.organisation import Organisation

SITE, RULE, ITEM = "Les Tilleuls", "Q06-firewall-enabled", "Q06-professional-internet"
OFTEN = timedelta(milliseconds=20)
GUIDE = SiteGuide(
    ladder={
        6: {
            1: (Share(RULE), Attested(ITEM)),
            2: (Attested("Q06-secured-cabling"),),
            3: (Attested("Q06-daily-network-watch"),),
            4: (Attested("Q06-intrusion-test"),),
        }
    },
    words={6: {0: {"fr": "Rien", "en": "Nothing"}, 1: {"fr": "Un peu", "en": "Some"}}},
    site_rules={},
    titles={},
    questions={},
    rules=frozenset({RULE}),
)


async def eventually(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; the test's own time limit ends a vain wait."""
    while not await asyncio.to_thread(condition):  # noqa: ASYNC110 (a condition, not an event)
        await asyncio.sleep(0.01)


def level(running: RunningServer) -> LevelRecord | None:
    found = MaturityRecords(running.server.database).levels(SITE)
    return found[0] if found else None


def at_level(running: RunningServer, wanted: int | None) -> Callable[[], bool]:
    def holds() -> bool:
        found = level(running)
        return found is not None and found.level == wanted

    return holds


def attest(running: RunningServer, *, hours: int) -> None:
    now = running.now()
    given = NewAttestation(
        ITEM, Outcome.HELD, author="Direction", expires_at=now + timedelta(hours=hours)
    )
    Attestations(running.server.database, frozenset()).record(SITE, given, Act("test", now))


async def asked(running: RunningServer, path: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {running.api_token()}"}
    url = f"http://127.0.0.1:{running.addresses.http}"
    async with plain_client(url, headers=headers) as client:
        answer = await client.get(path)
    return answer.status_code, answer.json()


async def test_a_site_climbs_by_devices_and_attestations_and_falls_when_one_expires(
    tmp_path: Path,
) -> None:
    clock = MovableClock()
    async with running_server(
        tmp_path,
        now=clock,
        site_guide=GUIDE,
        catalogue=small_catalogue(),
        maturity=MaturitySettings(every=OFTEN, pause=timedelta(0)),
        sweep=SweepSettings(every=OFTEN, views_every=OFTEN),
        http=HttpSettings(plain=True),
    ) as running:
        token = running.token()
        Organisation(running.server.database).put(
            Site(SITE, body="Les Fleurs", region="84", declared_devices=1),
            Act("test", running.now()),
        )
        await eventually(at_level(running, None))
        not_assessed = await asked(running, f"/api/v1/sites/{SITE}/maturity")
        identity = await enrolled(token, running.authority.certificate_pem)
        async with session(identity) as device:
            await device.greet(a_hello())
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
        await eventually(at_level(running, 0))
        waiting = level(running)
        attest(running, hours=12)  # sooner than the device's evidence grows old
        await eventually(at_level(running, 1))
        _, climbed = await asked(running, f"/api/v1/sites/{SITE}/maturity")
        _, body = await asked(running, "/api/v1/bodies/Les Fleurs/maturity")
        shown = f'vigie_site_maturity_level{{site="{SITE}",question="6"}} 1\n'
        await scraped(running, wanted=lambda page: shown in page)
        clock.ahead = timedelta(hours=12, seconds=1)
        await eventually(at_level(running, 0))
        changes = MaturityRecords(running.server.database).history(SITE, limit=10)

    question = {one["question"]: one for one in climbed["questions"]}
    assert not_assessed[1]["questions"][5]["level"] is None
    assert waiting is not None
    assert [action["subject"] for action in waiting.actions] == [ITEM]
    assert question[6]["level"] == 1
    assert question[6]["words"] == {"fr": "Un peu", "en": "Some"}
    assert question[6]["actions"][0]["subject"] == "Q06-secured-cabling"
    assert question[5]["level"] is None
    assert body["sites"] == 1
    assert body["questions"][5]["n1"] == 1
    assert [(change.before, change.after) for change in changes] == [(1, 0), (0, 1), (None, 0)]


COVERAGE = "Q01-coverage"


async def test_a_rule_of_the_whole_site_follows_a_parameter_that_is_set_for_it(
    tmp_path: Path,
) -> None:
    catalogue = bundled_catalogue()
    site_rules = {COVERAGE: bundled_site_guide(catalogue).site_rules[COVERAGE]}

    def found(running: RunningServer, wanted: Status) -> Callable[[], bool]:
        def holds() -> bool:
            verdicts = MaturityRecords(running.server.database).verdicts(SITE)
            return [verdict.status for verdict in verdicts] == [wanted]

        return holds

    async with running_server(
        tmp_path,
        site_guide=replace(GUIDE, site_rules=site_rules),
        catalogue=small_catalogue(),
        maturity=MaturitySettings(every=OFTEN, pause=timedelta(0)),
        http=HttpSettings(plain=True),
    ) as running:
        declared = Site(SITE, declared_devices=2)
        Organisation(running.server.database).put(declared, Act("test", running.now()))
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        async with session(identity) as device:
            await device.greet(a_hello())
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
        await eventually(found(running, Status.FAIL))
        headers = {"Authorization": f"Bearer {running.api_token()}"}
        url = f"http://127.0.0.1:{running.addresses.http}"
        async with plain_client(url, headers=headers) as client:
            path = f"/api/v1/parameters/site/{SITE}/{COVERAGE}/share"
            put = await client.put(path, json={"value": 50, "reason": "en travaux"})
            await eventually(found(running, Status.PASS))
            await client.delete(path, params={"reason": "fini"})
            await eventually(found(running, Status.FAIL))

    assert put.status_code == 204


async def test_a_site_of_another_scope_is_not_found(tmp_path: Path) -> None:
    async with running_server(
        tmp_path, site_guide=GUIDE, catalogue=small_catalogue(), http=HttpSettings(plain=True)
    ) as running:
        status, told = await asked(running, "/api/v1/sites/Ailleurs/maturity")

    assert status == 404
    assert "no site Ailleurs" in told["detail"]
