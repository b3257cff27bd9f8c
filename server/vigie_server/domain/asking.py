"""Live questions: who may ask what of whom, and how far a question has come. Pure.

A question goes to the devices of one target, at most as many as the server's limit. An approved
question may be asked wherever the asker's scope reaches; a SELECT of the asker's own only of sites
that allow it. The agent has the last word on any SQL.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from vigie_server.domain.devices import DeviceState
from vigie_server.domain.documents import Texts
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.plurals import counted
from vigie_server.domain.questions import ApprovedQuestion, approved
from vigie_server.domain.selectors import PLATFORMS

LONGEST_SQL: Final = 64 * 1024
LONGEST_PURPOSE: Final = 500
SUBJECT: Final = "question-"
"""How the ids of questions begin: what the audit and other processes know them by."""
_NAMED: Final = 5


class Outcome(StrEnum):
    """How it stands with one device. The agent's own names for why a query has no rows."""

    WAITING = "waiting"
    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    MISSING_TABLE = "missing_table"
    NO_PERMISSION = "no_permission"
    REFUSED = "refused"
    DENYLISTED = "denylisted"
    TOO_LARGE = "too_large"
    NOT_ASKED = "not_asked"
    """The question has no SQL for the device's platform."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question may come to, and how it is put to devices.

    `rows` of one device, `answer_bytes` of its answer, `timeout` of its query; `within`: how long
    it waits for devices at most; `at_once`: connected devices that work on one at a time; `open`:
    questions that wait at a time.
    """

    rows: int
    answer_bytes: int
    timeout: timedelta
    within: timedelta
    devices: int
    at_once: int
    open: int


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask: devices by id, or a group, or a site, or (`every`) every site.

    `site` beside `group` is the group's; a group without one is of every site.
    """

    devices: tuple[str, ...] = ()
    site: str | None = None
    group: str | None = None
    every: bool = False

    def __post_init__(self) -> None:
        """Raises DeclarationRefused where it is none or several of them."""
        kinds = [bool(self.devices), self.group is not None, self.every]
        if self.site is not None and self.group is None:
            kinds.append(True)
        if sum(kinds) != 1:
            raise DeclarationRefused(
                "say whom to ask by one of: devices (by their ids), a group, a site, every site"
            )

    def __str__(self) -> str:
        if self.every:
            return "every site"
        if self.group is not None:
            return f"group {self.group}" + (f" of {self.site}" if self.site else "")
        return f"site {self.site}" if self.site else ", ".join(self.devices)


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody wants to ask: an approved question by its id, or a SELECT of their own."""

    target: Target
    purpose: str
    question: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    sql: str | None = None
    rows: int | None = None
    within: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is asked. `approved` is empty for a SELECT of the asker's own.

    `role` is what devices' users are told of who asks; `asked_by` is for the audit. `personal`:
    answers hold personal data, or may.
    """

    id: str
    approved: str
    title: Texts
    sql: Mapping[str, str]
    purpose: str
    asked_by: str
    role: str
    personal: bool
    target: str
    rows: int
    timeout: timedelta
    asked_at: datetime
    until: datetime

    @property
    def told_purpose(self) -> str:
        """What the device's user reads: what is asked and why, French first."""
        return f"{self.title['fr']} / {self.title['en']} ({self.purpose})"

    @property
    def told_asker(self) -> str:
        """Who asks, in terms of the role."""
        return _ROLES.get(self.role, self.role)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that a target names."""

    key: int
    id: str
    site: str
    platform: str
    state: DeviceState
    disabled: bool


@dataclass(frozen=True, slots=True)
class Addressed:
    """Whom a question goes to. `unsuited` have a platform for which it has no SQL."""

    asked: tuple[Candidate, ...]
    unsuited: tuple[Candidate, ...]


_OWN_TITLE: Final[Texts] = {"fr": "Requête libre", "en": "A query of the asker's own"}
_ROLES: Final[Mapping[str, str]] = {
    "admin": "un administrateur de Vigie / an administrator of Vigie",
    "operator": "un opérateur de Vigie / an operator of Vigie",
}
_NEVER: Final = frozenset({DeviceState.QUARANTINED, DeviceState.RETIRED})


def question_of(
    asking: Asking,
    questions: Mapping[str, ApprovedQuestion],
    limits: Limits,
    *,
    question_id: str,
    asked_by: str,
    role: str,
    now: datetime,
) -> Question:
    """The question, within every limit. Raises DeclarationRefused."""
    if (asking.question is None) == (asking.sql is None):
        raise DeclarationRefused("ask one thing: an approved question by its id, or a SELECT")
    purpose = " ".join(asking.purpose.split())
    if not purpose or len(purpose) > LONGEST_PURPOSE or not purpose.isprintable():
        raise DeclarationRefused(
            f"say why it is asked, in 1 to {LONGEST_PURPOSE} characters: the device's user sees it"
        )
    rows = limits.rows if asking.rows is None else asking.rows
    if not 1 <= rows <= limits.rows:
        raise DeclarationRefused(f"rows of one device: 1 to {limits.rows}")
    within = limits.within if asking.within is None else asking.within
    if not timedelta(seconds=1) <= within <= limits.within:
        raise DeclarationRefused(
            f"a question waits 1 to {limits.within.total_seconds():.0f} seconds for devices"
        )
    if asking.question is not None:
        known = approved(questions, asking.question)
        title, personal = known.title, known.personal is not None
        sql = known.asked_with(asking.parameters)
    else:
        title, personal = _OWN_TITLE, True
        sql = dict.fromkeys(sorted(PLATFORMS), _own_sql(asking))
    return Question(
        id=question_id,
        approved=asking.question or "",
        title=title,
        sql=sql,
        purpose=purpose,
        asked_by=asked_by,
        role=role,
        personal=personal,
        target=str(asking.target),
        rows=rows,
        timeout=limits.timeout,
        asked_at=now,
        until=now + within,
    )


def addressed(
    question: Question,
    candidates: Sequence[Candidate],
    *,
    free_sites: Collection[str],
    limits: Limits,
    open_questions: int,
) -> Addressed:
    """Whom it is asked of. Raises DeclarationRefused, saying what stands against it."""
    able = [one for one in candidates if not one.disabled and one.state not in _NEVER]
    if not able:
        raise DeclarationRefused("there is no device to ask: retired and quarantined ones are not")
    if not question.approved:
        closed = sorted({one.site for one in able} - set(free_sites))
        if closed:
            named = ", ".join(closed[:_NAMED]) + (", ..." if len(closed) > _NAMED else "")
            raise DeclarationRefused(
                f"a SELECT of your own is not allowed at {named}: ask an approved question, or "
                "have an administrator allow it for the site"
            )
    asked = tuple(one for one in able if one.platform in question.sql)
    if len(asked) > limits.devices:
        raise DeclarationRefused(
            f"it would go to {counted(len(asked), 'device|devices')}, at most {limits.devices} are "
            "asked at a time: name a site or a group"
        )
    if open_questions >= limits.open:
        raise DeclarationRefused(
            f"{counted(open_questions, 'question|questions')} wait for answers already: cancel "
            "one, or ask later"
        )
    return Addressed(asked, tuple(one for one in able if one.platform not in question.sql))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a question has come: devices by outcome. `done`: nothing more will come."""

    outcomes: Mapping[str, int]
    done: bool

    @property
    def devices(self) -> int:
        return sum(self.outcomes.values())

    @property
    def answered(self) -> int:
        """Devices with an answer, a refusal too."""
        return self.devices - self.outcomes.get(Outcome.WAITING, 0)


def progress(
    outcomes: Mapping[str, int], *, until: datetime, cancelled: bool, now: datetime
) -> Progress:
    """Where a question stands that has these outcomes."""
    return Progress(outcomes, cancelled or now >= until or not outcomes.get(Outcome.WAITING, 0))


def _own_sql(asking: Asking) -> str:
    sql = (asking.sql or "").strip()
    if not sql or len(sql) > LONGEST_SQL:
        raise DeclarationRefused(f"a SELECT has 1 to {LONGEST_SQL} characters")
    if sql.split(maxsplit=1)[0].upper() not in {"SELECT", "WITH"}:
        raise DeclarationRefused("only a SELECT can be asked: agents read, and change nothing")
    if asking.parameters:
        raise DeclarationRefused(
            "parameters are for approved questions: write values in the SELECT"
        )
    return sql
