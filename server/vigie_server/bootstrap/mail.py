"""The parts that check mail domains, for the server and for the command line."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from fastapi import APIRouter

from vigie_server.bootstrap.trust import trusting
from vigie_server.bundled import bundled_mail_rules
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.mail.late_lookups import LateLookups
from vigie_server.mail.servers import SmtpMeetings, hello_name
from vigie_server.ports.mail import Lookups, MailStanding
from vigie_server.services.check_mail import CheckDomain, CheckMail, MailTerms
from vigie_server.services.workers import Workers
from vigie_server.settings import PREFIX, ServerSettings
from vigie_server.settings_messages import MailSettings
from vigie_server.store.database import Database
from vigie_server.store.mail import MailDomains
from vigie_server.web.access import Access
from vigie_server.web.mail import mail_router


def mail_checks(
    settings: ServerSettings,
    database: Database,
    workers: Workers,
    *,
    now: Callable[[], datetime],
    show: Callable[[Sequence[MailStanding]], None] | None,
) -> CheckMail:
    """Raises SettingsMalformed."""
    mail = settings.mail
    try:
        meetings = SmtpMeetings(
            own_name=hello_name(settings.own_names),
            port=mail.smtp_port,
            within=mail.smtp_within.total_seconds(),
            tls=trusting(mail.authorities),
        )
    except OSError as error:  # no such file, or nothing of a certificate in it
        raise SettingsMalformed(f"{PREFIX}MAIL__AUTHORITIES: {error}") from error
    check = CheckDomain(
        lookups=LateLookups(partial(_lookups, mail)),
        mail_servers=meetings,
        allowed=mail.networks,
        within=mail.within.total_seconds(),
    )
    terms = MailTerms(
        every=mail.every,
        retry=mail.retry,
        look_every=mail.look_every.total_seconds(),
        at_once=mail.at_once,
    )
    return CheckMail(MailDomains(database), workers, check, now, terms, show)


def _lookups(mail: MailSettings) -> Lookups:
    from vigie_server.mail.lookups import DnsLookups  # noqa: PLC0415 (see `LateLookups`)

    return DnsLookups(mail.resolvers_by_port, within=mail.dns_within.total_seconds())


def mail_routes(
    database: Database, now: Callable[[], datetime]
) -> tuple[Callable[[Access], APIRouter], ...]:
    """Raises RulesMalformed."""
    rules = tuple(bundled_mail_rules().values())
    return (partial(mail_router, store=MailDomains(database), rules=rules, now=now),)
