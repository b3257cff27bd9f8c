import plistlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fake_host import FakePrograms, a_device, closed, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_mac_accounts
from vigie_agent.tables.host import CommandResult, Host, Outcome
from vigie_agent.tables.mac_directory import GROUP_ATTRIBUTES, USER_ATTRIBUTES

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
USERS = " ".join(("/usr/bin/dscl -plist . -readall /Users", *USER_ATTRIBUTES))
GROUPS = " ".join(("/usr/bin/dscl -plist . -readall /Groups", *GROUP_ATTRIBUTES))
MEMBER = "/usr/bin/dsmemberutil"
SHADOW = ";ShadowHash;HASHLIST:<SALTED-SHA512-PBKDF2,SRP-RFC5054-4096-SHA512-PBKDF2>"
SUDOERS = "root ALL = (ALL) ALL\n%admin ALL = (ALL) ALL\n"
MARIES_GUID = "0A0A0A0A-0000-4000-8000-00000000000A"
INNER_GUID = "0B0B0B0B-0000-4000-8000-00000000000B"
FOREIGN_GUID = "0C0C0C0C-0000-4000-8000-00000000000C"
LOGIN_WINDOW = "/Library/Preferences/com.apple.loginwindow.plist"
MCX = "/Library/Managed Preferences/com.apple.MCX.plist"
POLICY = plistlib.dumps(
    {"creationTime": 1748000000.5, "failedLoginCount": 0, "passwordLastSetTime": 1788000000.25}
).decode()


def a_record(name: str, uid: int, gid: int = 20, **attributes: str) -> dict[str, list[str]]:
    """A record as dscl prints it; several values of an attribute are separated by a line."""
    standard = {"RecordName": name, "UniqueID": str(uid), "PrimaryGroupID": str(gid)}
    return {f"dsAttrTypeStandard:{key}": [value] for key, value in standard.items()} | {
        f"dsAttrType{'Native' if key in {'accountPolicyData', 'IsHidden'} else 'Standard'}:{key}": (
            value.splitlines() if key != "accountPolicyData" else [value]
        )
        for key, value in attributes.items()
    }


def a_person(name: str, uid: int, **attributes: str) -> dict[str, list[str]]:
    defaults = {"UserShell": "/bin/zsh", "AuthenticationAuthority": SHADOW}
    return a_record(name, uid, 20, **(defaults | attributes))


def a_group(name: str, gid: int, **attributes: str) -> dict[str, list[str]]:
    record = a_record(name, 0, gid, **attributes)
    del record["dsAttrTypeStandard:UniqueID"]
    return record


ROOT = a_record("root", 0, 0, UserShell="/bin/sh", accountPolicyData=POLICY)
ADMIN = a_group("admin", 80, GroupMembership="root\nadmsi")
PEOPLE = (
    ROOT,
    a_record("_locationd", 205, 205, UserShell="/usr/bin/false"),
    a_record("_mbsetupuser", 248, 248, UserShell="/bin/bash"),
    a_person("admsi", 501, IsHidden="1", accountPolicyData=POLICY),
    a_person("marie", 502, GeneratedUID=MARIES_GUID, accountPolicyData=POLICY),
)


def a_mac(
    root: Path,
    users: object = PEOPLE,
    groups: object = (ADMIN,),
    *,
    files: Mapping[str, str | bytes] | None = None,
    programs: Mapping[str, CommandResult | str] | None = None,
) -> Host:
    told: dict[str, CommandResult | str] = {
        USERS: plistlib.dumps(list(users)).decode(),  # type: ignore[call-overload]
        GROUPS: plistlib.dumps(list(groups)).decode(),  # type: ignore[call-overload]
        MEMBER: CommandResult(Outcome.EXITED, 0, "user is not a member of the group\n"),
        "/usr/bin/last": "marie  console  Fri Nov 20 07:30   still logged in\n",
        "/usr/bin/who": "marie    console      Nov 20 07:30\n",
    }
    return a_device(
        root, {"/etc/sudoers": SUDOERS} | dict(files or {}), programs=told | dict(programs or {})
    )


def accounts(host: Host) -> dict[object, TableRow]:
    tables = vigie_mac_accounts.tables(host, lambda: NOW)
    return {row.get("username"): row for row in rows_of(tables, "vigie_mac_accounts")}


def admins(host: Host) -> list[TableRow]:
    return rows_of(vigie_mac_accounts.tables(host, lambda: NOW), "vigie_mac_admins")


def sessions(host: Host) -> list[TableRow]:
    return rows_of(vigie_mac_accounts.tables(host, lambda: NOW), "vigie_mac_sessions")


def test_people_are_told_with_their_state_rights_and_days(tmp_path: Path) -> None:
    rows = accounts(a_mac(tmp_path))

    assert list(rows) == ["admsi", "marie", "Guest"]
    assert rows["admsi"] == {
        "username": "admsi",
        "uid": 501,
        "source": "local",
        "shell": "/bin/zsh",
        "interactive": 1,
        "enabled": 1,
        "hidden": 1,
        "is_guest": 0,
        "is_admin": 1,
        "admin_via": "group admin, sudoers %admin",
        "secure_token": 0,
        "password_last_change": 1787961600,
        "created": 1747958400,
        "last_login_day": None,
        "collected": "yes",
        "why": "",
    }
    assert (rows["marie"]["is_admin"], rows["marie"]["last_login_day"]) == (0, 1795132800)


