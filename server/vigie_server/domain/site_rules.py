"""The rules of a whole site: pure decisions. Their texts and parameters are data.

What every one of them holds to: a site passes on evidence only. What nobody declared, recorded or
reported is `unknown`, with the reason; what there is nothing of is `not_applicable`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from vigie_server.domain.documents import Texts
from vigie_server.domain.parameters import Parameter, Value
from vigie_server.domain.site_figures import INVENTORY_WORDS, Inventory, SiteFigures
from vigie_server.domain.statements import LANGUAGES, Shown, Template, day, shown
from vigie_server.domain.verdicts import Severity, Status
from vigie_server.domain.version_drift import Drift, Memory, drift_of

NAMED: Final = 5
_ROUNDING: Final = 1e-9  # 0.9 of 10 is 9, whatever binary fractions say

Said = object | Texts
"""What a sentence names: one value, or one text by language."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a decision comes to: the name of a reason, what its sentence names, what to remember.

    `until` is the next instant at which time alone can change it.
    """

    reason: str
    named: Mapping[str, Said] = field(default_factory=dict)
    memory: Mapping[str, object] = field(default_factory=dict)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What a decision is asked: the figures, the parameters in force, what it remembered."""

    figures: SiteFigures
    setting: Mapping[str, Value]
    memory: Mapping[str, object]
    now: datetime

    def number(self, parameter: str) -> int:
        """A parameter that is a whole number."""
        value = self.setting[parameter]
        assert isinstance(value, int)  # noqa: S101 (the loader saw to it)
        return value

    def days(self, parameter: str) -> timedelta:
        """A parameter that is a number of days."""
        return timedelta(days=self.number(parameter))

    def enough_of(self, count: int, parameter: str) -> int:
        """How many of `count` are the share in per cent that the parameter asks for."""
        return ceil(count * self.number(parameter) / 100 - _ROUNDING)


@dataclass(frozen=True, slots=True)
class Decision:
    """How a rule decides. `reasons`: its outcomes, with the values that each sentence may name."""

    decide: Callable[[Question], Finding]
    reasons: Mapping[str, tuple[Status, frozenset[str]]]
    parameters: frozenset[str]


@dataclass(frozen=True, slots=True)
class SiteRule:
    """A rule of the whole site, as its file tells it."""

    id: str
    severity: Severity
    beyond_guide: bool
    title: Texts
    why: Texts
    remediation: Texts
    parameters: Mapping[str, Parameter]
    reasons: Mapping[str, Mapping[str, Template]]

    @property
    def question(self) -> int:
        """The question of the guide it belongs to."""
        return int(self.id[1:3])


@dataclass(frozen=True, slots=True)
class SiteVerdict:
    """What a rule says of a site. `detail` is what it remembers until the next time."""

    rule: str
    status: Status
    reason: Texts
    detail: Mapping[str, object] = field(default_factory=dict)
    until: datetime | None = None


def judge_site(
    rule: SiteRule,
    figures: SiteFigures,
    *,
    overrides: Mapping[str, object],
    memory: Mapping[str, object],
    now: datetime,
) -> SiteVerdict:
    """One rule, one site, one moment. Never raises on data."""
    setting: dict[str, Value] = {}
    for name, parameter in rule.parameters.items():
        value = parameter.value("standard", overrides.get(name))
        if value is None or not parameter.allows(value):  # dates could not be counted with it
            return SiteVerdict(rule.id, Status.UNKNOWN, _setting_wrong(name), memory)
        setting[name] = value
    decision = DECISIONS[rule.id]
    found = decision.decide(Question(figures, setting, memory, now))
    status, _ = decision.reasons[found.reason]
    values = {name: value for name, value in setting.items() if isinstance(value, int)}
    named = {**values, **found.named}
    reason = {
        language: rule.reasons[found.reason][language].render(
            lambda name, language=language: _in(language, named.get(name))  # type: ignore[misc]
        )
        for language in LANGUAGES
    }
    return SiteVerdict(rule.id, status, reason, found.memory, found.until)


def _in(language: str, value: Said) -> object:
    return value[language] if isinstance(value, Mapping) else value


