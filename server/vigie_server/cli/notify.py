"""`vigie-server notify ...`: who is told by e-mail or webhook, and how messages fared."""

import asyncio

import click

from vigie_server.bootstrap.notify import carriers
from vigie_server.cli.output import act, opened, printable, show_table, told_errors
from vigie_server.clock import utc_now
from vigie_server.domain.errors import NotFound, SettingsMalformed
from vigie_server.domain.notices.recipients import Channel, Extent, recipient_of, shown_address
from vigie_server.ports.notifying import NoticeKind, Outcome, RecipientRecord, Sending, Sent
from vigie_server.settings import ServerSettings
from vigie_server.store.recipients import Recipients


@click.group()
def notify() -> None:
    """Tell people by e-mail or webhook what needs to be seen to."""


@notify.command("add")
@click.argument("address")
@click.option("--site", default="", help="Told of this facility alone.")
@click.option("--body", default="", help="Told of this managing body's facilities.")
@click.option("--secret", default="", help="Of a webhook: file:NAME or env:VIGIE_NOTIFY_NAME.")
@click.option(
    "--language", type=click.Choice(["fr", "en"]), default="fr", show_default=True, help="Its own."
)
@click.option("--only", type=click.Choice(["critical", "digest"]), help="Not both.")
@told_errors
def add(
    *, address: str, site: str, body: str, secret: str, language: str, only: str | None
) -> None:
    """Tell an e-mail address, or a webhook (https://...), what needs to be seen to.

    Without --site and --body: of every facility.
    """
    channel = Channel.WEBHOOK if "://" in address else Channel.EMAIL
    given = recipient_of(
        site=site,
        body=body,
        channel=channel.value,
        address=address,
        secret=secret,
        language=language,
        critical=only != "digest",
        digest=only != "critical",
    )
    with opened() as (settings, database):
        if channel is Channel.EMAIL and not settings.notify.smtp_host:
            click.echo("No e-mail leaves before VIGIE_SERVER_NOTIFY__SMTP_HOST is set.", err=True)
        record = Recipients(database).add(given, act())
    click.echo(f"{record.id}: {_shown(record)} is told of {printable(_extent(record))}.")


@notify.command("list")
@click.option("--messages", is_flag=True, help="Messages and how they fared, the newest first.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Messages at most."
)
@told_errors
def list_recipients(*, messages: bool, limit: int) -> None:
    """List who is told, or the messages to them."""
    with opened() as (_, database):
        store = Recipients(database)
        if messages:
            found = store.deliveries(None, before=None, limit=limit)
            show_table(
                ("AT (UTC)", "KIND", "SITE", "TO", "STATE", "ATTEMPTS", "WHY"),
                [
                    (
                        f"{one.at:%Y-%m-%d %H:%M}",
                        one.kind.value,
                        printable(one.site) or "-",
                        one.recipient_id,
                        one.state.value,
                        str(one.attempts),
                        printable(one.error),
                    )
                    for one in found
                ],
            )
            return
        show_table(
            ("ID", "OF", "TO", "LANGUAGE", "WHAT"),
            [
                (
                    held.id,
                    printable(_extent(held)),
                    _shown(held),
                    held.recipient.language,
                    _wants(held),
                )
                for held in store.recipients(None)
            ],
        )


@notify.command("remove")
@click.argument("recipient_id", metavar="ID")
@told_errors
def remove(*, recipient_id: str) -> None:
    """Tell a recipient nothing any more; what waits for it is dropped."""
    with opened() as (_, database):
        Recipients(database).remove(recipient_id, None, act())
    click.echo(f"{recipient_id} is told nothing any more.")


@notify.command("test")
@click.argument("recipient_id", metavar="ID")
@told_errors
def test(*, recipient_id: str) -> None:
    """Send a test message to a recipient now, once, and say how it fared."""
    with opened() as (settings, database):
        found = {held.id: held for held in Recipients(database).recipients(None)}
    if recipient_id not in found:
        raise NotFound(f"no notice recipient {recipient_id}")
    outcome = asyncio.run(_tried(settings, found[recipient_id]))
    if outcome.sent is not Sent.SENT:
        raise click.ClickException(f"the message was not taken: {outcome.error}")
    click.echo(f"A test message was handed over for {_shown(found[recipient_id])}.")


async def _tried(settings: ServerSettings, held: RecipientRecord) -> Outcome:
    carrier = carriers(settings, utc_now).get(held.recipient.channel)
    if carrier is None:
        raise SettingsMalformed("VIGIE_SERVER_NOTIFY__SMTP_HOST is not set: no e-mail leaves")
    now = utc_now()
    name = f"test-{now:%Y%m%d%H%M%S%f}.{held.id}"
    return await carrier(Sending(0, 1, name, NoticeKind.TEST, "", now, {}, held.recipient))


def _shown(record: RecipientRecord) -> str:
    return printable(shown_address(record.recipient.channel, record.recipient.address))


def _extent(record: RecipientRecord) -> str:
    return "every site" if record.recipient.extent is Extent.ALL else record.recipient.of


def _wants(record: RecipientRecord) -> str:
    wanted = (("critical", record.recipient.critical), ("digest", record.recipient.digest))
    return ", ".join(what for what, is_wanted in wanted if is_wanted)
