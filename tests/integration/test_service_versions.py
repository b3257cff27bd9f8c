"""A service that watches the versions below it, as on Windows: here with this system's processes.

Windows starts one process and speaks with that one alone, so nothing takes its place.
"""

import asyncio
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import sleep

import psutil
import pytest

from fakes.releases import CONFIRMS_UNTIL_INPUT_ENDS, CRASHES, HANGS, a_release
from programs import BIN
from vigie_agent.bootstrap.service import ServiceLife
from vigie_agent.domain.updating import RolledBack, Standing, Trial
from vigie_agent.domain.windows_service import Told
from vigie_agent.launching import Launch
from vigie_agent.services.serve import Serve
from vigie_agent.updates.starting import ends_with_input, environment_for
from vigie_agent.updates.versions import Versions

ON_TRIAL = Standing("1.1.0", Trial("", 0, with_server=False))
ARGUMENTS = ("run", "--wait-for-token", "--log-file", "agent.log")
STARTED = f"1.1.0 {' '.join(ARGUMENTS)}"
LOOK = 0.01
"""Seconds between two looks: who waits without a pause takes a core from what it waits for."""


@dataclass
class Service:
    """The service of one device, in a thread of its own."""

    folder: Path
    takes: timedelta = timedelta(seconds=30)
    while_installed: Callable[["Service"], None] = lambda _: None
    superseded: bool = False
    events: list[Told] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ended: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.versions = Versions(self.folder / "updates")
        launch = Launch(
            self.versions,
            (),
            ARGUMENTS,
            "1.0.0",
            takes=self.takes,
            pause=timedelta(0),
            below=True,
            say=self.said.append,
        )
        serve = Serve(
            lambda: True, self._enrol, self._run, lambda told, _: self.events.append(told)
        )
        self.life = ServiceLife(serve, lambda: self.superseded, launch)
        self.thread = threading.Thread(target=lambda: self.ended.append(self.life()))

    def _tell(self, told: Told, _: str) -> None:
        self.events.append(told)

    async def _enrol(self, _: asyncio.Event) -> str | None:
        return None

    async def _run(self, stop: asyncio.Event) -> None:
        """The installed version: it ends once it is asked to, or another one is current."""
        self.while_installed(self)
        if not self.superseded:
            await stop.wait()

    @property
    def started(self) -> list[str]:
        path = self.folder / "started"
        return path.read_text().splitlines() if path.exists() else []

    def has(self, version: str, run: str) -> None:
        a_release(self.folder / "updates" / "versions" / version, version, run=run)

    def until(self, true: Callable[[], bool]) -> None:
        while not true():
            assert self.thread.is_alive(), self.said
            sleep(LOOK)

    def stopped(self) -> bool:
        """Whether it ended well when Windows asked it to."""
        self.life.stop()
        self.thread.join(80)
        return self.ended == [True]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", str(tmp_path))
    return Service(tmp_path)


def test_with_nothing_else_the_service_is_the_installed_version(service: Service) -> None:
    service.thread.start()
    service.until(lambda: service.events == [Told.STARTED])

    assert service.stopped()
    assert service.events == [Told.STARTED, Told.STOPPED]
    assert service.started == []


def test_a_version_on_trial_runs_below_the_service_and_ends_with_it(service: Service) -> None:
    service.has("1.1.0", CONFIRMS_UNTIL_INPUT_ENDS)
    service.versions.keep(ON_TRIAL)

    service.thread.start()
    service.until(lambda: service.versions.standing() == Standing("1.1.0"))

    assert service.stopped()
    assert service.started == [STARTED]
    assert (service.events, service.said) == ([], [])
    assert service.versions.standing() == Standing("1.1.0")


