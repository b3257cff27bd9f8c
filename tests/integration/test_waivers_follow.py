"""A running server: waivers, flapping, grace and attestations, by a clock that a test moves."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from fakes.running_server import (
    FIXTURES,
    MovableClock,
    RunningServer,
    running_server,
    small_catalogue,
)
from fakes.scraping import scraped, values_of
from fakes.scripted_device import (
    FIREWALL_COLUMNS,
    ScriptedIdentity,
    a_firewall,
    a_hello,
    a_report,
    a_snapshot,
    enrolled,
    session,
)
from vigie.v1.snapshot_pb2 import Snapshot
from vigie_server.bundled import bundled_attestations, whys_file
from vigie_server.domain.attesting import NewAttestation, Outcome
from vigie_server.domain.rulebook import load_catalogue
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.verdicts import Status
from vigie_server.domain.waivers import NewWaiver, checked, row_keys
from vigie_server.ports.declaring import Act
from vigie_server.ports.readers import VerdictRecord
from vigie_server.ports.waiving import WaiverRecord
from vigie_server.settings import SweepSettings, VerdictSettings
from vigie_server.store.administration import Administration
from vigie_server.store.attestations import Attestations
from vigie_server.store.waivers import Waivers

OFTEN = SweepSettings(every=timedelta(milliseconds=20), views_every=timedelta(milliseconds=20))
NO_GRACE = VerdictSettings(hold=timedelta(hours=1), grace=timedelta(0))
SITE, RULE = "Les Tilleuls", "Q06-firewall-enabled"
FAILING = "vigie_device_rule_failing_since_timestamp_seconds"
COUNTED = "vigie_site_rule_devices"
EXPIRY = "vigie_site_attestation_expiry_timestamp_seconds"


async def eventually(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; the test's own time limit ends a vain wait."""
    while not await asyncio.to_thread(condition):  # noqa: ASYNC110 (a condition, not an event)
        await asyncio.sleep(0.01)


async def reported(identity: ScriptedIdentity, seq: int, snapshot: Snapshot) -> None:
    async with session(identity) as device:
        await device.greet(a_hello(highest_seq=seq))
        await device.send(a_report(seq, snapshot))
        await device.acknowledged(seq)


def off(*names: str) -> Snapshot:
    """A firewall that is off on these."""
    return a_snapshot(
        "firewall", FIREWALL_COLUMNS, [("inbound", "yes", "", name, "0") for name in names]
    )


async def failing_device(running: RunningServer) -> ScriptedIdentity:
    identity = await enrolled(running.token(), running.authority.certificate_pem)
    await reported(identity, 1, off("ipv4"))
    return identity


def verdict(running: RunningServer, identity: ScriptedIdentity) -> VerdictRecord:
    (found,) = running.fleet.verdicts(identity.device_id)
    return found


def waive(
    running: RunningServer, identity: ScriptedIdentity, lasting: timedelta = timedelta(days=30)
) -> WaiverRecord:
    act = Act("test", running.now())
    asked = NewWaiver(
        RULE, (identity.device_id,), "relais", "A. Martin", "B. Petit", act.at + lasting
    )
    given = checked(asked, now=act.at, months=12)
    record, _ = Waivers(running.server.database).grant(
        SITE, given, row_keys(small_catalogue(), RULE), act
    )
    return record


async def shown(running: RunningServer, name: str, **labels: str) -> Sequence[float]:
    """The values of a metric, as a scrape gives them."""
    return values_of(await scraped(running), name, **labels)


async def until_shown(
    running: RunningServer, wanted: Sequence[float], name: str, **labels: str
) -> None:
    await scraped(running, wanted=lambda page: values_of(page, name, **labels) == wanted)


async def test_a_waived_fail_stays_a_fail_and_alerts_leave_it_alone(tmp_path: Path) -> None:
    async with running_server(tmp_path, sweep=OFTEN, verdicts=NO_GRACE) as running:
        identity = await failing_device(running)
        before = verdict(running, identity)
        moved = len(running.fleet.transitions(identity.device_id, limit=10))
        assert before.failing_since is not None
        await until_shown(running, [before.failing_since.timestamp()], FAILING)

        waive(running, identity)
        await eventually(lambda: verdict(running, identity).waived)
        await until_shown(running, [], FAILING)

        after = verdict(running, identity)
        assert (after.status, after.since) == (Status.FAIL, before.since)
        assert after.failing_since == before.failing_since
        assert await shown(running, COUNTED, status="waived") == [1]
        assert await shown(running, COUNTED, status="fail") == []
        assert await shown(running, "vigie_device_compliance_ratio") == [0]
        assert len(running.fleet.transitions(identity.device_id, limit=10)) == moved