@pytest.mark.parametrize(
    "authority",
    [f";DisabledUser;{SHADOW}", f";DisabledUser;<{SHADOW}>", ";DisabledUser;"],
)
def test_a_disabled_account_is_told_apart(tmp_path: Path, authority: str) -> None:
    rows = accounts(
        a_mac(tmp_path, (ROOT, a_person("marie", 502, AuthenticationAuthority=authority)))
    )

    assert (rows["marie"]["enabled"], rows["marie"]["interactive"]) == (0, 1)


def test_an_account_without_any_way_to_prove_itself_cannot_log_in(tmp_path: Path) -> None:
    rows = accounts(a_mac(tmp_path, (ROOT, a_record("scan", 510, UserShell="/bin/bash"))))

    assert rows["scan"]["enabled"] == 0


def test_root_that_was_given_a_password_is_an_account_like_any_other(tmp_path: Path) -> None:
    root = a_record("root", 0, 0, UserShell="/bin/sh", AuthenticationAuthority=SHADOW)

    assert accounts(a_mac(tmp_path, (root, *PEOPLE[1:])))["root"]["enabled"] == 1
    assert "root" not in accounts(a_mac(tmp_path))


def test_an_account_below_the_people_s_numbers_is_told_when_it_can_log_in(tmp_path: Path) -> None:
    rows = accounts(a_mac(tmp_path, (*PEOPLE, a_person("telemaint", 401, IsHidden="1"))))

    assert (rows["telemaint"]["enabled"], rows["telemaint"]["hidden"]) == (1, 1)


def test_the_copy_of_a_directorys_account_is_a_domains(tmp_path: Path) -> None:
    mobile = a_person(
        "jdupont",
        1742,
        AuthenticationAuthority=f"{SHADOW}\n;LocalCachedUser;/Active Directory/EXEMPLE:jdupont:9",
        OriginalNodeName="/Active Directory/EXEMPLE/exemple.fr",
    )

    assert accounts(a_mac(tmp_path, (*PEOPLE, mobile)))["jdupont"]["source"] == "domain"


def test_a_secure_token_is_seen(tmp_path: Path) -> None:
    holder = a_person("marie", 502, AuthenticationAuthority=f"{SHADOW}\n;SecureToken;")

    assert accounts(a_mac(tmp_path, (ROOT, holder)))["marie"]["secure_token"] == 1


@pytest.mark.parametrize(
    ("files", "enabled"),
    [
        ({}, 0),
        ({LOGIN_WINDOW: plistlib.dumps({"GuestEnabled": True})}, 1),
        ({LOGIN_WINDOW: plistlib.dumps({"GuestEnabled": False})}, 0),
        (
            {
                LOGIN_WINDOW: plistlib.dumps({"GuestEnabled": True}),
                MCX: plistlib.dumps({"DisableGuestAccount": True}),
            },
            0,
        ),
        ({MCX: plistlib.dumps({"EnableGuestAccount": True, "DisableGuestAccount": False})}, 1),
    ],
)
def test_a_profile_decides_on_guests_before_the_macs_own_setting(
    tmp_path: Path, files: Mapping[str, bytes], enabled: int
) -> None:
    guest = accounts(a_mac(tmp_path, files=files))["Guest"]

    assert (guest["enabled"], guest["is_guest"], guest["collected"]) == (enabled, 1, "yes")


def test_a_guest_account_that_is_there_without_a_setting_counts(tmp_path: Path) -> None:
    rows = accounts(a_mac(tmp_path, (*PEOPLE, a_person("Guest", 201))))

    assert rows["Guest"]["enabled"] == 1


def test_a_guest_setting_that_cannot_be_read_is_not_told_as_off(tmp_path: Path) -> None:
    host = a_mac(tmp_path, files={LOGIN_WINDOW: b"damaged"})

    guest = accounts(host)["Guest"]

    assert (guest["collected"], guest.get("enabled")) == ("no", None)
    assert guest["why"] == f"{LOGIN_WINDOW} could not be understood"


def test_without_root_days_are_not_known_and_neither_is_who_is_no_administrator(
    tmp_path: Path,
) -> None:
    users = (a_record("root", 0, 0), a_person("admsi", 501), a_person("marie", 502))
    host = a_mac(tmp_path, users)
    closed(host, "/etc/sudoers")

    rows = accounts(host)

    assert (rows["marie"]["is_admin"], rows["marie"]["password_last_change"]) == (None, None)
    assert rows["marie"]["why"] == (
        "needs root: when the password was set, needs root: rights given by sudoers"
    )
    assert rows["admsi"]["is_admin"] == 1


