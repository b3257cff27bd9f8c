"""Which records are at hand, and from which one a session goes on."""

from datetime import UTC, datetime
from typing import Any

import pytest

from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.records import DeviceRecord
from vigie_server.services.device_records import DeviceRecords, Slot, settled

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_record(revision: int, *, committed_seq: int = 0, stale: bool = False) -> DeviceRecord:
    device = Device(
        id="a",
        site="Les Tilleuls",
        profile="standard",
        platform="linux",
        state=DeviceState.ACTIVE,
        enrolled_at=NOW,
    )
    return DeviceRecord(
        1, device, revision, b"", 0, (), "", NOW, committed_seq=committed_seq, stale=stale
    )


def test_the_record_at_hand_stays_when_the_store_has_it_so() -> None:
    at_hand, found = a_record(4, committed_seq=6), a_record(4, committed_seq=7)
    slot = Slot(1, at_hand)

    assert settled(slot, found)
    assert slot.record is at_hand
    assert at_hand.committed_seq == 7


def test_a_record_that_is_ahead_of_the_store_is_not_settled() -> None:
    at_hand = a_record(5, committed_seq=6)
    slot = Slot(1, at_hand)

    assert not settled(slot, a_record(4, committed_seq=6))
    assert slot.record is at_hand


def test_a_record_whose_changes_may_yet_be_refused_is_not_settled() -> None:
    at_hand = a_record(4)
    at_hand.on_their_way = 1
    slot = Slot(1, at_hand)

    assert not settled(slot, a_record(4))  # to which somebody else may have moved the device


@pytest.mark.parametrize("at_hand", [None, a_record(3), a_record(9, stale=True)])
def test_what_was_read_takes_the_place_of_what_is_missing_behind_or_stale(
    at_hand: DeviceRecord | None,
) -> None:
    slot, found = Slot(1, at_hand), a_record(4)

    assert settled(slot, found)
    assert slot.record is found
    assert at_hand is None or at_hand.stale


def the_records(*, capacity: int) -> DeviceRecords:
    nothing: Any = None  # neither the store nor rules are asked
    return DeviceRecords(nothing, nothing, nothing, capacity=capacity)


def leave(records: DeviceRecords, key: int, *, for_long: bool, on_their_way: int = 0) -> None:
    """A device came, with a record of its own, and goes."""
    slot = records.acquire(key)
    slot.record = a_record(4)
    slot.record.on_their_way = on_their_way
    records.release(slot, for_long=for_long)


def test_devices_that_leave_for_long_push_nothing_out() -> None:
    records = the_records(capacity=2)

    for key in (1, 2, 3, 4):
        leave(records, key, for_long=True)

    assert [key for key in (1, 2, 3, 4) if records.held(key) is not None] == [1, 2]


def test_of_devices_that_are_heard_again_soon_the_latest_stay_at_hand() -> None:
    records = the_records(capacity=2)

    for key in (1, 2, 3, 4):
        leave(records, key, for_long=False)

    assert [key for key in (1, 2, 3, 4) if records.held(key) is not None] == [3, 4]


def test_a_record_stays_at_hand_while_its_changes_are_on_their_way() -> None:
    records = the_records(capacity=1)

    leave(records, 1, for_long=True)
    leave(records, 2, for_long=True, on_their_way=1)

    assert records.held(2) is not None
