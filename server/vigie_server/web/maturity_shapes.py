"""The JSON shapes of levels, sites' rules and inventories."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from vigie_server.domain.ladder_files import QUESTIONS
from vigie_server.domain.maturity import LEVELS
from vigie_server.domain.site_guide import SiteGuide
from vigie_server.ports.maturity import (
    LevelChange,
    LevelRecord,
    ReviewRecord,
    RollUp,
    SiteVerdictRecord,
)
from vigie_server.web.listing import PageShape


class ActionShape(BaseModel):
    """One thing to do about `subject`, a rule or an attestation; `words` say it.

    `need`: attest, declare, site, mend, enrol or apply. `alternatives`: each would do instead. An
    attestation has to carry `value`, or `at_least` that number; the one before ended at
    `expired_at`.
    """

    need: str
    subject: str
    count: int = 0
    devices: list[str] = []
    alternatives: list[list["ActionShape"]] = []
    value: str | None = None
    at_least: float | None = None
    expired_at: datetime | None = None
    words: dict[str, str] | None = None


class LevelShape(BaseModel):
    """A site's level of one question. `level` is null while nothing is known: not assessed.

    `words` say the level, `next_words` the one above, `reason` what holds the site here; `actions`
    are all that reaches the next level, the cheapest first.
    """

    question: int
    title: dict[str, str] | None
    level: int | None
    words: dict[str, str] | None
    next_words: dict[str, str] | None
    reason: dict[str, str] | None
    actions: list[ActionShape]
    since: datetime | None
    judged_at: datetime | None

    @classmethod
    def of(cls, question: int, record: LevelRecord | None, guide: SiteGuide) -> "LevelShape":
        """The level as it stands; None: the site was not looked at yet."""
        words = guide.words.get(question, {})
        level = None if record is None else record.level
        above = 0 if level is None else level + 1
        return cls(
            question=question,
            title=_texts(guide.questions.get(question)),
            level=level,
            words=None if level is None else _texts(words.get(level)),
            next_words=_texts(words.get(max(above, LEVELS[0]))),
            reason=None if record is None else dict(record.reason),
            actions=(
                []
                if record is None
                else [ActionShape.model_validate(action) for action in record.actions]
            ),
            since=None if record is None else record.since,
            judged_at=None if record is None else record.judged_at,
        )


class MaturityShape(BaseModel):
    """A site's thirteen questions."""

    site: str
    questions: list[LevelShape]

    @classmethod
    def of(cls, site: str, records: list[LevelRecord], guide: SiteGuide) -> "MaturityShape":
        """All thirteen, whether they were looked at or not."""
        by_question = {record.question: record for record in records}
        return cls(
            site=site,
            questions=[
                LevelShape.of(question, by_question.get(question), guide) for question in QUESTIONS
            ],
        )


class LevelChangeShape(BaseModel):
    """A level that changed; null: not assessed."""

    question: int
    before: int | None
    after: int | None
    reason: dict[str, str]
    at: datetime

    @classmethod
    def of(cls, change: LevelChange) -> "LevelChangeShape":
        """The change, word for word."""
        return cls(
            question=change.question,
            before=change.before,
            after=change.after,
            reason=dict(change.reason),
            at=change.at,
        )


class LevelChangeList(PageShape[LevelChangeShape]):
    """Changes of level, the newest first."""


class SpreadShape(BaseModel):
    """How many sites hold each level of one question."""

    question: int
    not_assessed: int
    n0: int
    n1: int
    n2: int
    n3: int
    n4: int


class RollUpShape(BaseModel):
    """How the sites of a body or a region spread over the levels; no site, device or person."""

    sites: int
    questions: list[SpreadShape]

    @classmethod
    def of(cls, found: RollUp) -> "RollUpShape":
        """All thirteen questions: a site without a level counts as not assessed."""
        spreads = []
        for question in QUESTIONS:
            held = found.levels.get(question, {None: found.sites})
            levels = {f"n{level}": held.get(level, 0) for level in (0, *LEVELS)}
            spreads.append(SpreadShape(question=question, not_assessed=held.get(None, 0), **levels))
        return cls(sites=found.sites, questions=spreads)


class SiteRuleShape(BaseModel):
    """A rule's verdict on a whole site. `status` is null while the site was not looked at."""

    rule: str
    title: dict[str, str] | None
    severity: str | None
    beyond_guide: bool | None
    why: dict[str, str] | None
    remediation: dict[str, str] | None
    status: str | None
    reason: dict[str, str] | None
    since: datetime | None
    judged_at: datetime | None

    @classmethod
    def of(cls, rule: str, record: SiteVerdictRecord | None, guide: SiteGuide) -> "SiteRuleShape":
        """The verdict with the rule's texts, where the guide of sites has them."""
        told = guide.site_rules.get(rule) or guide.mail_rules.get(rule)
        return cls(
            rule=rule,
            title=_texts(guide.titles.get(rule)),
            severity=None if told is None else told.severity.value,
            beyond_guide=None if told is None else told.beyond_guide,
            why=None if told is None else dict(told.why),
            remediation=None if told is None else dict(told.remediation),
            status=None if record is None else record.status.value,
            reason=None if record is None else dict(record.reason),
            since=None if record is None else record.since,
            judged_at=None if record is None else record.judged_at,
        )


class SiteRuleList(PageShape[SiteRuleShape]):
    """The rules of a whole site, in the order of their ids."""


class InventoryShape(BaseModel):
    """One of the five inventories. `due`: never reviewed, or too long ago.

    `attested`: a person attests that it holds what no device reports.
    """

    inventory: str
    reviewed_at: datetime | None
    author: str
    complement: str
    due_at: datetime | None
    due: bool
    attested: bool

    @classmethod
    def of(cls, record: ReviewRecord, now: datetime) -> "InventoryShape":
        """The inventory's newest review."""
        return cls(
            inventory=record.inventory.value,
            reviewed_at=record.reviewed_at,
            author=record.author,
            complement=record.complement,
            due_at=record.due_at,
            due=record.due_at is None or record.due_at <= now,
            attested=record.attested,
        )


class InventoryList(PageShape[InventoryShape]):
    """The five inventories of a site."""


class Reviewed(BaseModel):
    """A review that was done. `complement`: what was added by hand, in a few words."""

    model_config = ConfigDict(extra="forbid")

    complement: str = ""


def _texts(texts: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if texts is None else dict(texts)
