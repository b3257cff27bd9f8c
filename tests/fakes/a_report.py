"""A facility's report made of plain sources, for tests that need no store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from vigie_server.bundled import (
    bundled_attestations,
    bundled_catalogue,
    bundled_incident_contacts,
    bundled_site_guide,
)
from vigie_server.domain.attesting import Outcome
from vigie_server.domain.devices import DeviceState
from vigie_server.domain.facility_report.assembling import SiteSources, Terms, site_report
from vigie_server.domain.facility_report.content import IncidentPart, Making, SiteReport
from vigie_server.domain.facility_report.sources import (
    AttestedWord,
    DeviceSeen,
    DevicesSeen,
    GrantedWaiver,
    LevelHeld,
    LevelMoved,
    SiteHistory,
)
from vigie_server.domain.facility_report.trends import period_until
from vigie_server.domain.sites import Site
from vigie_server.domain.verdicts import Status

NOW = datetime(2026, 3, 15, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
FIREWALL, LOCK = "Q06-firewall-enabled", "Q05-screen-lock"


@cache
def terms() -> Terms:
    """What the release brings."""
    catalogue = bundled_catalogue()
    return Terms(
        rules=catalogue.rules,
        guide=bundled_site_guide(catalogue),
        attestations=bundled_attestations(),
        share=0.95,
        remind_before=30 * DAY,
        silent_after=30 * DAY,
        named=10,
        contacts=bundled_incident_contacts(),
    )


def a_device(name: str, **changes: Any) -> DeviceSeen:
    """A desktop that reported an hour ago and fails nothing."""
    device = DeviceSeen(
        id=f"id-{name[:20]}",
        hostname=name,
        platform="windows",
        state=DeviceState.ACTIVE,
        nomadic=False,
        last_report_at=NOW - timedelta(hours=1),
        failing={},
    )
    return replace(device, **changes)


def an_action(need: str, subject: str, count: int = 0, words: str = "") -> dict[str, Any]:
    """An action as the store keeps it."""
    text = words or f"{need} {subject}"
    return {"need": need, "subject": subject, "count": count, "words": {"fr": text, "en": text}}


def a_level(question: int, level: int | None, *actions: dict[str, Any]) -> LevelHeld:
    """A level held for ten days."""
    reason = {"fr": f"Raison {question}.", "en": f"Reason {question}."}
    return LevelHeld(question, level, reason, actions, NOW - 10 * DAY, NOW)


def sources(**changes: Any) -> SiteSources:
    """Two devices, of which one fails the firewall; question 6 rose from N0 to N1 ten days ago."""
    found = SiteSources(
        site=Site("Les Tilleuls", "Association Les Fleurs", "84", "690781810", declared_devices=4),
        region="Auvergne-Rhône-Alpes",
        levels=[
            a_level(6, 1, an_action("mend", FIREWALL, 1, "mettre 1 équipement en règle")),
            a_level(12, None, an_action("attest", "Q12-risk-analysis")),
        ],
        history=SiteHistory([LevelMoved(6, 0, NOW - 10 * DAY)], NOW - 90 * DAY),
        verdicts=[],
        devices=DevicesSeen(
            devices=[
                a_device("ACCUEIL-01"),
                a_device("INFIRMERIE-02", failing={FIREWALL: NOW - 3 * DAY}),
            ],
            verdicts={
                FIREWALL: {Status.PASS: 1, Status.FAIL: 1},
                LOCK: {Status.UNKNOWN: 1},
            },
            waived={LOCK: 1},
            states={DeviceState.ACTIVE: 2, DeviceState.PENDING: 3},
        ),
        attested=[
            AttestedWord(
                item="Q06-professional-internet",
                group=None,
                outcome=Outcome.HELD,
                value=None,
                author="C. Direction",
                document="Contrat n° 12",
                reason="",
                at=NOW - 350 * DAY,
                expires_at=NOW + 15 * DAY,
            )
        ],
        waivers=[
            GrantedWaiver(
                rule=LOCK,
                reason="borne d'accueil",
                author="M. Ledoux",
                approver="C. Direction",
                at=NOW - 5 * DAY,
                expires_at=NOW + 100 * DAY,
                devices=("ACCUEIL-01",),
                reopened=0,
            )
        ],
        incidents=IncidentPart(3, 1, NOW - 2 * DAY, intact=True),
    )
    return replace(found, **changes)


def a_report(given: SiteSources | None = None, **changes: Any) -> SiteReport:
    """The report of these sources, over a month."""
    making = Making(NOW, "C. Direction", "0.1.0")
    return site_report(
        given or sources(**changes), terms(), period=period_until(NOW), making=making
    )
