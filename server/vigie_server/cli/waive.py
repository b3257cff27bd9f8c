"""`vigie-server waive ...`: risks that people accept for a while."""

from datetime import datetime

import click

from vigie_server.bundled import bundled_catalogue
from vigie_server.cli.dates import day
from vigie_server.cli.output import act, opened, printable, show_table, told_errors
from vigie_server.clock import utc_now
from vigie_server.domain.waivers import NewWaiver, checked, row_keys
from vigie_server.ports.waiving import WaivedDeviceRecord, WaiverRecord
from vigie_server.store.waivers import Waivers

SITE = click.option("--site", required=True, help="The facility.")


@click.group()
def waive() -> None:
    """Accept the risk of a rule that fails, on devices listed one by one, until a day.

    The verdict stays a fail; alerts leave it alone until the waiver ends, is withdrawn, or a row
    decides that was not there when it was granted.
    """


@waive.command("grant")
@click.argument("rule")
@SITE
@click.option("--device", "devices", multiple=True, required=True, help="Its id; repeatable.")
@click.option("--reason", required=True, help="Why the risk is accepted.")
@click.option("--author", required=True, help="Who asks for it.")
@click.option("--approver", required=True, help="Who accepts it: somebody else.")
@click.option("--expires", type=day, help="The day it ends, where that is earlier.")
@told_errors
def grant(
    *,
    rule: str,
    site: str,
    devices: tuple[str, ...],
    reason: str,
    author: str,
    approver: str,
    expires: datetime | None,
) -> None:
    """Grant a waiver for RULE."""
    asked = NewWaiver(rule, devices, reason, author, approver, expires)
    with opened() as (settings, database):
        acting = act()
        given = checked(asked, now=acting.at, months=settings.declare.waiver_months)
        keys = row_keys(bundled_catalogue(settings.own_references), rule)
        found, new = Waivers(database).grant(site, given, keys, acting)
    said = "granted" if new else "is in force already"
    click.echo(f"Waiver {found.id} {said}: {rule}, until {found.expires_at:%Y-%m-%d}.")


@waive.command("end")
@click.argument("waiver_id", metavar="ID")
@SITE
@told_errors
def end(*, waiver_id: str, site: str) -> None:
    """Withdraw a waiver: what it covered fails openly again."""
    with opened() as (_, database):
        found = Waivers(database).end(site, waiver_id, act())
    click.echo(f"Waiver {found.id} has ended.")


@waive.command("list")
@SITE
@click.option("--all", "past", is_flag=True, help="Past ones too.")
@told_errors
def list_waivers(*, site: str, past: bool) -> None:
    """List waivers of a site, with their devices.

    One that is `reopened` covers that device no more: a row decided that was not there when it was
    granted. Look at it, then grant another or mend the device. Devices that are retired are past.
    """
    now = utc_now()
    with opened() as (_, database):
        found = Waivers(database).waivers(site)
    show_table(
        ("ID", "RULE", "DEVICE", "NAME", "STATE", "UNTIL", "APPROVER", "REASON"),
        [
            (
                waiver.id,
                waiver.rule,
                device.device,
                printable(device.hostname),
                _state(waiver, device, now),
                f"{waiver.expires_at:%Y-%m-%d}",
                printable(waiver.approver),
                printable(waiver.reason),
            )
            for waiver in found
            if past or not waiver.is_past(now)
            for device in waiver.devices
            if past or not device.retired
        ],
    )


def _state(waiver: WaiverRecord, device: WaivedDeviceRecord, now: datetime) -> str:
    if waiver.ended_at is not None:
        return "ended"
    if now >= waiver.expires_at:
        return "expired"
    if device.retired:
        return "retired"
    return "in force" if device.is_covered else "reopened"
