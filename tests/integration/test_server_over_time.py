"""What time, restarts, restores and new rules do to verdicts, without new evidence."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fakes.backups import backed_up
from fakes.running_server import MovableClock, RunningServer, running_server, small_catalogue
from fakes.scripted_device import ScriptedIdentity, a_firewall, a_hello, a_report, enrolled, session
from vigie_server.clock import utc_now
from vigie_server.domain.verdicts import Status
from vigie_server.settings import SweepSettings

OFTEN = SweepSettings(every=timedelta(milliseconds=20), views_every=timedelta(milliseconds=20))

pytestmark = pytest.mark.usefixtures("each_store")


async def eventually(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; the test's own time limit ends a vain wait."""
    while not await asyncio.to_thread(condition):  # noqa: ASYNC110 (a condition, not an event)
        await asyncio.sleep(0.01)


async def reported(identity: ScriptedIdentity, seq: int, enabled: str, **of_report: float) -> bytes:
    async with session(identity) as device:
        welcome = await device.greet(a_hello(highest_seq=seq))
        await device.send(a_report(seq, a_firewall(enabled), **of_report))
        await device.acknowledged(seq)
    return welcome.store_epoch


def statuses(running: RunningServer, identity: ScriptedIdentity) -> list[Status]:
    return [verdict.status for verdict in running.fleet.verdicts(identity.device_id)]


async def test_an_enrolled_device_that_never_reported_is_unknown(tmp_path: Path) -> None:
    async with running_server(tmp_path, sweep=OFTEN) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        await eventually(lambda: statuses(running, identity) == [Status.UNKNOWN])


async def test_evidence_that_grows_old_becomes_unknown_by_itself(tmp_path: Path) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock, sweep=OFTEN) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        await reported(identity, 1, "0")
        before = running.fleet.verdicts(identity.device_id)
        clock.ahead = timedelta(hours=25)
        await eventually(lambda: statuses(running, identity) == [Status.UNKNOWN])
        after = running.fleet.verdicts(identity.device_id)

    assert before[0].status is Status.FAIL
    assert after[0].failing_since == before[0].failing_since


async def test_evidence_that_waited_on_the_device_is_as_old_as_it_is(tmp_path: Path) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock, sweep=OFTEN) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        clock.ahead = timedelta(hours=40)
        await reported(identity, 1, "1", elapsed=30 * 3600)

        found = statuses(running, identity)

    assert found == [Status.UNKNOWN]


async def test_the_same_content_again_makes_old_evidence_fresh(tmp_path: Path) -> None:
    clock = MovableClock()
    async with running_server(tmp_path, now=clock, sweep=OFTEN) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        await reported(identity, 1, "1")
        clock.ahead = timedelta(hours=25)
        await eventually(lambda: statuses(running, identity) == [Status.UNKNOWN])
        await reported(identity, 2, "1")

        found = statuses(running, identity)

    assert found == [Status.PASS]


async def test_other_rules_judge_what_is_stored_again(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        await reported(identity, 1, "1")
    catalogue = small_catalogue()
    (rule,) = catalogue.rules.values()
    renamed = replace(catalogue, rules={"Q06-other": replace(rule, id="Q06-other")}, digest="new")

    async with running_server(tmp_path, catalogue=renamed, sweep=OFTEN) as running:
        await eventually(
            lambda: (
                [verdict.rule for verdict in running.fleet.verdicts(identity.device_id)]
                == ["Q06-other"]
            )
        )
        found = statuses(running, identity)

    assert found == [Status.PASS]


async def test_a_restart_keeps_the_epoch(tmp_path: Path) -> None:
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        first = await reported(identity, 1, "1")
    async with running_server(tmp_path) as running:
        there = replace(identity, telemetry=f"localhost:{running.addresses.telemetry}")
        second = await reported(there, 2, "0")

    assert first == second


async def test_a_store_brought_back_from_a_backup_has_another_epoch(
    tmp_path: Path, each_store: str
) -> None:
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        first = await reported(identity, 1, "1")
    restore = backed_up(each_store, tmp_path)
    async with running_server(tmp_path) as running:
        there = replace(identity, telemetry=f"localhost:{running.addresses.telemetry}")
        await reported(there, 2, "0")
    restore()

    async with running_server(tmp_path) as running:
        there = replace(identity, telemetry=f"localhost:{running.addresses.telemetry}")
        async with session(there) as device:
            welcome = await device.greet(a_hello(highest_seq=2))
            await device.send(a_report(3, a_firewall("0")))
            await device.acknowledged(3)
        found = statuses(running, identity)

    assert welcome.store_epoch != first
    assert welcome.resume_after == 1
    assert found == [Status.FAIL]


@pytest.mark.parametrize("years", [-1, 1])
async def test_a_device_whose_clock_is_years_off_is_judged_like_any_other(
    tmp_path: Path, years: int
) -> None:
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        report = a_report(1, a_firewall("1"))
        wrong = utc_now() + timedelta(days=365 * years)
        report.collected_at.FromDatetime(wrong.replace(tzinfo=None))
        report.sent_at.FromDatetime(wrong.replace(tzinfo=None))
        async with session(identity) as device:
            await device.greet()
            before = utc_now()
            await device.send(report)
            await device.acknowledged(1)
            after = utc_now()

        (verdict,) = running.fleet.verdicts(identity.device_id)
        skew = running.fleet.device(identity.device_id).clock_skew_seconds

    assert verdict.status is Status.PASS
    assert verdict.evidence_at is not None
    assert before <= verdict.evidence_at <= after
    assert skew == pytest.approx((wrong - verdict.evidence_at).total_seconds(), abs=0.001)
