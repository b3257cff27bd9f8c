"""kill -9 of a server that judges its whole fleet again: nothing shown is lost, nothing done twice.

The sweeper queues a hundred devices before it has them committed, and a group holds hundreds: what
was queued and not begun is gone with the process, and is for the next sweep.
"""

import asyncio
import os
import random
from collections import Counter
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select, update

from fakes.held import broken_histories
from fakes.scraping import scrape
from fakes.secure_http import secure_client
from fakes.stored import a_device, a_token
from forked import ForkedProgram
from metric_pages import samples_of
from programs import ServerProgram
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.models import DeviceRow, TransitionRow, VerdictRow
from vigie_server.store.tables import table

DEVICES = 1500
KILLS = 4
LOOK = 0.01
"""Seconds between two looks at the store."""
DEVICE, VERDICT, TRANSITION = table(DeviceRow), table(VerdictRow), table(TransitionRow)
RULE = "Q06-firewall-enabled"
BY_OTHERS = "rules of an earlier version"


def filled(database: Database) -> None:
    """A fleet that other rules judged, and found nothing."""
    a_token(database)
    a_device(database, "d0")
    with database.writing() as connection:
        row = dict(connection.execute(select(DEVICE)).mappings().one())
        del row["key"]
        more = [row | {"id": f"d{number}"} for number in range(1, DEVICES)]
        connection.execute(DEVICE.insert(), more)
        connection.execute(update(DEVICE).values(judged_with=BY_OTHERS))


def judged(database: Database) -> int:
    """How many devices are judged by the rules in force."""
    query = select(func.count()).select_from(DEVICE).where(DEVICE.c.judged_with != BY_OTHERS)
    with database.reading() as connection:
        return int(connection.execute(query).scalar_one())


def of_the_rule(database: Database) -> int:
    """How many devices have a verdict of one rule."""
    query = select(func.count()).select_from(VERDICT).where(VERDICT.c.rule == RULE)
    with database.reading() as connection:
        return int(connection.execute(query).scalar_one())


def wrong(database: Database) -> list[str]:
    """Devices that are judged in part, and verdicts that came to be otherwise than once."""
    changed = select(TRANSITION.c.device_key, TRANSITION.c.rule)
    stand = select(VERDICT.c.device_key, VERDICT.c.rule)
    anew = select(DEVICE.c.key, DEVICE.c.judged_with != BY_OTHERS, DEVICE.c.revision)
    with database.reading() as connection:
        changes = Counter((row.device_key, row.rule) for row in connection.execute(changed))
        verdicts = Counter((row.device_key, row.rule) for row in connection.execute(stand))
        devices = list(connection.execute(anew))
    rules = Counter(key for key, _ in verdicts)
    most = max(rules.values(), default=0)
    return [
        *[f"{place}: {times} times" for place, times in changes.items() if times != 1],
        *[f"{place}: not told" for place in verdicts - changes],
        *[f"{place}: changed, and not there" for place in changes - verdicts],
        *[
            f"device {key}: {rules[key]} verdicts at revision {revision}"
            for key, is_judged, revision in devices
            if (rules[key], revision) != ((most, 1) if is_judged else (0, 0))
        ],
        *broken_histories(database),
    ]


def shown(page: str) -> int:
    """How many devices the page of metrics has a verdict of the rule for."""
    return int(
        sum(
            value
            for (name, labels), value in samples_of(page).items()
            if name == "vigie_site_rule_devices" and ("rule", RULE) in labels
        )
    )


async def until_more(database: Database, than: int) -> None:
    while await asyncio.to_thread(judged, database) <= than:  # noqa: ASYNC110 (a store tells nobody)
        await asyncio.sleep(LOOK)


async def keep_seeing(client: httpx2.AsyncClient, seen: list[int]) -> None:
    """Notes what each page of metrics shows, until it is cancelled."""
    while True:
        seen.append(shown(await scrape(client, "/metrics/fleet")))


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_sweep_that_is_killed_again_and_again_judges_every_device_once(
    each_store: str, tmp_path: Path
) -> None:
    chance = random.Random(20261127)
    of_postgres = "VIGIE_SERVER_STORE__URL"
    url = {of_postgres: os.environ[of_postgres]} if each_store == "postgres" else {}
    server = ServerProgram(
        tmp_path / "server",
        {"VIGIE_SERVER_SWEEP__BATCH": "5000", "VIGIE_SERVER_SWEEP__VIEWS_EVERY": "0.05", **url},
    )
    await server.command("init")
    token = await server.command("token", "api", "create", "--role", "scrape")
    reads = {"Authorization": f"Bearer {token.split()[-1]}"}
    serving = ForkedProgram(("vigie_server.cli.main:main", "serve"), server.environment)
    opened = Database(url.get(of_postgres) or sqlite_url(server.data / "vigie.db"))
    address = f"https://localhost:{server.http}"
    with closing(opened) as database:
        filled(database)
        done, pages = [0], []
        while done[-1] < DEVICES and len(done) <= KILLS:
            seen = [0]
            await serving.start()
            await serving.event("server_started")
            async with secure_client(server.https_authority, address, headers=reads) as client:
                reading = asyncio.create_task(keep_seeing(client, seen))
                await until_more(database, done[-1])
                # The fault itself: a moment nobody chose.
                await asyncio.sleep(chance.uniform(0, 0.5))
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                await serving.kill()
            done.append(judged(database))
            pages.append(seen[-1])
            assert of_the_rule(database) >= seen[-1]
            assert not wrong(database)
        await serving.start()
        await serving.event("server_started")
        async with secure_client(server.https_authority, address, headers=reads) as client:
            await scrape(client, "/metrics/fleet", lambda page: shown(page) == DEVICES)
        await serving.stop()

        print(f"{each_store}: judged at each kill {done}, shown {pages}")
        assert done[2] < DEVICES, "the sweep was over before it was killed"
        assert judged(database) == DEVICES
        assert not wrong(database)
