"""`vigie-server param ...`: parameters of rules, set for a site, a group or a device."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Final, ParamSpec

import click

from vigie_server.bootstrap.store import catalogue_in_force
from vigie_server.bundled import bundled_site_guide
from vigie_server.cli.look_ahead import look_ahead
from vigie_server.cli.output import LANGUAGE, act, opened, printable, show_table, told_errors
from vigie_server.clock import utc_now
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.overrides import (
    InForce,
    Override,
    Parametered,
    Scope,
    all_in_force,
    in_force_at_site,
    plain,
    reason_of,
    value_written,
)
from vigie_server.domain.parameters import Parameter
from vigie_server.domain.plurals import counted
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.settable import Settable
from vigie_server.ports.declaring import Target
from vigie_server.ports.foreseeing import Change
from vigie_server.settings import read_settings
from vigie_server.store.overrides import Overrides

P = ParamSpec("P")

SHOWN_NAMES: Final = 4


@click.group()
def param() -> None:
    """Set parameters of rules for a site, a group or one device, and see what is in force.

    In force is the device's own value, else that of a group that picks it (of its site before those
    of every site, then the first by name), else the site's, else the profile's, else the default.
    Rules of the whole site (`Q01-coverage`) are set for a site alone.
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
    """List the parameters that rules have, with their defaults and the most each can be."""
    catalogue, settable = _known()
    rules: list[Parametered] = [*catalogue.rules.values(), *settable.sites.values()]
    rows = [
        (
            one.id,
            parameter.name,
            parameter.type.value,
            _shown(plain(parameter.default)),
            "" if parameter.most is None else str(parameter.most),
            ", ".join(
                f"{profile}: {_shown(plain(value))}"
                for profile, value in parameter.profiles.items()
            ),
            "site" if one.id in settable.sites else "site, group, device",
            parameter.about[language],
        )
        for one in rules
        if rule in {None, one.id}
        for parameter in one.parameters.values()
    ]
    show_table(("RULE", "PARAMETER", "TYPE", "DEFAULT", "MOST", "PROFILES", "FOR", "ABOUT"), rows)


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
@click.argument("device_id", required=False)
@click.option("--site", help="What is in force of the rules of this whole site, instead.")
@click.option("--all", "everything", is_flag=True, help="Parameters at their default too.")
@told_errors
def show(*, device_id: str | None, site: str | None, everything: bool) -> None:
    """Show what is in force on a device or at a site: where it comes from, who set it and why."""
    _, settable = _known()
    found: Iterable[tuple[Parametered, Parameter, InForce]]
    with opened() as (_, database):
        store = Overrides(database)
        match device_id, site:
            case str(), None:
                device, holding = store.holding(device_id)
                holding = settable.for_devices(holding)
                found = all_in_force(settable.devices, device, holding)
            case None, str():
                holding = [one for one in store.of_site(site) if one.rule not in settable.devices]
                found = in_force_at_site(settable.sites, holding)
            case _:
                raise DeclarationRefused("say of what: a device by its id, or --site")
    rows = []
    for rule, parameter, value in found:
        if not everything and value.origin == "default":
            continue
        told = ("", "", "") if value.override is None else _told(value.override)[1:]
        of = value.origin if value.override is None else _told(value.override)[0]
        rows.append((rule.id, parameter.name, _shown(plain(value.value)), of, *told))
        rows += [
            ("", "", _shown(other.value), f"(passed over: {_told(other)[0]})", *_told(other)[1:])
            for other in value.passed_over
        ]
    show_table(("RULE", "PARAMETER", "VALUE", "FROM", "BY", "ON", "WHY"), rows)
    for lost in settable.lost(holding):
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
    """Set a parameter; what it concerns is judged again by itself."""
    (catalogue, settable), target = _known(), _target(site, group, device)
    given = value_written(settable.parameter(rule, name, target.scope), value)
    why = reason_of(reason)
    of_site = rule in settable.sites
    new = Override(target.scope, target.of, site, rule, name, given, why, "", utc_now())
    change = Change(target, rule, name, new)
    with opened() as (_, database):
        store = Overrides(database)
        if dry_run:
            look_ahead(database, catalogue, settable, change)
            _warn(change, settable, store)
            click.echo("Nothing was set.")
            return
        store.put(
            target, rule=rule, name=name, value=given, reason=why, act=act(), judged=not of_site
        )
        concerned = (
            "the whole site" if of_site else counted(len(store.concerned(target)), "device|devices")
        )
        _warn(change, settable, store)
    click.echo(f"{rule} {name} is {_shown(given)} for {_for(target)}: {concerned}.")


@param.command("unset")
@click.argument("rule")
@click.argument("name")
@for_whom
@click.option("--reason", required=True, help="Why; it is kept in the audit.")
@click.option("--dry-run", is_flag=True, help="Say whose verdict would change, and change nothing.")
@told_errors
def unset_parameter(
    *,
    rule: str,
    name: str,
    site: str | None,
    group: str | None,
    device: str | None,
    reason: str,
    dry_run: bool,
) -> None:
    """Take away what is set; the next in the order is in force again."""
    (catalogue, settable), target = _known(), _target(site, group, device)
    why = reason_of(reason)
    change = Change(target, rule, name, None)
    with opened() as (_, database):
        store = Overrides(database)
        if dry_run:
            look_ahead(database, catalogue, settable, change)
            _warn(change, settable, store)
            click.echo("Nothing was taken away.")
            return
        store.remove(
            target, rule=rule, name=name, reason=why, act=act(), judged=rule not in settable.sites
        )
        _warn(change, settable, store)
    click.echo(f"{rule} {name} is no longer set for {_for(target)}.")


def _warn(change: Change, settable: Settable, store: Overrides) -> None:
    """Tells on stderr that one of two parameters would be set without the other."""
    found = change.half_set(settable.pair(change.rule, change.name), store)
    if found is not None:
        held, lacking = found
        click.echo(
            f"warning: {held} has no effect without {lacking}, "
            f"which is not set for {printable(_for(change.target))}",
            err=True,
        )


def _known() -> tuple[Catalogue, Settable]:
    catalogue = catalogue_in_force(read_settings())
    return catalogue, Settable.of(catalogue.rules, bundled_site_guide(catalogue))


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
