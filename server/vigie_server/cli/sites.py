"""`vigie-server site ...`: what is declared of sites."""

from dataclasses import replace

import click

from vigie_server.bundled import regions_file
from vigie_server.cli.maturity import show_maturity
from vigie_server.cli.output import act, opened, printable, show_fields, show_table, told_errors
from vigie_server.domain.errors import NotFound
from vigie_server.domain.regions import load_regions
from vigie_server.domain.sites import Contact, Site, checked
from vigie_server.store.organisation import Organisation


@click.group()
def site() -> None:
    """Declare sites: who runs them, where they are, by what their network is known."""


@site.command("list")
@told_errors
def list_sites() -> None:
    """List sites."""
    with opened() as (_, database):
        found = Organisation(database).sites(None)
    regions = load_regions(regions_file())
    show_table(
        ("SITE", "BODY", "REGION", "FINESS", "DEVICES", "NETWORKS"),
        [
            (
                printable(one.name),
                printable(one.body),
                regions.get(one.region, one.region),
                one.finess,
                _count(one.declared_devices),
                " ".join(one.networks),
            )
            for one in found
        ],
    )


@site.command("show")
@click.argument("name")
@told_errors
def show(name: str) -> None:
    """Show what is declared of a site."""
    with opened() as (_, database):
        found = Organisation(database).site(name)
    regions = load_regions(regions_file())
    contacts = [
        " ".join(filter(None, (one.name, one.email, one.phone, one.about)))
        for one in found.contacts
    ]
    show_fields(
        (
            ("Site", found.name),
            ("Body", found.body),
            ("Region", f"{found.region} {regions.get(found.region, '')}".strip()),
            ("FINESS", found.finess),
            ("Devices", _count(found.declared_devices)),
            ("Networks", ", ".join(found.networks)),
            ("Gateways", ", ".join(found.gateways)),
            ("Contacts", "; ".join(contacts)),
        )
    )


@site.command("set")
@click.argument("name")
@click.option("--body", help="The managing body that runs it.")
@click.option("--region", help="Region of France, by name or INSEE code.")
@click.option("--finess", help="FINESS number; its check digit is checked.")
@click.option("--network", "networks", multiple=True, help="CIDR, IPv4 or IPv6; repeatable.")
@click.option("--gateway", "gateways", multiple=True, help="Hardware address; repeatable.")
@click.option("--devices", type=click.IntRange(0), help="How many devices it declares to have.")
@click.option(
    "--contact",
    "contacts",
    multiple=True,
    nargs=2,
    metavar="NAME REACH",
    help="Whom to reach, by e-mail or telephone; repeatable.",
)
@told_errors
def set_site(
    *,
    name: str,
    body: str | None,
    region: str | None,
    finess: str | None,
    networks: tuple[str, ...],
    gateways: tuple[str, ...],
    devices: int | None,
    contacts: tuple[tuple[str, str], ...],
) -> None:
    """Declare a site, or change what is given.

    A list that is given replaces the earlier one; an empty text ("") takes away.
    """
    changes: dict[str, object] = {
        "body": body,
        "region": region,
        "finess": finess,
        "networks": _listed(networks),
        "gateways": _listed(gateways),
        "declared_devices": devices,
        "contacts": tuple(_contact(*one) for one in contacts) or None,
    }
    given = {key: value for key, value in changes.items() if value is not None}
    with opened() as (_, database):
        store = Organisation(database)
        try:
            before = store.site(name)
        except NotFound:
            before = Site(name)
        declared = checked(replace(before, **given), load_regions(regions_file()))  # type: ignore[arg-type]
        store.put(declared, act())
    click.echo(f"Site {declared.name} is declared.")


@site.command("remove")
@click.argument("name")
@told_errors
def remove(name: str) -> None:
    """Remove a site to which nothing belongs."""
    with opened() as (_, database):
        Organisation(database).remove(name, act())
    click.echo(f"Site {name} is removed.")


@site.command("regions")
@told_errors
def show_regions() -> None:
    """List the regions of France with their INSEE codes."""
    show_table(("CODE", "REGION"), list(load_regions(regions_file()).items()))


site.add_command(show_maturity)


def _listed(values: tuple[str, ...]) -> tuple[str, ...] | None:
    return tuple(value for value in values if value.strip()) if values else None


def _contact(name: str, reach: str) -> Contact:
    return Contact(name, email=reach) if "@" in reach else Contact(name, phone=reach)


def _count(devices: int | None) -> str:
    return "" if devices is None else str(devices)
