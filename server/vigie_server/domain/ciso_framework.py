"""The guide as a framework of CISO Assistant, in the format of its libraries (read at 3.20.8).

A question is a heading; what is measured of devices, of a site and of mail domains, and what people
attest, are the requirements under it. Requirements have the ids that Vigie uses everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from vigie_server.domain.attesting import AttestationCatalogue
from vigie_server.domain.documents import Texts
from vigie_server.domain.facility_report.questions import HEADINGS
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide

PACKAGER: Final = "vigie"
NAME: Final = "guide-13-questions"
REF_ID: Final = "VIGIE-GUIDE-13"
LONGEST_NAME: Final = 200
_TITLE: Final[Texts] = {
    "fr": "Treize questions de cybersécurité du social et médico-social (mesures de Vigie)",
    "en": "Thirteen cybersecurity questions for social care (measured by Vigie)",
}
_ABOUT: Final[Texts] = {
    "fr": "Ce que Vigie mesure et fait attester pour le guide de l'Agence du numérique en santé "
    "« La cybersécurité pour le social et médico-social en 13 questions ».",
    "en": "What Vigie measures, and has attested, for the guide of the French digital health "
    "agency on cybersecurity in social and medico-social facilities.",
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is measured or attested, under its question."""

    id: str
    question: int
    title: Texts
    about: Texts

    @property
    def urn(self) -> str:
        """Its name in the library."""
        return _urn("req_node", self.id.lower())


def requirements(
    catalogue: Catalogue, guide: SiteGuide, attestations: AttestationCatalogue
) -> Sequence[Requirement]:
    """All of them, by question: what is measured first, then what is attested."""
    measured = [
        Requirement(rule.id, rule.question, rule.title, rule.why)
        for rules in (catalogue.rules, guide.site_rules, guide.mail_rules)
        for rule in rules.values()
    ]
    attested = [
        Requirement(item.id, item.question, item.title, item.to_do)
        for item in attestations.items.values()
    ]
    return sorted([*measured, *attested], key=lambda one: one.question)


def framework(found: Sequence[Requirement], *, day: date, release: str) -> Mapping[str, object]:
    """The library's document. One that was made on a later day takes an earlier one's place."""
    nodes: list[Mapping[str, object]] = []
    for number, title in HEADINGS.items():
        heading = _urn("req_node", f"q{number:02}")
        nodes.append(
            {
                "urn": heading,
                "assessable": False,
                "depth": 1,
                "ref_id": f"Q{number:02}",
                **_named(title),
            }
        )
        nodes += [
            {
                "urn": one.urn,
                "assessable": True,
                "depth": 2,
                "parent_urn": heading,
                "ref_id": one.id,
                **_named(one.title, one.about),
            }
            for one in found
            if one.question == number
        ]
    return {
        "urn": _urn("library"),
        "locale": "fr",
        "ref_id": REF_ID,
        **_named(_TITLE, _ABOUT),
        "copyright": f"Vigie {release}, Apache-2.0",
        "version": int(day.strftime("%Y%m%d")),
        "publication_date": day,
        "provider": "Vigie",
        "packager": PACKAGER,
        "objects": {
            "framework": {
                "urn": _urn("framework"),
                "ref_id": REF_ID,
                **_named(_TITLE, _ABOUT),
                "requirement_nodes": nodes,
            }
        },
    }


def _named(title: Texts, about: Texts | None = None) -> Mapping[str, object]:
    """Name and description in French, and their translation."""
    french, english = ({"name": title[one][:LONGEST_NAME]} for one in ("fr", "en"))
    if about is not None:
        french["description"], english["description"] = about["fr"], about["en"]
    return {**french, "translations": {"en": english}}


def _urn(kind: str, last: str = "") -> str:
    return ":".join(("urn", PACKAGER, "risk", kind, NAME, *((last,) if last else ())))
