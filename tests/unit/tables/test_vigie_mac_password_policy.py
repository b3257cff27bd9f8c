import plistlib
from pathlib import Path

import pytest

from fake_host import a_device, closed, failed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_mac_password_policy
from vigie_agent.tables.host import CommandResult, Host, Outcome
from vigie_agent.tables.mac_password_rules import (
    Demand,
    demand_of_pattern,
    demand_of_policies,
    demand_of_profile,
)

PWPOLICY = "/usr/bin/pwpolicy"
PROFILE = "/Library/Managed Preferences/com.apple.mobiledevice.passwordpolicy.plist"
HEADING = "Getting global account policies\n"
LOCKS = (
    "(policyAttributeFailedAuthentications < policyAttributeMaximumFailedAuthentications) OR "
    "(policyAttributeCurrentTime > (policyAttributeLastFailedAuthenticationTime + "
    "autoEnableInSeconds))"
)
EXPIRES = (
    "policyAttributeCurrentTime > policyAttributeLastPasswordChangeTime + "
    "(policyAttributeExpiresEveryNDays * 24 * 60 * 60)"
)


def a_rule(content: str, **parameters: int) -> dict[str, object]:
    return {
        "policyContent": content,
        "policyIdentifier": "ProfilePayload:0a1b:rule",
        "policyContentDescription": {"fr": "Le mot de passe doit être long.", "en": "Be long."},
        "policyParameters": parameters,
    }


def matching(pattern: str) -> dict[str, object]:
    return a_rule(f"policyAttributePassword matches '{pattern}'")


def content(*rules: dict[str, object]) -> Demand:
    return demand_of_policies({"policyCategoryPasswordContent": list(rules)})


def policy(host: Host) -> dict[object, TableRow]:
    rows = rows_of(vigie_mac_password_policy.tables(host), "vigie_mac_password_policy")
    return {row["part"]: row for row in rows}


@pytest.mark.parametrize(
    ("pattern", "length"),
    [
        (".{12,}+", 12),
        (".{12,}", 12),
        ("^.{14,64}$", 14),
        (".{8}", 8),
        ("^(?=.*[0-9])(?=.{10,}).*", 10),
        ("(.*[A-Z].*){2,}+", None),
        ("(?!.{30,}).*", None),
        (".{8,}|.{20,}", None),
        ("^(?!.*password).{15,}+$", 15),
    ],
)
def test_the_shortest_password_that_a_pattern_lets_pass(pattern: str, length: int | None) -> None:
    assert demand_of_pattern(pattern).length == length


@pytest.mark.parametrize(
    ("pattern", "kinds"),
    [
        ("(.*[A-Z].*){1,}+", "U"),
        ("(.*[a-z].*)+", "l"),
        (".*[0-9].*", "d"),
        (r".*\d.*", "d"),
        ("(.*[^a-zA-Z0-9].*){1,}+", "s"),
        ("(.*[^0-9a-zA-Z].*){2,}", "s"),
        (r".*[!@#$%^&*].*", "s"),
        ("^(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])(?=.*[^a-zA-Z0-9]).*$", "Ulds"),
        ("^(?=.*[a-z])(?=(.*[A-Z]){2,}).*", "Ul"),
        ("(.*[A-z].*)+", "a"),
        ("(.*[a-zA-Z].*){1,}", "a"),
        ("[A-Za-z0-9]{8,}", ""),
        ("(.*[A-Z].*)*", ""),
        ("(.*[A-Z].*)?.*", ""),
        ("(.*[A-Z].*){0,}", ""),
        (".*[A-Z]*.*", ""),
        ("(?!.*[0-9]).*", ""),
        ("(.*[A-Z].*)|(.*[0-9].*)", ""),
        (r"(?!.*(.)\1{2}).*[0-9].*", "d"),
        ("(((((", ""),
        ("", ""),
    ],
)
def test_the_kinds_of_characters_that_a_pattern_demands_for_sure(pattern: str, kinds: str) -> None:
    found = demand_of_pattern(pattern)

    told = {"U": found.upper, "l": found.lower, "a": found.letter, "d": found.digit,
            "s": found.special}  # fmt: skip
    assert "".join(letter for letter, there in told.items() if there) == kinds


