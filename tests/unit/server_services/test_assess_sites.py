"""Which sites are looked at, and when."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from metric_pages import site_page
from vigie_server.domain.errors import StoreBusy
from vigie_server.domain.maturity import Attestation, Attested, Outcome, SiteStanding
from vigie_server.domain.site_figures import SiteFigures
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.domain.site_rules import SiteVerdict
from vigie_server.metrics.site_lines import SiteLines
from vigie_server.ports.assessing import (
    Followed,
    Progress,
    SiteSeen,
    StoredAnswer,
    TakenTraits,
    WordedAssessment,
)
from vigie_server.services import assess_sites
from vigie_server.services.assess_sites import AssessSites
from vigie_server.services.workers import Workers

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MARK = Progress(Followed(), Followed(), NOW)
GUIDE = SiteGuide(
    ladder={6: {level: (Attested(f"Q06-{level}"),) for level in (1, 2, 3, 4)}},
    words={},
    site_rules={},
    titles={},
    questions={},
)


class Sites:
    """A store of a few sites, whose changes a test says."""

    def __init__(self, *sites: int) -> None:
        self.held = list(sites)
        self.news: Collection[int] | None = set()
        self.busy_on: int | None = None
        self.until: datetime | None = None
        self.saved: list[int] = []
        self.levels: dict[int, int | None] = {}

    def sites(self) -> Sequence[int]:
        return list(self.held)

    def progress(self) -> Progress:
        return MARK

    def changed(self, since: Progress) -> tuple[Collection[int] | None, Progress]:  # noqa: ARG002
        return self.news, MARK

    def answers(self, site: int, readers: Mapping[str, str], *, limit: int) -> list[StoredAnswer]:  # noqa: ARG002
        return []

    def keep(self, taken: Sequence[TakenTraits]) -> None:
        raise NotImplementedError

    def seen(self, site: int, *, now: datetime) -> SiteSeen | None:  # noqa: ARG002
        if site == self.busy_on:
            raise StoreBusy("later")
        standing = SiteStanding(
            declared_devices=None,
            reporting=0,
            rules={},
            site_rules={},
            attestations={"Q06-1": Attestation(Outcome.HELD)},
        )
        return SiteSeen(f"site-{site}", SiteFigures(), standing, {}, {}, self.until)

    def save(
        self,
        site: int,
        verdicts: Sequence[SiteVerdict],  # noqa: ARG002
        assessments: Sequence[WordedAssessment],
        *,
        now: datetime,  # noqa: ARG002
        figures: SiteFigures | None = None,  # noqa: ARG002
    ) -> None:
        self.saved.append(site)
        self.levels[site] = assessments[0].assessment.level


class Looking:
    """The service over these sites, at a time that a test moves."""

    def __init__(self, sites: Sites, workers: Workers) -> None:
        self.sites, self.now, self.lines = sites, NOW, SiteLines()
        self.assess = AssessSites(
            store=sites,
            workers=workers,
            model=self.lines,
            guide=GUIDE,
            readers={},
            now=lambda: self.now,
            share=0.95,
            every=60,
            pause=0,
            rest=0,
        )

    async def round(self, since: Progress | None = MARK) -> list[int]:
        """The sites that one round saves."""
        self.sites.saved.clear()
        await self.assess.once(since)
        return list(self.sites.saved)


@pytest.fixture
async def looking() -> AsyncIterator[Looking]:
    workers = Workers()
    yield Looking(Sites(1, 2, 3), workers)
    workers.close()


async def test_every_site_is_looked_at_first_and_then_those_that_changed(looking: Looking) -> None:
    first = await looking.round(None)
    quiet = await looking.round()
    looking.sites.news = {2}
    changed = await looking.round()
    looking.sites.news = None
    everywhere = await looking.round()

    assert (first, quiet, changed, everywhere) == ([1, 2, 3], [], [2], [1, 2, 3])
    assert looking.sites.levels == {1: 1, 2: 1, 3: 1}


async def test_a_site_is_looked_at_again_when_its_time_has_come(looking: Looking) -> None:
    looking.sites.until = NOW + timedelta(hours=3)
    await looking.round(None)
    looking.now = NOW + timedelta(hours=2)
    early = await looking.round()
    looking.now = NOW + timedelta(hours=3)

    assert early == []
    assert await looking.round() == [1, 2, 3]


async def test_every_site_is_looked_at_each_day(looking: Looking) -> None:
    await looking.round(None)
    looking.now = NOW + timedelta(days=1)

    assert await looking.round() == [1, 2, 3]


async def test_a_site_that_is_gone_is_shown_no_more(looking: Looking) -> None:
    await looking.round(None)
    looking.sites.held = [1, 2]

    await looking.round()

    assert "site-2" in site_page(looking.lines)
    assert "site-3" not in site_page(looking.lines)


async def test_a_round_that_a_busy_store_cut_short_is_taken_up_again(looking: Looking) -> None:
    await looking.round(None)
    looking.sites.news, looking.sites.busy_on = {1, 2, 3}, 2
    with pytest.raises(StoreBusy):
        await looking.round()
    looking.sites.news, looking.sites.busy_on = set(), None

    assert await looking.round() == [2, 3]


async def test_a_server_that_stops_begins_with_no_further_site(looking: Looking) -> None:
    stop = asyncio.Event()
    stop.set()

    await looking.assess.once(None, stop)

    assert looking.sites.saved == []


@pytest.mark.parametrize(("rest", "least"), [(0, 0), (4, 80)])
async def test_the_rest_after_a_site_is_that_many_times_as_long_as_the_work(
    looking: Looking, monkeypatch: pytest.MonkeyPatch, rest: float, least: float
) -> None:
    times, rests = count(step=20.0), list[float]()

    async def rested(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(assess_sites, "monotonic", lambda: next(times))
    monkeypatch.setattr(asyncio, "sleep", rested)
    assess = replace(looking.assess, rest=rest)

    await assess.once(None)

    assert rests == [least] * 3
