import errno
import plistlib
from pathlib import Path

import pytest

from fake_host import a_device, closed, failed
from vigie_agent.tables.host import MAX_FILE_BYTES, CommandResult, Host, Outcome
from vigie_agent.tables.mac_answers import (
    Unanswered,
    answer,
    flag_of,
    number_of,
    plist_file,
    plist_in,
    plist_of,
    why_unanswered,
)


class ClosedHost(Host):
    """A Mac that refuses to open any file, with the error that it is given."""

    number = errno.EPERM

    def read_bytes(self, path: str, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:  # noqa: ARG002
        raise PermissionError(self.number, "refused", path)


class RootsHost(ClosedHost):
    number = errno.EACCES


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (CommandResult(Outcome.MISSING), "this Mac has no tool"),
        (CommandResult(Outcome.NOT_STARTED, stderr="Bad CPU type"), "tool could not be started"),
        (CommandResult(Outcome.TIMED_OUT, stdout="FileVault is"), "tool did not answer in time"),
        (CommandResult(Outcome.TOO_LONG, stdout="x" * 9), "tool answered more than is read"),
        (failed("pfctl: /dev/pf: Permission denied"), "needs root: tool"),
        (failed("tool: must be run as root!"), "needs root: tool"),
        (failed("2026-11-20 08:00:00.123 tool[4711:99] failed"), "tool failed"),
        (CommandResult(Outcome.EXITED, -9), "tool failed"),
    ],
)
def test_a_tool_that_gives_no_answer_says_why_in_words_that_do_not_change(
    result: CommandResult, why: str
) -> None:
    assert why_unanswered("tool", result) == why


def test_an_answer_that_was_cut_off_by_the_time_is_no_answer(tmp_path: Path) -> None:
    host = a_device(
        tmp_path, programs={"/usr/bin/who": CommandResult(Outcome.TIMED_OUT, stdout="marie")}
    )

    with pytest.raises(Unanswered, match="who did not answer in time"):
        answer(host, "/usr/bin/who")


def test_a_property_list_is_found_below_a_heading() -> None:
    printed = "Getting global account policies\n" + plistlib.dumps({"a": [1, "é"]}).decode()

    assert plist_in(printed) == {"a": [1, "é"]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"bplist00",
        b"bplist00" + b"\xff" * 40,
        plistlib.dumps({"a": 1}, fmt=plistlib.FMT_BINARY)[:-3],
        plistlib.dumps({"a": 1})[:-20],
        b"<?xml version='1.0'?><plist><dict><key>a</key></dict></plist>",
        b"<plist><integer>douze</integer></plist>",
        b"<plist><date>hier</date></plist>",
        b'<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "b">]><plist><string>&a;</string></plist>',
    ],
)
def test_a_damaged_property_list_is_none(content: bytes) -> None:
    assert plist_of(content) is None


def test_a_file_that_is_not_there_sets_nothing(tmp_path: Path) -> None:
    assert plist_file(a_device(tmp_path), "/Library/Preferences/x.plist") is None


def test_a_binary_and_an_xml_file_say_the_same(tmp_path: Path) -> None:
    content = {"k": True}
    binary = plistlib.dumps(content, fmt=plistlib.FMT_BINARY)
    host = a_device(tmp_path, {"/a": binary, "/b": plistlib.dumps(content)})

    assert plist_file(host, "/a") == plist_file(host, "/b") == {"k": True}


@pytest.mark.parametrize("content", [b"no property list", plistlib.dumps(["a", "list"])])
def test_a_file_of_another_kind_is_not_taken_for_empty(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Unanswered, match="/x could not be understood"):
        plist_file(a_device(tmp_path, {"/x": content}), "/x")


def test_a_file_that_cannot_be_read_is_not_taken_for_absent(tmp_path: Path) -> None:
    host = a_device(tmp_path)
    closed(host, "/x")

    with pytest.raises(Unanswered, match=r"/x could not be read|needs root: /x"):
        plist_file(host, "/x")


def test_what_privacy_protection_refuses_needs_full_disk_access_and_says_where_to_give_it() -> None:
    with pytest.raises(Unanswered, match=r"needs Full Disk Access \(System Settings, .*\): /x"):
        plist_file(ClosedHost(), "/x")


def test_what_rights_refuse_needs_root() -> None:
    with pytest.raises(Unanswered, match="needs root: /x"):
        plist_file(RootsHost(), "/x")


@pytest.mark.parametrize(
    ("written", "read"),
    [(True, True), (0, False), ("1", True), ("False", False), ("no", False),
     ("peut-être", None), (None, None), ([], None)],
)  # fmt: skip
def test_a_switch_is_read_however_it_was_written(written: object, read: bool | None) -> None:
    assert flag_of(written) is read


@pytest.mark.parametrize(
    ("written", "read"),
    [("12", 12), ("-2", -2), (12.9, 12), (float("nan"), None), (float("inf"), None),
     (True, None), ("douze", None), ("", None), (None, None)],
)  # fmt: skip
def test_a_number_is_read_however_it_was_written(written: object, read: int | None) -> None:
    assert number_of(written) == read
