"""Assesses sites: their own rules, their levels, and what comes next. One part of the server.

A site is looked at again when something happened to it (a verdict that changed, an act on it or on
one of its devices), when the next instant at which time changes something has come, and each day.
Sites are taken one after the other, each followed by a rest that is longer than the work was (19
times, unless told otherwise): whatever the fleet, this part takes a twentieth of a core at most,
and devices' reports go first. Where more sites change than can be gone through meanwhile, each
waits for its turn, and what happened to it by then is assessed at once.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Final

import structlog

from vigie_server.domain.errors import StoreBusy
from vigie_server.domain.maturity import assess
from vigie_server.domain.maturity_words import action_words, held_by
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.domain.site_rules import SiteVerdict, judge_site
from vigie_server.domain.traits import TraitReader
from vigie_server.ports.assessing import (
    AssessmentStore,
    Progress,
    SiteSeen,
    StoredAnswer,
    TakenTraits,
    WordedAssessment,
)
from vigie_server.ports.site_model import SiteModel
from vigie_server.services.device_records import content_of, fact_of
from vigie_server.services.workers import Workers

log = structlog.get_logger()

AT_ONCE: Final = 25
"""Answers whose traits are taken together."""
AT_LEAST_EVERY: Final = timedelta(days=1)
SOONEST: Final = timedelta(seconds=1)
"""A site whose clock runs out at once is not looked at without end."""


@dataclass(frozen=True, slots=True)
class AssessSites:
    """`run` it beside the sessions. `share` is that of the ladder's `share` conditions, 0 to 1.

    `rest` is how much longer than the work for a site the rest after it is, `pause` its least.
    """

    store: AssessmentStore
    workers: Workers
    model: SiteModel
    guide: SiteGuide
    readers: Mapping[str, TraitReader]
    now: Callable[[], datetime]
    share: float
    every: float
    pause: float
    rest: float
    _due: dict[int, datetime] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Assesses every site, then those that changed, until stopped."""
        if not self.guide.ladder:
            await stop.wait()
            return
        progress: Progress | None = None
        while not stop.is_set():
            try:
                progress = await self.once(progress, stop)
            except StoreBusy as error:
                log.warning("assessment_postponed", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every)

    async def once(self, since: Progress | None, stop: asyncio.Event | None = None) -> Progress:
        """One round, over all sites where `since` is None; gives how far changes were followed."""
        changed: Collection[int] | None
        if since is None:
            changed, progress = None, await self.workers.read(self.store.progress)
        else:
            changed, progress = await self.workers.read(partial(self.store.changed, since))
        sites = await self.workers.read(self.store.sites)
        self._forget_others(sites)
        began = self.now()
        due = [
            site
            for site in sites
            if changed is None or site in changed or self._due.get(site, began) <= began
        ]
        for site in due:  # a round that is cut short begins anew
            self._due[site] = began
        assessed = 0
        for site in due:
            if stop is not None and stop.is_set():
                break
            began_one = monotonic()
            await self._assess(site)
            assessed += 1
            await self._rest(began_one, stop)
        if assessed:
            log.info("sites_assessed", sites=assessed)
        return progress

    async def _rest(self, since: float, stop: asyncio.Event | None) -> None:
        rest = max(self.pause, self.rest * (monotonic() - since))
        if stop is None:
            await asyncio.sleep(rest)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), rest)

    def _forget_others(self, sites: Sequence[int]) -> None:
        for gone in self._due.keys() - set(sites):
            del self._due[gone]
            self._names.pop(gone, None)
        self.model.keep(frozenset(self._names.values()))

    async def _assess(self, site: int) -> None:
        await self._take_traits(site)
        now = self.now()
        seen = await self.workers.read(partial(self.store.seen, site, now=now))
        if seen is None:
            self._due.pop(site, None)
            return
        verdicts = self._verdicts(seen, now)
        statuses = {
            **seen.standing.site_rules,
            **{verdict.rule: verdict.status for verdict in verdicts},
        }
        standing = replace(seen.standing, site_rules=statuses)
        titles = self.guide.titles
        assessments = [
            WordedAssessment(
                found,
                held_by(found, titles),
                [action_words(action, titles) for action in found.actions],
            )
            for found in assess(self.guide.ladder, standing, share=self.share)
        ]
        await self.workers.write(
            partial(self.store.save, site, verdicts, assessments, now=now, figures=seen.figures)
        )
        ends = [verdict.until for verdict in verdicts] + [seen.until]
        soon = min((end for end in ends if end is not None), default=now + AT_LEAST_EVERY)
        self._due[site] = max(now + SOONEST, min(soon, now + AT_LEAST_EVERY))
        self._names[site] = seen.name
        levels = {found.assessment.question: found.assessment.level for found in assessments}
        self.model.put(seen.name, levels, statuses)

    def _verdicts(self, seen: SiteSeen, now: datetime) -> Sequence[SiteVerdict]:
        return [
            judge_site(
                rule,
                seen.figures,
                overrides=seen.overrides.get(rule.id, {}),
                memory=seen.memory.get(rule.id, {}),
                now=now,
            )
            for rule in self.guide.site_rules.values()
        ]

    async def _take_traits(self, site: int) -> None:
        """Takes the traits of the answers that came since the last time, a few at once."""
        wanted = {topic: reader.id for topic, reader in self.readers.items()}
        while True:
            answers = await self.workers.read(
                partial(self.store.answers, site, wanted, limit=AT_ONCE)
            )
            if answers:
                taken = await self.workers.read(partial(self._taken, answers))
                await self.workers.write(partial(self.store.keep, taken))
            if len(answers) < AT_ONCE:
                return
            await asyncio.sleep(self.pause)

    def _taken(self, answers: Sequence[StoredAnswer]) -> Sequence[TakenTraits]:
        taken = []
        for answer in answers:
            reader = self.readers[answer.topic]
            fact = fact_of(reader.topic, content_of(answer.form), answer.observed_at)
            taken.append(TakenTraits(answer, reader.id, reader.traits_of(fact, answer.platform)))
        return taken
