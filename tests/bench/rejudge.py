"""What judging a stored fleet again costs a server: by all rules, by one, for a parameter.

`make bench PART=rejudge DEVICES=10000`. The fleet is planted as copies of recorded devices that
were judged, under names of their own; then each is made to have answered and been heard at moments
of its own, as alike moments flatter what the judge remembers. The server runs in a process of its
own. What is told is its CPU, from the act until no device is left to be judged, less what it uses
at rest.

Two looks ask all rules. A forced one finds nearly every verdict as it stands, as long as rules,
code and evidence are what they were. The other finds verdicts whose stored checks come too late, so
that four of five are written again: what a forced look costs where it has something to mend.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import ColumnElement, func, select, text, update

from bench.fleet import simulate
from bench.processes import ServedProcess, served
from bench.serve import prepare
from vigie_server.bundled import bundled_catalogue
from vigie_server.clock import utc_now
from vigie_server.domain.overrides import Scope
from vigie_server.domain.rules import Catalogue
from vigie_server.ports.declaring import Act, Target
from vigie_server.store.administration import Administration
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.models import CatalogueRow, DeviceRow, VerdictRow
from vigie_server.store.overrides import Overrides
from vigie_server.store.tables import table

DEVICES = "2000"
SITES = 4
WANTED_PER_SECOND = 1_000
WITHIN = 300.0
AT_REST = 0.05
"""CPU seconds a second of a server that has nothing to do, at most."""
RESTING = 5.0
"""Seconds for which a server that has nothing to do is watched before the first look."""
RULE, PARAMETER, VALUE = "Q05-min-length", "min_length", 13
EARLIER = "earlier"
DEVICE, VERDICT, CATALOGUE = table(DeviceRow), table(VerdictRow), table(CatalogueRow)
_SPREAD = (
    # Heard within a quarter of an hour, of what was true within the hour before.
    "UPDATE device SET last_report_at = last_report_at - (key * 7919 % 900) * 1000000",
    "UPDATE snapshot SET observed_at = observed_at - (device_key * 7907 % 4500) * 1000000",
    # A verdict is looked at again when its evidence is too old, or its device was heard too long
    # ago: earlier by the larger of both, or checks would be later than what they follow.
    "UPDATE verdict SET evidence_at = evidence_at - (device_key * 7907 % 4500) * 1000000",
    (
        "UPDATE verdict SET next_check_at = next_check_at - "
        "max(device_key * 7907 % 4500, device_key * 7919 % 900) * 1000000"
    ),
)
_LATE = "UPDATE verdict SET next_check_at = next_check_at + 86400000000"


@dataclass(frozen=True, slots=True)
class Rejudged:
    """Devices judged again because of one thing."""

    why: str
    devices: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    load: float

    @property
    def per_core_second(self) -> float:
        """Devices a second of CPU of the server."""
        return self.devices / self.cpu_seconds

    def told(self) -> str:
        """One line for people."""
        return (
            f"judged again, {self.why}: {self.devices} devices in {self.seconds:.1f} s, "
            f"{self.per_core_second:.0f} a second of one core (wanted {WANTED_PER_SECOND}), "
            f"server at most {self.peak_bytes / 2**20:.0f} MiB, load {self.load:.0f}"
        )

    def kept(self) -> dict[str, object]:
        """The same as data."""
        return {**asdict(self), "per_core_second": self.per_core_second}


async def measure(folder: Path) -> Sequence[Rejudged]:
    """Plants a fleet, has a server judge it again for four reasons, and says what that took."""
    count = int(os.environ.get("DEVICES") or DEVICES)
    settings = prepare(folder)
    at_a_site = max(1, count // SITES)
    planting = ("--devices", str(count), "--per-site", str(at_a_site))
    await simulate("plant", *planting, fleet=folder / "fleet.db", server=folder)
    database = Database(sqlite_url(settings.data / "vigie.db"))
    try:
        _spread(database)
        _known_by_one_device(database, bundled_catalogue())
        async with served("real", folder) as server:
            await _settled(server)
            watch = _Watch(database, server, await _rest(server))
            forced, late = partial(_force, database), partial(_late, database)
            by_all = DEVICE.c.judged_with == ""
            return [
                await watch.judged("all rules", forced, by_all),
                await watch.judged("all rules, checks too late", late, by_all),
                await watch.judged(
                    "one rule changed", lambda: _changed(database), DEVICE.c.judged_with == EARLIER
                ),
                await watch.judged(
                    "a parameter of a site", lambda: _set(database), _due_by_the_parameter()
                ),
            ]
    finally:
        database.close()


@dataclass(frozen=True, slots=True)
class _Watch:
    database: Database
    server: ServedProcess
    rest: float
    """CPU seconds a second, with nothing to do."""

    async def judged(
        self, why: str, act: Callable[[], object], waits: ColumnElement[bool]
    ) -> Rejudged:
        """Does it, and returns once no device meets the condition; the time is bounded."""
        waiting = select(func.count()).select_from(DEVICE).where(waits)
        began, cpu = time.perf_counter(), self.server.cpu()
        act()
        with self.database.reading() as connection:
            devices = connection.execute(waiting).scalar_one()
        async with asyncio.timeout(WITHIN):
            left = devices
            while left:
                await asyncio.sleep(0.1)
                with self.database.reading() as connection:
                    left = connection.execute(waiting).scalar_one()
        seconds = time.perf_counter() - began
        return Rejudged(
            why,
            devices,
            seconds,
            self.server.cpu() - cpu - self.rest * seconds,
            _peak(self.server),
            os.getloadavg()[0],
        )


def _spread(database: Database) -> None:
    with database.writing() as connection:
        for sql in _SPREAD:
            connection.execute(text(sql))


def _known_by_one_device(database: Database, catalogue: Catalogue) -> None:
    """Has the server know rules that differ from its own in one, by a device they judged."""
    rules = {rule.id: rule.digest for rule in catalogue.rules.values()} | {RULE: "another"}
    entered = {"digest": EARLIER, "started": 0, "rules": json.dumps(rules)}
    with database.writing() as connection:
        connection.execute(CATALOGUE.insert().values(entered))
        first = select(func.min(DEVICE.c.key)).scalar_subquery()
        connection.execute(update(DEVICE).where(DEVICE.c.key == first).values(judged_with=EARLIER))


def _force(database: Database) -> None:
    Administration(database).judge_all_again(Act("bench", utc_now()))


def _late(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text(_LATE))
    _force(database)


def _changed(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(
            update(DEVICE).values(judged_with=EARLIER, revision=DEVICE.c.revision + 1)
        )


def _set(database: Database) -> None:
    now = utc_now()
    Overrides(database).put(
        Target(Scope.SITE, "sim-0000"),
        rule=RULE,
        name=PARAMETER,
        value=VALUE,
        reason="bench",
        act=Act("bench", now),
    )


def _due_by_the_parameter() -> ColumnElement[bool]:
    due = (
        select(VERDICT.c.device_key)
        .where(VERDICT.c.rule == RULE)
        .where(VERDICT.c.next_check_at <= utc_now() + timedelta(minutes=5))
    )
    return DEVICE.c.key.in_(due)


async def _settled(server: ServedProcess) -> None:
    """Returns once the server has started in full: it then shows every device, and rests."""
    async with asyncio.timeout(WITHIN):
        before = 0.0
        while (used := server.cpu()) - before > AT_REST:
            before = used
            await asyncio.sleep(1)


async def _rest(server: ServedProcess) -> float:
    """What it uses of a core with nothing to do."""
    cpu = server.cpu()
    await asyncio.sleep(RESTING)
    return (server.cpu() - cpu) / RESTING


def _peak(server: ServedProcess) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
