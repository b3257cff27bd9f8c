from datetime import UTC, datetime

import pytest

from fake_host import rows_of
from fake_windows import DENIED, WrittenWindows, a_windows_device
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_win_accounts
from vigie_agent.tables.windows_system import (
    AccountRules,
    GroupMember,
    LocalUser,
    OpenSession,
    Reason,
    RegistryData,
    Unread,
)

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
TODAY = 1795132800
MACHINE = "S-1-5-21-1-2-3"
DOMAIN = "S-1-5-21-9-8-7"
ENTRA = "S-1-12-1-1000-2000-3000-4000"
ADMINISTRATORS = "S-1-5-32-544"
PROFILES = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
PRODUCT = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\ProductOptions"

NORMAL = 0x0200 | 0x0001
ADMINISTRATEUR = LocalUser("Administrateur", f"{MACHINE}-500", NORMAL | 0x0002)
INVITE = LocalUser("Invité", f"{MACHINE}-501", NORMAL | 0x0002 | 0x0020 | 0x10000)
DEFAULT = LocalUser("DefaultAccount", f"{MACHINE}-503", NORMAL | 0x0002)
MARIE = LocalUser(
    "marie", f"{MACHINE}-1001", NORMAL, last_logon=TODAY + 25_000, password_age=86_400
)
USERS = (ADMINISTRATEUR, INVITE, DEFAULT, MARIE)
MEMBERS = (
    GroupMember(f"{MACHINE}-500", r"PC-1\Administrateur", 1),
    GroupMember(f"{DOMAIN}-512", r"ESSMS\Admins du domaine", 2),
)
NAMES = {ADMINISTRATORS: r"BUILTIN\Administrateurs"}


def a_profile(folder: str, day: int = TODAY) -> dict[str, RegistryData]:
    ticks = (day + 5_000 + 11_644_473_600) * 10_000_000
    return {
        "ProfileImagePath": folder,
        "LocalProfileLoadTimeHigh": ticks >> 32,
        "LocalProfileLoadTimeLow": ticks & 0xFFFFFFFF,
    }


def asked(windows: WrittenWindows, table: str) -> list[TableRow]:
    tables = vigie_win_accounts.tables(a_windows_device(windows), lambda: NOW)
    return rows_of(tables, table)


def accounts(windows: WrittenWindows) -> dict[object, TableRow]:
    return {row.get("username"): row for row in asked(windows, "vigie_win_accounts")}


# --- Accounts -------------------------------------------------------------------------------------


def test_accounts_are_known_by_their_numbers_whatever_their_names() -> None:
    windows = WrittenWindows(users=USERS, members={ADMINISTRATORS: MEMBERS}, keys={PROFILES: {}})

    found = accounts(windows)

    told = {
        name: (row["enabled"], row["is_admin"], row["is_guest"], row["builtin_admin"])
        for name, row in found.items()
    }
    assert told == {
        "Administrateur": (0, 1, 0, 1),
        "Invité": (0, 0, 1, 0),
        "DefaultAccount": (0, 0, 0, 0),
        "marie": (1, 0, 0, 0),
    }
    assert found["DefaultAccount"]["interactive"] == 0


def test_a_renamed_guest_that_was_enabled_is_still_the_guest() -> None:
    guest = LocalUser("visiteur", f"{MACHINE}-501", NORMAL)

    found = accounts(WrittenWindows(users=(guest,), members={ADMINISTRATORS: ()}))

    assert (found["visiteur"]["is_guest"], found["visiteur"]["enabled"]) == (1, 1)


def test_days_are_told_not_hours_and_the_later_register_of_logons_counts() -> None:
    paul = LocalUser("paul", f"{MACHINE}-1002", NORMAL, last_logon=TODAY - 86_400 * 9)
    windows = WrittenWindows(
        users=(MARIE, paul),
        members={ADMINISTRATORS: ()},
        keys={rf"{PROFILES}\{MACHINE}-1002": a_profile(r"C:\Users\paul", TODAY - 86_400)},
    )

    found = accounts(windows)

    assert found["marie"]["last_logon_day"] == TODAY
    assert found["marie"]["password_last_change"] == TODAY - 86_400
    assert found["paul"]["last_logon_day"] == TODAY - 86_400
    assert found["paul"]["password_last_change"] is None


