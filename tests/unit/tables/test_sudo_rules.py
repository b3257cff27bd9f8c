from pathlib import Path

import pytest

from fake_host import a_device, closed
from vigie_agent.tables.accounts import Group, User
from vigie_agent.tables.admin_rights import Grant, grants
from vigie_agent.tables.sudo_rules import (
    SudoersLine,
    SudoPolicy,
    read_sudoers,
    sudo_policy,
    sudoers_text_lines,
)

ROOT = User("root", 0, 0, "", "/root", "/bin/bash")
ALICE = User("alice", 1000, 1000, "", "/home/alice", "/bin/bash")
BOB = User("bob", 1001, 1001, "", "/home/bob", "/bin/bash")


def policy_of(text: str) -> SudoPolicy:
    lines = [SudoersLine("/etc/sudoers", *line) for line in sudoers_text_lines(text)]
    return sudo_policy(lines)


def granted(text: str, *groups: Group) -> list[tuple[str, str]]:
    found = grants([ROOT, ALICE, BOB], groups, policy_of(text))
    return [(grant.account, grant.via) for grant in found if grant.account != "root"]


@pytest.mark.parametrize(
    ("rule", "full", "guarded"),
    [
        ("alice ALL=(ALL:ALL) ALL", True, True),
        ("alice ALL=(ALL) NOPASSWD: ALL", True, False),
        ("alice ALL=(ALL) NOPASSWD:ALL", True, False),
        ("alice ALL = ALL", True, True),
        ("alice ALL=(root) NOPASSWD: /usr/bin/apt, /usr/bin/dpkg", False, False),
        ("alice ALL=(root) NOPASSWD: /usr/bin/apt, PASSWD: ALL", True, False),
        ("alice ALL=(postgres) ALL", False, True),
        ("alice ALL=(postgres) ALL, (root) ALL", True, True),
        ("alice ALL=(ALL) NOEXEC: SETENV: ALL", True, True),
        ("alice ALL=(ALL) \\\n  NOPASSWD: \\\n ALL", True, False),
        ("alice ALL=(ALL) ALL # NOPASSWD: ALL", True, True),
        ("alice host1=/bin/ls", False, True),
    ],
)
def test_a_rule_grants_everything_or_not_with_a_password_or_not(
    rule: str, *, full: bool, guarded: bool
) -> None:
    (found,) = policy_of(rule).rules

    assert (found.who, found.full, found.guarded) == ("alice", full, guarded)


@pytest.mark.parametrize(
    "text",
    [
        "# alice ALL=ALL",
        "Defaults env_reset",
        "alice",
        "alice ALL",
        "=",
        "User_Alias A = alice",
        "",
    ],
)
def test_what_is_no_rule_grants_nothing(text: str) -> None:
    assert policy_of(text).rules == ()


def test_aliases_stand_for_users_targets_and_commands() -> None:
    text = (
        "User_Alias ADMINS = alice, %ops : GUESTS = bob\n"
        "Runas_Alias SUPER = root\n"
        "Cmnd_Alias EVERYTHING = ALL\n"
        "ADMINS, !bob ALL = (SUPER) NOPASSWD: EVERYTHING\n"
    )

    rules = policy_of(text).rules

    assert [(rule.who, rule.full, rule.guarded) for rule in rules] == [
        ("alice", True, False),
        ("%ops", True, False),
    ]


def test_aliases_that_name_each_other_end() -> None:
    rules = policy_of("User_Alias A = B\nUser_Alias B = A\nA ALL = ALL\n").rules

    assert [rule.who for rule in rules] == ["A"]


def test_names_with_blanks_and_domains_are_kept() -> None:
    rules = policy_of("%EXAMPLE\\\\domain\\ admins ALL=(ALL) ALL").rules

    assert [rule.who for rule in rules] == ["%EXAMPLE\\domain admins"]


def test_defaults_for_everyone_are_noticed() -> None:
    policy = policy_of("Defaults env_reset, !authenticate\nDefaults targetpw\nDefaults:bob rootpw")

    assert (policy.authenticates, policy.asks_for_root_password) == (False, True)


def test_includes_are_read_where_they_stand(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/sudoers": "root ALL=\n#includedir /etc/sudoers.d\n@include extra\n#include /no",
            "/etc/sudoers.d/10-ops": "%ops ALL=ALL\n",
            "/etc/sudoers.d/20.off": "bob ALL=ALL\n",
            "/etc/sudoers.d/30~": "bob ALL=ALL\n",
            "/etc/extra": "@include extra\nalice ALL=ALL\n",
        },
    )

    lines = read_sudoers(host)

    assert [(line.source, line.header) for line in lines[:4]] == [
        ("/etc/sudoers", "root"),
        ("/etc/sudoers", "#includedir"),
        ("/etc/sudoers.d/10-ops", "%ops"),
        ("/etc/sudoers", "@include"),
    ]
    assert {line.header for line in lines} == {
        "root", "#includedir", "%ops", "@include", "alice", "#include",
    }  # fmt: skip


def test_no_sudoers_is_no_sudo_and_closed_ones_are_an_error(tmp_path: Path) -> None:
    host = a_device(tmp_path)

    missing = read_sudoers(host)
    closed(host, "/etc/sudoers")

    assert missing == ()
    with pytest.raises(OSError, match="sudoers"):
        read_sudoers(host)


def test_members_of_an_administration_group_have_rights() -> None:
    found = granted("", Group("sudo", 27, frozenset({"alice"})), Group("docker", 99, frozenset()))

    assert found == [("alice", "group sudo")]


def test_a_primary_group_counts_too() -> None:
    assert granted("", Group("wheel", 1001, frozenset())) == [("bob", "group wheel")]


def test_sudo_rules_reach_users_and_members_by_name_or_number() -> None:
    text = "alice ALL=ALL\n#1001 ALL=ALL\n%#50 ALL=(ALL) ALL\n%ops ALL=(postgres) ALL\n"

    found = granted(text, Group("ops", 50, frozenset({"bob"})))

    assert found == [
        ("alice", "sudoers alice"),
        ("bob", "sudoers #1001"),
        ("bob", "sudoers %#50"),
    ]


def test_names_from_elsewhere_are_kept_as_such() -> None:
    found = grants([ROOT], [], policy_of("%domain\\ admins ALL=ALL\ncarol ALL=ALL\n+ng ALL=ALL"))

    assert [grant for grant in found if not grant.is_local] == [
        Grant("%domain admins", None, "sudoers %domain admins", is_group=True),
        Grant("carol", None, "sudoers carol"),
        Grant("+ng", None, "sudoers +ng", is_group=True),
    ]


def test_everyone_is_an_administrator_unless_roots_password_is_asked() -> None:
    everyone = granted("ALL ALL=(ALL) ALL")
    guarded = granted("Defaults targetpw\nALL ALL=(ALL) ALL")

    assert everyone == [
        ("ALL", "sudoers ALL"),
        ("alice", "sudoers ALL"),
        ("bob", "sudoers ALL"),
    ]
    assert guarded == []