def test_members_of_groups_in_the_administrators_group_are_administrators(tmp_path: Path) -> None:
    groups = (
        a_group("admin", 80, GroupMembership="root", NestedGroups=f"{INNER_GUID}\n{FOREIGN_GUID}"),
        a_group("cadres", 501, GeneratedUID=INNER_GUID, GroupMembers=MARIES_GUID.lower(),
                NestedGroups=INNER_GUID),
    )  # fmt: skip

    rows = admins(a_mac(tmp_path, groups=groups))

    told = {(row["account"], row["via"], row["source"], row["kind"]) for row in rows}
    assert told == {
        ("root", "uid 0", "local", "user"),
        ("marie", "group admin", "local", "user"),
        ("marie", "sudoers %admin", "local", "user"),
        (FOREIGN_GUID, "group admin", "remote", "group"),
    }


def test_a_member_that_only_a_directory_knows_is_remote_and_of_unknown_state(
    tmp_path: Path,
) -> None:
    rows = admins(a_mac(tmp_path, groups=(a_group("admin", 80, GroupMembership="root\nadm-ext"),)))

    (foreign,) = [row for row in rows if row["account"] == "adm-ext"]
    assert (foreign["source"], foreign.get("enabled"), foreign.get("account_id")) == (
        "remote", None, None,
    )  # fmt: skip


def test_an_account_whose_primary_group_is_the_administrators_is_one(tmp_path: Path) -> None:
    users = (ROOT, a_record("cache", 503, 80, UserShell="/bin/zsh", AuthenticationAuthority=SHADOW))

    assert "cache" in {row["account"] for row in admins(a_mac(tmp_path, users))}


def test_an_administrator_that_a_directory_adds_is_found_by_asking_the_system(
    tmp_path: Path,
) -> None:
    asked = f"{MEMBER} checkmembership -U marie -G admin"

    rows = admins(a_mac(tmp_path, programs={asked: "user is a member of the group\n"}))

    assert [row["via"] for row in rows if row["account"] == "marie"] == [
        "group admin, by the directory"
    ]


def test_a_membership_that_an_exit_code_tells_too_is_no_failure(tmp_path: Path) -> None:
    said = CommandResult(Outcome.EXITED, 67, "user is not a member of the group\n")

    assert {row["collected"] for row in admins(a_mac(tmp_path, programs={MEMBER: said}))} == {"yes"}


def test_a_directory_that_does_not_answer_leaves_the_others_rights_open(tmp_path: Path) -> None:
    host = a_mac(tmp_path, programs={MEMBER: CommandResult(Outcome.TIMED_OUT)})

    assert accounts(host)["marie"]["is_admin"] is None
    assert [row["why"] for row in admins(host) if row["collected"] == "no"] == [
        "dsmemberutil did not answer in time"
    ]


def test_it_asks_about_a_bounded_number_of_accounts(tmp_path: Path) -> None:
    host = a_mac(tmp_path, (ROOT, *(a_person(f"p{n}", 510 + n) for n in range(40))))

    rows = admins(host)

    assert isinstance(host.run, FakePrograms)
    assert sum(argv[0] == MEMBER for argv in host.run.asked) == 15
    assert [row["why"] for row in rows if row["collected"] == "no"] == [
        "too many accounts to ask each"
    ]


def test_sudoers_give_rights_without_the_group(tmp_path: Path) -> None:
    files = {"/etc/sudoers": SUDOERS + "marie ALL = (ALL) NOPASSWD: ALL\n"}

    rows = admins(a_mac(tmp_path, files=files))

    assert [row["via"] for row in rows if row["account"] == "marie"] == ["sudoers marie"]


def test_who_has_a_session_and_whether_with_rights(tmp_path: Path) -> None:
    host = a_mac(tmp_path, programs={"/usr/bin/who": "admsi console Nov 20 07:30\n"})

    (row,) = sessions(host)

    assert (row["username"], row["uid"], row["is_admin"]) == ("admsi", "501", 1)


def test_nobody_at_the_mac_is_no_row(tmp_path: Path) -> None:
    assert sessions(a_mac(tmp_path, programs={"/usr/bin/who": ""})) == []


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        (CommandResult(Outcome.MISSING), "this Mac has no dscl"),
        (CommandResult(Outcome.TIMED_OUT), "dscl did not answer in time"),
        (failed("Data source (.) is not valid."), "dscl failed"),
        ("<?xml version='1.0'?><plist><array><dict>", "dscl answered what could not be understood"),
        ("", "dscl answered what could not be understood"),
        (plistlib.dumps([]).decode(), "dscl answered what could not be understood"),
        (plistlib.dumps([{"dsAttrTypeStandard:RecordName": 7}]).decode(),
         "dscl answered what could not be understood"),
    ],
)  # fmt: skip
def test_without_the_directory_nothing_is_claimed(
    tmp_path: Path, printed: CommandResult | str, why: str
) -> None:
    host = a_mac(tmp_path, programs={USERS: printed})

    for rows in (list(accounts(host).values()), admins(host), sessions(host)):
        assert rows == [{"collected": "no", "why": why}]


def test_a_register_of_logins_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    host = a_mac(tmp_path, programs={"/usr/bin/last": failed("last: /var/run/utmpx")})

    row = accounts(host)["marie"]

    assert (row["last_login_day"], row["why"]) == (None, "last failed")
