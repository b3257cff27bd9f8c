"""`/api/v1/rules`: the rules in force, how many devices hold each verdict, and which ones."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from vigie_server.domain.errors import NotFound
from vigie_server.domain.reference_files import Reference
from vigie_server.domain.rules import Rule
from vigie_server.domain.verdicts import Status
from vigie_server.ports.lists import DeviceLists, RuleTally
from vigie_server.ports.pages import page_of
from vigie_server.ports.rule_days import DayOfRule, RuleDays
from vigie_server.ports.tokens import ApiCaller
from vigie_server.web.access import READERS, Access, scope_of
from vigie_server.web.listing import STREAMS, Listing, Streamed
from vigie_server.web.shapes import (
    ReferenceShape,
    RuleDayList,
    RuleDayShape,
    RuleList,
    RuleShape,
    RuleVerdictList,
    RuleVerdictShape,
    rule_verdict_told,
)
from vigie_server.web.withheld import Withheld, told

RULES: Final = Listing[tuple[Rule, RuleTally], RuleShape](
    RuleList, RuleShape, lambda told: RuleShape.of(*told), (str,)
)
VERDICTS: Final = Listing(RuleVerdictList, RuleVerdictShape, rule_verdict_told, (str, int))
DAYS: Final = Listing[DayOfRule, RuleDayShape](RuleDayList, RuleDayShape, RuleDayShape.of, (str,))
DAYS_MOST: Final = 1_100
"""How many days back can be asked for; fewer are kept (`RETENTION__RULE_DAYS`)."""


def rules_router(
    access: Access,
    *,
    lists: DeviceLists,
    rules: Sequence[Rule],
    references: Sequence[Reference],
    withheld: Withheld,
    days: RuleDays,
    now: Callable[[], datetime],
) -> APIRouter:
    """The routes of rules."""
    router = APIRouter(prefix="/api/v1/rules")
    Caller = Annotated[ApiCaller, Depends(access.allow(READERS))]  # noqa: N806 (a type)
    known = {rule.id: rule for rule in rules}
    used = [ReferenceShape.of(reference) for reference in references]

    @router.get("", response_model=RuleList, responses=STREAMS)
    def list_rules(caller: Caller, asked: Streamed, *, site: str | None = None) -> Response:
        """Every rule that devices are judged by, and what it comes to on those that are seen."""
        counted = {tally.rule: tally for tally in lists.tallies(scope_of(caller, site))}
        found = [(rule, counted.get(rule.id, RuleTally(rule.id))) for rule in rules]
        return RULES.answer(
            asked,
            lambda after, limit: page_of(
                found, lambda pair: (pair[0].id,), after=after, limit=limit
            ),
            references=used,
        )

    @router.get("/{rule}/days", response_model=RuleDayList, responses=STREAMS)
    def list_days(
        rule: str,
        caller: Caller,
        asked: Streamed,
        *,
        back: Annotated[
            int, Query(alias="days", ge=1, le=DAYS_MOST, description="How many days back.")
        ] = 90,
        site: str | None = None,
    ) -> Response:
        """How many devices held each verdict at the end of each day (UTC), the oldest day first.

        The last is today, as it stands. Days before the first that was recorded are left out.
        """
        if rule not in known:
            raise NotFound(f"no rule {rule}")
        today = now().astimezone(UTC).date()
        found = days.days(
            rule, scope_of(caller, site), since=today - timedelta(days=back), today=today
        )
        return DAYS.answer(
            asked,
            lambda after, limit: page_of(
                found, lambda one: (one.day.isoformat(),), after=after, limit=limit
            ),
        )

    @router.get("/{rule}/verdicts", response_model=RuleVerdictList, responses=STREAMS)
    def list_verdicts(
        rule: str,
        caller: Caller,
        asked: Streamed,
        *,
        status: Status | None = None,
        site: str | None = None,
    ) -> Response:
        """What a rule says of each device that is seen, status by status."""
        if rule not in known:
            raise NotFound(f"no rule {rule}")
        sites = scope_of(caller, site)
        pages = withheld.pages(
            caller,
            lambda after, limit: lists.verdicts_of_rule(
                rule, sites, status=status, after=after, limit=limit
            ),
        )
        return told(caller, VERDICTS.answer(asked, pages))

    return router