def test_an_account_that_never_logged_on_has_no_day() -> None:
    new = LocalUser("nouveau", f"{MACHINE}-1003", NORMAL)

    found = accounts(WrittenWindows(users=(new,), members={ADMINISTRATORS: ()}))

    assert found["nouveau"]["last_logon_day"] is None


@pytest.mark.parametrize(("expires", "enabled"), [(None, 1), (1795161601, 1), (1795161599, 0)])
def test_an_expired_account_cannot_be_used(expires: int | None, enabled: int) -> None:
    user = LocalUser("interim", f"{MACHINE}-1004", NORMAL, expires=expires)

    found = accounts(WrittenWindows(users=(user,), members={ADMINISTRATORS: ()}))

    assert found["interim"]["enabled"] == enabled


def test_flags_say_that_a_password_may_be_missing_and_never_that_it_is() -> None:
    lax = LocalUser("accueil", f"{MACHINE}-1005", NORMAL | 0x0020 | 0x10000)

    found = accounts(WrittenWindows(users=(lax, MARIE), members={ADMINISTRATORS: ()}))

    assert (found["accueil"]["password_required"], found["accueil"]["password_expires"]) == (0, 0)
    assert (found["marie"]["password_required"], found["marie"]["password_expires"]) == (1, 1)


@pytest.mark.parametrize(
    ("min_length", "flags", "policy"),
    [(8, NORMAL, "enforced"), (8, NORMAL | 0x0020, ""), (0, NORMAL, "")],
)
def test_an_empty_password_is_refused_by_rules_that_hold_for_the_account(
    min_length: int, flags: int, policy: str
) -> None:
    user = LocalUser("accueil", f"{MACHINE}-1005", flags)
    rules = AccountRules(min_length, None, 0, 0, 0, None, 0)

    found = accounts(WrittenWindows(users=(user,), members={ADMINISTRATORS: ()}, rules=rules))

    assert found["accueil"]["password_policy"] == policy


def test_rules_that_cannot_be_read_refuse_nothing() -> None:
    found = accounts(WrittenWindows(users=(MARIE,), members={ADMINISTRATORS: ()}))

    assert found["marie"]["password_policy"] == ""


def test_whoever_opens_a_session_is_an_administrator_where_everyone_is_in_the_group() -> None:
    windows = WrittenWindows(
        users=(MARIE,),
        members={ADMINISTRATORS: [GroupMember("S-1-5-4", r"AUTORITE NT\INTERACTIF", 5)]},
    )

    assert accounts(windows)["marie"]["is_admin"] == 1


def test_profiles_of_a_domain_and_of_entra_are_accounts_too() -> None:
    windows = WrittenWindows(
        users=(MARIE,),
        members={ADMINISTRATORS: MEMBERS},
        names={f"{DOMAIN}-1104": r"ESSMS\j.petit"},
        keys={
            rf"{PROFILES}\{DOMAIN}-1104": a_profile(r"C:\Users\j.petit"),
            rf"{PROFILES}\{ENTRA}": a_profile(r"C:\Users\LeaMorel"),
            rf"{PROFILES}\{MACHINE}-1001": a_profile(r"C:\Users\marie"),
            rf"{PROFILES}\{MACHINE}-1001.bak": a_profile(r"C:\Users\marie.old"),
            rf"{PROFILES}\S-1-5-18": {"ProfileImagePath": r"C:\Windows\system32"},
        },
    )

    found = accounts(windows)

    assert {name: row["source"] for name, row in found.items()} == {
        "marie": "local",
        "j.petit": "domain",
        "LeaMorel": "remote",
    }
    # The group of the domain may hold j.petit: this device does not know.
    assert found["j.petit"]["is_admin"] is None
    assert found["j.petit"]["last_logon_day"] == TODAY


def test_an_account_of_a_domain_with_a_local_ones_name_is_told_with_its_domain() -> None:
    windows = WrittenWindows(
        users=(MARIE,),
        members={ADMINISTRATORS: ()},
        names={f"{DOMAIN}-1001": r"ESSMS\Marie"},
        keys={rf"{PROFILES}\{DOMAIN}-1001": a_profile(r"C:\Users\marie.ESSMS")},
    )

    assert set(accounts(windows)) == {"marie", r"ESSMS\Marie"}


