"""A device's record is moved by others while its reports are on their way to the store."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from fakes.running_server import RunningServer, running_server
from fakes.scripted_device import a_firewall, a_report, enrolled, session
from vigie_server.clock import utc_now
from vigie_server.domain.records import DeviceChange
from vigie_server.domain.sites import Site
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Act
from vigie_server.ports.sessions import Seen
from vigie_server.services.live_session import TAKEN_AGAIN
from vigie_server.settings import SweepSettings
from vigie_server.store.organisation import Organisation
from vigie_server.store.records import Records

pytestmark = [pytest.mark.usefixtures("each_store"), pytest.mark.enable_socket]

PASS, FAIL, UNKNOWN = Status.PASS, Status.FAIL, Status.UNKNOWN
SELDOM = SweepSettings(every=timedelta(hours=1))


def declarations(running: RunningServer) -> Iterator[None]:
    """Each step declares other networks for the site, which moves the records of its devices."""
    organisation = Organisation(running.server.database)
    for number in count():
        networks = (f"192.168.{number}.0/24",)
        organisation.put(Site("Les Tilleuls", networks=networks), Act("test", utc_now()))
        yield


def before_commits(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> list[list[int]]:
    """Has `act` done before each commit of reports; gives the reports of the groups tried."""
    tried: list[list[int]] = []
    commit = Records.commit

    def late(self: Records, made: Sequence[DeviceChange], seen: Sequence[Seen]) -> frozenset[int]:
        reports = [change.last_seq for change in made if change.last_seq]  # the sweep's have none
        if reports:
            tried.append(reports)
            act()
        return commit(self, made, seen)

    monkeypatch.setattr(Records, "commit", late)
    return tried


async def test_reports_behind_a_declaration_are_taken_again_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_server(tmp_path, sweep=SELDOM) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        declared = declarations(running)
        async with session(identity) as device:
            await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
            tried = before_commits(monkeypatch, lambda: next(declared) if len(tried) == 1 else None)
            for seq in range(2, 8):
                await device.send(a_report(seq, a_firewall(str(seq % 2))))
            ack = await device.acknowledged(7)
        transitions = running.fleet.transitions(identity.device_id, limit=100)

    committed = list(dict.fromkeys(seq for group in tried[1:] for seq in group))
    assert not ack.rejected
    assert tried[0][0] == 2
    assert committed[-6:] == [2, 3, 4, 5, 6, 7]
    # The sweep may have found the device before it had said anything.
    said = [
        moved.after for moved in reversed(transitions) if moved.before or moved.after != UNKNOWN
    ]
    assert said == [PASS, FAIL, PASS, FAIL, PASS, FAIL, PASS]


async def test_a_device_whose_record_never_stands_still_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_server(tmp_path, sweep=SELDOM) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        declared = declarations(running)
        with monkeypatch.context() as moving:
            async with session(identity) as device:
                await device.greet()
                tried = before_commits(moving, lambda: next(declared))
                await device.send(a_report(1, a_firewall("0")))
                farewell = await device.received_until(lambda m: m.HasField("goodbye"))
        async with session(identity) as device:
            welcome = await device.greet()
            await device.send(a_report(1, a_firewall("0")))
            await device.acknowledged(1)

    assert farewell.goodbye.reason == "resume from what is committed"
    # What the sweep makes on the record meanwhile bears the report's number too.
    assert {seq for group in tried for seq in group} == {1}
    assert len(tried) > TAKEN_AGAIN
    assert welcome.resume_after == 0
