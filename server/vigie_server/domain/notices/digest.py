"""The weekly digest of a site: levels and what moved, devices at risk, what expires, what to do.

It is drawn from the facility's report over the days since the digest before.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.facility_report.content import Attested, Currency, SiteReport, WaiverPart
from vigie_server.domain.notices.content import NAMED, Content
from vigie_server.domain.notices.message import Message, Part, in_type, plain
from vigie_server.domain.notices.telling import closing
from vigie_server.domain.statements import day

WEEK: Final = timedelta(days=7)
STEPS: Final = 5
"""Actions that a digest names."""

_SUBJECT: Final[Texts] = {
    "fr": "[Vigie] {site} : point de la semaine",
    "en": "[Vigie] {site}: the week",
}
_OPENING: Final[Texts] = {
    "fr": "Établissement : {site}. Évolution depuis le {since}.",
    "en": "Site: {site}. What moved since {since}.",
}
_HEADINGS: Final[Mapping[str, Texts]] = {
    "questions": {"fr": "Les treize questions", "en": "The thirteen questions"},
    "risky": {"fr": "Équipements à risque : {count}", "en": "Devices at risk: {count}"},
    "expiring": {
        "fr": "Attestations et dérogations expirées ou bientôt échues : {count}",
        "en": "Attestations and waivers that have expired or soon will: {count}",
    },
    "steps": {"fr": "Prochaines actions", "en": "What to do next"},
}
_UNASSESSED: Final[Texts] = {"fr": "non évalué", "en": "not assessed"}
_MOVED: Final[Texts] = {"fr": " (était : {then})", "en": " (was: {then})"}
_UNTIL: Final[Texts] = {"fr": " (échéance : {day})", "en": " (until {day})"}
_MORE: Final[Texts] = {"fr": "… et {count} de plus", "en": "… and {count} more"}
_COLON: Final[Texts] = {"fr": " : ", "en": ": "}
_RISKS: Final[Mapping[str, Texts]] = {
    "stolen": {"fr": "volé", "en": "stolen"},
    "lost": {"fr": "perdu", "en": "lost"},
    "critical": {"fr": "règle critique non respectée", "en": "fails a critical rule"},
    "nomadic": {"fr": "nomade, règle majeure non respectée", "en": "mobile, fails a major rule"},
    "silent": {"fr": "ne remonte plus rien", "en": "reports nothing any more"},
}


def last_due(now: datetime, *, weekday: int, hour: int) -> datetime:
    """The newest moment, by now, at which a digest is due: `weekday` from Monday, 1; UTC."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    due = today - timedelta(days=(now.isoweekday() - weekday) % 7)
    return due if due <= now else due - WEEK


def digest_of(report: SiteReport) -> Content:
    """The content of a digest."""
    risky = [
        {"name": one.hostname or one.id, "risks": [risk.value for risk in one.risks]}
        for one in report.risky
    ]
    held: list[Attested | WaiverPart] = [one for part in report.questions for one in part.attested]
    expiring = [
        {"title": dict(one.title), "expires_at": one.expires_at.isoformat()}
        for one in (*held, *report.waivers)
        if one.expires_at is not None and one.currency is not Currency.IN_FORCE
    ]
    once = {(str(one["title"]), str(one["expires_at"])): one for one in expiring}
    return {
        "since": report.period.since.isoformat(),
        "questions": [
            {
                "question": part.question,
                "title": dict(part.title),
                "level": part.level,
                "before": part.period.then if part.period.known else part.level,
            }
            for part in report.questions
        ],
        "risky": {"count": len(risky) + report.more_risky, "items": risky[:NAMED]},
        "expiring": {
            "count": len(once),
            "items": sorted(once.values(), key=lambda one: str(one["expires_at"]))[:NAMED],
        },
        "steps": [dict(step.words) for step in report.plan[:STEPS]],
    }


def digest_told_in(content: Content, *, site: str, notice: str, language: str) -> Message:
    """The digest as a message."""
    site = plain(site, 80)
    parts = [
        _part("questions", [_question(one, language) for one in content["questions"]], language),
        _counted("risky", content, _risky, language),
        _counted("expiring", content, _expiring, language),
        _part("steps", [plain(step[language]) for step in content["steps"]], language),
    ]
    return in_type(
        Message(
            language=language,
            subject=_SUBJECT[language].format(site=site),
            opening=_OPENING[language].format(site=site, since=_day(content["since"], language)),
            parts=[part for part in parts if part.lines],
            closing=closing(notice, language),
        )
    )


def _part(name: str, lines: list[str], language: str, count: int = 0) -> Part:
    return Part(_HEADINGS[name][language].format(count=count), lines)


def _counted(name: str, content: Content, said: Any, language: str) -> Part:
    found = content[name]
    lines = [said(one, language) for one in found["items"]]
    more = found["count"] - len(lines)
    if more > 0:
        lines.append(_MORE[language].format(count=more))
    return _part(name, lines, language, found["count"])


def _question(one: Mapping[str, Any], language: str) -> str:
    moved = ""
    if one["before"] != one["level"]:
        moved = _MOVED[language].format(then=_level(one["before"], language))
    level = _level(one["level"], language)
    return f"{one['question']}. {plain(one['title'][language])} {level}{moved}"


def _level(level: int | None, language: str) -> str:
    return _UNASSESSED[language] if level is None else f"N{level}"


def _risky(one: Mapping[str, Any], language: str) -> str:
    risks = ", ".join(_RISKS[risk][language] for risk in one["risks"])
    return plain(one["name"], 80) + _COLON[language] + risks


def _expiring(one: Mapping[str, Any], language: str) -> str:
    until = _UNTIL[language].format(day=_day(one["expires_at"], language))
    return plain(one["title"][language]) + until


def _day(at: str, language: str) -> str:
    return day(datetime.fromisoformat(at).timestamp(), language)
