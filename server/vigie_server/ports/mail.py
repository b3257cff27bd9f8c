"""Mail domains: what is declared of them, where they are checked, what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from vigie_server.domain.documents import Texts
from vigie_server.domain.mail.dns import Answer, Question
from vigie_server.domain.mail.exchangers import Meeting
from vigie_server.domain.mail.findings import Finding
from vigie_server.domain.verdicts import Status
from vigie_server.ports.conditions import Require, whatever
from vigie_server.ports.declaring import Act, Sites


@dataclass(frozen=True, slots=True)
class MailVerdict:
    """What a rule says of a domain as it stands, and since when.

    `failing_since` is from the first fail until a pass or not applicable, through unknown.
    """

    rule: str
    finding: Finding
    since: datetime
    failing_since: datetime | None
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class MailTransition:
    """A verdict that changed; `before` is None the first time."""

    rule: str
    before: Status | None
    after: Status
    at: datetime
    reason: Texts


@dataclass(frozen=True, slots=True)
class MailDomain:
    """A mail domain of a site; `verdicts` by rule, none until it was checked."""

    site: str
    domain: str
    selectors: tuple[str, ...]
    checked_at: datetime | None = None
    next_check_at: datetime | None = None
    verdicts: Mapping[str, MailVerdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    """A domain to check, and the keys of the sites' entries that the result is for."""

    domain: str
    selectors: tuple[str, ...]
    keys: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MailStanding:
    """One rule on one domain of a site, as metrics show it."""

    site: str
    domain: str
    rule: str
    status: Status
    failing_since: datetime | None


class Lookups(Protocol):
    """Asks DNS."""

    async def answer(self, question: Question) -> Answer:
        """Never raises, and takes bounded time: what went wrong is the answer."""
        ...


class MailServers(Protocol):
    """Meets mail servers; never hands over a message."""

    async def meet(self, host: str, address: str) -> Meeting:
        """Never raises, and takes bounded time. `address` is one that may be called."""
        ...


class MailStore(Protocol):
    """Mail domains and their verdicts. Blocking: call it from a worker thread."""

    def domains(self, within: Sites) -> Sequence[MailDomain]:
        """In the order of sites and domains."""
        ...

    def of_site(self, site: str) -> Sequence[MailDomain]:
        """Raises NotFound: no such site."""
        ...

    def put(
        self,
        site: str,
        domain: str,
        selectors: Sequence[str],
        act: Act,
        require: Require[MailDomain] = whatever,
    ) -> None:
        """Adds the domain, or sets its selectors; it is due at once.

        Raises NotFound: no such site; DeclarationRefused: it has too many.
        """
        ...

    def remove(
        self, site: str, domain: str, act: Act, require: Require[MailDomain] = whatever
    ) -> None:
        """With its verdicts. Raises NotFound."""
        ...

    def ask(self, site: str, domain: str, act: Act) -> None:
        """The domain is due at once. Raises NotFound."""
        ...

    def take_due(self, now: datetime, *, limit: int, hold: timedelta) -> Sequence[Due]:
        """Domains that are due; nobody else is given them before `hold` has passed.

        A domain of several sites comes once, with the keys of them all.
        """
        ...

    def take(self, site: str, domain: str) -> Due:
        """One domain, due or not. Raises NotFound."""
        ...

    def write(
        self,
        keys: Sequence[int],
        findings: Mapping[str, Finding],
        *,
        now: datetime,
        next_check_at: datetime,
    ) -> None:
        """What was found, as verdicts of the domain and of its sites; entries that went are not."""
        ...

    def transitions(self, site: str, domain: str, *, limit: int) -> Sequence[MailTransition]:
        """How the verdicts on a domain changed, the newest first; also of one that was removed.

        Raises NotFound: no such site, or nothing was ever found on such a domain of it.
        """
        ...

    def mark(self) -> object:
        """Differs from an earlier one wherever `standings` may."""
        ...

    def standings(self) -> Sequence[MailStanding]:
        """Every verdict."""
        ...
