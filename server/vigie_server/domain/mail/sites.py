"""A rule of question 7 over all mail domains of a site: the worst of them decides."""

from collections.abc import Mapping
from typing import Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.mail import reasons
from vigie_server.domain.mail.findings import Finding, said, worst
from vigie_server.domain.statements import LANGUAGES
from vigie_server.domain.verdicts import Status

_COLON: Final[Texts] = {"fr": " : ", "en": ": "}


def of_site(domains: Mapping[str, Finding | None]) -> Finding | None:
    """The site's finding; None where it has no mail domain. One not yet checked is unknown."""
    if not domains:
        return None
    named = [_named(domain, finding) for domain, finding in sorted(domains.items())]
    return worst(named)


def _named(domain: str, finding: Finding | None) -> Finding:
    if finding is None:
        return Finding(Status.UNKNOWN, said(reasons.NOT_CHECKED, domain=domain))
    reason = {
        language: domain + _COLON[language] + finding.reason[language] for language in LANGUAGES
    }
    return Finding(finding.status, reason, ({"domain": domain, "status": finding.status.value},))
