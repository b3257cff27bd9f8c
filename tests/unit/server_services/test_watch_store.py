"""What metrics ask of the store: a store that does not answer is a figure too."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from metric_pages import samples_of, site_page
from vigie_server.domain.errors import StoreBusy
from vigie_server.metrics.contractor_lines import ContractorLines
from vigie_server.metrics.own import OwnFigures
from vigie_server.ports.store_room import StoreRoom
from vigie_server.services.watch_store import WatchStore
from vigie_server.services.workers import Workers

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TOKENS = {"Les Lilas": [("7f3c", NOW + timedelta(days=3))]}


class Store:
    """A store that answers, or does not."""

    def __init__(self) -> None:
        self.answers = True
        self.capacity: int | None = 1000
        self.tokens: Mapping[str, Sequence[tuple[str, datetime]]] = TOKENS

    def __call__(self) -> StoreRoom:
        if not self.answers:
            raise StoreBusy("away")
        return StoreRoom(200, self.capacity)

    def contractor_expiries(self, *, now: datetime) -> Mapping[str, Sequence[tuple[str, datetime]]]:
        assert now == NOW
        return self.tokens


class Watched:
    """A store, what is shown of it, and the part that looks."""

    def __init__(self, workers: Workers) -> None:
        self.store = Store()
        self.registry = CollectorRegistry()
        self.lines = ContractorLines()
        self.part = WatchStore(
            measure=self.store,
            tokens=self.store,
            workers=workers,
            figures=OwnFigures(self.registry),
            show=self.lines.show,
            now=lambda: NOW,
            every=0.001,
        )

    def figures(self) -> tuple[float | None, ...]:
        names = ("reachable", "size_bytes", "capacity_bytes")
        return tuple(self.registry.get_sample_value(f"vigie_store_{name}") for name in names)

    def tokens(self) -> list[float]:
        return list(samples_of(site_page(self.lines)).values())


@pytest.fixture
def workers() -> Workers:
    return Workers(readers=1)


async def test_room_and_tokens_are_shown_and_stay_while_the_store_is_away(
    workers: Workers,
) -> None:
    watched = Watched(workers)

    await watched.part.once()

    assert watched.figures() == (1, 200, 1000)
    assert watched.tokens() == [(NOW + timedelta(days=3)).timestamp()]
    watched.store.answers = False
    await watched.part.once()
    assert watched.figures() == (0, 200, 1000)
    assert len(watched.tokens()) == 1
    workers.close()


async def test_a_token_that_is_gone_is_shown_no_more(workers: Workers) -> None:
    watched = Watched(workers)
    await watched.part.once()

    watched.store.tokens = {}
    await watched.part.once()

    assert watched.tokens() == []
    workers.close()


async def test_a_capacity_that_nobody_said_is_zero(workers: Workers) -> None:
    watched = Watched(workers)
    watched.store.capacity = None

    await watched.part.once()

    assert watched.figures() == (1, 200, 0)
    workers.close()


async def test_it_looks_until_it_is_stopped(workers: Workers) -> None:
    watched = Watched(workers)
    stop = asyncio.Event()
    looks = 0

    def look(_: object) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            stop.set()

    part = WatchStore(
        measure=watched.store,
        tokens=watched.store,
        workers=workers,
        figures=OwnFigures(CollectorRegistry()),
        show=look,
        now=lambda: NOW,
        every=0.001,
    )

    await part.run(stop)

    assert looks == 3
    workers.close()
