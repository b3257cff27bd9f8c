"""Which dashboards there are."""

from collections.abc import Callable, Mapping
from typing import Final

from vigie_grafana.parts import Sheet
from vigie_grafana.sheets import (
    device,
    fleet,
    nomads,
    protection,
    question,
    server,
    site,
    software,
)
from vigie_grafana.wording import Language, Words
from vigie_server.domain.rules import Catalogue

Draw = Callable[[Sheet], None]

_DRAWN: Final[Mapping[str, tuple[Words, Words, Draw]]] = {
    "fleet": (
        Words("Vue d'ensemble", "Overview"),
        Words(
            "Tous les établissements, question par question.", "All sites, question by question."
        ),
        fleet.draw,
    ),
    "site": (
        Words("Établissement", "Site"),
        Words(
            "Un établissement : niveaux, règles, attestations.",
            "One site: levels, rules, attestations.",
        ),
        site.draw,
    ),
    "device": (
        Words("Équipement", "Device"),
        Words("Un équipement et ce qui lui manque.", "One device and what it lacks."),
        device.draw,
    ),
    "question": (
        Words("Question du guide", "Question of the guide"),
        Words(
            "Une des treize questions, sur tout le parc.", "One of the thirteen, over the fleet."
        ),
        question.draw,
    ),
    "nomads": (
        Words("Nomadisme", "Mobile working"),
        Words("Portables hors des murs : chiffrement, VPN.", "Laptops off site: encryption, VPN."),
        nomads.draw,
    ),
    "protection": (
        Words("Antivirus, correctifs, sauvegardes", "Antivirus, patches, backups"),
        Words("L'âge de ce qui protège.", "The age of what protects."),
        protection.draw,
    ),
    "software": (
        Words("Dérive des versions", "Drift of versions"),
        Words("Versions en service, et fins de support.", "Versions in use, and ends of support."),
        software.draw,
    ),
    "server": (
        Words("Agents et serveur", "Agents and server"),
        Words("La santé de Vigie elle-même.", "The health of Vigie itself."),
        server.draw,
    ),
}


def drawn(catalogue: Catalogue, language: Language) -> Mapping[str, Sheet]:
    """Every dashboard in this language, by name."""
    sheets = {}
    for name, (title, about, draw) in _DRAWN.items():
        sheets[name] = sheet = Sheet(name, title, about, language, catalogue)
        draw(sheet)
    return sheets
