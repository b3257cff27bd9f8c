"""Whether a device is at its site, and whether it is nomadic."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from vigie_server.domain.facts import FactRow
from vigie_server.domain.whereabouts import (
    NEVER_MOVED,
    NO_GROUNDS,
    Grounds,
    Whereabouts,
    moved,
    nomadic,
)

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
EARLIER: Final = NOW - timedelta(hours=3)
GROUNDS: Final = Grounds.of(["198.51.100.0/24", "2001:db8:60::/48"], ["02-00-5E-00-01-FE"])


def interface(address: str, *, mac: str = "02:00:5e:10:00:10") -> FactRow:
    return {"part": "interfaces", "mac": mac, "address": address, "gateway_mac": ""}


def gateway(mac: str) -> FactRow:
    return {"part": "gateways", "mac": "", "address": "192.168.1.1", "gateway_mac": mac}


def presence(*rows: FactRow, grounds: Grounds = GROUNDS) -> str:
    return moved(NEVER_MOVED, rows, grounds, now=NOW).presence


def test_a_gateway_of_the_site_is_the_site() -> None:
    assert presence(interface("192.168.1.7"), gateway("02:00:5e:00:01:fe")) == "on_site"


@pytest.mark.parametrize("address", ["198.51.100.23", "2001:db8:60::7"])
def test_an_address_of_the_site_is_the_site(address: str) -> None:
    assert presence(interface(address)) == "on_site"


def test_another_gateway_and_other_addresses_are_off_site() -> None:
    assert presence(interface("192.168.1.7"), gateway("0a:00:00:00:00:01")) == "off_site"


def test_a_tunnel_into_the_site_does_not_bring_the_device_home() -> None:
    tunnel = interface("198.51.100.23", mac="")
    zeroes = interface("198.51.100.23", mac="00:00:00:00:00:00")

    assert presence(tunnel, zeroes, interface("192.168.1.7")) == "off_site"


@pytest.mark.parametrize(
    "row", [interface("127.0.0.1"), interface("fe80::1%eth0"), interface("169.254.3.4")]
)
def test_a_device_that_is_connected_nowhere_stays_where_it_was(row: FactRow) -> None:
    before = Whereabouts("on_site", EARLIER)

    assert moved(before, [row], GROUNDS, now=NOW) == before
    assert moved(before, [], GROUNDS, now=NOW) == before


def test_text_that_is_no_address_tells_nothing() -> None:
    assert presence(interface("not an address"), {"part": None, "address": 7}) == ""


def test_nobody_can_tell_for_a_site_that_does_not_say_where_it_is() -> None:
    before = Whereabouts("off_site", EARLIER, EARLIER)

    after = moved(before, [interface("192.168.1.7")], NO_GROUNDS, now=NOW)

    assert (after.presence, after.last_off_site_at) == ("", EARLIER)


def test_a_state_is_as_old_as_its_last_change_and_off_site_is_dated_each_time() -> None:
    away = [interface("192.168.1.7")]

    first = moved(NEVER_MOVED, away, GROUNDS, now=EARLIER)
    second = moved(first, away, GROUNDS, now=NOW)

    assert (second.since, second.last_off_site_at) == (EARLIER, NOW)


@pytest.mark.parametrize(
    ("chassis", "days", "wanted"),
    [("laptop", 29, True), ("laptop", 31, False), ("tablet", 1, True), ("desktop", 1, False)],
)
def test_a_laptop_off_site_in_the_last_thirty_days_is_nomadic(
    chassis: str, days: int, wanted: bool
) -> None:
    before = Whereabouts("on_site", EARLIER, NOW - timedelta(days=days))

    assert nomadic(before, GROUNDS, chassis=chassis, now=NOW) is wanted


def test_a_laptop_last_heard_off_site_stays_nomadic_however_long_it_is_silent() -> None:
    gone = NOW - timedelta(days=200)

    assert nomadic(Whereabouts("off_site", gone, gone), GROUNDS, chassis="laptop", now=NOW)
    assert not nomadic(Whereabouts("on_site", gone, gone), GROUNDS, chassis="laptop", now=NOW)


def test_a_laptop_that_never_left_is_not_nomadic() -> None:
    assert not nomadic(Whereabouts("on_site", EARLIER), GROUNDS, chassis="laptop", now=NOW)


def test_where_nobody_can_tell_laptops_count_as_nomadic() -> None:
    assert nomadic(NEVER_MOVED, NO_GROUNDS, chassis="laptop", now=NOW)
    assert not nomadic(NEVER_MOVED, NO_GROUNDS, chassis="desktop", now=NOW)


@pytest.mark.parametrize("said", [True, False])
def test_what_a_person_says_stands(said: bool) -> None:
    told = Whereabouts("off_site", EARLIER, EARLIER, declared_nomadic=said)

    assert nomadic(told, GROUNDS, chassis="desktop", now=NOW) is said


def test_grounds_that_are_no_network_are_refused() -> None:
    with pytest.raises(ValueError, match="everywhere"):
        Grounds.of(["everywhere"], [])
