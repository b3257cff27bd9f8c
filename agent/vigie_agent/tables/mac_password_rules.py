"""What the account policies and profiles of a Mac demand of passwords: pure.

A policy is a predicate such as `policyAttributePassword matches '.{12,}+'`, with parameters beside
it. Only what every password must meet is counted: a choice (`OR`, `|`), a refusal (`(?!...)`) or an
optional part demands nothing for sure, and what is not understood demands nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.mac_answers import dictionaries, dictionary, flag_of, number_of, text_of

_MATCHES: Final = re.compile(
    r"(?<!\w)(not\s+\(?\s*)?policyAttributePassword\s+matches\s+(['\"])(.*?)\2", re.IGNORECASE
)
_OR: Final = re.compile(r"\bor\b|\|\|", re.IGNORECASE)
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_LENGTH: Final = re.compile(r"(?<!\\)\.\{(\d{1,6})(?:,\d*)?\}")
_ANY: Final = r"\.\*\??"
_UPPER: Final = r"(?:\[A-Z\]|\[\[:upper:\]\]|\\p\{Lu\})"
_LOWER: Final = r"(?:\[a-z\]|\[\[:lower:\]\]|\\p\{Ll\})"
_DIGIT: Final = r"(?:\[0-9\]|\\d|\[\\d\]|\[\[:digit:\]\])"
_LETTER: Final = r"(?:\[a-zA-Z\]|\[A-Za-z\]|\[A-z\]|\[\[:alpha:\]\])"
_SPECIAL: Final = (
    r"(?:\[\^(?=[^\]]*a-z)(?=[^\]]*A-Z)(?=[^\]]*0-9)[^\]]*\]|\\W|\[\\W_?\]|\[\[:punct:\]\]|"
    r"\[(?![^\]]*(?:a-z|A-Z|0-9|\\w))[!@#$%&*?_.,;:=+~()/\\^<>-][^\]]*\])"
)
_DAYS: Final = re.compile(
    r"(\d{1,6})\s*\*\s*(?:days_to_seconds|86400|24\s*\*\s*60\s*\*\s*60)(?!\w)", re.IGNORECASE
)
_FAILED: Final = re.compile(
    r"policyAttributeFailedAuthentications\s*(<=?)\s*(\d{1,6})\b", re.IGNORECASE
)
_REOPENS: Final = re.compile(
    r"policyAttributeLastFailedAuthenticationTime\s*\+\s*\(?\s*(\d{1,9})\b", re.IGNORECASE
)
_HOURS_A_DAY: Final = 24
_ALPHANUMERIC: Final = "requireAlphanumeric"  # what a profile makes of it is a choice


@dataclass(frozen=True, slots=True)
class Demand:
    """What one rule, or all of them together, demand. None and False: nothing."""

    length: int | None = None
    upper: bool = False
    lower: bool = False
    letter: bool = False
    digit: bool = False
    special: bool = False
    tries: int | None = None
    seconds: int | None = None
    max_days: int | None = None
    min_days: int | None = None
    history: int | None = None

    @property
    def of_quality(self) -> bool:
        """Whether anything is demanded of the password itself."""
        return bool(self.length) or self.classes > 0

    @property
    def classes(self) -> int:
        """How many of the four kinds of characters are required."""
        either = self.letter and not (self.upper or self.lower)
        return sum((self.upper, self.lower, self.digit, self.special, either))

    def and_also(self, other: "Demand") -> "Demand":
        """Both at once: the stricter of each."""
        return Demand(
            length=_largest(self.length, other.length),
            upper=self.upper or other.upper,
            lower=self.lower or other.lower,
            letter=self.letter or other.letter,
            digit=self.digit or other.digit,
            special=self.special or other.special,
            tries=_smallest(self.tries, other.tries),
            seconds=_largest(self.seconds, other.seconds),
            max_days=_smallest(self.max_days, other.max_days),
            min_days=_largest(self.min_days, other.min_days),
            history=_largest(self.history, other.history),
        )


def demand_of_policies(policies: Mapping[str, object]) -> Demand:
    """What the property list of `pwpolicy -getaccountpolicies` demands."""
    total = Demand()
    for category, read in (
        ("policyCategoryPasswordContent", _content),
        ("policyCategoryAuthentication", _authentication),
        ("policyCategoryPasswordChange", _change),
    ):
        for rule in dictionaries(policies.get(category)):
            parameters = dictionary(rule.get("policyParameters"))
            for demand in read(text_of(rule.get("policyContent")), parameters):
                total = total.and_also(demand)
            if text_of(rule.get("policyIdentifier")).endswith(_ALPHANUMERIC):
                total = total.and_also(Demand(letter=True, digit=True))
    return total


def demand_of_profile(settings: Mapping[str, object]) -> Demand:
    """What the passcode payload of a configuration profile demands."""
    minutes = number_of(settings.get("minutesUntilFailedLoginReset"))
    alphanumeric = flag_of(settings.get("requireAlphanumeric")) is True
    custom = text_of(dictionary(settings.get("customRegex")).get("passwordContentRegex"))
    written = Demand(
        length=_positive(settings.get("minLength")),
        letter=alphanumeric,
        digit=alphanumeric,
        special=(number_of(settings.get("minComplexChars")) or 0) > 0,
        tries=_positive(settings.get("maxFailedAttempts")),
        seconds=None if minutes is None else minutes * 60,
        max_days=_positive(settings.get("maxPINAgeInDays")),
        history=_positive(settings.get("pinHistory")),
    )
    return written.and_also(demand_of_pattern(custom)) if custom else written


def demand_of_pattern(pattern: str) -> Demand:
    """What a regular expression that must match the whole password demands for sure."""
    certain = _without_refusals(pattern)
    if "|" in _without_sets(certain):
        return Demand()
    lengths = [int(found[1]) for found in _LENGTH.finditer(certain)]
    return Demand(
        length=max(lengths, default=0) or None,
        upper=_demands(certain, _UPPER),
        lower=_demands(certain, _LOWER),
        letter=_demands(certain, _LETTER),
        digit=_demands(certain, _DIGIT),
        special=_demands(certain, _SPECIAL),
    )


def _content(content: str, parameters: Mapping[str, object]) -> Iterator[Demand]:
    yield Demand(history=_positive(parameters.get("policyAttributePasswordHistoryDepth")))
    if _OR.search(_QUOTED.sub("''", content)):
        return
    for found in _MATCHES.finditer(content):
        if not found[1]:
            yield demand_of_pattern(found[3])


def _authentication(content: str, parameters: Mapping[str, object]) -> Iterator[Demand]:
    if "policyattributefailedauthentications" not in content.lower():
        return
    tries = _positive(parameters.get("policyAttributeMaximumFailedAuthentications"))
    if tries is None and (literal := _FAILED.search(content)):
        tries = int(literal[2]) + (literal[1] == "<=")
    seconds = number_of(parameters.get("autoEnableInSeconds"))
    if seconds is None and (literal := _REOPENS.search(content)):
        seconds = int(literal[1])
    if tries:
        yield Demand(tries=tries, seconds=seconds)


def _change(content: str, parameters: Mapping[str, object]) -> Iterator[Demand]:
    yield Demand(history=_positive(parameters.get("policyAttributePasswordHistoryDepth")))
    hours = _positive(parameters.get("policyAttributeMinimumLifetimeHours"))
    if hours is not None:
        yield Demand(min_days=hours // _HOURS_A_DAY)
    if "policyattributelastpasswordchangetime" not in content.lower():
        return
    days = _positive(parameters.get("policyAttributeExpiresEveryNDays"))
    if days is None and (literal := _DAYS.search(content)):
        days = int(literal[1]) or None
    yield Demand(max_days=days)


def _demands(pattern: str, kind: str) -> bool:
    """Whether a character of `kind` must be somewhere: `.*[A-Z].*`, in no optional group."""
    for found in re.finditer(rf"{_ANY}{kind}(?P<own>[*?]|\{{0)?", pattern):
        rest = re.sub(rf"^(?:[+]|\{{\d+(?:,\d*)?\}}\+?)?(?:{_ANY})?", "", pattern[found.end() :])
        if not found["own"] and not re.match(r"\)(?:[*?]|\{0)", rest):
            return True
    return False


def _without_refusals(pattern: str) -> str:
    """`pattern` without its negative look-aheads and look-behinds."""
    kept, place = [], 0
    while place < len(pattern):
        if pattern.startswith(("(?!", "(?<!"), place):
            place = _end_of_group(pattern, place)
        else:
            kept.append(pattern[place])
            place += 1
    return "".join(kept)


def _end_of_group(pattern: str, start: int) -> int:
    depth, place = 0, start
    while place < len(pattern):
        match pattern[place]:
            case "\\":
                place += 1
            case "(":
                depth += 1
            case ")":
                depth -= 1
                if depth == 0:
                    return place + 1
            case _:
                pass
        place += 1
    return len(pattern)


def _without_sets(pattern: str) -> str:
    return re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", pattern)


def _positive(value: object) -> int | None:
    number = number_of(value)
    return number if number is not None and number > 0 else None


def _largest(*values: int | None) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _smallest(*values: int | None) -> int | None:
    return min((value for value in values if value is not None), default=None)
