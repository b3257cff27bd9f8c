"""What a rule says of one mail domain, and how its sentences are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.plurals import Counted
from vigie_server.domain.statements import LANGUAGES, day, shown
from vigie_server.domain.verdicts import Status

SPF: Final = "Q07-spf"
DKIM: Final = "Q07-dkim"
DMARC: Final = "Q07-dmarc"
STARTTLS: Final = "Q07-starttls"
RULES: Final = (SPF, DKIM, DMARC, STARTTLS)

MAX_RECORD: Final = 2_000
"""Characters of a record that a finding keeps."""

Detail = tuple[Mapping[str, str], ...]
"""The records or servers that decided, by field."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule, one mail domain, one moment."""

    status: Status
    reason: Texts
    detail: Detail = ()


def said(texts: Texts, **values: object) -> Texts:
    """The sentences with their values; what others published is shown, never trusted."""
    return {
        language: texts[language].format(
            **{name: _shown(value, language) for name, value in values.items()}
        )
        for language in LANGUAGES
    }


def _shown(value: object, language: str) -> str | Counted:
    if isinstance(value, int) and not isinstance(value, bool):
        return Counted.of(value, language)
    if isinstance(value, datetime):
        return day(value.timestamp(), language)
    return shown(value, "", language)


def kept(record: str) -> str:
    """A record as a finding keeps it: printable, and not without end."""
    return "".join(sign if sign.isprintable() else "?" for sign in record[:MAX_RECORD])


_WORST_FIRST: Final = (Status.FAIL, Status.UNKNOWN, Status.PASS, Status.NOT_APPLICABLE)


def worst(findings: Sequence[Finding]) -> Finding:
    """The finding that decides over several: a fail, else what is unknown, else a pass."""
    status = min((finding.status for finding in findings), key=_WORST_FIRST.index)
    deciding = [finding for finding in findings if finding.status is status]
    reason = {
        language: " ".join(dict.fromkeys(finding.reason[language] for finding in deciding))
        for language in LANGUAGES
    }
    return Finding(status, reason, tuple(row for finding in findings for row in finding.detail))