def test_every_rule_must_be_met_so_the_strictest_counts() -> None:
    found = content(matching(".{8,}+"), matching(".{14,}+"), matching("(.*[0-9].*)+"))

    assert (found.length, found.digit, found.classes) == (14, True, 1)


def test_rules_joined_by_and_all_count_and_a_choice_counts_for_nothing() -> None:
    joined = a_rule(
        "policyAttributePassword matches '.*[a-zA-Z].*' and policyAttributePassword matches "
        "'.*[0-9].*'"
    )
    choice = a_rule(
        "policyAttributePassword matches '.{20,}' OR policyAttributePassword matches '.*[A-Z].*'"
    )
    refusal = a_rule("NOT policyAttributePassword matches '.{3,}or.*'")

    assert content(joined, choice, refusal) == Demand(letter=True, digit=True)


def test_the_alphanumeric_rule_of_a_profile_is_known_by_its_name() -> None:
    rule = matching("(.*[a-zA-Z].*[0-9].*)|(.*[0-9].*[a-zA-Z].*)")
    named = rule | {"policyIdentifier": "ProfilePayload:0a1b:requireAlphanumeric"}

    assert content(rule) == Demand()
    assert content(named) == Demand(letter=True, digit=True)


def test_a_word_of_choice_inside_a_pattern_is_no_choice() -> None:
    assert content(matching("(?!.*(?i)motor or car).{12,}")).length == 12


@pytest.mark.parametrize(
    ("rule", "tries", "seconds"),
    [
        (a_rule(LOCKS, policyAttributeMaximumFailedAuthentications=5, autoEnableInSeconds=900),
         5, 900),
        (a_rule("policyAttributeFailedAuthentications < "
                "policyAttributeMaximumFailedAuthentications",
                policyAttributeMaximumFailedAuthentications=10), 10, None),
        (a_rule("(policyAttributeFailedAuthentications < 6) OR (policyAttributeCurrentTime > "
                "(policyAttributeLastFailedAuthenticationTime + 300))"), 6, 300),
        (a_rule("policyAttributeFailedAuthentications <= 4"), 5, None),
        (a_rule("policyAttributeVirginPassword == 'FALSE'"), None, None),
        (a_rule(LOCKS), None, None),
    ],
    ids=["parameters", "until unlocked", "literals", "at most", "other rule", "no number"],
)  # fmt: skip
def test_failures_before_an_account_locks(
    rule: dict[str, object], tries: int | None, seconds: int | None
) -> None:
    found = demand_of_policies({"policyCategoryAuthentication": [rule]})

    assert (found.tries, found.seconds) == (tries, seconds)


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        (a_rule(EXPIRES, policyAttributeExpiresEveryNDays=90), 90),
        (a_rule("policyAttributeCurrentTime > policyAttributeLastPasswordChangeTime + "
                "(180 * DAYS_TO_SECONDS)"), 180),
        (a_rule("policyAttributeCurrentTime > policyAttributeLastPasswordChangeTime + "
                "(365 * 24 * 60 * 60)"), 365),
        (a_rule("policyAttributeCurrentTime > policyAttributeLastPasswordChangeTime + "
                "policyAttributeMinimumLifetimeHours * 3600",
                policyAttributeMinimumLifetimeHours=48), None),
        (a_rule(EXPIRES, policyAttributeExpiresEveryNDays=0), None),
    ],
    ids=["parameter", "named constant", "written out", "minimum age", "never"],
)  # fmt: skip
def test_the_age_at_which_a_password_expires(rule: dict[str, object], days: int | None) -> None:
    assert demand_of_policies({"policyCategoryPasswordChange": [rule]}).max_days == days


def test_former_passwords_and_the_minimum_age_are_read() -> None:
    history = a_rule(
        "none policyAttributePasswordHashes in policyAttributePasswordHistory",
        policyAttributePasswordHistoryDepth=5,
    )
    young = a_rule("policyAttributeCurrentTime > 0", policyAttributeMinimumLifetimeHours=48)

    found = demand_of_policies(
        {"policyCategoryPasswordContent": [history], "policyCategoryPasswordChange": [young]}
    )

    assert (found.history, found.min_days) == (5, 2)


