"""The scheduled work: what one server does at a time, of however many are over one store."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from vigie_server.bootstrap.backup import vault_of
from vigie_server.bootstrap.mail import mail_checks
from vigie_server.bootstrap.notify import notices
from vigie_server.bootstrap.reports import filed_monthly, reports_of
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.domain.traits import trait_readers
from vigie_server.metrics.mail_lines import MailLines
from vigie_server.metrics.site_lines import SiteLines
from vigie_server.ports.judging import Judging
from vigie_server.ports.notices import Heeding
from vigie_server.ports.site_model import SHOWN_BY_ANOTHER
from vigie_server.services.assess_sites import AssessSites
from vigie_server.services.back_up import BackUp
from vigie_server.services.follow import ForgetChanges
from vigie_server.services.forget import Forget, Retention
from vigie_server.services.forget_questions import ForgetQuestions
from vigie_server.services.leading import Leading, Work
from vigie_server.services.live_session import SessionParts
from vigie_server.services.record_days import RecordDays
from vigie_server.services.show_sites import ShowSites
from vigie_server.services.sweep import Sweep
from vigie_server.settings import ServerSettings
from vigie_server.store import changes
from vigie_server.store.assessments import Assessments
from vigie_server.store.attestations import Attestations
from vigie_server.store.database import Database
from vigie_server.store.forgetting import Forgetting
from vigie_server.store.leases import HUNG, lease_of
from vigie_server.store.organisation import Organisation
from vigie_server.store.questions import Questions
from vigie_server.store.rule_days import RuleDayRecords
from vigie_server.store.shown_sites import StoredSites

ASKED_BEFORE_HUNG: Final = 10
"""How many times a leader had to look whether it still leads before it counts as one that hangs."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The part that leads when it can, and what shows the others' work.

    `heeding`: what of it has to know what other processes change.
    """

    leading: Leading
    shows: Sequence[ShowSites]
    heeding: Sequence[Heeding]


def scheduled(
    settings: ServerSettings,
    database: Database,
    parts: SessionParts,
    judging: Judging,
    rules: tuple[Catalogue, SiteGuide],
    lines: tuple[SiteLines, MailLines],
) -> Scheduled:
    """Raises SettingsMalformed."""
    catalogue, guide = rules
    sites, mail = lines
    asked_every = settings.store.lead_every
    lease, fenced = lease_of(database, hung=max(HUNG, ASKED_BEFORE_HUNG * asked_every))
    workers, now = parts.workers, parts.now
    shared = not database.is_sqlite
    sweep = Sweep(
        store=parts.store,
        workers=workers,
        records=parts.records,
        accept=parts.accept,
        commits=parts.commits,
        viewing=parts.viewing,
        judging=judging,
        figures=parts.figures,
        now=now,
        every=settings.sweep.every.total_seconds(),
        batch=settings.sweep.batch,
        lapsing=Attestations(fenced, catalogue.attestations),
    )
    kept = settings.retention
    forget = Forget(
        store=Forgetting(fenced),
        workers=workers,
        retention=Retention(
            topics={topic.name: topic.retention for topic in catalogue.topics.values()},
            evidence=kept.evidence,
            transitions=kept.transitions,
            audit=kept.audit,
        ),
        now=now,
        every=kept.every.total_seconds(),
        bite=kept.bite,
    )
    assess = AssessSites(
        store=Assessments(fenced, own=guide.site_rules.keys(), shared=guide.shared),
        workers=workers,
        model=SHOWN_BY_ANOTHER if shared else sites,
        guide=guide,
        readers=trait_readers(guide),
        now=now,
        share=settings.maturity.share,
        every=settings.maturity.every.total_seconds(),
        pause=settings.maturity.pause.total_seconds(),
        rest=settings.maturity.rest,
    )
    check_mail = mail_checks(settings, fenced, workers, now=now, show=None if shared else mail.show)
    notify = notices(settings, database, fenced, workers, rules, figures=parts.figures, now=now)
    days = RecordDays(RuleDayRecords(fenced), workers, now, kept=kept.rule_days)
    work: list[tuple[str, Work]] = [
        ("days of rules", days.run),
        ("sweeper", sweep.run),
        ("forgetting", forget.run),
        ("assessments", assess.run),
        ("mail", check_mail.run),
        ("notices", notify.run),
    ]
    forget_questions = ForgetQuestions(
        forget=Questions(fenced).forget,
        workers=workers,
        kept=settings.asking.kept,
        now=now,
        bite=kept.bite,
    )
    work.append(("questions", forget_questions.run))
    if settings.reports.monthly:
        made = reports_of(settings, database, catalogue, guide)
        file_reports = filed_monthly(settings, made, Organisation(database), workers, now)
        work.append(("reports", file_reports.run))
    vault = vault_of(settings, database)
    if vault is not None:
        given = settings.backup
        back_up = BackUp(
            vault=vault,
            figures=parts.figures,
            now=now,
            every=given.every,
            keep=given.keep,
            look_every=given.look_every.total_seconds(),
        )
        work.append(("backups", back_up.run))
    shows: list[ShowSites] = []
    if shared:
        forget_changes = ForgetChanges(partial(changes.forget, fenced), workers)
        work.append(("changes", forget_changes.run))
        every = settings.sweep.views_every.total_seconds()
        shows.append(ShowSites(StoredSites(database), workers, sites, mail.show, every))
    return Scheduled(
        Leading(lease, workers, work, parts.figures, asked_every.total_seconds()),
        shows,
        heeding=(sweep, *shows),
    )
