"""Expiries of attestations are followed; what was missed meanwhile is not shown for good."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from vigie_server.domain.noticed import Noticed
from vigie_server.services.attested_sites import FollowAttestations
from vigie_server.services.workers import Workers

SOON = datetime(2026, 3, 1, tzinfo=UTC)


class Story:
    """A store, and the model that is told of it; wakes who waits for the model."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, datetime]] = {}
        self.shown: dict[str, Mapping[str, datetime]] = {}
        self.told = asyncio.Event()

    def expiries(self, sites: Sequence[str] | None = None) -> Mapping[str, Mapping[str, datetime]]:
        asked = self.stored if sites is None else sites
        return {site: self.stored.get(site, {}) for site in asked}

    def put(self, site: str, expiries: Mapping[str, datetime]) -> None:
        self.shown[site] = expiries
        self.told.set()


async def test_an_attestation_that_was_withdrawn_unnoticed_goes_when_all_is_read_again() -> None:
    story, workers, stop = Story(), Workers(), asyncio.Event()
    story.stored = {"Les Tilleuls": {"item": SOON}, "Les Lilas": {"item": SOON}}
    follow = FollowAttestations(story, workers, story, every=0.001)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow.run(stop))
        await story.told.wait()
        before = dict(story.shown)
        del story.stored["Les Tilleuls"]
        story.told.clear()
        follow.heed(Noticed(missed=True))
        await story.told.wait()
        stop.set()
    workers.close()

    assert before == {"Les Tilleuls": {"item": SOON}, "Les Lilas": {"item": SOON}}
    assert story.shown == {"Les Tilleuls": {}, "Les Lilas": {"item": SOON}}
