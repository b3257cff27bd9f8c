"""The pages of rules: what each comes to, and what it says."""

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from vigie_server.console.presenters.device import steps
from vigie_server.console.presenters.rule_days import SPANS, days_chart, span_of
from vigie_server.console.shell import Shell, Visit
from vigie_server.console.walking import Walk
from vigie_server.domain.errors import NotFound
from vigie_server.domain.personal import naming_columns
from vigie_server.domain.rule_references import estimated, used_by
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.verdicts import Status
from vigie_server.ports.lists import DeviceLists, RuleTally
from vigie_server.ports.rule_days import RuleDays
from vigie_server.web.access import scope_of
from vigie_server.web.withheld import Withheld

PAGE: Final = 50
_KINDS: Final = (str, int)


@dataclass(frozen=True, slots=True)
class RulesSeen:
    """What these pages read."""

    lists: DeviceLists
    catalogue: Catalogue
    days: RuleDays


def rules_pages(shell: Shell, seen: RulesSeen) -> APIRouter:
    """The pages of rules."""
    router = shell.router()
    Visitor = Annotated[Visit, Depends(shell.visit())]  # noqa: N806 (a type)
    withheld = Withheld(naming_columns(seen.catalogue))

    def tallies(visit: Visit, site: str | None) -> dict[str, RuleTally]:
        return {tally.rule: tally for tally in seen.lists.tallies(scope_of(visit.caller, site))}

    @router.get("/rules")
    def rules(visit: Visitor, *, site: str = "") -> Response:
        """Every rule by question, with its share of compliance."""
        counted = tallies(visit, site or None)
        by_question: dict[int, list[tuple[object, RuleTally]]] = {}
        for rule in seen.catalogue.rules.values():
            tally = counted.get(rule.id, RuleTally(rule.id))
            by_question.setdefault(rule.question, []).append((rule, tally))
        return shell.page(
            visit,
            "rules.html",
            questions=sorted(by_question.items()),
            titles=seen.catalogue.questions,
            site=site,
        )

    @router.get("/rules/{rule_id}")
    def rule(
        rule_id: str, request: Request, visit: Visitor, *, site: str = "", days: str = ""
    ) -> Response:
        """What a rule asks for, what to do, how it went, and the devices that fail it."""
        found = seen.catalogue.rules.get(rule_id)
        if found is None:
            raise NotFound(f"no rule {rule_id}")
        walk, span = Walk.of(request), span_of(days)
        scope, today = scope_of(visit.caller, site or None), shell.now().astimezone(UTC).date()
        since = today - timedelta(days=span)
        page = seen.lists.verdicts_of_rule(
            rule_id,
            scope,
            status=Status.FAIL,
            after=walk.place(_KINDS),
            limit=PAGE,
        )
        return shell.page(
            visit,
            "rule.html",
            rule=found,
            chart=days_chart(
                seen.days.days(rule_id, scope, since=since, today=today), since=since, today=today
            ),
            span=span,
            spans=SPANS,
            tally=tallies(visit, site or None).get(rule_id, RuleTally(rule_id)),
            failing=withheld.of(visit.caller, page.items),
            walk=walk,
            next=walk.next(page.after),
            question=seen.catalogue.questions.get(found.question, {}),
            site=site,
            steps=steps,
            references=[
                (reference, estimated(reference))
                for reference in used_by(found, seen.catalogue.references.values())
            ],
        )

    return router
