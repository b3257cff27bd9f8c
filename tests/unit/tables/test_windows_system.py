import threading
from datetime import timedelta

import pytest

from fake_windows import WrittenWindows
from vigie_agent.tables.bounded_call import BoundedCalls
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_codes import (
    as_bool,
    as_number,
    filetime,
    filetime_bytes,
    reason_of,
    unix_or_never,
    wmi_time,
)
from vigie_agent.tables.windows_system import (
    CIMV2,
    NoWindows,
    Reason,
    RegistryKey,
    Unread,
    WindowsSystem,
)

LONG = timedelta(seconds=30)
AT_ONCE = timedelta(0)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (-2147217405, Reason.DENIED),
        (0x80070005, Reason.DENIED),
        (-2147217394, Reason.NO_NAMESPACE),
        (-2147217392, Reason.NO_CLASS),
        (-2147023838, Reason.STOPPED),
        (1332, Reason.ABSENT),
        (5, Reason.DENIED),
        (-2147217407, Reason.FAILED),
    ],
)
def test_error_numbers_are_told_apart_signed_or_not(code: int, reason: Reason) -> None:
    assert reason_of(code) is reason


def test_every_reason_has_words_in_english() -> None:
    told = {reason: Unread(reason).why("BitLocker") for reason in Reason}

    assert told[Reason.DENIED] == "BitLocker: needs elevated rights"
    assert all(why.startswith("BitLocker: ") and len(why) > 20 for why in told.values())


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("20261120080000.000000+000", 1795161600),
        ("20261120090000.000000+060", 1795161600),
        ("20261120030000.500000-300", 1795161600),
        ("16010101000000.000000+000", None),
        ("********000000.000000+***", None),
        ("20261320080000.000000+000", None),
        ("2026-11-20", None),
        ("", None),
        (None, None),
    ],
)
def test_times_of_wmi_are_read_with_their_offset(written: str | None, seconds: int | None) -> None:
    assert wmi_time(written) == seconds


def test_times_of_the_registry_are_read_and_zero_is_none() -> None:
    assert filetime_bytes(bytes.fromhex("009B558C8961D201")) == 1482984654
    assert filetime_bytes(bytes(8)) is None
    assert filetime_bytes(b"\x01") is None
    assert filetime_bytes(None) is None
    assert filetime(0x7FFF_FFFF_FFFF_FFFF) is None


def test_the_largest_number_of_the_network_api_means_never() -> None:
    assert unix_or_never(0xFFFF_FFFF) is None
    assert unix_or_never(-1) is None
    assert unix_or_never(1800) == 1800


def test_values_of_another_kind_are_not_known() -> None:
    assert [as_bool(value) for value in (True, False, 1, "True", None)] == [1, 0, 1, None, None]
    assert [as_number(value) for value in (5, "12", "x", True, None)] == [5, 12, None, None, None]


def test_names_in_the_registry_have_no_case_and_an_empty_value_exists() -> None:
    key = RegistryKey({"Start": 4, "Empty": b"", "Words": ("a", "b"), "Text": "1\0", "Minus": -1})

    assert key.number("START") == 4
    assert key.has("empty")
    assert key.binary("Empty") == b""
    assert key.text("words") == "a,b"
    assert (key.text("Text"), key.number("Text")) == ("1", 1)
    assert key.number("Minus") == 0xFFFF_FFFF
    assert (key.text("Start"), key.number("Words"), key.number("none")) == (None, None, None)


def all_end() -> None:
    """What was left behind has begun by then, however late, and is over."""
    for thread in threading.enumerate():
        if thread.name == "test":
            thread.join()


def test_a_call_that_hangs_is_left_behind_and_too_many_are_not_started() -> None:
    release, started = threading.Event(), []
    calls = BoundedCalls("test")

    def hang() -> int:
        started.append(1)
        release.wait()
        return 1

    try:
        answers = [calls(hang, AT_ONCE) for _ in range(6)]
    finally:
        release.set()
        all_end()

    assert answers == [Unread(Reason.TIMED_OUT)] * 6
    assert len(started) == 4


def test_once_what_hung_has_ended_questions_are_asked_again() -> None:
    release = threading.Event()
    calls = BoundedCalls("test")

    def hang() -> int:
        release.wait()
        return 1

    for _ in range(4):
        calls(hang, AT_ONCE)
    release.set()
    all_end()

    assert calls(lambda: 5, LONG) == 5


def test_what_a_call_raises_is_raised_to_who_asked() -> None:
    def fail() -> int:
        raise OSError(5, "denied")

    with pytest.raises(OSError, match="denied"):
        BoundedCalls("test")(fail, LONG)


@pytest.mark.skipif("sys.platform == 'win32'")
def test_elsewhere_than_on_windows_nothing_is_there_and_that_is_told() -> None:
    windows: WindowsSystem = Host().windows

    assert isinstance(windows, NoWindows)
    assert windows.wmi(CIMV2, "SELECT Name FROM Win32_OperatingSystem") == Unread(
        Reason.NOT_WINDOWS
    )
    assert windows.net_users() == Unread(Reason.NOT_WINDOWS)


def test_a_written_device_gives_only_what_was_asked_for() -> None:
    windows = WrittenWindows(objects={"A": [{"x": 1, "y": 2, "GetZ.Z": 3}], "B": [{"x": 1}]})

    assert windows.wmi(CIMV2, "SELECT x FROM A") == [{"x": 1}]
    assert windows.wmi(CIMV2, "SELECT x FROM A", methods=("GetZ",)) == [{"x": 1, "GetZ.Z": 3}]
    assert windows.wmi(CIMV2, "SELECT x, y FROM B") == Unread(Reason.NO_CLASS, 0x80041017)
    assert windows.wmi(CIMV2, "SELECT x FROM C") == Unread(Reason.NO_CLASS, 0x80041010)
