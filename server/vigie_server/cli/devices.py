"""`vigie-server devices ...`: who is there, and what an administrator does about it."""

from datetime import datetime

import click

from vigie_server.cli.output import LANGUAGE, act, opened, printable, show_table, told_errors
from vigie_server.domain.device_acts import DeviceAct
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.verdicts import Status
from vigie_server.ports.readers import DeviceFilter
from vigie_server.services.act_on_devices import ActOnDevices
from vigie_server.store.administration import Administration
from vigie_server.store.fleet import Fleet

PAGE = 500
DECLARATIONS = {
    "lost": "declared lost",
    "stolen": "declared stolen",
    "found": "declared found",
    "nomadic": "declared nomadic",
    "not-nomadic": "declared not nomadic",
    "worked-out": "nomadic or not as its networks say",
}


@click.group()
def devices() -> None:
    """List devices, approve, retire and revoke them."""


@devices.command("list")
@click.option("--site", help="Only this site.")
@click.option(
    "--state",
    type=click.Choice([state.value for state in DeviceState]),
    help="Only those in this state.",
)
@click.option(
    "--revoked/--not-revoked", default=None, help="Only those that are revoked, or are not."
)
@told_errors
def list_devices(*, site: str | None, state: str | None, revoked: bool | None) -> None:
    """List devices with what fails on them."""
    sites = None if site is None else frozenset({site})
    wanted = DeviceFilter(sites=sites, state=state, revoked=revoked)
    rows = []
    with opened() as (_, database):
        fleet = Fleet(database, {})
        after: str | None = None
        while True:
            page = fleet.devices(wanted, after=after, limit=PAGE)
            for view in page.devices:
                device = view.device
                standing = [verdict.status for verdict in view.verdicts.values()]
                rows.append(
                    (
                        device.id,
                        printable(device.hostname),
                        printable(device.site),
                        device.platform,
                        _state(device),
                        str(standing.count(Status.FAIL)),
                        str(standing.count(Status.UNKNOWN)),
                        _instant(device.last_report_at),
                    )
                )
            after = page.next_after
            if after is None:
                break
    show_table(("ID", "NAME", "SITE", "PLATFORM", "STATE", "FAIL", "UNKNOWN", "LAST REPORT"), rows)


@devices.command("show")
@click.argument("device_id")
@LANGUAGE
@told_errors
def show(*, device_id: str, language: str) -> None:
    """Show one device and its verdicts."""
    with opened() as (_, database):
        fleet = Fleet(database, {})
        device, verdicts = fleet.device(device_id), fleet.verdicts(device_id)
    for label, value in (
        ("Name", device.hostname),
        ("Site", device.site),
        ("State", _state(device)),
        ("System", f"{device.os or device.platform} {device.os_version}"),
        ("Profile", device.profile),
        ("Nomadic", "yes" if device.nomadic else "no"),
        ("Agent", device.agent_version),
        ("Last report", _instant(device.last_report_at)),
    ):
        click.echo(f"{label + ':':<14}{printable(value)}")
    click.echo("")
    show_table(
        ("RULE", "VERDICT", "SINCE", "WHY"),
        [
            (
                found.rule,
                f"{found.status.value} (waived)" if found.waived else found.status.value,
                _instant(found.since),
                printable(found.reason.get(language, "")),
            )
            for found in verdicts
        ],
    )


@devices.command("approve")
@click.argument("device_id")
@told_errors
def approve(device_id: str) -> None:
    """Count a pending or quarantined device in."""
    _do(device_id, DeviceAct.APPROVE)
    click.echo(f"Device {device_id} is active.")


@devices.command("declare")
@click.argument("device_id")
@click.argument("what", type=click.Choice(list(DECLARATIONS)))
@told_errors
def declare(device_id: str, what: str) -> None:
    """Say that a device is lost, stolen, found again, nomadic or not.

    `found` takes back lost and stolen. `worked-out` leaves it to the networks of its site again
    whether it is nomadic.
    """
    _do(device_id, DeviceAct(what))
    click.echo(f"Device {device_id}: {DECLARATIONS[what]}.")


@devices.command("retire")
@click.argument("device_id")
@told_errors
def retire(device_id: str) -> None:
    """The device is gone: it is told to stop, and no longer judged."""
    _do(device_id, DeviceAct.RETIRE)
    click.echo(f"Device {device_id} is retired.")


@devices.command("revoke")
@click.argument("device_id")
@told_errors
def revoke(device_id: str) -> None:
    """Take the device's certificates out of force, from its next message on."""
    _do(device_id, DeviceAct.REVOKE)
    click.echo(
        f"Device {device_id} is revoked: it is refused from its next message on, and judged no "
        "more. Lists show it as revoked; with its last verdicts it stays in counts and metrics "
        f"until `vigie-server devices retire {device_id}` takes it out of them."
    )


def _do(device_id: str, what: DeviceAct) -> None:
    """Does it, where it is for the device as it stands."""
    with opened() as (_, database):
        device = Fleet(database, {}).device(device_id)
        ActOnDevices(Administration(database)).act_on(device, what, act())


def _state(device: Device) -> str:
    return f"{device.state.value} (revoked)" if device.revoked else device.state.value


def _instant(instant: datetime | None) -> str:
    return "never" if instant is None else f"{instant:%Y-%m-%d %H:%M}"