async def test_a_new_row_reopens_the_waiver_in_the_transaction_of_the_verdict(
    tmp_path: Path,
) -> None:
    async with running_server(tmp_path, sweep=OFTEN, verdicts=NO_GRACE) as running:
        identity = await failing_device(running)
        waive(running, identity)
        await eventually(lambda: verdict(running, identity).waived)

        await reported(identity, 2, off("ipv4", "ipv6"))
        opened = verdict(running, identity)
        await reported(identity, 3, off("ipv4"))
        again = verdict(running, identity)
        (record,) = Waivers(running.server.database).waivers(SITE)

    assert (opened.status, opened.waived) == (Status.FAIL, False)
    assert not again.waived  # it was reopened for good
    assert record.devices[0].reopened_at is not None
    assert not record.in_force(running.now())


async def test_a_waiver_lasts_while_the_same_rows_are_reported(tmp_path: Path) -> None:
    async with running_server(tmp_path, sweep=OFTEN, verdicts=NO_GRACE) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        await reported(identity, 1, off("ipv4", "ipv6"))
        waive(running, identity)
        async with session(identity) as device:
            await device.greet(a_hello(highest_seq=4))
            for seq, names in ((2, ("ipv4",)), (3, ("ipv6",)), (4, ("ipv4", "ipv6"))):
                await device.send(a_report(seq, off(*names)))
                await device.acknowledged(seq)
        found = verdict(running, identity)

    assert (found.status, found.waived) == (Status.FAIL, True)


async def test_a_waiver_ends_by_itself_without_new_evidence(tmp_path: Path) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock, sweep=OFTEN, verdicts=NO_GRACE) as running:
        identity = await failing_device(running)
        began = verdict(running, identity).failing_since
        waive(running, identity, timedelta(hours=2))
        await eventually(lambda: verdict(running, identity).waived)
        clock.ahead = timedelta(hours=2, minutes=1)
        await eventually(lambda: not verdict(running, identity).waived)
        found = verdict(running, identity)
        await until_shown(running, [1], COUNTED, status="fail")

    assert (found.status, found.failing_since) == (Status.FAIL, began)


async def test_a_waiver_ends_by_itself_on_a_device_that_is_revoked(tmp_path: Path) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock, sweep=OFTEN, verdicts=NO_GRACE) as running:
        identity = await failing_device(running)
        waive(running, identity, timedelta(hours=2))
        await eventually(lambda: verdict(running, identity).waived)
        Administration(running.server.database).revoke(
            identity.device_id, now=running.now(), actor="test"
        )
        clock.ahead = timedelta(hours=2, minutes=1)
        await eventually(lambda: not verdict(running, identity).waived)
        await until_shown(running, [1], COUNTED, status="fail")

    assert verdict(running, identity).status is Status.FAIL


async def test_a_withdrawn_waiver_opens_the_fail_while_its_device_is_connected(
    tmp_path: Path,
) -> None:
    async with running_server(tmp_path, sweep=OFTEN, verdicts=NO_GRACE) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, off("ipv4")))
            await device.acknowledged(1)
            record = waive(running, identity)
            await eventually(lambda: verdict(running, identity).waived)
        async with session(identity) as device:
            await device.greet(a_hello(highest_seq=1))
            Waivers(running.server.database).end(SITE, record.id, Act("test", running.now()))
            await eventually(lambda: not verdict(running, identity).waived)
        found = verdict(running, identity)

    assert found.status is Status.FAIL


async def test_a_waived_device_that_falls_silent_is_unknown_and_raises_no_alert(
    tmp_path: Path,
) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock, sweep=OFTEN, verdicts=NO_GRACE) as running:
        identity = await failing_device(running)
        waive(running, identity)
        await eventually(lambda: verdict(running, identity).waived)
        clock.ahead = timedelta(hours=25)
        await until_shown(running, [1], COUNTED, status="unknown")

        assert await shown(running, FAILING) == []
        assert await shown(running, "vigie_device_compliant") == [0]
        assert verdict(running, identity).status is Status.UNKNOWN


async def test_a_waiver_survives_a_restart(tmp_path: Path) -> None:
    async with running_server(tmp_path, sweep=OFTEN, verdicts=NO_GRACE) as running:
        identity = await failing_device(running)
        waive(running, identity)
        await eventually(lambda: verdict(running, identity).waived)
    async with running_server(tmp_path, sweep=OFTEN, verdicts=NO_GRACE) as running:
        await until_shown(running, [1], COUNTED, status="waived")
        found = verdict(running, identity)

    assert found.waived


