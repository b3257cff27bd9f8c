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
from vigie_server.domain.unread import in_full, not_standing, standings
from vigie_server.domain.verdicts import Status, Verdict, digest_of
from vigie_server.store.instants import to_store, to_store_or_none
from vigie_server.store.verdict_rows import unread_verdicts

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