def test_without_the_group_the_accounts_stay_and_what_is_missing_is_told() -> None:
    found = accounts(WrittenWindows(users=(MARIE,), members={ADMINISTRATORS: DENIED}))

    assert found["marie"]["enabled"] == 1
    assert found["marie"]["is_admin"] is None
    assert found["marie"]["why"] == "the group of administrators: needs elevated rights"


def test_profiles_that_cannot_be_read_are_told_beside_the_accounts() -> None:
    windows = WrittenWindows(
        users=(MARIE,), members={ADMINISTRATORS: MEMBERS}, keys={PROFILES: DENIED}
    )

    rows = asked(windows, "vigie_win_accounts")

    assert [row["collected"] for row in rows] == ["yes", "no"]
    assert rows[1]["why"] == "the profiles of accounts that are not local: needs elevated rights"


def test_accounts_that_cannot_be_read_are_not_no_accounts() -> None:
    (row,) = asked(WrittenWindows(users=Unread(Reason.TIMED_OUT)), "vigie_win_accounts")

    assert (row["collected"], row["why"]) == (
        "no",
        "the accounts of this device: did not answer in time",
    )


def test_a_domain_controller_tells_no_account_of_the_domain() -> None:
    windows = WrittenWindows(users=USERS, keys={PRODUCT: {"ProductType": "LanmanNT"}})

    (row,) = asked(windows, "vigie_win_accounts")

    assert row["collected"] == "no"
    assert "username" not in row


# --- Administrators -------------------------------------------------------------------------------


def test_administrators_of_a_domain_and_of_entra_are_told_and_their_groups_stay_closed() -> None:
    windows = WrittenWindows(
        users=USERS,
        names=NAMES,
        members={
            ADMINISTRATORS: [
                *MEMBERS,
                GroupMember(f"{MACHINE}-1001", r"PC-1\marie", 1),
                GroupMember(ENTRA, "", 8),
                GroupMember(f"{DOMAIN}-1104", r"ESSMS\j.petit", 1),
            ]
        },
    )

    rows = {row["account"]: row for row in asked(windows, "vigie_win_admins")}

    told = {
        name: (row["source"], row["kind"], row["enabled"], row["builtin"])
        for name, row in rows.items()
    }
    assert told == {
        "Administrateur": ("local", "user", 0, 1),
        r"ESSMS\Admins du domaine": ("domain", "group", None, 0),
        "marie": ("local", "user", 1, 0),
        ENTRA: ("remote", "group", None, 0),
        r"ESSMS\j.petit": ("domain", "user", None, 0),
    }
    assert {name for name, row in rows.items() if row["why"]} == {
        r"ESSMS\Admins du domaine",
        ENTRA,
    }
    assert {row["group_name"] for row in rows.values()} == {"Administrateurs"}


@pytest.mark.parametrize(
    "left_over",
    [GroupMember(f"{MACHINE}-1042", "", 8), GroupMember(f"{DOMAIN}-1042", "", 6)],
)
def test_the_number_of_a_deleted_account_is_no_administrator(left_over: GroupMember) -> None:
    windows = WrittenWindows(users=USERS, members={ADMINISTRATORS: [MEMBERS[0], left_over]})

    assert [row["account"] for row in asked(windows, "vigie_win_admins")] == ["Administrateur"]


def test_a_domain_account_that_nobody_can_name_now_stays_an_administrator() -> None:
    unresolved = GroupMember(f"{DOMAIN}-1107", "", 8)
    windows = WrittenWindows(users=USERS, members={ADMINISTRATORS: [unresolved]})

    (row,) = asked(windows, "vigie_win_admins")

    assert (row["account"], row["kind"], row["enabled"]) == (f"{DOMAIN}-1107", "unknown", None)