def test_a_profile_demands_what_its_payload_says() -> None:
    found = demand_of_profile(
        {
            "minLength": 12,
            "requireAlphanumeric": True,
            "minComplexChars": 2,
            "maxFailedAttempts": 6,
            "minutesUntilFailedLoginReset": 10,
            "maxPINAgeInDays": 365,
            "pinHistory": 4,
            "customRegex": {"passwordContentRegex": "^(?=.*[A-Z]).*$"},
        }
    )

    assert found == Demand(length=12, upper=True, letter=True, digit=True, special=True, tries=6,
                           seconds=600, max_days=365, history=4)  # fmt: skip
    assert found.classes == 3


def test_policies_and_profile_hold_together_and_the_stricter_counts(tmp_path: Path) -> None:
    policies = {
        "policyCategoryPasswordContent": [matching(".{12,}+"), matching("(.*[A-Z].*){1,}+")],
        "policyCategoryAuthentication": [
            a_rule(LOCKS, policyAttributeMaximumFailedAuthentications=10, autoEnableInSeconds=60)
        ],
    }
    host = a_device(
        tmp_path,
        {PROFILE: plistlib.dumps({"minLength": 14, "maxFailedAttempts": 5, "pinHistory": 3})},
        programs={PWPOLICY: HEADING + plistlib.dumps(policies).decode()},
    )

    rows = policy(host)

    assert rows["quality"] == {
        "part": "quality",
        "source": "account policy and configuration profile",
        "enforced": 1,
        "min_length": 14,
        "min_classes": 1,
        "upper_required": 1,
        "lower_required": 0,
        "digit_required": 0,
        "special_required": 0,
        "collected": "yes",
        "why": "",
    }
    assert (rows["lockout"]["lockout_threshold"], rows["lockout"]["lockout_seconds"]) == (5, 60)
    assert rows["ageing"]["source"] == "configuration profile"
    assert (rows["ageing"]["history"], rows["ageing"]["max_age_days"]) == (3, -1)


@pytest.mark.parametrize(
    "printed",
    [HEADING, "", HEADING + plistlib.dumps({}).decode()],
    ids=["heading only", "nothing", "empty dictionary"],
)
def test_a_mac_without_any_rule_enforces_nothing_and_says_so(tmp_path: Path, printed: str) -> None:
    rows = policy(a_device(tmp_path, programs={PWPOLICY: printed}))

    assert {row["collected"] for row in rows.values()} == {"yes"}
    assert {row["source"] for row in rows.values()} == {"no rule beyond the system default"}
    assert {row["enforced"] for row in rows.values()} == {0}
    assert (rows["lockout"]["lockout_threshold"], rows["ageing"]["max_age_days"]) == (0, -1)


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        (HEADING + plistlib.dumps({"a": "b"}).decode()[:-30],
         "pwpolicy answered what could not be understood"),
        (HEADING + plistlib.dumps(["b"]).decode(),
         "pwpolicy answered what could not be understood"),
        (CommandResult(Outcome.MISSING), "this Mac has no pwpolicy"),
        (CommandResult(Outcome.TIMED_OUT), "pwpolicy did not answer in time"),
        (failed("Error: not permitted to read policies"), "needs root: pwpolicy"),
    ],
    ids=["truncated", "another list", "missing", "timed out", "without rights"],
)  # fmt: skip
def test_policies_that_cannot_be_read_are_not_taken_for_none(
    tmp_path: Path, printed: CommandResult | str, why: str
) -> None:
    rows = policy(a_device(tmp_path, programs={PWPOLICY: printed}))

    assert sorted(rows) == ["ageing", "lockout", "quality"]  # type: ignore[type-var]
    assert {(row["collected"], row["why"]) for row in rows.values()} == {("no", why)}


def test_a_closed_profile_hides_what_it_may_demand(tmp_path: Path) -> None:
    host = a_device(tmp_path, programs={PWPOLICY: HEADING})
    closed(host, PROFILE)

    assert {row["collected"] for row in policy(host).values()} == {"no"}


def test_odd_values_in_a_policy_are_passed_over(tmp_path: Path) -> None:
    odd = {
        "policyCategoryPasswordContent": ["no rule", {"policyContent": 7}, matching(".{9,}")],
        "policyCategoryAuthentication": {"not": "a list"},
        "policyCategoryPasswordChange": [{"policyParameters": "none"}],
    }

    rows = policy(a_device(tmp_path, programs={PWPOLICY: plistlib.dumps(odd).decode()}))

    assert (rows["quality"]["min_length"], rows["lockout"]["enforced"]) == (9, 0)
