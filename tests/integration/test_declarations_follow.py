"""A running server: verdicts follow what people declare, without new evidence."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.running_server import FIXTURES, RunningServer, running_server
from fakes.scripted_device import (
    ScriptedIdentity,
    a_firewall,
    a_hello,
    a_report,
    a_snapshot,
    enrolled,
    session,
)
from fakes.secure_http import secure_client
from vigie.v1.snapshot_pb2 import Snapshot
from vigie_server.bundled import whys_file
from vigie_server.domain.overrides import Override, Scope
from vigie_server.domain.rulebook import load_catalogue
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Act, Target
from vigie_server.services.foresee import Foresee
from vigie_server.settings import SweepSettings
from vigie_server.store.cards import Cards
from vigie_server.store.groups import Groups
from vigie_server.store.overrides import Overrides
from vigie_server.store.records import Records

AT_ONCE = SweepSettings(every=timedelta(hours=1), views_every=timedelta(milliseconds=20))
"""Nothing waits for the next of the sweep's rounds."""
ACT = Act("test", datetime(2026, 11, 25, tzinfo=UTC))
SITE = "Les Tilleuls"
FILTERS, PLACE = "Q06-filters", "Q06-place"
GUIDE = """\
question: 6
title: {fr: Pare-feu, en: Firewall}
rules:
  - id: Q06-filters
    version: 1
    severity: critical
    platforms: [windows, darwin, linux]
    title: {fr: Filtres, en: Filters}
    why: {fr: Pour les tests, en: For tests}
    remediation:
      any: {fr: Ajoutez-en, en: Add some}
    reads:
      firewall: {version: 1, columns: [name, enabled]}
    max_age: 24h
    parameters:
      at_least:
        type: integer
        about: {fr: Nombre de filtres, en: Number of filters}
        default: 1
    pass: size(topics.firewall.rows.filter(r, r.enabled == true)) >= p.at_least
    offending: topics.firewall.rows
    row: {fr: "{name}", en: "{name}"}
    reason:
      pass: {fr: "Assez.", en: "Enough."}
      fail: {fr: "Trop peu : {rows}.", en: "Too few: {rows}."}
    examples:
      - name: assez
        verdict: pass
        platform: linux
        topics:
          firewall:
            - {part: inbound, name: ipv4, enabled: 1}
      - name: trop peu
        verdict: fail
        platform: linux
        topics:
          firewall:
            - {part: inbound, name: ipv4, enabled: 0}
      - name: illisible
        verdict: unknown
        platform: linux
        topics:
          firewall:
            - {part: inbound, collected: no, why: "needs root"}
  - id: Q06-place
    version: 1
    severity: minor
    platforms: [windows, darwin, linux]
    title: {fr: Lieu, en: Place}
    why: {fr: Pour les tests, en: For tests}
    remediation:
      any: {fr: Dites-le, en: Tell it}
    reads:
      firewall: {version: 1, columns: [name]}
    max_age: 24h
    pass: asset.place != '' && asset.recorded
    offending: topics.firewall.rows
    row: {fr: "{name}", en: "{name}"}
    reason:
      pass: {fr: "Connu.", en: "Known."}
      fail: {fr: "Inconnu : {rows}.", en: "Unknown: {rows}."}
    examples:
      - name: connu
        verdict: pass
        platform: linux
        declared: {asset.place: Accueil, asset.recorded: true}
        topics:
          firewall:
            - {part: inbound, name: ipv4, enabled: 1}
      - name: inconnu
        verdict: fail
        platform: linux
        topics:
          firewall:
            - {part: inbound, name: ipv4, enabled: 1}
      - name: illisible
        verdict: unknown
        platform: linux
        topics:
          firewall:
            - {part: inbound, collected: no, why: "needs root"}
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """One rule with a parameter, and one that asks for an asset card."""
    guide = tmp_path / "guide"
    shutil.copytree(FIXTURES / "topics", tmp_path / "topics")
    guide.mkdir()
    (guide / "q06.yaml").write_text(GUIDE)
    return load_catalogue(tmp_path / "topics", guide, whys_file())


async def eventually(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; the test's own time limit ends a vain wait."""
    while not await asyncio.to_thread(condition):  # noqa: ASYNC110 (a condition, not an event)
        await asyncio.sleep(0.01)


def status(running: RunningServer, identity: ScriptedIdentity, rule: str) -> Status | None:
    found = {verdict.rule: verdict.status for verdict in running.fleet.verdicts(identity.device_id)}
    return found.get(rule)


def set_filters(running: RunningServer, target: Target, value: int) -> None:
    Overrides(running.server.database).put(
        target, rule=FILTERS, name="at_least", value=value, reason="essai", act=ACT
    )


def an_inventory(hostname: str) -> Snapshot:
    columns = ("part", "collected", "why", "hostname", "os_name", "os_version", "chassis")
    return a_snapshot(
        "inventory", columns, [("system", "yes", "", hostname, "Debian", "12", "desktop")]
    )