def _setting_wrong(name: str) -> Texts:
    return {
        "fr": f"Le réglage {name} de cette règle n'a pas une valeur utilisable.",
        "en": f"The setting {name} of this rule has no usable value.",
    }


def _listed(texts: Iterable[Texts]) -> Texts:
    """Some texts in a row, and how many more there are."""
    held = list(texts)
    more = len(held) - NAMED
    rest = {"fr": f", … et {more} de plus", "en": f", … and {more} more"} if more > 0 else {}
    return {
        language: Shown(", ".join(text[language] for text in held[:NAMED]) + rest.get(language, ""))
        for language in LANGUAGES
    }


def _same(text: str) -> Texts:
    return {language: shown(text, "", language) for language in LANGUAGES}


def _coverage(asked: Question) -> Finding:
    figures = asked.figures
    declared, days = figures.declared_devices, asked.number("days")
    reporting = sum(count for ago, count in figures.heard.items() if ago < days)
    if declared is None:
        return Finding("undeclared", {"reporting": reporting})
    if declared == 0:
        return Finding("none" if figures.counted == 0 else "undeclared", {"reporting": reporting})
    named = {"reporting": reporting, "declared": declared}
    if reporting > declared:
        return Finding("more", named)
    if reporting >= asked.enough_of(declared, "share"):
        return Finding("pass", named)
    return Finding("fail", {**named, "missing": declared - reporting})


def _reviewed(asked: Question) -> Finding:
    figures, period = asked.figures, asked.days("days")
    if not figures.reviews:
        return Finding("never")
    open_ones: list[Texts] = []
    ends = []
    for inventory in Inventory:
        words = INVENTORY_WORDS[inventory]
        at = figures.reviews.get(inventory.value)
        if at is None:
            open_ones.append(_about(words, "jamais revu", "never reviewed"))
        elif asked.now - at >= period:
            fr, en = day(at.timestamp(), "fr"), day(at.timestamp(), "en")
            open_ones.append(_about(words, f"revu le {fr}", f"reviewed on {en}"))
        elif not figures.complemented(inventory):
            open_ones.append(_about(words, "complément non attesté", "complement not attested"))
        else:
            ends.append(at + period)
    if open_ones:
        return Finding("fail", {"inventories": _listed(open_ones)}, until=min(ends, default=None))
    return Finding("pass", {"until": int(min(ends).timestamp())}, until=min(ends))


def _about(words: Texts, fr: str, en: str) -> Texts:
    return {"fr": f"{words['fr']} ({fr})", "en": f"{words['en']} ({en})"}


def _versions(asked: Question) -> Finding:
    figures = asked.figures
    drift = drift_of(
        figures.versions, Memory.of(asked.memory), window=asked.days("window"), now=asked.now
    )
    kept = drift.memory.kept()
    if figures.counted == 0:
        return Finding("no_device", memory=kept)
    told = {"told": figures.software_told, "counted": figures.counted}
    if drift.overdue:  # one old version is one too many, whoever else is silent
        return Finding("fail", {"products": _products(drift)}, kept, drift.until)
    if figures.software_told < asked.enough_of(figures.counted, "told"):
        return Finding("untold", told, kept, drift.until)
    if not figures.versions:
        return Finding("nothing_watched", memory=kept)
    if not drift.mixed:
        return Finding("pass", {"count": len(figures.versions)}, kept, drift.until)
    reason = "rolling_out" if drift.watched_long_enough else "watching"
    since = {"since": int(drift.began.timestamp())}
    return Finding(reason, {**since, "products": _products(drift)}, kept, drift.until)


def _products(drift: Drift) -> Texts:
    shown = drift.overdue or drift.mixed
    return _listed(_same(f"{product} ({', '.join(held)})") for product, held in shown)


