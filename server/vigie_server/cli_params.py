"""`vigie-server param ...`: parameters of rules, set for a site, a group or a device."""

from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec

import click

from vigie_server.bootstrap_store import catalogue_in_force
from vigie_server.cli_output import (
    LANGUAGE,
    act,
    opened,
    printable,
    progress,
    show_table,
    told_errors,
)
from vigie_server.clock import utc_now
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.overrides import (
    Override,
    Scope,
    all_in_force,
    parameter_of,
    plain,
    reason_of,
    value_written,
    without_effect,
)
from vigie_server.domain.rules import Catalogue
from vigie_server.ports.declaring import Target
from vigie_server.services.foresee import Foresee, Foreseen
from vigie_server.settings import read_settings
from vigie_server.store.database import Database
from vigie_server.store.groups import Groups
from vigie_server.store.overrides import Overrides
from vigie_server.store.records import Records

P = ParamSpec("P")

BAR_FROM: Final = 200
"""Devices from which a terminal shows how far a look ahead has come."""
SHOWN_DEVICES: Final = 50
SHOWN_NAMES: Final = 4


@click.group()
def param() -> None:
    """Set parameters of rules for a site, a group or one device, and see what is in force.

    In force is the device's own value, else that of a group that picks it (of its site before those
    of every site, then the first by name), else the site's, else the profile's, else the default.
    """


def for_whom(command: Callable[P, None]) -> Callable[P, None]:
    """The options that say what a parameter is set for."""

    @click.option("--site", help="For this site; with --group, the site of the group.")
    @click.option("--group", help="For this group (of every site, unless --site is given).")
    @click.option("--device", help="For this device, by its id.")
    @wraps(command)
    def asked(*args: P.args, **kwargs: P.kwargs) -> None:
        command(*args, **kwargs)

    return asked


@param.command("available")
@click.argument("rule", required=False)
@LANGUAGE
@told_errors
def available(*, rule: str | None, language: str) -> None:
    """List the parameters that rules have, with their defaults."""
    rows = [
        (
            one.id,
            parameter.name,
            parameter.type.value,
            _shown(plain(parameter.default)),
            ", ".join(
                f"{profile}: {_shown(plain(value))}"
                for profile, value in parameter.profiles.items()
            ),
            parameter.about[language],
        )
        for one in _catalogue().rules.values()
        if rule in {None, one.id}
        for parameter in one.parameters.values()
    ]
    show_table(("RULE", "PARAMETER", "TYPE", "DEFAULT", "PROFILES", "ABOUT"), rows)


@param.command("list")
@click.option("--site", help="What is set for this site, its groups and its devices.")
@told_errors
def list_overrides(*, site: str | None) -> None:
    """List what is set: the value, for whom, by whom, when and why."""
    with opened() as (_, database):
        found = Overrides(database).overrides(None if site is None else frozenset({site}))
    show_table(
        ("RULE", "PARAMETER", "VALUE", "FOR", "BY", "ON", "WHY"),
        [(one.rule, one.name, _shown(one.value), *_told(one)) for one in found],
    )


@param.command("show")
@click.argument("device_id")
@click.option("--all", "everything", is_flag=True, help="Parameters at their default too.")
@told_errors
def show(*, device_id: str, everything: bool) -> None:
    """Show what is in force on a device, where it comes from, who set it and why."""
    rules = _catalogue().rules
    with opened() as (_, database):
        device, holding = Overrides(database).holding(device_id)
    rows = []
    for rule, parameter, found in all_in_force(rules, device, holding):
        if not everything and found.origin == "default":
            continue
        told = ("", "", "") if found.override is None else _told(found.override)[1:]
        of = found.origin if found.override is None else _told(found.override)[0]
        rows.append((rule.id, parameter.name, _shown(plain(found.value)), of, *told))
        rows += [
            ("", "", _shown(other.value), f"(passed over: {_told(other)[0]})", *_told(other)[1:])
            for other in found.passed_over
        ]
    show_table(("RULE", "PARAMETER", "VALUE", "FROM", "BY", "ON", "WHY"), rows)
    for lost in without_effect(rules, holding):
        click.echo(f"without effect: {lost.rule} {lost.name} ({_told(lost)[0]})")