async def test_a_verdict_follows_a_parameter_while_its_device_is_connected(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    async with running_server(tmp_path / "data", catalogue=catalogue, sweep=AT_ONCE) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
            before = status(running, identity, FILTERS)
            set_filters(running, Target(Scope.SITE, SITE), 2)
            await eventually(lambda: status(running, identity, FILTERS) is Status.FAIL)
        set_filters(running, Target(Scope.DEVICE, identity.device_id), 1)
        await eventually(lambda: status(running, identity, FILTERS) is Status.PASS)
        async with session(identity) as device:
            await device.greet(a_hello(highest_seq=2))
            await device.send(a_report(2, a_firewall("0")))
            await device.acknowledged(2)
            after = status(running, identity, FILTERS)

    assert (before, after) == (Status.PASS, Status.FAIL)


async def test_a_parameter_set_through_the_api_of_a_running_server_decides(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    async with running_server(tmp_path / "data", catalogue=catalogue, sweep=AT_ONCE) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
        authority = running.server.settings.data / "ca" / "https.crt"
        headers = {"Authorization": f"Bearer {running.api_token()}"}
        api = f"https://localhost:{running.addresses.http}/api/v1"
        async with secure_client(authority, headers=headers) as client:
            put = await client.put(
                f"{api}/parameters/site/{SITE}/{FILTERS}/at_least",
                json={"value": 2, "reason": "essai"},
            )
            await eventually(lambda: status(running, identity, FILTERS) is Status.FAIL)
            shown = await client.get(f"{api}/devices/{identity.device_id}/parameters")
            described = await client.get(f"{api}/openapi.json")

    assert put.status_code == 204
    (found,) = shown.json()["items"]
    assert (found["value"], found["origin"]) == (2, "site")
    assert {
        "/api/v1/sites",
        "/api/v1/groups/{name}",
        "/api/v1/parameters",
        "/api/v1/devices/{device_id}/asset",
        "/api/v1/assets/import",
    } <= described.json()["paths"].keys()


async def test_a_report_after_a_declaration_is_judged_by_it(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    async with running_server(tmp_path / "data", catalogue=catalogue) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        set_filters(running, Target(Scope.SITE, SITE), 0)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("0")))
            await device.acknowledged(1)
            found = status(running, identity, FILTERS)

    assert found is Status.PASS


async def test_a_device_that_a_group_picks_by_its_new_name_is_judged_by_the_group_at_once(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    async with running_server(tmp_path / "data", catalogue=catalogue) as running:
        Groups(running.server.database).put(None, "bornes", '{"hostname": ["BORNE-*"]}', ACT)
        set_filters(running, Target(Scope.GROUP, "bornes"), 5)
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1"), an_inventory("poste-1")))
            await device.acknowledged(1)
            before = status(running, identity, FILTERS)
            await device.send(a_report(2, an_inventory("BORNE-2")))
            await device.acknowledged(2)
            after = status(running, identity, FILTERS)

    assert (before, after) == (Status.PASS, Status.FAIL)


async def test_what_was_declared_between_two_visits_holds_at_the_second(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    async with running_server(tmp_path / "data", catalogue=catalogue) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)

        async def visited(seq: int, *snapshots: Snapshot) -> Status | None:
            async with session(identity) as device:
                await device.greet(a_hello(highest_seq=seq))
                await device.send(a_report(seq, *snapshots))
                await device.acknowledged(seq)
            return status(running, identity, FILTERS)

        found = [
            await visited(1, a_firewall("1"), an_inventory("poste-1")),
            await visited(2, a_firewall("0")),
        ]
        set_filters(running, Target(Scope.SITE, SITE), 0)
        found.append(await visited(3, a_firewall("0", name="ipv6")))
        set_filters(running, Target(Scope.SITE, SITE), 2)
        found.append(await visited(4, a_firewall("1")))
        Groups(running.server.database).put(None, "bornes", '{"hostname": ["BORNE-*"]}', ACT)
        set_filters(running, Target(Scope.GROUP, "bornes"), 1)  # of no device yet
        found.append(await visited(5, a_firewall("1", name="ipv6")))
        found.append(await visited(6, an_inventory("BORNE-2")))

    passed, failed = Status.PASS, Status.FAIL
    assert found == [passed, failed, passed, failed, failed, passed]


async def test_a_verdict_follows_the_asset_card(tmp_path: Path, catalogue: Catalogue) -> None:
    async with running_server(tmp_path / "data", catalogue=catalogue, sweep=AT_ONCE) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
        before = status(running, identity, PLACE)
        Cards(running.server.database).change({identity.device_id: {"place": "Accueil"}}, ACT)
        await eventually(lambda: status(running, identity, PLACE) is Status.PASS)

    assert before is Status.FAIL


async def test_what_a_parameter_would_change_is_foreseen_and_changes_nothing(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    async with running_server(tmp_path / "data", catalogue=catalogue) as running:
        identities = []
        for enabled in ("1", "0"):
            identity = await enrolled(running.token(), running.authority.certificate_pem)
            identities.append(identity)
            async with session(identity) as device:
                await device.greet()
                await device.send(a_report(1, a_firewall(enabled)))
                await device.acknowledged(1)
        target = Target(Scope.SITE, SITE)
        store = Records(running.server.database)
        keys = Overrides(running.server.database).concerned(target)
        revisions = [store.record(key).revision for key in keys]
        looked_at: list[int] = []
        found = list(
            Foresee(store, catalogue, running.now)(
                keys,
                FILTERS,
                lambda around: around.with_override(
                    Override(Scope.SITE, SITE, SITE, FILTERS, "at_least", 0, "", "", running.now())
                ),
                looked_at=looked_at.append,
            )
        )
        after = [store.record(key).revision for key in keys]

    assert [(one.device.id, one.before, one.after) for one in found] == [
        (identities[1].device_id, Status.FAIL, Status.PASS)
    ]
    assert looked_at == [2]
    assert after == revisions
