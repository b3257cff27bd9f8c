"""Which of the values that people set is in force, and what they may set."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest

from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.overrides import (
    Override,
    Scope,
    in_force,
    parameters_set,
    plain,
    reason_of,
    value_of,
    value_written,
)
from vigie_server.domain.parameters import Parameter, ParameterType
from vigie_server.domain.reference import NameList, SupportTable
from vigie_server.domain.selectors import selector_of
from vigie_server.domain.surroundings import Group, Surroundings

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
RULE, NAME = "Q05-min-length", "min_length"
ABOUT = {"fr": "Longueur", "en": "Length"}


def an_override(
    scope: Scope, of: str, value: object, *, site: str | None = "les-lilas"
) -> Override:
    return Override(scope, of, site, RULE, NAME, value, "parce que", "cli:test", NOW)


def a_parameter(kind: ParameterType, default: object = 14, **profiles: int) -> Parameter:
    return Parameter(NAME, kind, ABOUT, default, profiles)  # type: ignore[arg-type]


LENGTH = a_parameter(ParameterType.INTEGER, 14, low=9)
DEVICE = an_override(Scope.DEVICE, "d1", 1)
OF_SITE_A = an_override(Scope.GROUP, "A", 2)
OF_SITE_B = an_override(Scope.GROUP, "b", 3)
OF_ALL = an_override(Scope.GROUP, "0-everywhere", 4, site=None)
SITE = an_override(Scope.SITE, "les-lilas", 5)
EVERY = (DEVICE, OF_SITE_A, OF_SITE_B, OF_ALL, SITE)


@pytest.mark.parametrize("first", range(len(EVERY)))
def test_the_nearest_override_decides_whatever_order_they_come_in(first: int) -> None:
    for overrides in permutations(EVERY[first:]):
        found = in_force(LENGTH, "standard", overrides)

        assert (found.value, found.override) == (first + 1, EVERY[first])
        assert found.origin == EVERY[first].scope
        assert found.passed_over == EVERY[first + 1 :]


def test_without_overrides_the_profile_decides_and_then_the_default() -> None:
    assert (in_force(LENGTH, "low", ()).value, in_force(LENGTH, "low", ()).origin) == (9, "profile")
    assert in_force(LENGTH, "standard", ()).value == 14
    assert in_force(LENGTH, "standard", ()).origin == "default"


def test_an_override_goes_before_the_profile() -> None:
    assert in_force(LENGTH, "low", (SITE,)).value == 5


def test_what_the_judge_gets_is_what_is_in_force() -> None:
    assert parameters_set([SITE, OF_SITE_B]) == {RULE: {NAME: 3}}


def test_a_group_holds_for_a_device_from_when_it_picks_it() -> None:
    device = Device("d1", "les-lilas", "standard", "linux", DeviceState.ACTIVE)
    group = Group(7, "les-lilas", "laptops", selector_of('{"chassis": ["laptop"]}'))
    around = Surroundings(
        groups=(group,),
        overrides=(SITE,),
        of_groups={7: (an_override(Scope.GROUP, "laptops", 20),)},
        declared={"asset.place": "Accueil"},
    )

    assert around.around(device).parameters == {RULE: {NAME: 5}}
    laptop = around.around(replace(device, chassis="laptop"))
    assert laptop.parameters == {RULE: {NAME: 20}}
    assert laptop.named("asset.place") == "Accueil"


def test_an_override_that_is_tried_takes_the_place_of_the_one_in_force() -> None:
    around = Surroundings(overrides=(SITE,))

    tried = around.with_override(an_override(Scope.SITE, "les-lilas", 30))

    assert [found.value for found in tried.overrides] == [30]
    assert around.overrides == (SITE,)


def test_an_override_that_is_taken_away_leaves_the_others() -> None:
    of_group = an_override(Scope.GROUP, "A", 2)
    around = Surroundings(overrides=(SITE, DEVICE), of_groups={7: (of_group,)})

    without = around.without_override(Scope.SITE, RULE, NAME)

    assert without.overrides == (DEVICE,)
    assert without.of_groups == around.of_groups
    assert around.without_override(Scope.GROUP, RULE, NAME, group=7).of_groups == {7: ()}
    assert around.without_override(Scope.GROUP, RULE, NAME, group=8).overrides == (SITE, DEVICE)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (ParameterType.INTEGER, "12", 12),
        (ParameterType.REAL, "1,5", 1.5),
        (ParameterType.REAL, "2", 2.0),
        (ParameterType.TEXT, " AES ", "AES"),
        (ParameterType.DAY, " 2026-11-15 ", "2026-11-15"),
        (ParameterType.DAY, "15/11/2026", "2026-11-15"),
        (ParameterType.DAY, "", ""),
        (ParameterType.FLAG, "oui", True),
        (ParameterType.FLAG, "false", False),
        (ParameterType.LIST, "admin, svc-*", ("admin", "svc-*")),
        (ParameterType.LIST, '["Dupont, Jean", "admin"]', ("Dupont, Jean", "admin")),
    ],
)
def test_a_typed_value_is_read_by_the_type_of_the_parameter(
    kind: ParameterType, text: str, value: object
) -> None:
    assert value_written(a_parameter(kind), text) == value


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        (ParameterType.INTEGER, "douze", "a whole number"),
        (ParameterType.INTEGER, "1.5", "a whole number"),
        (ParameterType.INTEGER, "-3", "at least 0"),
        (ParameterType.REAL, "inf", "a number"),
        (ParameterType.REAL, "nan", "a number"),
        (ParameterType.DAY, "15 novembre", "a day such as 2026-12-31, or empty"),
        (ParameterType.DAY, "2026-02-30", "a day such as"),
        (ParameterType.FLAG, "peut-être", "true or false"),
        (ParameterType.LIST, "[1, 2]", "a list of names"),
        (ParameterType.LIST, '["a"', "a list of names"),
        (ParameterType.TABLE, "x", "cannot be set"),
        (ParameterType.PRODUCTS, "x", "cannot be set"),
    ],
)
def test_a_value_of_another_type_is_refused(kind: ParameterType, text: str, told: str) -> None:
    with pytest.raises(DeclarationRefused, match=told):
        value_written(a_parameter(kind), text)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (ParameterType.INTEGER, True),
        (ParameterType.INTEGER, 1.5),
        (ParameterType.INTEGER, 2**60),
        (ParameterType.INTEGER, "12"),
        (ParameterType.TEXT, 12),
        (ParameterType.FLAG, 1),
        (ParameterType.LIST, "admin"),
        (ParameterType.LIST, ["admin", ""]),
        (ParameterType.INTEGER, None),
    ],
)
def test_json_of_another_type_is_refused_too(kind: ParameterType, given: object) -> None:
    with pytest.raises(DeclarationRefused):
        value_of(a_parameter(kind), given)


@pytest.mark.parametrize("text", ["", "  ", "x" * 1001, "fini\0", "\x1b[31mrouge"])
def test_a_reason_says_something_in_printable_words(text: str) -> None:
    with pytest.raises(DeclarationRefused, match="give a reason"):
        reason_of(text)
    assert reason_of("  levée\n en mars ") == "levée en mars"


def test_readers_see_the_entries_of_a_list_and_the_name_of_a_table() -> None:
    assert plain(NameList.of(["Svc-*", "admin"])) == ("admin", "svc-*")
    assert plain(SupportTable.of("os_support", [])) == "os_support"
    assert plain(14) == 14


def test_more_than_the_most_that_makes_sense_is_refused() -> None:
    share = replace(a_parameter(ParameterType.INTEGER, 95), most=100)

    assert value_written(share, "0") == 0
    assert value_written(share, "100") == 100
    with pytest.raises(DeclarationRefused, match="at least 0 and at most 100"):
        value_written(share, "101")
