"""Verdicts as the store has them: what stands is told without reading it, and told right."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_server.domain.records import HeldVerdict
from vigie_server.domain.unread import (
    glimpse,
    in_full,
    is_countable,
    not_standing,
    standings,
)
from vigie_server.domain.verdicts import Status, Verdict, digest_of
from vigie_server.store.instants import to_store, to_store_or_none
from vigie_server.store.verdict_rows import glanced_verdicts, unread_verdicts

NOW: Final = datetime(2026, 11, 20, 8, tzinfo=UTC)
RULES: Final = ("Q01-one", "Q02-two", "Q03-three")
INSTANTS: Final = st.sampled_from([None, *[NOW + timedelta(hours=n) for n in (-1, 0, 1, 2)]])
ROWS: Final = st.sampled_from([(), ({"name": "one"},), ({"name": "one", "on": True}, {})])
SAID: Final = st.builds(
    Verdict,
    rule=st.sampled_from(RULES),
    rule_version=st.integers(1, 2),
    status=st.sampled_from(Status),
    reason=st.sampled_from([{"fr": "Oui.", "en": "Yes."}, {"fr": "Non.", "en": "No."}]),
    offending=ROWS,
    next_check_at=INSTANTS,
    measures=st.sampled_from([{}, {"found": 1.0}, {"found": 2.0}]),
)
HELD: Final = st.builds(
    HeldVerdict,
    verdict=SAID,
    since=st.just(NOW),
    failing_since=st.none(),
    next_check_at=INSTANTS,
    waived=st.booleans(),
)


def row_of(held: HeldVerdict, *, digested: bool = True) -> Sequence[Any]:
    verdict = held.verdict
    return (
        *glimpse_of(held, digested=digested),
        verdict.rule_version,
        json.dumps(verdict.reason),
        json.dumps(verdict.offending),
        json.dumps(verdict.measures),
        to_store(held.since),
        None,
        None,
    )


def glance_of(rows: Sequence[Sequence[Any]]) -> Sequence[Any]:
    _, rules, _, waived, checks, digests, *_ = zip(*rows, strict=True)
    hexed = ["" if digest is None else f"{digest % 2**64:016x}" for digest in digests]
    texts = ["" if check is None else str(check) for check in checks]
    return (1, ",".join(rules), ",".join(hexed), ",".join(texts), sum(waived))


def glimpse_of(held: HeldVerdict, *, digested: bool = True) -> Sequence[Any]:
    verdict = held.verdict
    return (
        1,
        verdict.rule,
        verdict.status.value,
        held.waived,
        to_store_or_none(held.next_check_at),
        digest_of(verdict) if digested else None,
    )


@given(
    st.lists(HELD, max_size=3),
    st.lists(SAID, max_size=4),
    st.sets(st.sampled_from(RULES)),
    st.booleans(),
)
def test_what_does_not_stand_is_the_same_read_and_unread(
    kept: list[HeldVerdict], said: list[Verdict], looked_at: set[str], digested: bool
) -> None:
    known = {held.verdict.rule: held for held in kept}
    said += [  # what stands is rare among verdicts that are made up
        replace(held.verdict, next_check_at=held.next_check_at) for held in kept
    ]
    rows = {rule: row_of(held, digested=digested) for rule, held in known.items()}
    unread = unread_verdicts(dict(rows))
    for rule in looked_at & known.keys():
        unread[rule]

    assert not_standing(unread, said, NOW) == not_standing(known, said, NOW)
    assert sorted(standings(unread)) == sorted(standings(known))

    glimpses = {rule: glimpse_of(held) for rule, held in known.items()}
    seen = unread_verdicts(glimpses, glimpses=True)

    assert not_standing(seen, said, NOW) == not_standing(known, said, NOW)
    assert sorted(standings(seen)) == sorted(standings(known))

    assert in_full(seen) is (not kept)
    seen.read_in_full(rows)

    assert in_full(seen)
    assert in_full(unread)
    assert in_full(known)
    assert dict(seen) == dict(unread)


@given(
    st.lists(HELD, min_size=1, max_size=3),
    st.lists(SAID, max_size=1),
    st.booleans(),
    st.booleans(),
    st.integers(min_value=0),
)
def test_at_a_glance_all_stand_where_none_is_found_that_does_not(
    kept: list[HeldVerdict], others: list[Verdict], waive: bool, digested: bool, turned: int
) -> None:
    known = {held.verdict.rule: held if waive else replace(held, waived=False) for held in kept}
    by_rule = {
        rule: replace(held.verdict, next_check_at=held.next_check_at)
        for rule, held in known.items()
    } | {verdict.rule: verdict for verdict in others}
    said = [by_rule[rule] for rule in sorted(by_rule)]
    rows = {rule: row_of(held, digested=digested) for rule, held in known.items()}
    order = sorted(rows)
    turned %= len(order)
    seen = glanced_verdicts(glance_of([rows[rule] for rule in order[turned:] + order[:turned]]))
    none_differ = not not_standing(known, said, NOW)
    stands = digested and by_rule.keys() == known.keys() and none_differ

    assert not_standing(seen, said, NOW) == (() if stands else said)
    assert (set(seen), len(seen), in_full(seen)) == (set(known), len(known), False)
    assert is_countable(seen) is stands
    if stands:
        assert sorted(standings(seen)) == sorted(standings(known))
    else:
        with pytest.raises(RuntimeError, match="not read in full"):
            standings(seen)

    seen.read_in_full(rows)

    assert in_full(seen)
    assert is_countable(seen)
    assert sorted(standings(seen)) == sorted(standings(known))
    assert dict(seen) == dict(unread_verdicts(dict(rows)))


def test_of_a_glance_no_verdict_is_read_or_moved() -> None:
    verdict = Verdict("Q01-one", 1, Status.PASS, {"fr": "Oui.", "en": "Yes."})
    held = HeldVerdict(verdict, NOW, None, None)
    seen = glanced_verdicts(glance_of([row_of(held)]))

    assert glimpse(seen, "Q01-one") is None
    with pytest.raises(RuntimeError, match="not read in full"):
        seen.get("Q01-one")
    with pytest.raises(RuntimeError, match="not read in full"):
        seen["Q01-one"] = held
    with pytest.raises(RuntimeError, match="not read in full"):
        del seen["Q01-one"]


def test_a_verdict_that_nobody_gave_before_does_not_stand() -> None:
    verdict = Verdict("Q01-one", 1, Status.PASS, {"fr": "Oui.", "en": "Yes."})

    assert not_standing(unread_verdicts({}), [verdict], NOW) == [verdict]


def test_what_stands_is_left_out_and_not_read() -> None:
    verdict = Verdict("Q01-one", 1, Status.PASS, {"fr": "Oui.", "en": "Yes."})
    unread = unread_verdicts({"Q01-one": row_of(HeldVerdict(verdict, NOW, None, None))})

    assert not_standing(unread, [verdict], NOW) == []


def test_a_glimpse_without_a_digest_does_not_stand_and_is_not_taken_for_the_verdict() -> None:
    held = HeldVerdict(
        Verdict("Q01-one", 1, Status.PASS, {"fr": "Oui.", "en": "Yes."}), NOW, None, None
    )
    rows = {"Q01-one": glimpse_of(held, digested=False)}
    seen = unread_verdicts(rows, glimpses=True)

    assert not_standing(seen, [held.verdict], NOW) == [held.verdict]
    with pytest.raises(RuntimeError, match="Q01-one was not read in full"):
        seen.get("Q01-one")
