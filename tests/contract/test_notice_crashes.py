"""A sender that dies at any moment: the next tells everything, and doubles only what was sent."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

import pytest
from prometheus_client import CollectorRegistry

from fakes.stored import NOW, SITE, a_device, a_token
from vigie_server.domain.facility_report.content import SiteReport
from vigie_server.domain.notices.recipients import Channel, recipient_of
from vigie_server.metrics.own import OwnFigures
from vigie_server.ports.declaring import Act
from vigie_server.ports.notifying import Outcome, Sending, Sent
from vigie_server.services.notify import Notify, NotifyTerms
from vigie_server.services.workers import Workers
from vigie_server.store.database import Database
from vigie_server.store.models import VerdictRow
from vigie_server.store.notices import Notices
from vigie_server.store.occurring import Occurring
from vigie_server.store.recipients import Recipients
from vigie_server.store.tables import table

RULE = "Q06-firewall-enabled"
HOLD = timedelta(minutes=10)


class Died(Exception):
    """The process is gone."""


class Dying:
    """Lets a sender die at the n-th of the moments that it passes; None: never."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.passed: Iterator[int] = count()

    def __call__(self) -> None:
        if next(self.passed) == self.at:
            raise Died


class DyingOutbox(Notices):
    """Dies before or after each of its transactions."""

    dying: Dying

    def tell(self, *args: object, **kwargs: object) -> None:
        self.dying()
        super().tell(*args, **kwargs)  # type: ignore[arg-type]
        self.dying()

    def settle(self, *args: object, **kwargs: object) -> None:
        self.dying()
        super().settle(*args, **kwargs)  # type: ignore[arg-type]
        self.dying()


@pytest.mark.parametrize("at", range(9))
def test_whenever_it_dies_each_fail_is_told_and_only_what_was_sent_is_sent_again(
    database: Database, at: int
) -> None:
    a_token(database)
    given = recipient_of(
        site=SITE,
        body="",
        channel="email",
        address="a@x.fr",
        secret="",
        language="fr",
        critical=True,
        digest=False,
    )
    Recipients(database).add(given, Act("test", NOW))
    taken: list[str] = []
    died = 0
    now = NOW
    for number in range(2):  # two fails, one after the other
        _fail(database, a_device(database, f"d{number}", serial=str(number)), now)
        for life in range(2):
            outbox = DyingOutbox(
                database, database, Occurring({RULE}, timedelta(0), timedelta(days=365))
            )
            outbox.dying = Dying(at if number == life == 0 else None)
            try:
                asyncio.run(_round(outbox, taken, now))
            except* Died:
                died += 1
            now += HOLD

    assert died == (at < 6)
    assert len(set(taken)) == 2
    assert len(taken) - 2 == (1 if at in {3, 4} else 0)


async def _round(outbox: DyingOutbox, taken: list[str], now: datetime) -> None:
    async def carrier(sending: Sending) -> Outcome:
        outbox.dying()
        taken.append(sending.id)
        outbox.dying()
        return Outcome(Sent.SENT)

    def no_report(site: str, since: datetime, until: datetime) -> SiteReport:
        raise AssertionError(site, since, until)

    workers = Workers()
    try:
        await Notify(
            outbox=outbox,
            workers=workers,
            carriers={Channel.EMAIL: carrier},
            titles={},
            report=no_report,
            figures=OwnFigures(CollectorRegistry()),
            now=lambda: now,
            jitter=lambda: 0.0,
            terms=NotifyTerms(
                every=1,
                gather=timedelta(0),
                retry_for=timedelta(days=1),
                hold=HOLD,
                at_once=8,
                keep=timedelta(days=90),
                bite=100,
                digest_day=1,
                digest_hour=7,
            ),
        ).once()
    finally:
        workers.close()


def _fail(database: Database, key: int, now: datetime) -> None:
    with database.writing() as connection:
        connection.execute(
            table(VerdictRow)
            .insert()
            .values(
                device_key=key,
                rule=RULE,
                rule_version=1,
                status="fail",
                reason=json.dumps({"fr": "", "en": ""}),
                offending="[]",
                measures="{}",
                topic_versions="{}",
                since=now,
                failing_since=now,
                waived=False,
            )
        )
