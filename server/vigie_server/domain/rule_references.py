"""Which reference data a rule uses, and which of its ends of support nobody has published."""

from collections.abc import Iterable, Sequence

from vigie_server.domain.products import ProductTable
from vigie_server.domain.reference import NameList, SupportedRelease, SupportTable
from vigie_server.domain.reference_files import Reference
from vigie_server.domain.rules import Rule


def used_by(rule: Rule, references: Iterable[Reference]) -> Sequence[Reference]:
    """The reference data that the rule's parameters name, in the order of these references.

    What a person set in their place, for a site or a device, is not looked at.
    """
    held = {
        id(value)
        for parameter in rule.parameters.values()
        for value in (parameter.default, *parameter.profiles.values())
    }
    return [one for one in references if _contents(one) & held]


def estimated(reference: Reference) -> Sequence[SupportedRelease]:
    """The ends of support that follow from a vendor's practice: it has published none."""
    if not isinstance(reference.content, SupportTable):
        return ()
    return [release for release in reference.content.releases.values() if release.estimated]


def _contents(reference: Reference) -> set[int]:
    """What a parameter holds that names it, by identity: there is one object of each content."""
    content = reference.content
    if isinstance(content, ProductTable):  # a parameter may want its names alone
        return {id(content), id(NameList.of(content.names))}
    return {id(content)}
