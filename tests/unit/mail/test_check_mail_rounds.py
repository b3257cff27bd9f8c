"""A round of mail checks reads every verdict when one may be another, and not each time."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from vigie_server.domain.errors import StoreBusy
from vigie_server.domain.verdicts import Status
from vigie_server.ports.mail import MailStanding
from vigie_server.services.check_mail import CheckDomain, CheckMail, MailTerms
from vigie_server.services.workers import Workers

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TERMS = MailTerms(timedelta(days=1), timedelta(hours=1), look_every=30, at_once=4)
NOTHING_ASKED = CheckDomain(cast("Any", None), cast("Any", None), allowed=(), within=1)


class Domains:
    """A store of mail domains of which none is due."""

    def __init__(self) -> None:
        self.marked = 0
        self.read = 0
        self.busy = False

    def take_due(self, *_: object, **__: object) -> Sequence[Any]:
        return ()

    def mark(self) -> object:
        return self.marked

    def standings(self) -> Sequence[MailStanding]:
        self.read += 1
        if self.busy:
            raise StoreBusy("the store cannot take it now")
        return [MailStanding("A", "a.example", f"Q07-{self.marked}", Status.PASS, None)]


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    made = Workers()
    yield made
    made.close()


async def test_verdicts_are_read_again_once_one_may_be_another(workers: Workers) -> None:
    store, shown = Domains(), list[str]()
    check = CheckMail(
        cast("Any", store),
        workers,
        NOTHING_ASKED,
        lambda: NOW,
        TERMS,
        lambda standings: shown.extend(one.rule for one in standings),
    )

    for marked in (0, 0, 1, 1):
        store.marked = marked
        await check.once()

    assert shown == ["Q07-0", "Q07-1"]
    assert store.read == 2


async def test_what_could_not_be_read_is_read_at_the_next_round(workers: Workers) -> None:
    store, shown = Domains(), list[Sequence[MailStanding]]()
    check = CheckMail(cast("Any", store), workers, NOTHING_ASKED, lambda: NOW, TERMS, shown.append)

    for busy in (True, False):
        store.busy = busy
        await check.once()

    assert len(shown) == 1


async def test_where_another_part_shows_them_nothing_is_read(workers: Workers) -> None:
    store = Domains()
    check = CheckMail(cast("Any", store), workers, NOTHING_ASKED, lambda: NOW, TERMS, None)

    await check.once()

    assert store.read == 0
