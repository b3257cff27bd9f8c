"""A service waits for a token, is enrolled once there is one, and tells the event log."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from vigie_agent.bootstrap.service import ServiceLife
from vigie_agent.domain.errors import (
    DeviceDisabled,
    EnrollmentRefused,
    IdentityMissing,
    IdentityUnusable,
    LinkLost,
    SpoolUnusable,
)
from vigie_agent.domain.windows_service import LONGEST_EVENT, Configuration, Told
from vigie_agent.launching import Launch
from vigie_agent.services.serve import LOOK_AGAIN, Serve
from vigie_agent.updates.versions import Versions


@dataclass
class Device:
    """A device: the outcomes of its tries to enrol, one after the other, and how its agent ends."""

    tries: list[str | Exception | None] = field(default_factory=list)
    is_enrolled: bool = False
    ends: Exception | None = None
    told: list[tuple[Told, str]] = field(default_factory=list)
    waited: list[timedelta] = field(default_factory=list)
    ran: int = 0
    stop_after_waits: int = 99

    async def enrol(self, _stop: asyncio.Event) -> str | None:
        outcome = self.tries.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        self.is_enrolled = outcome is not None
        return outcome

    async def run(self, _stop: asyncio.Event) -> None:
        self.ran += 1
        if self.ends is not None:
            raise self.ends

    async def wait(self, span: timedelta, stop: asyncio.Event) -> None:
        self.waited.append(span)
        if len(self.waited) == self.stop_after_waits:
            stop.set()

    def serve(self) -> Serve:
        return Serve(
            enrolled=lambda: self.is_enrolled,
            enrol=self.enrol,
            run=self.run,
            tell=lambda told, reason: self.told.append((told, reason)),
            wait=self.wait,
        )

    @property
    def kinds(self) -> Sequence[Told]:
        return [told for told, _ in self.told]


async def test_an_enrolled_device_runs_its_agent_at_once() -> None:
    device = Device(is_enrolled=True)

    assert await device.serve()(asyncio.Event())
    assert (device.ran, device.waited) == (1, [])
    assert device.kinds == [Told.STARTED, Told.STOPPED]


async def test_a_device_without_a_token_waits_for_one_and_says_so_once() -> None:
    device = Device(tries=[None, None, "d-7"])

    assert await device.serve()(asyncio.Event())
    assert device.waited == [LOOK_AGAIN, LOOK_AGAIN]
    assert device.told == [
        (Told.STARTED, ""),
        (Told.WAITS, ""),
        (Told.ENROLLED, "d-7"),
        (Told.STOPPED, ""),
    ]
    assert device.ran == 1


async def test_a_refused_token_is_told_once_for_each_reason_and_tried_again() -> None:
    refused, lost = EnrollmentRefused("expired"), LinkLost("no route")
    device = Device(tries=[refused, refused, lost, "d-7"])

    assert await device.serve()(asyncio.Event())
    assert device.told[1:4] == [
        (Told.NOT_ENROLLED, "expired"),
        (Told.NOT_ENROLLED, "no route"),
        (Told.ENROLLED, "d-7"),
    ]


async def test_a_service_that_is_stopped_while_it_waits_ends_well_and_runs_nothing() -> None:
    device = Device(tries=[None], stop_after_waits=1)

    assert await device.serve()(asyncio.Event())
    assert device.ran == 0
    assert device.kinds[-1] is Told.STOPPED


@pytest.mark.parametrize(
    "error",
    [
        SpoolUnusable("disk full"),
        ExceptionGroup("parts", [ExceptionGroup("delivery", [IdentityMissing("disk full")])]),
        OSError("disk full"),
    ],
)
async def test_an_agent_that_fails_has_windows_start_it_again(error: Exception) -> None:
    device = Device(is_enrolled=True, ends=error)

    assert not await device.serve()(asyncio.Event())
    assert device.told[-1] == (Told.FAILED, "disk full")


async def test_a_device_that_the_server_retired_is_not_started_again() -> None:
    device = Device(is_enrolled=True, ends=ExceptionGroup("parts", [DeviceDisabled("retired")]))

    assert await device.serve()(asyncio.Event())
    assert device.told[-1] == (Told.DISABLED, "retired")


async def test_an_identity_that_cannot_be_read_is_a_failure() -> None:
    def unreadable() -> bool:
        raise IdentityUnusable("damaged")

    device = Device()
    serve = Serve(unreadable, device.enrol, device.run, lambda *told: device.told.append(told))

    assert not await serve(asyncio.Event())
    assert device.told[-1] == (Told.FAILED, "damaged")


@dataclass
class Waiting:
    """An agent that runs until it is asked to stop, and says when it runs."""

    life: ServiceLife | None = None
    asked_by_itself: bool = True
    ran: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        self.ran += 1
        assert self.life is not None
        await asyncio.to_thread(self.life.stop)  # as Windows does, from another thread
        async with asyncio.timeout(10):
            await stop.wait()


def life_of(waiting: Waiting) -> ServiceLife:
    async def no_token(_stop: asyncio.Event) -> str | None:
        return None

    serve = Serve(lambda: True, no_token, waiting.run, lambda *_: None)
    launch = Launch(Versions(Path("/nowhere/updates")), (), ("run",), "1.0.0", below=True)
    waiting.life = ServiceLife(serve, lambda: False, launch)
    return waiting.life


def test_windows_stops_a_running_service_from_another_thread() -> None:
    waiting = Waiting()

    assert life_of(waiting)()
    assert waiting.ran == 1


def test_a_service_that_is_stopped_before_it_began_ends_at_once_and_can_be_asked_again() -> None:
    waiting = Waiting()
    life = life_of(waiting)
    life.stop()

    assert life()
    assert waiting.ran == 0
    life.stop()  # the loop is gone: nothing happens


def test_events_have_numbers_of_their_own_that_windows_texts_reach() -> None:
    numbers = [told.number for told in Told]

    assert len(set(numbers)) == len(numbers)
    assert all(1 <= number <= 1000 for number in numbers)


def test_an_event_is_french_then_english_then_the_reason_and_bounded() -> None:
    text = Told.FAILED.text("disk full")

    assert text.splitlines() == [
        "L'agent s'est arrêté sur une erreur ; Windows le relance.",
        "The agent stopped on an error; Windows starts it again.",
        "",
        "disk full",
    ]
    assert len(Told.FAILED.text("x" * 9000)) == LONGEST_EVENT


def test_the_service_is_started_by_a_path_in_quotes() -> None:
    kept = Configuration(r"C:\Program Files\Vigie Agent\vigie-agent.exe")

    assert kept.command == r'"C:\Program Files\Vigie Agent\vigie-agent.exe" service run'
    with pytest.raises(ValueError, match="quotes"):
        _ = Configuration('C:\\a"b.exe').command


def test_a_failed_service_is_started_again_ever_more_calmly() -> None:
    kept = Configuration("vigie-agent.exe")

    assert list(kept.restarts) == sorted(kept.restarts)
    assert kept.restarts[0] >= timedelta(seconds=10)  # never in a storm
    assert kept.forgiven_after > kept.restarts[-1]