def test_away_from_its_domain_the_groups_of_a_domain_are_known_by_their_number() -> None:
    unresolved = GroupMember(f"{DOMAIN}-512", "", 8)
    windows = WrittenWindows(users=USERS, members={ADMINISTRATORS: [unresolved]})

    (row,) = asked(windows, "vigie_win_admins")

    assert (row["account"], row["kind"]) == (f"{DOMAIN}-512", "group")
    assert row["why"] == "the members of this group are known to its directory alone"


def test_a_member_that_nobody_can_name_may_hold_any_account_of_the_domain() -> None:
    windows = WrittenWindows(
        users=USERS,
        members={ADMINISTRATORS: [GroupMember(f"{DOMAIN}-1107", "", 8)]},
        keys={rf"{PROFILES}\{DOMAIN}-1104": a_profile(r"C:\Users\j.petit")},
    )

    assert accounts(windows)["j.petit"]["is_admin"] is None
    assert accounts(windows)["marie"]["is_admin"] == 0


def test_a_group_that_cannot_be_read_is_not_an_empty_one() -> None:
    (row,) = asked(WrittenWindows(users=USERS), "vigie_win_admins")

    assert (row["collected"], row["why"]) == ("no", "the group of administrators: is not there")


def test_members_whose_state_cannot_be_read_are_told_with_it_unknown() -> None:
    windows = WrittenWindows(users=DENIED, members={ADMINISTRATORS: [MEMBERS[0]]})

    member, told = asked(windows, "vigie_win_admins")

    assert (member["account"], member["enabled"]) == (r"PC-1\Administrateur", None)
    assert told["collected"] == "no"


# --- Sessions -------------------------------------------------------------------------------------


def test_the_token_of_a_session_knows_nested_groups_of_a_domain() -> None:
    windows = WrittenWindows(
        users=USERS,
        members={ADMINISTRATORS: MEMBERS},
        open_sessions=[
            OpenSession(
                r"ESSMS\j.petit",
                f"{DOMAIN}-1104",
                remote=False,
                groups=frozenset({f"{DOMAIN}-512", ADMINISTRATORS}),
            ),
            OpenSession(
                r"ESSMS\l.noir", f"{DOMAIN}-1105", remote=True, groups=frozenset({"S-1-5-32-545"})
            ),
        ],
    )

    rows = {row["account"]: row for row in asked(windows, "vigie_win_sessions")}

    assert rows[r"ESSMS\j.petit"]["is_admin"] == 1
    assert rows[r"ESSMS\l.noir"]["is_admin"] == 0
    assert (rows[r"ESSMS\j.petit"]["remote"], rows[r"ESSMS\l.noir"]["remote"]) == (0, 1)


def test_without_rights_to_the_token_a_local_session_is_still_known() -> None:
    windows = WrittenWindows(
        users=USERS,
        members={ADMINISTRATORS: MEMBERS},
        open_sessions=[OpenSession(r"PC-1\marie", MARIE.sid, remote=False)],
    )

    (row,) = asked(windows, "vigie_win_sessions")

    assert (row["account"], row["collected"], row["is_admin"]) == ("marie", "yes", 0)


def test_without_rights_to_the_token_a_domain_session_stays_unknown() -> None:
    windows = WrittenWindows(
        users=USERS,
        members={ADMINISTRATORS: MEMBERS},
        open_sessions=[OpenSession(r"ESSMS\j.petit", f"{DOMAIN}-1104", remote=False)],
    )

    (row,) = asked(windows, "vigie_win_sessions")

    assert (row["collected"], row["account"]) == ("no", r"ESSMS\j.petit")
    assert row["why"] == "needs elevated rights: the groups of an open session"
    assert "is_admin" not in row


def test_two_sessions_of_one_account_are_one_row() -> None:
    both = [
        OpenSession(r"PC-1\marie", MARIE.sid, remote=remote, groups=frozenset())
        for remote in (False, True)
    ]

    (row,) = asked(WrittenWindows(users=USERS, open_sessions=both), "vigie_win_sessions")

    assert row["remote"] == 0


def test_nobody_logged_on_is_no_row_and_an_unread_register_is_one_that_says_so() -> None:
    assert asked(WrittenWindows(), "vigie_win_sessions") == []

    (row,) = asked(WrittenWindows(open_sessions=DENIED), "vigie_win_sessions")

    assert row["why"] == "the sessions that are open: needs elevated rights"
