"""A server that shares its store reads of other servers' work what has changed, and no more."""

import asyncio
from collections.abc import Mapping, Sequence

from metric_pages import site_page
from vigie_server.domain.noticed import Noticed
from vigie_server.domain.verdicts import Status
from vigie_server.metrics.site_lines import SiteLines
from vigie_server.ports.mail import MailStanding
from vigie_server.services.show_sites import Shown, ShowSites
from vigie_server.services.workers import Workers

LEVELS: Shown = ({6: 2}, {"Q01-coverage": Status.PASS})


class Stored:
    """What sites come to; `asked` says what was read of it."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def shown(self, sites: Sequence[str] | None) -> Mapping[str, Shown]:
        self.asked.append(sites)
        return dict.fromkeys(["A", "B"] if sites is None else sites, LEVELS)

    def standings(self) -> Sequence[MailStanding]:
        self.asked.append("mail")
        return [MailStanding("A", "a.example", "Q07-spf", Status.PASS, None)]


async def read_after(*noticed: Noticed) -> tuple[list[object], str]:
    """What is read in the rounds that follow these, and what is shown then."""
    stored, lines, workers = Stored(), SiteLines(), Workers()
    shown: list[Sequence[MailStanding]] = []
    show = ShowSites(stored, workers, lines, shown.append, every=0)
    stop = asyncio.Event()
    try:
        await one_round(show, stop)
        stored.asked.clear()
        for each in noticed:
            show.heed(each)
            await one_round(show, stop)
    finally:
        workers.close()
    return stored.asked, site_page(lines)


async def one_round(show: ShowSites, stop: asyncio.Event) -> None:
    stop.clear()
    running = asyncio.create_task(show.run(stop))
    await asyncio.sleep(0)
    stop.set()
    await running


async def test_acts_on_other_things_have_nothing_read() -> None:
    asked, page = await read_after(Noticed(subjects=("anais", "68686868", "device-1")))

    assert asked == []
    assert 'site="B"' in page


async def test_a_site_that_was_assessed_is_read_alone() -> None:
    asked, _ = await read_after(Noticed(assessed=("B",)), Noticed(subjects=("A",)))

    assert asked == [["B"], ["A"]]


async def test_verdicts_on_mail_are_read_when_one_changed() -> None:
    asked, _ = await read_after(Noticed(mail=True), Noticed())

    assert asked == ["mail"]


async def test_what_was_missed_has_everything_read_again() -> None:
    asked, _ = await read_after(Noticed(missed=True))

    assert asked == [None, "mail"]
