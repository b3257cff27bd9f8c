"""Rows of verdicts as the judge's side reads them: little by little, since most stand as they are.

Plain SQL and plain tuples, because it runs for every device of the fleet at each change of the
rules, and for each device that speaks. A fleet says the same things over and over: texts that come
again are parsed once.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from struct import pack
from typing import Any, Final

from vigie_server.domain.facts import FactRow
from vigie_server.domain.made_often import made_often
from vigie_server.domain.records import HeldVerdict
from vigie_server.domain.unread import UnreadVerdicts
from vigie_server.domain.verdicts import Status, Verdict, digest_of
from vigie_server.store.instants import from_store, from_store_or_none, to_store

TEXTS_KEPT: Final = 8_192
CATALOGUES_KEPT: Final = 256
"""Choices of rules that a device has verdicts of, in the order of the database."""

GLIMPSES: Final = """
SELECT device_key, rule, status, waived, next_check_at, digest
FROM verdict WHERE device_key IN ({keys})"""
"""What tells whether verdicts stand: a third of what there is to read."""
VERDICTS: Final = """
SELECT device_key, rule, status, waived, next_check_at, digest, rule_version, reason, offending,
  measures, since, failing_since, passing_since
FROM verdict WHERE device_key IN ({keys})"""
GLANCES: Final = """
SELECT device_key, {joined}(rule{comma}), {joined}(coalesce({digest}, ''){comma}),
  {joined}(coalesce(CAST(next_check_at AS TEXT), ''){comma}),
  sum(CASE WHEN waived THEN 1 ELSE 0 END)
FROM verdict WHERE device_key IN ({keys}) GROUP BY device_key"""
"""All verdicts of a device in one row, each text in the order in which the database came by them:
the driver makes a fifth of the values. To be filled in by `IN_ONE_ROW`."""
IN_ONE_ROW: Final[Mapping[bool, Mapping[str, str]]] = {
    True: {
        "joined": "group_concat",
        "comma": "",
        "digest": "CASE WHEN digest IS NOT NULL THEN printf('%016x', digest) END",
    },
    False: {"joined": "string_agg", "comma": ", ','", "digest": "lpad(to_hex(digest), 16, '0')"},
}
"""How SQLite joins texts and writes the 64 bits of a digest, and how PostgreSQL does."""
KEY: Final = 0
RULE: Final = 1
_STATUS, _WAIVED, _NEXT_CHECK, _DIGEST, _VERSION, _REASON, _OFFENDING, _MEASURES = range(2, 10)
"""Places in a row of `VERDICTS`, and up to the digest of `GLIMPSES`."""
_DIGEST_BYTES: Final = 8
_NO_ROWS: Final = "[]"
_NO_MEASURES: Final = "{}"
_NOTHING_MEASURED: Final[Mapping[str, float]] = {}
_STATUSES: Final = {status.value: status for status in Status}

VerdictCells = Sequence[Any]
"""A row of `VERDICTS` or `GLIMPSES`."""


def unread_verdicts(
    rows: dict[str, VerdictCells], *, glimpses: bool = False
) -> UnreadVerdicts[VerdictCells]:
    """The verdicts of one device's rows, by rule; each is read when it is first asked for."""
    return UnreadVerdicts(rows, _held, _standings, _glimpse, _unlike, glimpses=glimpses)


@made_often
class GlanceCells:
    """A `Glance` at the verdicts of one device: a row of `GLANCES`."""

    row: Sequence[Any]

    @property
    def rules(self) -> Sequence[str]:
        return _names(self.row[1])

    def stands(self, said: Sequence[Verdict], now: datetime) -> bool:
        """As `_unlike` finds none of them, and there are no others."""
        _, rules, digests, checks, waived = self.row
        verdicts = None if waived else _in_order(said, _names(rules))
        if verdicts is None:
            return False
        known = [
            digest_of(verdict) if verdict.digest is None else verdict.digest for verdict in verdicts
        ]
        alike = digests == pack(f">{len(known)}q", *known).hex(",", _DIGEST_BYTES)
        return alike and _looked_at_in_time(verdicts, checks.split(","), now)


def _in_order(said: Sequence[Verdict], rules: tuple[str, ...]) -> Sequence[Verdict] | None:
    """What is said, in the order of these rules; None where it is not of them."""
    if tuple([verdict.rule for verdict in said]) == rules:
        return said  # as SQLite has them
    by_rule = {verdict.rule: verdict for verdict in said}
    return [by_rule[rule] for rule in rules] if by_rule.keys() == set(rules) else None