def _policy(asked: Question) -> Finding:
    figures = asked.figures
    if figures.counted == 0:
        return Finding("no_device")
    uneven: list[Texts] = []
    compared = 0
    for platform, held in sorted(figures.configurations.items()):
        total, most = sum(held.values()), max(held.values(), default=0)
        if total < 2:  # noqa: PLR2004 (one device is like itself)
            continue
        compared += total
        if most < asked.enough_of(total, "share"):
            uneven.append(
                {
                    "fr": shown(f"{platform} : {most} sur {total}", "", "fr"),
                    "en": shown(f"{platform}: {most} of {total}", "", "en"),
                }
            )
    if uneven:
        return Finding("fail", {"groups": _listed(uneven)})
    if figures.firewall_told < asked.enough_of(figures.counted, "told"):
        return Finding("untold", {"told": figures.firewall_told, "counted": figures.counted})
    return Finding("pass", {"compared": compared}) if compared else Finding("alone")


def _contractors(asked: Question) -> Finding:
    tokens = asked.figures.contractors
    if not tokens:
        return Finding("none")
    longest, idle = asked.days("lifetime"), asked.days("idle")
    unbounded: list[Texts] = []
    ends: list[datetime] = []
    for token in sorted(tokens, key=lambda token: token.name):
        used = token.last_used_at or token.created_at
        faults = []
        if token.everywhere:
            faults.append({"fr": "tous les établissements", "en": "every site"})
        if token.expires_at - asked.now > longest:
            faults.append({"fr": "expiration trop lointaine", "en": "expires too late"})
        if asked.now - used > idle:
            faults.append({"fr": "plus utilisé", "en": "no longer used"})
        ends += [token.expires_at, used + idle]
        if faults:
            about = {lang: ", ".join(fault[lang] for fault in faults) for lang in LANGUAGES}
            unbounded.append(_about(_same(token.name), about["fr"], about["en"]))
    until = min((end for end in ends if end > asked.now), default=None)
    if unbounded:
        return Finding("fail", {"tokens": _listed(unbounded)}, until=until)
    return Finding("pass", {"count": len(tokens)}, until=until)


def _said(status: Status, *names: str) -> tuple[Status, frozenset[str]]:
    return status, frozenset(names)


DECISIONS: Final[Mapping[str, Decision]] = {
    "Q01-coverage": Decision(
        _coverage,
        {
            "pass": _said(Status.PASS, "reporting", "declared"),
            "more": _said(Status.PASS, "reporting", "declared"),
            "fail": _said(Status.FAIL, "reporting", "declared", "missing"),
            "undeclared": _said(Status.UNKNOWN, "reporting"),
            "none": _said(Status.NOT_APPLICABLE),
        },
        frozenset({"share", "days"}),
    ),
    "Q01-inventory-reviewed": Decision(
        _reviewed,
        {
            "pass": _said(Status.PASS, "until"),
            "fail": _said(Status.FAIL, "inventories"),
            "never": _said(Status.UNKNOWN),
        },
        frozenset({"days"}),
    ),
    "Q03-versions-homogeneous": Decision(
        _versions,
        {
            "pass": _said(Status.PASS, "count"),
            "rolling_out": _said(Status.PASS, "products", "since"),
            "fail": _said(Status.FAIL, "products"),
            "watching": _said(Status.UNKNOWN, "products", "since"),
            "untold": _said(Status.UNKNOWN, "told", "counted"),
            "no_device": _said(Status.UNKNOWN),
            "nothing_watched": _said(Status.NOT_APPLICABLE),
        },
        frozenset({"products", "window", "told"}),
    ),
    "Q06-policy-homogeneous": Decision(
        _policy,
        {
            "pass": _said(Status.PASS, "compared"),
            "fail": _said(Status.FAIL, "groups"),
            "untold": _said(Status.UNKNOWN, "told", "counted"),
            "no_device": _said(Status.UNKNOWN),
            "alone": _said(Status.NOT_APPLICABLE),
        },
        frozenset({"share", "told"}),
    ),
    "Q13-contractor-access-bounded": Decision(
        _contractors,
        {
            "pass": _said(Status.PASS, "count"),
            "fail": _said(Status.FAIL, "tokens"),
            "none": _said(Status.NOT_APPLICABLE),
        },
        frozenset({"lifetime", "idle"}),
    ),
}
"""By the rule's id."""
