"""What a device's inventory says becomes its description."""

from datetime import UTC, datetime
from typing import Final

from vigie_server.domain.describing import described
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.facts import Fact, FactRow
from written_cells import WrittenCells

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
DEVICE: Final = Device(
    id="d1", site="s1", profile="standard", platform="linux", state=DeviceState.ACTIVE
)
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
    "chassis": "laptop",
}


def inventory(*rows: FactRow) -> Fact:
    columns = frozenset({name for row in rows for name in row})
    return Fact("inventory", 1, "ok", "", columns, WrittenCells(rows), NOW)


def test_name_system_and_chassis_are_put_together_from_the_parts() -> None:
    device = described(DEVICE, inventory(CHASSIS, SYSTEM))

    assert device.hostname == "poste-7"
    assert device.os == "Debian GNU/Linux"
    assert device.os_version == "13 (trixie)"
    assert device.chassis == "laptop"


def test_a_part_that_says_nothing_takes_nothing_away() -> None:
    device = described(DEVICE, inventory(SYSTEM, CHASSIS))

    again = described(device, inventory({**SYSTEM, "hostname": ""}, {**CHASSIS, "chassis": ""}))

    assert again == device