@param.command("set")
@click.argument("rule")
@click.argument("name")
@click.argument("value")
@for_whom
@click.option("--reason", required=True, help="Why; it is shown beside the value.")
@click.option("--dry-run", is_flag=True, help="Say whose verdict would change, and set nothing.")
@told_errors
def set_parameter(
    *,
    rule: str,
    name: str,
    value: str,
    site: str | None,
    group: str | None,
    device: str | None,
    reason: str,
    dry_run: bool,
) -> None:
    """Set a parameter; the devices it concerns are judged again by themselves."""
    catalogue, target = _catalogue(), _target(site, group, device)
    given = value_written(parameter_of(catalogue.rules, rule, name), value)
    why = reason_of(reason)
    with opened() as (_, database):
        if dry_run:
            new = Override(target.scope, target.of, site, rule, name, given, why, "", utc_now())
            _look_ahead(database, catalogue, target, new)
            return
        store = Overrides(database)
        store.put(target, rule=rule, name=name, value=given, reason=why, act=act())
        concerned = len(store.concerned(target))
    click.echo(f"{rule} {name} is {_shown(given)} for {_for(target)}: {concerned} device(s).")


@param.command("unset")
@click.argument("rule")
@click.argument("name")
@for_whom
@click.option("--reason", required=True, help="Why; it is kept in the audit.")
@told_errors
def unset_parameter(
    *,
    rule: str,
    name: str,
    site: str | None,
    group: str | None,
    device: str | None,
    reason: str,
) -> None:
    """Take away what is set; the next in the order is in force again."""
    target = _target(site, group, device)
    with opened() as (_, database):
        Overrides(database).remove(
            target, rule=rule, name=name, reason=reason_of(reason), act=act()
        )
    click.echo(f"{rule} {name} is no longer set for {_for(target)}.")


def _catalogue() -> Catalogue:
    return catalogue_in_force(read_settings())


def _target(site: str | None, group: str | None, device: str | None) -> Target:
    match site, group, device:
        case _, str(), None:
            return Target(Scope.GROUP, group, site)
        case str(), None, None:
            return Target(Scope.SITE, site)
        case None, None, str():
            return Target(Scope.DEVICE, device)
        case _:
            raise DeclarationRefused("say for whom: --site, --group (with its --site) or --device")


def _look_ahead(database: Database, catalogue: Catalogue, target: Target, new: Override) -> None:
    keys = Overrides(database).concerned(target)
    group = None
    if target.scope is Scope.GROUP:
        group = Groups(database).group(target.site, target.of).key
    foresee = Foresee(Records(database), catalogue, utc_now)
    changes: Counter[tuple[str, str]] = Counter()
    shown: list[Foreseen] = []
    with progress(len(keys), "Judging", shown_from=BAR_FROM) as looked_at:
        for found in foresee(keys, new, group=group, looked_at=looked_at):
            changes[found.before.value, found.after.value] += 1
            if len(shown) < SHOWN_DEVICES:
                shown.append(found)
    click.echo(f"{len(keys)} device(s) concerned, {changes.total()} verdict(s) would change.")
    for (before, after), count in sorted(changes.items()):
        click.echo(f"  {before} -> {after}: {count}")
    if shown:
        click.echo("")
        show_table(
            ("DEVICE", "NAME", "SITE", "NOW", "WOULD BE"),
            [
                (
                    found.device.id,
                    printable(found.device.hostname),
                    printable(found.device.site),
                    found.before.value,
                    found.after.value,
                )
                for found in shown
            ],
        )
    if changes.total() > len(shown):
        click.echo(f"... and {changes.total() - len(shown)} more")
    click.echo("Nothing was set.")


def _told(found: Override) -> tuple[str, str, str, str]:
    """For whom, by whom, when, why."""
    target = Target(found.scope, found.of, found.site)
    return (
        printable(_for(target)),
        printable(found.author),
        f"{found.at:%Y-%m-%d}",
        printable(found.reason),
    )


def _for(target: Target) -> str:
    if target.scope is Scope.GROUP:
        return f"group {target.of} of {target.site or 'every site'}"
    return f"{target.scope} {target.of}"


def _shown(value: object) -> str:
    """A value in a table: of a long list, how it begins."""
    if isinstance(value, tuple):
        begins = printable(", ".join(map(str, value[:SHOWN_NAMES]))) or "(none)"
        return begins if len(value) <= SHOWN_NAMES else f"{begins}, ... ({len(value)} names)"
    if isinstance(value, bool):
        return "true" if value else "false"
    return printable(str(value))
