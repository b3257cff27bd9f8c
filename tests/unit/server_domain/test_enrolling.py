from datetime import UTC, datetime, timedelta

import pytest

from vigie_server.domain.cloning import REMEMBERED_BOOTS, remembered, returns_to_an_older_boot
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.enrolling import Claim, KnownDevice, is_junk, settled

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_known(
    *,
    hours: int = 48,
    site: str = "A",
    state: DeviceState = DeviceState.ACTIVE,
    refused: bool = False,
) -> KnownDevice:
    return KnownDevice(1, "a", site, state, NOW - timedelta(hours=hours), refused)


@pytest.mark.parametrize(
    "text",
    ["", " ", "0", "00000000", "None", "To be filled by O.E.M.", "FFFFFFFF-FFFF-FFFF-FFFF", "N/A"],
)
def test_what_firmware_says_for_want_of_a_serial_is_junk(text: str) -> None:
    assert is_junk(text)


@pytest.mark.parametrize("text", ["PF-1234", "5CG1234XYZ", "4c4c4544-0042-3510-8052-b4c04f4e3333"])
def test_serial_numbers_are_not_junk(text: str) -> None:
    assert not is_junk(text)


@pytest.mark.parametrize(
    ("known", "claim"),
    [
        ([], Claim.NEW),
        ([a_known()], Claim.TAKES_OVER),
        ([a_known(state=DeviceState.PENDING)], Claim.TAKES_OVER),
        ([a_known(hours=23)], Claim.CONFLICT),
        ([a_known(site="B")], Claim.CONFLICT),
        ([a_known(state=DeviceState.QUARANTINED)], Claim.CONFLICT),
        ([a_known(state=DeviceState.STOLEN)], Claim.CONFLICT),
        ([a_known(refused=True)], Claim.CONFLICT),
        ([a_known(), a_known()], Claim.CONFLICT),
    ],
)
def test_a_claim_takes_over_one_silent_device_of_the_same_site_alone(
    known: list[KnownDevice], claim: Claim
) -> None:
    assert settled(known, site="A", now=NOW, silent_for=timedelta(hours=24)) is claim


def test_a_reconnection_and_a_reboot_are_no_clones() -> None:
    assert not returns_to_an_older_boot((), "a")
    assert not returns_to_an_older_boot(("a",), "a")
    assert not returns_to_an_older_boot(("a", "b"), "b")
    assert not returns_to_an_older_boot(("a", "b"), "c")


def test_a_boot_that_was_left_before_is_a_clone() -> None:
    assert returns_to_an_older_boot(("a", "b"), "a")


def test_a_bounded_number_of_boots_is_remembered() -> None:
    boots: tuple[str, ...] = ()

    for number in range(50):
        boots = remembered(boots, str(number))

    assert len(boots) == REMEMBERED_BOOTS
    assert boots[-1] == "49"
    assert remembered(boots, "49") == boots
