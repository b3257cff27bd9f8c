"""What was declared around a device is known while its row is where this process put it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.records import DeviceChange
from vigie_server.domain.surroundings import Group, Surroundings
from vigie_server.domain.waivers import Waiver
from vigie_server.services.known_surroundings import KnownSurroundings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AROUND = Surroundings(declared={"asset.place": "Accueil"})
WAIVERS = {"Q06": (Waiver(7, "Q06", (), NOW),)}


def a_change(revision: int) -> DeviceChange:
    device = Device("a", "Les Tilleuls", "standard", "linux", DeviceState.ACTIVE)
    return DeviceChange(1, "a", NOW, revision - 1, revision, b"", revision, device, "")


@pytest.fixture
def known() -> KnownSurroundings:
    """Those of device 1, read at revision 4."""
    found = KnownSurroundings(10_000)
    found.put(1, 4, "Les Tilleuls", AROUND, WAIVERS)
    return found


def test_they_go_on_with_own_changes_and_sessions_alone(known: KnownSurroundings) -> None:
    known.committed(a_change(5))
    known.began(1, 5, 6)
    own = known.get(1, 6)
    known.committed(a_change(8))  # somebody else made 7
    known.began(1, 8, 9)

    assert own == (AROUND, WAIVERS)
    assert [known.get(1, revision) for revision in (5, 7, 8, 9)] == [None] * 4


def test_a_change_that_ended_a_waiver_has_them_read_again(known: KnownSurroundings) -> None:
    known.committed(replace(a_change(5), reopened=(7,)))

    assert known.get(1, 4) is known.get(1, 5) is None


@pytest.mark.parametrize("forget", [lambda known: known.forget(1), KnownSurroundings.forget_all])
def test_what_is_forgotten_is_not_known_whatever_comes(known: KnownSurroundings, forget) -> None:  # type: ignore[no-untyped-def]
    forget(known)
    known.committed(a_change(5))

    assert known.get(1, 4) is known.get(1, 5) is None


def test_devices_of_a_site_share_what_is_the_same_and_the_oldest_make_room() -> None:
    def of_the_site() -> Surroundings:
        return Surroundings(groups=(Group(1, None, "bornes", None),))  # type: ignore[arg-type]

    known = KnownSurroundings(2 * 256)
    for key in (1, 2, 3):
        known.put(key, 4, "Les Tilleuls", of_the_site(), {})
    two, three = known.get(2, 4), known.get(3, 4)

    assert known.get(1, 4) is None
    assert two is not None
    assert three is not None
    assert two[0] is three[0]
