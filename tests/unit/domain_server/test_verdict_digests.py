"""A verdict is told from another by its digest, today and in the store of an earlier release."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from vigie_server.domain.verdicts import Status, Verdict, digest_of, digested

VERDICT: Final = Verdict(
    "Q06-firewall-enabled",
    3,
    Status.FAIL,
    {"fr": "Désactivé : public.", "en": "Off: public."},
    offending=({"name": "public", "enabled": False, "rules": 3, "share": 0.5, "why": None},),
    measures={"vigie_device_firewall_profiles": 2.0},
)

DIGEST: Final = 753925236242246519


def test_the_digest_is_the_one_that_stores_hold() -> None:
    assert digest_of(VERDICT) == DIGEST


@pytest.mark.parametrize(
    "change",
    [
        {"rule_version": 4},
        {"status": Status.UNKNOWN},
        {"reason": {"fr": "Désactivé : public.", "en": "Off: private."}},
        {"reason": {"fr": "Désactivé : public."}},
        {"offending": ()},
        {"offending": ({**VERDICT.offending[0], "rules": 4},)},
        {"offending": VERDICT.offending * 2},
        {"measures": {}},
        {"measures": {"vigie_device_firewall_profiles": 1.0}},
    ],
)
def test_another_verdict_has_another(change: dict[str, Any]) -> None:
    assert digest_of(replace(VERDICT, **change)) != DIGEST


def test_neither_the_next_check_nor_the_order_of_columns_counts() -> None:
    turned = dict(reversed(list(VERDICT.offending[0].items())))
    later = replace(VERDICT, next_check_at=datetime(2026, 11, 26, tzinfo=UTC), offending=(turned,))

    assert digest_of(later) == DIGEST


def test_one_that_is_known_is_not_made_again() -> None:
    assert digest_of(replace(VERDICT, digest=7)) == 7
    assert digested(VERDICT).digest == DIGEST