async def test_a_rule_that_flaps_resolves_nothing_until_a_pass_has_lasted(tmp_path: Path) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock, sweep=OFTEN, verdicts=NO_GRACE) as running:
        identity = await failing_device(running)
        began = verdict(running, identity).failing_since
        beginnings = []
        for seq in range(2, 8):
            clock.ahead += timedelta(minutes=20)
            await reported(identity, seq, a_firewall("0" if seq % 2 else "1"))
            beginnings.append(verdict(running, identity).failing_since)
        clock.ahead += timedelta(minutes=20)
        await reported(identity, 8, a_firewall("1"))
        mended = verdict(running, identity)
        clock.ahead += timedelta(minutes=61)
        await eventually(lambda: verdict(running, identity).failing_since is None)
        await until_shown(running, [], FAILING)

    assert set(beginnings) == {began}
    assert (mended.status, mended.failing_since) == (Status.PASS, began)


async def test_a_new_device_shows_its_fails_and_raises_no_alert_until_its_grace_ends(
    tmp_path: Path,
) -> None:
    clock = MovableClock()
    grace = VerdictSettings(grace=timedelta(hours=3))
    async with running_server(tmp_path, now=clock, sweep=OFTEN, verdicts=grace) as running:
        identity = await failing_device(running)
        await until_shown(running, [1], COUNTED, status="fail")
        during = await shown(running, FAILING)
        began = verdict(running, identity).failing_since
        clock.ahead = timedelta(hours=3)

        after = await shown(running, FAILING)

    assert began is not None
    assert during == []
    assert after == pytest.approx([began.timestamp()])


ATTESTED = """\
question: 2
title: {fr: Sauvegardes, en: Backups}
rules:
  - id: Q02-backed-up
    version: 1
    severity: critical
    platforms: [windows, darwin, linux]
    title: {fr: Sauvegardé, en: Backed up}
    why: {fr: Pour les tests, en: For tests}
    remediation:
      any: {fr: Attestez, en: Attest}
    reads:
      firewall: {version: 1, columns: [name]}
    max_age: 5d
    pass: "'Q02-central-backups' in site.attested && site.backup_interval_days == 7"
    offending: topics.firewall.rows
    row: {fr: "{name}", en: "{name}"}
    reason:
      pass: {fr: "Attesté.", en: "Attested."}
      fail: {fr: "Non attesté : {rows}.", en: "Not attested: {rows}."}
    examples:
      - name: attesté
        verdict: pass
        platform: linux
        declared: {site.attested: [Q02-central-backups], site.backup_interval_days: 7}
        topics:
          firewall:
            - {part: inbound, name: ipv4, enabled: 1}
      - name: non attesté
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
def attesting(tmp_path: Path) -> Catalogue:
    """One rule that reads attestations."""
    guide = tmp_path / "guide"
    shutil.copytree(FIXTURES / "topics", tmp_path / "topics")
    guide.mkdir()
    (guide / "q02.yaml").write_text(ATTESTED)
    return load_catalogue(tmp_path / "topics", guide, whys_file())


def test_a_rule_tells_which_attestations_it_reads(attesting: Catalogue) -> None:
    assert attesting.attestations == {"Q02-central-backups", "Q02-backup-frequency"}
    assert small_catalogue().attestations == frozenset()


async def test_verdicts_follow_attestations_and_their_expiry_by_themselves(
    tmp_path: Path, attesting: Catalogue
) -> None:
    clock = MovableClock()
    async with running_server(
        tmp_path / "data", catalogue=attesting, now=clock, sweep=OFTEN
    ) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        await reported(identity, 1, a_firewall("1"))
        before = verdict(running, identity).status
        store = Attestations(running.server.database, attesting.attestations)
        act = Act("test", clock())
        for item, value, days in (
            ("Q02-central-backups", None, 1),
            ("Q02-backup-frequency", 7, 300),
        ):
            given = NewAttestation(
                item, Outcome.HELD, "A. Martin", value, expires_at=act.at + timedelta(days=days)
            )
            store.record(SITE, bundled_attestations().checked(given, now=act.at), act)
        await eventually(lambda: verdict(running, identity).status is Status.PASS)
        expiry = round((act.at + timedelta(days=1)).timestamp())
        await until_shown(running, [expiry], EXPIRY, site=SITE, item="Q02-central-backups")

        clock.ahead = timedelta(days=1)
        await eventually(lambda: verdict(running, identity).status is Status.FAIL)
        store.withdraw(SITE, "Q02-central-backups", None, Act("test", clock()))
        await until_shown(running, [], EXPIRY, site=SITE, item="Q02-central-backups")

    assert before is Status.FAIL
