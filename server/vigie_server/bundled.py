"""Where the server's data is: inside the wheel, or beside a checkout.

What comes with the release stays as it is while a process lives: it is read once.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from vigie_server.domain.attesting import AttestationCatalogue, load_attestations
from vigie_server.domain.errors import RulesMalformed
from vigie_server.domain.incident_contacts import IncidentContacts, load_incident_contacts
from vigie_server.domain.ladder_files import KnownIds, load_ladder, rules_of
from vigie_server.domain.mail.rule_files import MailRule, load_mail_rules
from vigie_server.domain.questions import ApprovedQuestion, load_questions
from vigie_server.domain.rulebook import PARTS, Release, catalogue_of, load_catalogue, read_release
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.site_guide import SiteGuide, load_site_guide

_PACKAGE: Final = Path(__file__).parent
_CHECKOUT: Final = _PACKAGE.parent.parent / "queries"
_RULES_OF_A_QUESTION: Final = "q[0-9][0-9].yaml"
"""How the release calls the files of its rules."""


def topics_folder() -> Path:
    """The declarations of topics: the wheel holds them once, for both halves, as data."""
    inside = _PACKAGE.parent / "vigie_agent" / "topics"
    return inside if inside.is_dir() else _CHECKOUT / "topics"


def questions_folder() -> Path:
    """The approved questions: the wheel holds them beside the topics."""
    return topics_folder().parent / "questions"


def guide_folder() -> Path:
    """The rules, with their reference tables in `reference`."""
    inside = _PACKAGE / "guide"
    return inside if inside.is_dir() else _CHECKOUT / "guide"


def whys_file() -> Path:
    """What the agent says of what it could not read, in both languages: beside the topics."""
    return topics_folder().parent / "whys.yaml"


def bundled_catalogue(own_references: Path | None = None, own: Path | None = None) -> Catalogue:
    """The catalogue that comes with the server, with newer reference data of its own.

    `own` is a folder of a site's own topics and rules. Raises RulesMalformed.
    """
    if own_references is not None:
        return load_catalogue(topics_folder(), guide_folder(), whys_file(), own_references, own)
    if own is not None:
        return catalogue_of(_release(), whys_file(), own)
    return _released_catalogue()


@cache
def _release() -> Release:
    return read_release(topics_folder(), guide_folder())


@cache
def _released_catalogue() -> Catalogue:
    return catalogue_of(_release(), whys_file())


def catalogue_with(folder: Path, own_references: Path | None = None) -> Catalogue:
    """The catalogue as a folder would make it. Raises RulesMalformed.

    A folder like `queries` (it holds `whys.yaml`) is a catalogue of its own; one like
    `queries/guide` (rule files lie in it) takes the place of the release's rules; any other is a
    site's own, beside the release's.
    """
    if (folder / "whys.yaml").is_file():
        return load_catalogue(
            folder / "topics", folder / "guide", folder / "whys.yaml", own_references
        )
    if any(folder.glob("*.yaml")):
        if not any(folder.glob(_RULES_OF_A_QUESTION)):
            raise RulesMalformed(f"{folder}: {_own_folder_meant(folder)}")
        return load_catalogue(topics_folder(), folder, whys_file(), own_references)
    return bundled_catalogue(own_references, folder)


def _own_folder_meant(folder: Path) -> str:
    """What to do where the files of a folder are not called as those of the release's guide."""
    if folder.name in PARTS:
        return f"name the folder that holds it: {folder.absolute().parent}"
    return "rules of your own lie in `guide` below it, their topics in `topics`"


@cache
def bundled_attestations() -> AttestationCatalogue:
    """What can be attested, and the rules that may be said not to apply. Raises RulesMalformed."""
    ladder = load_ladder(guide_folder() / "site" / "maturity.yaml", KnownIds())
    return load_attestations(guide_folder() / "attestations", rules=rules_of(ladder))


def bundled_questions() -> Mapping[str, ApprovedQuestion]:
    """What may be asked of devices live, by id. Raises RulesMalformed."""
    return load_questions(questions_folder())


def regions_file() -> Path:
    """The regions of France, by INSEE code."""
    return guide_folder() / "reference" / "places" / "regions.yaml"


def bundled_incident_contacts() -> IncidentContacts:
    """Whom to call and tell in an incident. Raises RulesMalformed."""
    places = guide_folder() / "reference" / "places"
    return load_incident_contacts(places / "incident_contacts.yaml")


def bundled_site_guide(catalogue: Catalogue) -> SiteGuide:
    """What sites are judged by, beside the rules of the catalogue. Raises RulesMalformed."""
    items = bundled_attestations().items
    titles = {item: held.title for item, held in items.items()}
    mail_rules = bundled_mail_rules()
    of_mail = {rule.id: rule.title for rule in mail_rules.values()}
    guide = load_site_guide(
        guide_folder(), catalogue, attestations=titles, other_site_rules=of_mail
    )
    return replace(guide, titles={**guide.titles, **of_mail}, mail_rules=mail_rules)


def bundled_mail_rules() -> Mapping[str, MailRule]:
    """The rules on mail domains, as people read them. Raises RulesMalformed."""
    return load_mail_rules(guide_folder() / "site" / "mail.yaml")
