"""Wires notices: what is told, through what it is handed over, where recipients are declared."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import APIRouter

from vigie_server.bootstrap.reports import reports_of
from vigie_server.bootstrap.trust import trusting
from vigie_server.domain.documents import Texts
from vigie_server.domain.errors import DeclarationRefused, SettingsMalformed
from vigie_server.domain.facility_report.content import Making, Period, SiteReport
from vigie_server.domain.facility_report.questions import HEADINGS
from vigie_server.domain.notices.digest import digest_told_in
from vigie_server.domain.notices.message import Message
from vigie_server.domain.notices.recipients import Channel, email_of
from vigie_server.domain.notices.telling import told_in, trial_message
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.domain.verdicts import Severity
from vigie_server.outgoing.secrets import secret_in
from vigie_server.outgoing.smtp import ByMail, Encryption, Relay
from vigie_server.outgoing.webhook import ByWebhook
from vigie_server.ports.figures import Figures
from vigie_server.ports.notifying import Carrier, NoticeKind, Sending
from vigie_server.ports.reporting import Format, Wanted
from vigie_server.services.make_reports import MakeReports
from vigie_server.services.notify import Notify, NotifyTerms
from vigie_server.services.workers import Workers
from vigie_server.settings import PREFIX, ServerSettings
from vigie_server.store.database import Database
from vigie_server.store.notices import Notices
from vigie_server.store.occurring import Occurring
from vigie_server.store.recipients import Recipients
from vigie_server.web.access import Access
from vigie_server.web.notifications import notifications_router

HELD: Final = 20
"""How many times the relay's time limit nobody else tries a message: SMTP has some 13 steps."""
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def notices(
    settings: ServerSettings,
    database: Database,
    fenced: Database,
    workers: Workers,
    rules: tuple[Catalogue, SiteGuide],
    *,
    figures: Figures,
    now: Callable[[], datetime],
) -> Notify:
    """Raises SettingsMalformed."""
    catalogue, guide = rules
    given = settings.notify
    longest = max(given.smtp_within, given.webhook_within)
    return Notify(
        outbox=Notices(fenced, database, occurring(settings, catalogue)),
        workers=workers,
        carriers=carriers(settings, now),
        titles=titles(catalogue, guide),
        report=partial(_report, reports_of(settings, database, catalogue, guide)),
        figures=figures,
        now=now,
        jitter=random.random,
        terms=NotifyTerms(
            every=given.every.total_seconds(),
            gather=given.gather,
            retry_for=given.retry_for,
            hold=longest * HELD,
            at_once=given.at_once,
            keep=given.keep,
            bite=settings.retention.bite,
            digest_day=given.digest_day,
            digest_hour=given.digest_hour,
        ),
    )


def notification_routes(
    database: Database, now: Callable[[], datetime]
) -> tuple[Callable[[Access], APIRouter], ...]:
    """The routes of recipients, and of what was sent to them."""
    return (partial(notifications_router, store=Recipients(database), now=now),)


def occurring(settings: ServerSettings, catalogue: Catalogue) -> Occurring:
    """What reads what stands."""
    critical = {rule.id for rule in catalogue.rules.values() if rule.severity is Severity.CRITICAL}
    return Occurring(critical, settings.verdicts.grace, settings.retention.audit)


def titles(catalogue: Catalogue, guide: SiteGuide) -> Mapping[str, Texts]:
    """What rules, items and questions are called."""
    return {
        **{f"question {number}": heading for number, heading in HEADINGS.items()},
        **guide.titles,
        **{rule.id: rule.title for rule in catalogue.rules.values()},
    }


def carriers(settings: ServerSettings, now: Callable[[], datetime]) -> Mapping[Channel, Carrier]:
    """By channel; no e-mail where no relay is set. Raises SettingsMalformed."""
    given = settings.notify
    try:
        tls = trusting(given.authorities)
    except OSError as error:  # no such file, or nothing of a certificate in it
        raise SettingsMalformed(f"{PREFIX}NOTIFY__AUTHORITIES: {error}") from error
    found: dict[Channel, Carrier] = {
        Channel.WEBHOOK: ByWebhook(
            allowed=given.networks,
            tls=tls,
            secrets=given.secrets or settings.data / "secrets",
            within=given.webhook_within.total_seconds(),
            version=version("vigie"),
            words=words_of,
            now=now,
        )
    }
    if given.smtp_host:
        found[Channel.EMAIL] = ByMail(_relay(settings), tls, words_of)
    return found


def words_of(sending: Sending) -> Message:
    """The message in the recipient's language."""
    language = sending.recipient.language
    if sending.kind is NoticeKind.TEST:
        return trial_message(sending.id, language)
    if sending.kind is NoticeKind.DIGEST:
        return digest_told_in(
            sending.content, site=sending.site, notice=sending.id, language=language
        )
    return told_in(sending.content, site=sending.site, notice=sending.id, language=language)


def _report(made: MakeReports, site: str, since: datetime, until: datetime) -> SiteReport:
    period = Period(since=since, until=until, year_ago=since)
    return made.report(site, Wanted(Format.HTML, "fr", period, Making(until, "", "")))


def _relay(settings: ServerSettings) -> Relay:
    given = settings.notify
    try:
        sender = email_of(given.smtp_from)
    except DeclarationRefused as error:
        raise SettingsMalformed(f"{PREFIX}NOTIFY__SMTP_FROM: {error}") from error
    encryption = Encryption(given.smtp_encryption)
    if encryption is Encryption.NONE and given.smtp_host not in LOOPBACK:
        raise SettingsMalformed(f"{PREFIX}NOTIFY__SMTP_ENCRYPTION: none is for a relay on loopback")
    return Relay(
        host=given.smtp_host,
        port=given.smtp_port,
        encryption=encryption,
        user=given.smtp_user,
        password=partial(_password, given.smtp_password_file),
        sender=sender,
        own_name=sender.rpartition("@")[2],
        within=given.smtp_within.total_seconds(),
    )


def _password(path: Path | None) -> str:
    return "" if path is None else secret_in(path).decode().strip()
