"""What a device says of itself becomes its description."""

from datetime import UTC, datetime
from typing import Final

from vigie_server.domain.devices import Device, DeviceState, describe
from vigie_server.domain.facts import Fact, FactRow

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
DEVICE: Final = Device(
    id="d1", site="s1", profile="standard", platform="linux", state=DeviceState.ACTIVE
)


def inventory(*rows: FactRow, status: str = "ok") -> Fact:
    columns = frozenset({name for row in rows for name in row})
    return Fact("inventory", 1, status, "", columns, rows, NOW, {})


SYSTEM: Final[FactRow] = {
    "part": "system",
    "collected": True,
    "hostname": "poste-7",
    "os_name": "Debian GNU/Linux",
    "os_version": "13 (trixie)",
    "chassis": "",
}
CHASSIS: Final[FactRow] = {
    "part": "chassis",
    "collected": True,
    "hostname": "",
    "os_name": "",
    "os_version": "",
    "chassis": "laptop",
}


def test_name_system_and_chassis_are_put_together_from_the_parts() -> None:
    described = describe(DEVICE, inventory(CHASSIS, SYSTEM))

    assert described.hostname == "poste-7"
    assert described.os == "Debian GNU/Linux"
    assert described.os_version == "13 (trixie)"
    assert described.chassis == "laptop"


def test_a_device_that_says_the_same_again_is_the_same_object() -> None:
    described = describe(DEVICE, inventory(SYSTEM, CHASSIS))

    assert describe(described, inventory(SYSTEM, CHASSIS)) is described


def test_a_part_that_could_not_be_read_takes_nothing_away() -> None:
    described = describe(DEVICE, inventory(SYSTEM, CHASSIS))

    again = describe(described, inventory(SYSTEM, {**CHASSIS, "collected": False, "chassis": "x"}))

    assert again is described


def test_another_topic_or_a_failed_collection_says_nothing() -> None:
    failed = inventory(SYSTEM, status="timeout")
    other = Fact("vpn", 1, "ok", "", frozenset(SYSTEM), (SYSTEM,), NOW, {})

    assert describe(DEVICE, failed) is DEVICE
    assert describe(DEVICE, other) is DEVICE
