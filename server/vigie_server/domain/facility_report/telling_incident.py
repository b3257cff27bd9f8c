"""What a facility does in an incident: first reflexes, whom it must tell, whom it can call."""

from vigie_server.domain.facility_report.content import SiteReport
from vigie_server.domain.facility_report.document import Bullets, Fields, Paragraph, Section, Tone
from vigie_server.domain.facility_report.typography import day, told
from vigie_server.domain.facility_report.words import Words
from vigie_server.domain.sites import Contact


def in_an_incident(report: SiteReport, words: Words) -> Section:
    """A sheet to keep at hand. The facility's own contacts come first."""
    known = report.contacts
    region = known.regions.get(report.site.region) or words("incident.no.region")
    own = tuple((told(contact.name), _reached(contact)) for contact in report.site.contacts)
    return Section(
        "incident",
        1,
        words("incident"),
        (
            Paragraph(words("incident.reflexes"), kind="label"),
            Bullets(
                tuple(
                    words(f"incident.{what}")
                    for what in ("one", "all", "leave", "pay", "log", "complain")
                ),
                ordered=True,
            ),
            Paragraph(words("incident.duties"), kind="label"),
            Bullets(tuple(words(f"incident.{what}") for what in ("ans", "risk", "high"))),
            Paragraph(words("incident.calls"), kind="label"),
            Fields(
                (
                    *own,
                    (words("incident.cert"), known.cert_sante),
                    (words("incident.region"), region),
                    (words("incident.portal"), known.portal),
                    (words("incident.cnil"), words.own(known.cnil)),
                )
            ),
            Paragraph(
                words(
                    "incident.source",
                    day=day(known.recorded, words.language),
                    source=words.own(known.source),
                ),
                Tone.QUIET,
            ),
        ),
    )


def _reached(contact: Contact) -> str:
    return told(", ".join(part for part in (contact.phone, contact.email, contact.about) if part))
