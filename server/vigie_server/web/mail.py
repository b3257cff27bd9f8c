"""`/api/v1/sites/{site}/mail`: the mail domains of a site, and what question 7 finds on them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from vigie_server.domain.errors import NotFound
from vigie_server.domain.mail.names import domain_of, selectors_of
from vigie_server.domain.mail.rule_files import MailRule
from vigie_server.ports.mail import MailDomain, MailStore, MailTransition, MailVerdict
from vigie_server.ports.pages import page_of
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, WRITERS, Access, acting, require_site
from vigie_server.web.conditions import CONDITIONAL, Condition
from vigie_server.web.listing import Listing, Paged, PageShape
from vigie_server.web.tags import TAGGED, tagged

Limit = Annotated[int, Query(ge=1, le=1000, description="Changes to give at most")]


class DomainSent(BaseModel):
    """The DKIM selectors of a domain, as the mail provider gives them."""

    model_config = ConfigDict(extra="forbid")

    selectors: list[str] = Field(default=[], max_length=100)


class MailVerdictShape(BaseModel):
    """What a rule says of a domain: why, by which records or servers, since when."""

    rule: str
    status: str
    reason: dict[str, str]
    detail: list[dict[str, str]]
    since: datetime
    failing_since: datetime | None
    checked_at: datetime

    @classmethod
    def of(cls, verdict: MailVerdict) -> "MailVerdictShape":
        """The verdict, word for word."""
        return cls(
            rule=verdict.rule,
            status=verdict.finding.status.value,
            reason=dict(verdict.finding.reason),
            detail=[dict(row) for row in verdict.finding.detail],
            since=verdict.since,
            failing_since=verdict.failing_since,
            checked_at=verdict.checked_at,
        )


class MailTransitionShape(BaseModel):
    """A verdict that changed; `before` null: the first one."""

    rule: str
    before: str | None
    after: str
    at: datetime
    reason: dict[str, str]

    @classmethod
    def of(cls, change: MailTransition) -> "MailTransitionShape":
        """The change, word for word."""
        return cls(
            rule=change.rule,
            before=None if change.before is None else change.before.value,
            after=change.after.value,
            at=change.at,
            reason=dict(change.reason),
        )


class MailTransitionList(BaseModel):
    """How the verdicts on a domain changed, the newest first."""

    items: list[MailTransitionShape]


class DomainShape(BaseModel):
    """A mail domain. `next_check_at` null: it is checked as soon as possible."""

    domain: str
    selectors: list[str]
    checked_at: datetime | None
    next_check_at: datetime | None
    verdicts: list[MailVerdictShape]

    @classmethod
    def of(cls, held: MailDomain) -> "DomainShape":
        """The domain with its verdicts, in the order of the rules' ids."""
        return cls(
            domain=held.domain,
            selectors=list(held.selectors),
            checked_at=held.checked_at,
            next_check_at=held.next_check_at,
            verdicts=[MailVerdictShape.of(held.verdicts[rule]) for rule in sorted(held.verdicts)],
        )


class MailRuleShape(BaseModel):
    """A rule on mail domains, in French and English."""

    id: str
    severity: str
    beyond_guide: bool
    title: dict[str, str]
    why: dict[str, str]
    remediation: dict[str, str]

    @classmethod
    def of(cls, rule: MailRule) -> "MailRuleShape":
        """What a reader needs to understand a verdict of this rule."""
        return cls(
            id=rule.id,
            severity=rule.severity.value,
            beyond_guide=rule.beyond_guide,
            title=dict(rule.title),
            why=dict(rule.why),
            remediation=dict(rule.remediation),
        )


class DomainList(PageShape[DomainShape]):
    """The mail domains of a site, and the rules that they are judged by."""

    rules: list[MailRuleShape]


DOMAINS: Final = Listing(DomainList, DomainShape, DomainShape.of, (str,))


def mail_router(
    access: Access, *, store: MailStore, rules: Sequence[MailRule], now: Callable[[], datetime]
) -> APIRouter:
    """The routes of mail domains."""
    router = APIRouter(prefix="/api/v1/sites/{site}/mail")
    Reader = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    Writer = Annotated[ApiCaller, Depends(access.allow(WRITERS))]  # noqa: N806 (a type)
    When = Annotated[Condition, Depends(access.condition)]  # noqa: N806 (a type)
    told = [MailRuleShape.of(rule) for rule in rules]

    def shown(site: str, domain: str) -> DomainShape:
        for held in store.of_site(site):
            if held.domain == domain:
                return DomainShape.of(held)
        raise NotFound(f"site {site} has no mail domain {domain}")

    @router.get("", response_model=DomainList)
    def list_domains(site: str, caller: Reader, asked: Paged) -> Response:
        """The mail domains of the site, in the order of their names."""
        require_site(caller, site)
        return DOMAINS.answer(
            asked,
            lambda after, limit: page_of(
                store.of_site(site), lambda held: (held.domain,), after=after, limit=limit
            ),
            rules=told,
        )

    @router.get("/{domain}", response_model=DomainShape, responses=TAGGED)
    def show_domain(site: str, domain: str, caller: Reader, request: Request) -> Response:
        """One mail domain."""
        require_site(caller, site)
        return tagged(request, shown(site, domain_of(domain)))

    @router.get("/{domain}/transitions")
    def show_transitions(
        site: str, domain: str, caller: Reader, *, limit: Limit = 100
    ) -> MailTransitionList:
        """How the verdicts on a domain changed, the newest first; also of one that was removed."""
        require_site(caller, site)
        changes = store.transitions(site, domain_of(domain), limit=limit)
        return MailTransitionList(items=[MailTransitionShape.of(change) for change in changes])

    @router.put("/{domain}", responses=CONDITIONAL)
    def put_domain(
        site: str, domain: str, sent: DomainSent, caller: Writer, when: When
    ) -> DomainShape:
        """Adds the domain or sets its selectors; it is checked as soon as possible."""
        require_site(caller, site)
        name = domain_of(domain)
        act = acting(caller, now())
        store.put(site, name, selectors_of(sent.selectors), act, when.on(DomainShape.of))
        return shown(site, name)

    @router.delete("/{domain}", status_code=HTTPStatus.NO_CONTENT, responses=CONDITIONAL)
    def remove_domain(site: str, domain: str, caller: Writer, when: When) -> None:
        """Removes the domain and its verdicts."""
        require_site(caller, site)
        store.remove(site, domain_of(domain), acting(caller, now()), when.on(DomainShape.of))

    @router.post("/{domain}/check", status_code=HTTPStatus.ACCEPTED)
    def check_domain(site: str, domain: str, caller: Writer) -> DomainShape:
        """Has the domain checked as soon as possible: ask for it again to see `checked_at` move."""
        require_site(caller, site)
        name = domain_of(domain)
        store.ask(site, name, acting(caller, now()))
        return shown(site, name)

    return router
