"""Wires the console: its pages, what they read and what they act on."""

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter

from vigie_server.bootstrap.asking_terms import asking_limits, new_question_id
from vigie_server.bootstrap.declaring import looks_ahead
from vigie_server.bundled import (
    bundled_attestations,
    bundled_mail_rules,
    bundled_questions,
    regions_file,
)
from vigie_server.console.audit import audit_page
from vigie_server.console.cards import CardsSeen, card_pages, import_pages
from vigie_server.console.declared import DeclaredSeen, declared_pages
from vigie_server.console.device_acts import DeviceDesk, device_acts
from vigie_server.console.fleet import FleetSeen, fleet_pages
from vigie_server.console.groups import GroupsSeen, groups_pages
from vigie_server.console.mail import MailSeen, mail_pages
from vigie_server.console.overview import SitesSeen, entrance, sites_pages
from vigie_server.console.parameters import (
    ParametersSeen,
    parameters_pages,
    set_parameter_pages,
)
from vigie_server.console.people import PeopleSeen, people_pages, person_pages
from vigie_server.console.questions import QuestionsSeen, ask_pages, questions_pages
from vigie_server.console.rules import RulesSeen, rules_pages
from vigie_server.console.shell import Shell
from vigie_server.console.site_records import (
    RecordsSeen,
    attestation_pages,
    incident_pages,
    waiver_pages,
)
from vigie_server.console.software import SoftwareSeen, software_pages
from vigie_server.console.static_files import static_files
from vigie_server.console.tokens import enrolment_pages, token_pages
from vigie_server.console.told import ToldSeen, told_pages
from vigie_server.domain.regions import load_regions
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.settable import Settable
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.ports.account_desk import AccountDesk
from vigie_server.ports.readers import FleetReader
from vigie_server.ports.token_desk import TokenDesk
from vigie_server.services.act_on_devices import ActOnDevices
from vigie_server.settings import ServerSettings
from vigie_server.store.administration import Administration
from vigie_server.store.attestations import Attestations
from vigie_server.store.audit_trail import Acts
from vigie_server.store.cards import Cards
from vigie_server.store.change_lists import Changes
from vigie_server.store.database import Database
from vigie_server.store.device_lists import FleetLists
from vigie_server.store.groups import Groups
from vigie_server.store.incidents import Incidents
from vigie_server.store.inventories import SiteInventories
from vigie_server.store.mail import MailDomains
from vigie_server.store.maturity import MaturityRecords
from vigie_server.store.organisation import Organisation
from vigie_server.store.overrides import Overrides
from vigie_server.store.questions import Questions
from vigie_server.store.recipients import Recipients
from vigie_server.store.rule_days import RuleDayRecords
from vigie_server.store.site_lists import SiteLists
from vigie_server.store.site_sizes import Sizes
from vigie_server.store.software import Software
from vigie_server.store.waivers import Waivers
from vigie_server.web.access import Access


def console_routes(
    database: Database,
    catalogue: Catalogue,
    guide: SiteGuide,
    reader: FleetReader,
    settings: ServerSettings,
    tokens: TokenDesk,
    accounts: AccountDesk,
    now: Callable[[], datetime],
) -> Callable[[Access], APIRouter]:
    """The routes of the console. Raises RulesMalformed."""
    lists = FleetLists(database)
    of_sites = _sites_seen(database, guide)
    of_fleet = FleetSeen(
        reader=reader,
        lists=lists,
        changes=Changes(database),
        cards=Cards(database),
        catalogue=catalogue,
    )
    desk = DeviceDesk(
        ActOnDevices(Administration(database)), Waivers(database), settings.declare.waiver_months
    )
    records = RecordsSeen(
        attestations=Attestations(database, catalogue.attestations),
        items=bundled_attestations(),
        remind_before=settings.declare.remind_before,
        waivers=desk.waivers,
        lists=of_sites.lists,
        log=Incidents(database),
        guide=guide,
    )

    of_parameters = ParametersSeen(
        overrides=Overrides(database),
        groups=Groups(database),
        settable=Settable.of(catalogue.rules, guide),
        lists=of_sites.lists,
        look_ahead=looks_ahead(database, catalogue, guide, settings.declare, now),
    )
    of_questions = QuestionsSeen(
        Questions(database), bundled_questions(), asking_limits(settings.asking), new_question_id
    )
    of_people = PeopleSeen(accounts, of_sites.sites)
    mails = bool(settings.notify.smtp_host)
    of_messages = ToldSeen(Recipients(database), of_sites.sites, mails)

    def routes(access: Access) -> APIRouter:
        shell = Shell(access, now)
        router = APIRouter()
        for pages in (
            entrance(),
            static_files(shell),
            sites_pages(shell, of_sites),
            declared_pages(shell, DeclaredSeen(of_sites.sites, of_sites.regions)),
            fleet_pages(shell, of_fleet),
            card_pages(shell, CardsSeen(of_fleet)),
            import_pages(shell, CardsSeen(of_fleet)),
            device_acts(shell, of_fleet, desk),
            software_pages(shell, SoftwareSeen(Software(database), guide.ended)),
            groups_pages(shell, GroupsSeen(of_parameters.groups, of_sites.lists)),
            parameters_pages(shell, of_parameters),
            set_parameter_pages(shell, of_parameters),
            rules_pages(shell, RulesSeen(lists, catalogue, RuleDayRecords(database))),
            attestation_pages(shell, records),
            waiver_pages(shell, records),
            incident_pages(shell, records),
            ask_pages(shell, of_questions),
            questions_pages(shell, of_questions),
            told_pages(shell, of_messages),
            mail_pages(shell, MailSeen(of_sites.mail, bundled_mail_rules(), guide.titles)),
            enrolment_pages(shell, tokens, of_sites.sites),
            token_pages(shell, tokens),
            people_pages(shell, of_people),
            person_pages(shell, of_people),
            audit_page(shell, Acts(database)),
        ):
            router.routes.extend(pages.routes)  # as they are: `Documented` says why
        return router

    return routes


def _sites_seen(database: Database, guide: SiteGuide) -> SitesSeen:
    overrides = Overrides(database)
    return SitesSeen(
        lists=SiteLists(database),
        sites=Organisation(database),
        sizes=Sizes(database),
        maturity=MaturityRecords(database),
        inventories=SiteInventories(database),
        review_days=lambda site: guide.review_days(overrides.of_site(site)),
        mail=MailDomains(database),
        devices=FleetLists(database),
        guide=guide,
        regions=load_regions(regions_file()),
    )