def _looked_at_in_time(said: Iterable[Verdict], checks: Iterable[str], now: datetime) -> bool:
    """Whether no stored check is over or too late, as `_unlike` has it."""
    at: dict[str, datetime] = {}  # verdicts of a device share their instants
    for verdict, check in zip(said, checks, strict=True):
        wanted = verdict.next_check_at
        if not check:
            if wanted is not None:
                return False
            continue
        stored = at.get(check)
        if stored is None:
            stored = at[check] = from_store(int(check))
        if stored <= now or (wanted is not None and stored > wanted):
            return False
    return True


def glanced_verdicts(row: Sequence[Any]) -> UnreadVerdicts[VerdictCells]:
    """The verdicts of one device at a glance."""
    glance = GlanceCells(row)
    return UnreadVerdicts({}, _held, _standings, _glimpse, _unlike, glance=glance)


def digest_of_cells(cells: Mapping[str, Any]) -> int:
    """`digest_of` the verdict that a row of the table holds, by column."""
    return digest_of(
        Verdict(
            cells["rule"],
            cells["rule_version"],
            _STATUSES[cells["status"]],
            _mapping(cells["reason"]),
            _rows(cells["offending"]),
            measures=_measures(cells["measures"]),
        )
    )


def is_glimpse(row: VerdictCells) -> bool:
    """Whether it is a row of `GLIMPSES`."""
    return len(row) <= _VERSION


def _standings(rows: Mapping[str, VerdictCells]) -> list[tuple[str, Status, bool]]:
    statuses = _STATUSES
    return [(rule, statuses[row[_STATUS]], bool(row[_WAIVED])) for rule, row in rows.items()]


def _glimpse(row: VerdictCells) -> tuple[Status, datetime | None]:
    return _STATUSES[row[_STATUS]], from_store_or_none(row[_NEXT_CHECK])


def _unlike(
    rows: Mapping[str, VerdictCells], said: Iterable[Verdict], now: datetime
) -> list[Verdict]:
    """As `says_the_same` of the verdicts that are held, which need not be made for it.

    One loop for all of a device, as a fleet has millions.
    """
    moment = to_store(now)
    found = []
    for verdict in said:
        row = rows.get(verdict.rule)
        if row is None or row[_WAIVED]:
            found.append(verdict)
            continue
        wanted, stored = verdict.next_check_at, row[_NEXT_CHECK]
        if stored is None:
            late = wanted is not None
        else:
            late = stored <= moment or (wanted is not None and from_store(stored) > wanted)
        if late or not _said_alike(row, verdict):
            found.append(verdict)
    return found


def _said_alike(row: VerdictCells, verdict: Verdict) -> bool:
    digest = row[_DIGEST]
    if digest is not None:
        return bool(digest == (digest_of(verdict) if verdict.digest is None else verdict.digest))
    return (
        not is_glimpse(row)
        and _STATUSES[row[_STATUS]] is verdict.status
        and bool(row[_VERSION] == verdict.rule_version)
        and _mapping(row[_REASON]) == verdict.reason
        and _rows(row[_OFFENDING]) == verdict.offending
        and _measures(row[_MEASURES]) == verdict.measures
    )


def _held(row: VerdictCells) -> HeldVerdict:
    _, rule, status, waived, next_check_at, digest, version, *said = row
    reason, offending, measures, since, failing, passing = said
    next_check = from_store_or_none(next_check_at)
    verdict = Verdict(
        rule,
        version,
        _STATUSES[status],
        _mapping(reason),
        _rows(offending),
        next_check,
        _measures(measures),
        digest,
    )
    return HeldVerdict(
        verdict,
        from_store(since),
        from_store_or_none(failing),
        next_check,
        from_store_or_none(passing),
        bool(waived),
    )


def _rows(text: str) -> tuple[FactRow, ...]:
    return () if text == _NO_ROWS else _offending(text)


def _measures(text: str) -> Mapping[str, float]:
    return _NOTHING_MEASURED if text == _NO_MEASURES else _mapping(text)


@lru_cache(CATALOGUES_KEPT)
def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


@lru_cache(TEXTS_KEPT)
def _mapping(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(text)
    return found


@lru_cache(TEXTS_KEPT)
def _offending(text: str) -> tuple[FactRow, ...]:
    return tuple(json.loads(text))
