"""Versions of software by site and the devices that have them, over both stores."""

from datetime import timedelta
from typing import Any

import pytest

from fakes.judged import a_judged_device
from fakes.stored import NOW, SITE, a_token
from vigie_server.domain.products import Product, ProductTable
from vigie_server.domain.software_drift import Installed, ProductInUse, products_in_use
from vigie_server.domain.traits import ENDED_MARK
from vigie_server.ports.assessing import TakenTraits
from vigie_server.ports.software import InstalledWanted
from vigie_server.store.assessments import Assessments
from vigie_server.store.database import Database
from vigie_server.store.software import Software

FLASH = "Adobe Flash Player"
ENDED = ProductTable.of(
    "ended",
    [
        Product(FLASH, ("flash*",), "test", NOW.date(), ends=NOW.date() - timedelta(days=9)),
        Product(".NET 9", (".net 9*",), "test", NOW.date(), ends=NOW.date() + timedelta(days=9)),
    ],
)


@pytest.fixture
def store(database: Database) -> Assessments:
    a_token(database)
    return Assessments(database, own=(), shared={})


def told(database: Database, store: Assessments, name: str, *traits: tuple[str, str]) -> None:
    """A device of these versions, whose site is assessed."""
    a_judged_device(database, name, {}, more={"software": b"software"})
    retold(store, *traits)


def retold(store: Assessments, *traits: tuple[str, str], reader: str = "1") -> None:
    (site,) = store.sites()
    for answer in store.answers(site, {"software": reader}, limit=10):
        store.keep([TakenTraits(answer, reader, frozenset(traits))])
    assess(store)


def assess(store: Assessments, **later: Any) -> None:
    (site,) = store.sites()
    seen = store.seen(site, now=NOW + timedelta(**later))
    assert seen is not None
    store.save(site, [], [], now=NOW, figures=seen.figures)


def found(software: Software) -> list[tuple[str, list[tuple[str, int, bool]]]]:
    held = products_in_use(software.installed(None), ENDED)
    return [
        (one.product, [(kept.version, kept.devices, kept.behind) for kept in one.versions])
        for one in sorted(held, key=lambda product: product.place(NOW))
    ]


def test_versions_are_counted_as_the_site_was_last_assessed(
    database: Database, store: Assessments
) -> None:
    software = Software(database)
    told(database, store, "a", ("VLC", "3.0.9"), ("VLC", "3.0.21"), ("7-Zip", "24"))
    told(database, store, "b", ("VLC", "3.0.21"), (f"{ENDED_MARK}{FLASH}", "32"))

    assert found(software) == [
        (FLASH, [("32", 1, False)]),
        ("VLC", [("3.0.21", 2, False), ("3.0.9", 1, True)]),
        ("7-Zip", [("24", 1, False)]),
    ]
    assert set(software.installed(frozenset({SITE}))) == set(software.installed(None))
    assert software.installed(frozenset({"Les Lilas"})) == []
    retold(store, ("VLC", "3.0.22"), reader="2")
    assert found(software) == [("VLC", [("3.0.22", 2, False)])]
    assess(store, days=8)
    assert found(software) == []


def test_devices_of_a_version_are_walked_page_by_page_within_the_scope(
    database: Database, store: Assessments
) -> None:
    software = Software(database)
    for name in ("a", "b", "c"):
        told(database, store, name, ("VLC", "3"), (f"{ENDED_MARK}{FLASH}", "32"))
    told(database, store, "d", ("VLC", "4"))

    def devices(**wanted: Any) -> list[str]:
        asked = {"sites": None, "platform": "linux", "product": "VLC"} | wanted
        names, after = [], None
        while True:
            page = software.devices(InstalledWanted(**asked), after=after, limit=2)
            names += [one.device for one in page.items]
            if page.after is None:
                return names
            after = page.after

    assert devices() == ["a", "b", "c", "d"]
    assert devices(versions={"3"}) == devices(versions={"3"}, sites=frozenset({SITE}))
    assert devices(versions={"4"}) == ["d"]
    assert devices(product=FLASH) == []
    assert devices(product=FLASH, listed=True) == ["a", "b", "c"]
    assert devices(platform="windows") == []
    assert devices(sites=frozenset({"Les Lilas"})) == []


def test_what_is_over_comes_first_and_then_what_is_most_behind() -> None:
    def several(product: str, *versions: tuple[str, int], listed: bool = False) -> list[Installed]:
        return [Installed("windows", product, listed, *held) for held in versions]

    installed = [
        *several("VLC", ("3.0", 9), ("3.0.0", 1)),
        *several("Java", ("8.0.101", 8), ("8.0.99", 2)),
        *several("7-Zip", ("24.1", 5), ("9.2", 5)),
        *several(".NET 9", ("9.0", 50), listed=True),
        *several(FLASH, ("32", 1), listed=True),
        *several("gone from the list", ("1", 1), listed=True),
    ]

    held = sorted(products_in_use(installed, ENDED), key=lambda one: one.place(NOW))

    def shown(one: ProductInUse) -> tuple[str, int, int, bool]:
        return one.product, one.behind, one.installations, one.ended(NOW)

    assert [shown(one) for one in held] == [
        (FLASH, 0, 1, True),
        ("7-Zip", 5, 10, False),
        ("Java", 2, 10, False),
        ("VLC", 0, 10, False),
        (".NET 9", 0, 50, False),
    ]
