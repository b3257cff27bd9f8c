"""What a running agent does about versions: it looks now and then, and shows that it works."""

import asyncio
from datetime import timedelta
from pathlib import Path

from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.updating import Standing, Trial
from vigie_agent.services.show_that_it_works import ShowThatItWorks
from vigie_agent.services.take_updates import TakeUpdates
from vigie_agent.spool.memory import MemorySpool
from vigie_agent.updates.starting import environment_for, on_trial, started_by
from vigie_agent.updates.versions import Versions

ANSWER = Rows(columns=("name",), rows=({"name": "Debian"},))


async def test_it_looks_now_and_then_and_ends_when_another_version_is_current(
    tmp_path: Path,
) -> None:
    versions = Versions(tmp_path)
    waited: list[timedelta] = []

    async def wait(span: timedelta, _: asyncio.Event) -> None:
        waited.append(span)

    async def look() -> None:
        if len(waited) == 3:
            versions.keep(Standing("1.1.0", Trial("", 0, with_server=True)))

    taking = TakeUpdates(timedelta(hours=6), versions, look, jitter=lambda: 0.5, wait=wait)
    await taking.run(asyncio.Event())

    assert waited == [timedelta(minutes=30), timedelta(hours=6), timedelta(hours=6)]
    assert taking.taken


class StopsOnceKept(Versions):
    """Stops the agent as soon as a version is confirmed."""

    def __init__(self, folder: Path, stop: asyncio.Event) -> None:
        super().__init__(folder)
        self._stop = stop

    def keep(self, standing: Standing) -> None:
        super().keep(standing)
        if standing.trial is None:
            self._stop.set()


async def test_what_does_not_work_yet_is_tried_again_until_it_does(tmp_path: Path) -> None:
    Versions(tmp_path).keep(Standing("1.1.0", Trial("", 1, with_server=True)))
    stop = asyncio.Event()
    versions = StopsOnceKept(tmp_path, stop)
    answers: list[Rows | QueryError | EngineLost] = [
        QueryError(Reason.TIMEOUT, "slow"),
        EngineLost("gone"),
        Rows(()),
        ANSWER,
        ANSWER,
    ]
    met = [False, True]
    seen: list[Standing] = []

    async def ask(sql: str, *, timeout: timedelta) -> Rows | QueryError:  # noqa: ARG001, ASYNC109
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def wait(_: timedelta, __: asyncio.Event) -> None:
        seen.append(versions.standing())

    showing = ShowThatItWorks(
        "1.1.0",
        versions,
        ask,
        timedelta(seconds=30),
        MemorySpool(max_bytes=1_000_000),
        lambda: met.pop(0),
        wait=wait,
    )
    await showing.run(stop)

    assert [standing.trial is not None for standing in seen] == [True] * 4
    alone = [standing.trial.lacks_server_alone for standing in seen if standing.trial is not None]
    assert alone == [False, False, False, True]
    assert versions.standing() == Standing("1.1.0")
    assert met == []


def test_a_version_is_told_who_started_it_and_nothing_of_that_ones_libraries() -> None:
    here = {
        "PATH": "/bin",
        "_PYI_ARCHIVE_FILE": "/old",
        "LD_LIBRARY_PATH": "/old/_internal",
        "LD_LIBRARY_PATH_ORIG": "/opt/lib",
        "VIGIE_LAUNCH_TRIAL": "1.0.0",
    }

    told = environment_for(("/old/vigie-agent",), trial="1.1.0", environment=here)

    assert started_by(told) == ("/old/vigie-agent",)
    assert on_trial(told) == "1.1.0"
    assert told["LD_LIBRARY_PATH"] == "/opt/lib"
    assert "_PYI_ARCHIVE_FILE" not in told
    assert on_trial(environment_for((), environment=here)) == ""
    assert started_by({}) is None