def test_a_service_without_outputs_of_its_own_starts_a_version_all_the_same(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.has("1.1.0", CONFIRMS_UNTIL_INPUT_ENDS)
    service.versions.keep(ON_TRIAL)
    monkeypatch.setattr("sys.stderr", None)

    service.thread.start()
    service.until(lambda: service.versions.standing() == Standing("1.1.0"))

    assert service.stopped()


def test_a_confirmed_version_runs_below_the_service_at_every_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", str(tmp_path))
    for number in range(3):
        service = Service(tmp_path)
        if number == 0:
            service.has("1.1.0", CONFIRMS_UNTIL_INPUT_ENDS)
            service.versions.keep(Standing("1.1.0"))
        service.thread.start()
        service.until(lambda: len(service.started) == number + 1)  # noqa: B023 (called here)
        assert service.stopped()

    assert service.started == [STARTED] * 3


def test_a_version_that_crashes_is_gone_back_from_and_the_installed_one_runs(
    service: Service,
) -> None:
    service.has("1.1.0", CRASHES)
    service.versions.keep(ON_TRIAL)

    service.thread.start()
    service.until(lambda: service.events == [Told.STARTED])

    assert service.started == [STARTED] * 3
    assert service.versions.standing() == Standing(
        rolled_back=RolledBack("1.1.0", "it did not work in 3 starts")
    )
    assert service.said == ["rolled back 1.1.0: it did not work in 3 starts"]
    assert service.stopped()


def test_a_version_that_hangs_is_ended_and_gone_back_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("vigie_agent.launching.ENDS_WITHIN", timedelta(seconds=0.2))
    service = Service(tmp_path, takes=timedelta(seconds=0.5))
    service.has("1.1.0", HANGS)
    service.versions.keep(ON_TRIAL)

    service.thread.start()
    service.until(lambda: service.events == [Told.STARTED])

    assert service.said == ["rolled back 1.1.0: it had not shown that it works in 0:00:00.500000"]
    assert service.versions.standing().current == ""
    assert service.stopped()


@pytest.mark.parametrize("standing", [ON_TRIAL, Standing("1.1.0")])
def test_a_version_that_is_no_program_is_gone_back_from(
    service: Service, standing: Standing
) -> None:
    service.has("1.1.0", CRASHES)
    (service.folder / "updates" / "versions" / "1.1.0" / "vigie-agent").write_bytes(b"MZ?")
    service.versions.keep(standing)

    service.thread.start()
    service.until(lambda: service.events == [Told.STARTED])

    assert service.versions.standing().current == ""
    assert "its program cannot be started" in service.said[0]
    assert service.stopped()


def test_the_installed_version_hands_over_to_what_it_took_without_the_service_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", str(tmp_path))

    def takes(service: Service) -> None:
        service.versions.keep(ON_TRIAL)
        service.superseded = True

    service = Service(tmp_path, while_installed=takes)
    service.has("1.1.0", CONFIRMS_UNTIL_INPUT_ENDS)
    service.thread.start()
    service.until(lambda: service.versions.standing() == Standing("1.1.0"))

    assert service.stopped()
    assert service.events == [Told.STARTED, Told.STOPPED]
    assert service.started == [STARTED]


def test_stopping_the_service_in_a_trial_says_nothing_of_the_version(service: Service) -> None:
    service.has("1.1.0", "exec cat >/dev/null")
    service.versions.keep(ON_TRIAL)

    service.thread.start()
    service.until(lambda: service.started == [STARTED])

    assert service.stopped()
    assert service.versions.standing() == ON_TRIAL


def test_a_version_that_does_not_end_in_time_is_killed_when_the_service_stops(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vigie_agent.launching.BELOW_ENDS_WITHIN", timedelta(seconds=0.2))
    service.has("1.1.0", HANGS)
    service.versions.keep(ON_TRIAL)
    before = psutil.Process().children()

    service.thread.start()
    service.until(lambda: service.started == [STARTED])

    assert service.stopped()
    left = [child for child in psutil.Process().children() if child not in before]
    assert [child.cmdline() for child in left] == []


def test_an_agent_below_a_service_ends_well_when_its_input_does(tmp_path: Path) -> None:
    """Asked so, or because the service was killed: then its end of the pipe is gone as well."""
    settings = {
        "VIGIE_AGENT_DATA_DIR": str(tmp_path / "agent"),
        "VIGIE_AGENT_ENROLMENT_TOKEN_FILE": str(tmp_path / "none"),
    }
    log = tmp_path / "agent.log"
    agent = subprocess.Popen(
        [BIN / "vigie-agent", "run", "--wait-for-token", "--log-file", log],
        env=environment_for((), ends_with_input=True) | settings,
        stdin=subprocess.PIPE,
    )
    while not (log.exists() and "waits" in log.read_text()):
        assert agent.poll() is None
        sleep(LOOK)

    agent.communicate(timeout=80)  # closes its input

    assert agent.returncode == 0
    assert "stopped" in log.read_text()


def test_what_an_agent_starts_is_not_told_to_heed_its_input() -> None:
    told = environment_for((), ends_with_input=True, environment={"PATH": "/bin"})

    assert ends_with_input(told)
    assert not ends_with_input(environment_for((), environment=told))
