"""A device that reports is the same device, heard later."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.made_often import made_often
from vigie_server.domain.whereabouts import Whereabouts

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DEVICE = Device(
    id="d1",
    site="s1",
    profile="critical",
    platform="linux",
    state=DeviceState.LOST,
    hostname="poste-7",
    os="Debian",
    os_version="12",
    chassis="laptop",
    agent_version="1.2",
    enrolled_at=NOW,
    last_report_at=NOW,
    clock_skew_seconds=3.5,
    nomadic=True,
    whereabouts=Whereabouts(presence="off_site"),
    parameters={"Q01": {"days": 3}},
    declared={"site.attested": ("A01",)},
    revoked=True,
)


@pytest.mark.parametrize(("skew", "clock"), [(None, 3.5), (0.0, 0.0), (-7.25, -7.25)])
def test_nothing_but_the_time_and_the_clock_differs(skew: float | None, clock: float) -> None:
    later = NOW.replace(hour=13)

    assert DEVICE.heard(later, skew) == replace(
        DEVICE, last_report_at=later, clock_skew_seconds=clock
    )


def test_the_device_of_this_test_says_something_in_every_field() -> None:
    plain = Device("", "", "", "", DeviceState.ACTIVE)

    assert not [
        one.name for one in fields(DEVICE) if getattr(DEVICE, one.name) == getattr(plain, one.name)
    ]


def test_what_is_made_often_has_no_room_for_other_fields_and_no_hash() -> None:
    @made_often
    class Door:
        name: str

    assert Door("a") == Door("a") != Door("b")
    with pytest.raises(AttributeError):
        Door("a").colour = "red"  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        hash(Door("a"))
