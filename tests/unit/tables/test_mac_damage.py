"""No answer of a Mac, however damaged, makes a table raise or say more than the whole one said."""

import plistlib
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_host import a_device, printed
from vigie_agent.domain.table import Request
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.enrolment import read_profiles_status
from vigie_agent.tables.host import CommandResult, Outcome
from vigie_agent.tables.mac_answers import plist_in, plist_of
from vigie_agent.tables.mac_directory import groups_in, users_in
from vigie_agent.tables.mac_launchd import read_job, read_listeners, read_overrides
from vigie_agent.tables.mac_logins import last_days, open_sessions
from vigie_agent.tables.mac_password_rules import (
    demand_of_pattern,
    demand_of_policies,
    demand_of_profile,
)
from vigie_agent.tables.mac_settings import declared_settings, written_settings
from vigie_agent.tables.vigie_mac_filevault import filevault_in
from vigie_agent.tables.vigie_mac_firewall import global_state, packet_rules, switch
from vigie_agent.tables.vigie_mac_password_policy import policies_in
from vigie_agent.tables.vigie_mac_protection import extensions_in, installed_in, scans_in
from vigie_agent.tables.vigie_mac_software_update import schedule
from vigie_agent.tables.vigie_mac_usb import enrolled, media_policy, storage_in
from vigie_agent.tables.vigie_mac_vpn import configurations_in

TODAY: Final = date(2026, 11, 20)
OF_TEXT: Final[tuple[Callable[[str], object], ...]] = (
    lambda said: last_days(said, TODAY),
    configurations_in,
    demand_of_pattern,
    enrolled,
    extensions_in,
    filevault_in,
    global_state,
    installed_in,
    open_sessions,
    packet_rules,
    plist_in,
    policies_in,
    read_listeners,
    read_overrides,
    read_profiles_status,
    scans_in,
    schedule,
    switch,
)
WORDS: Final = st.sampled_from(
    [
        "FileVault is On.", "State = ", "Percent completed = ", "extension(s)", "\t", "*", "[", "]",
        "Fri Nov 20 07:30", "Sat Feb 29 07:30", "marie  console  ", "(Connected) ", "(.*[A-Z].*)",
        "Installed: 2026-11-18 12:00:00 +0000", "MDM enrollment: ", "<?xml version='1.0'?>",
        "<plist>", "<dict>", "disabled services = {", '"a" => ', "true", "tcp4 0 0 *.22 *.* LISTEN",
        "Local Address", ".{12,}", "(?!", "\\", "\n", "é", "9" * 5000,
    ]
)  # fmt: skip
LEAVES: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.just(datetime(1, 1, 1)),  # noqa: DTZ001 (as property lists hold it)
    st.sampled_from(["policyAttributePassword matches '.{9,}'", "IOUSBHostDevice", "IOMedia"]),
    st.sampled_from(["501", "9" * 5000, "deny"]),
)
KEYS: Final = st.sampled_from(
    [
        "dsAttrTypeStandard:RecordName", "dsAttrTypeStandard:UniqueID", "PrimaryGroupID",
        "NestedGroups", "accountPolicyData", "IOObjectClass", "IORegistryEntryChildren",
        "bInterfaceClass", "BSD Name", "Whole", "locationID", "idVendor", "minLength",
        "customRegex", "policyCategoryPasswordContent", "policyCategoryAuthentication",
        "policyContent", "policyParameters", "policyAttributeExpiresEveryNDays", "mount-controls",
        "Label", "Program", "ProgramArguments", "KeepAlive", "RunAtLoad", "StartInterval",
        "Disabled", "harddisk-external", "SUCorePersistedStatePolicyFields",
        "AutomaticCheckEnabled",
    ]
)  # fmt: skip
ANYTHING: Final = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
MAPPINGS: Final = st.dictionaries(KEYS, ANYTHING, max_size=5)


@given(st.lists(WORDS | st.text(max_size=6), max_size=20).map("".join))
def test_no_text_makes_a_reader_raise(said: str) -> None:
    for read in OF_TEXT:
        read(said)


@given(ANYTHING)
def test_no_content_makes_a_reader_raise(content: object) -> None:
    users_in(content)
    groups_in(content)
    storage_in(content if isinstance(content, list) else [content])


@given(MAPPINGS)
def test_no_dictionary_makes_a_reader_raise(content: dict[str, object]) -> None:
    demand_of_policies(content)
    demand_of_profile(content)
    written_settings(content)
    declared_settings(content)
    media_policy(content)
    read_job(content, "fr.x.plist")


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"bplist00" + tail))
def test_no_bytes_make_the_reader_of_property_lists_raise(content: bytes) -> None:
    plist_of(content)


@given(st.data())
def test_a_property_list_that_was_cut_anywhere_is_none(data: st.DataObject) -> None:
    whole = plistlib.dumps({"a": [1, {"é": "b"}], "c": True}).decode().rstrip()
    cut = data.draw(st.integers(0, len(whole) - len("</plist>")))

    assert plist_in(whole[:cut]) is None


@pytest.mark.parametrize(
    "result",
    [
        CommandResult(Outcome.MISSING),
        CommandResult(Outcome.TIMED_OUT, stdout="half an ans"),
        CommandResult(Outcome.TOO_LONG, stdout="<plist>"),
        CommandResult(Outcome.NOT_STARTED, stderr="Bad CPU type in executable"),
        CommandResult(Outcome.EXITED, 1, "", "Operation not permitted"),
        CommandResult(Outcome.EXITED, -11),
        printed("dyld: Library not loaded\n"),
    ],
    ids=["missing", "timed out", "too long", "not started", "refused", "crashed", "nonsense"],
)
def test_a_mac_whose_tools_do_not_answer_claims_nothing(
    tmp_path: Path, result: CommandResult
) -> None:
    class Everything(dict[str, CommandResult | str]):
        def get(self, key: str, default: object = None) -> CommandResult:  # noqa: ARG002
            return result

    host = a_device(tmp_path, programs=Everything({"any": ""}))
    for table in all_tables(host):
        if table.name.startswith("vigie_mac_") and table.name != "vigie_mac_sessions":
            rows = list(table.generate(Request()))

            assert rows, table.name
            assert all(row["collected"] == "no" and row["why"] for row in rows), table.name
