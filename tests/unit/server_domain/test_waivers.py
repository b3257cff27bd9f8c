"""Waivers as decisions: what is covered, what reopens, who may grant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.facts import FactRow
from vigie_server.domain.records import HeldVerdict
from vigie_server.domain.standing import Standing, standing
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.domain.waivers import (
    NewWaiver,
    Waiver,
    accepted_rows,
    checked,
    overlay,
    same_person,
)

RULE = "Q08-no-stale-account"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXPIRY = NOW + timedelta(days=30)
OLD: FactRow = {"part": "users", "name": "ancien"}
WAIVER = Waiver(1, RULE, (OLD,), EXPIRY)


def a_fail(*names: str, last_logon: int = 7) -> Verdict:
    rows: tuple[FactRow, ...] = tuple(
        {"part": "users", "name": name, "last_logon": last_logon} for name in names
    )
    return Verdict(RULE, 1, Status.FAIL, {"en": f"{len(rows)} accounts"}, rows)


def a(status: Status) -> Verdict:
    return Verdict(RULE, 1, status, {"en": status.value})


def judged(
    held: HeldVerdict | None,
    verdict: Verdict,
    *waivers: Waiver,
    now: datetime = NOW + timedelta(hours=1),
) -> Standing:
    return standing(held, verdict, now=now, facts={}, topics=[], waivers=waivers)


FAILING = standing(None, a_fail("ancien"), now=NOW, facts={}, topics=[]).held


def test_a_waived_fail_stays_a_fail_and_nothing_moves_underneath() -> None:
    stands = judged(FAILING, a_fail("ancien"), WAIVER)

    assert stands.held.waived
    assert (stands.held.verdict.status, stands.held.failing_since) == (Status.FAIL, NOW)
    assert stands.transition is None
    assert stands.written is not None


def test_the_end_of_the_waiver_is_the_next_check() -> None:
    verdict = replace(a_fail("ancien"), next_check_at=EXPIRY + timedelta(days=1))

    assert judged(FAILING, verdict, WAIVER).held.next_check_at == EXPIRY


def test_the_same_waived_fail_writes_nothing() -> None:
    waived = judged(FAILING, a_fail("ancien"), WAIVER).held

    assert judged(waived, a_fail("ancien"), WAIVER).written is None


def test_what_changes_beside_the_key_columns_is_still_accepted() -> None:
    stands = judged(FAILING, a_fail("ancien", last_logon=9), WAIVER)

    assert stands.held.waived
    assert stands.transition is not None  # the transitions go on


def test_fewer_rows_than_accepted_are_covered() -> None:
    wider = replace(WAIVER, rows=(OLD, {"part": "users", "name": "stagiaire"}))

    assert judged(FAILING, a_fail("stagiaire"), wider).held.waived


def test_a_new_row_reopens_it_for_good() -> None:
    waived = judged(FAILING, a_fail("ancien"), WAIVER).held
    stands = judged(waived, a_fail("ancien", "nouveau"), WAIVER)

    assert not stands.held.waived
    assert stands.overlay.reopened == (WAIVER,)
    assert stands.overlay.left == ()
    assert stands.held.failing_since == NOW


def test_another_waiver_may_cover_what_one_does_not() -> None:
    other = Waiver(2, RULE, (OLD, {"part": "users", "name": "nouveau"}), EXPIRY)
    stands = judged(FAILING, a_fail("ancien", "nouveau"), WAIVER, other)

    assert stands.held.waived
    assert (stands.overlay.reopened, stands.overlay.left) == ((WAIVER,), (other,))


def test_two_waivers_never_cover_a_fail_half_each() -> None:
    other = Waiver(2, RULE, ({"part": "users", "name": "nouveau"},), EXPIRY)

    assert not judged(FAILING, a_fail("ancien", "nouveau"), WAIVER, other).held.waived


def test_it_ends_at_its_expiry_and_the_fail_shows_since_its_beginning() -> None:
    waived = judged(FAILING, a_fail("ancien"), WAIVER).held
    stands = judged(waived, a_fail("ancien"), WAIVER, now=EXPIRY)

    assert (stands.held.waived, stands.held.failing_since) == (False, NOW)
    assert stands.overlay.left == ()
    assert stands.written is not None


def test_a_withdrawn_waiver_is_taken_off() -> None:
    waived = judged(FAILING, a_fail("ancien"), WAIVER).held
    stands = judged(waived, a_fail("ancien"))

    assert not stands.held.waived
    assert stands.written is not None


def test_silence_reopens_nothing_and_an_unknown_that_was_not_waived_is_not() -> None:
    waived = judged(FAILING, a_fail("ancien"), WAIVER).held

    assert judged(waived, a(Status.UNKNOWN), WAIVER).held.waived
    assert not judged(FAILING, a(Status.UNKNOWN), WAIVER).held.waived


def test_a_pass_is_not_waived_and_keeps_the_waiver_for_the_same_rows() -> None:
    waived = judged(FAILING, a_fail("ancien"), WAIVER).held
    mended = judged(waived, a(Status.PASS), WAIVER)
    again = judged(mended.held, a_fail("ancien"), *mended.overlay.left)

    assert not mended.held.waived
    assert again.held.waived


def test_a_fail_without_rows_is_covered_by_a_waiver_without_rows_alone() -> None:
    bare = Waiver(1, RULE, (), EXPIRY)

    assert overlay([bare], a_fail(), was_waived=False, now=NOW).waived
    assert not overlay([bare], a_fail("ancien"), was_waived=False, now=NOW).waived
    assert overlay([WAIVER], a_fail(), was_waived=True, now=NOW).reopened == (WAIVER,)


def test_a_row_without_the_accepted_columns_is_a_new_one() -> None:
    renamed = Verdict(RULE, 2, Status.FAIL, {}, ({"account": "ancien"},))

    assert overlay([WAIVER], renamed, was_waived=True, now=NOW).reopened == (WAIVER,)


def test_a_waiver_is_bound_to_key_columns_and_to_whole_rows_where_there_are_none() -> None:
    rows = a_fail("ancien").offending

    assert accepted_rows(rows, {"part", "name"}, row_limit=20) == (OLD,)
    assert accepted_rows(rows, {"serial"}, row_limit=20) == rows


def test_rows_that_were_cut_off_cannot_be_accepted() -> None:
    rows = a_fail(*map(str, range(20))).offending

    with pytest.raises(DeclarationRefused, match="20 rows or more"):
        accepted_rows(rows, {"name"}, row_limit=20)


ASKED = NewWaiver(RULE, ("d1", "d1", "d2"), "poste remplacé en mai", "A. Martin", "B. Petit")


def test_a_waiver_lasts_twelve_months_unless_it_is_shorter() -> None:
    granted = checked(ASKED, now=NOW, months=12)
    short = checked(replace(ASKED, expires_at=EXPIRY), now=NOW, months=12)

    assert granted.expires_at == datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert granted.devices == ("d1", "d2")
    assert short.expires_at == EXPIRY


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (replace(ASKED, reason=" "), "reason"),
        (replace(ASKED, author=""), "author"),
        (replace(ASKED, approver=" a. martin "), "approver"),
        (replace(ASKED, devices=()), "devices"),
        (replace(ASKED, expires_at=NOW), "expires_at"),
        (replace(ASKED, expires_at=NOW + timedelta(days=366)), "expires_at"),
        (replace(ASKED, reason="a" * 2001), "reason"),
    ],
)
def test_what_a_waiver_lacks_is_told(asked: NewWaiver, told: str) -> None:
    with pytest.raises(DeclarationRefused, match=told):
        checked(asked, now=NOW, months=12)


def test_spaces_and_capitals_make_no_other_person() -> None:
    assert same_person("A. Martin ", "a.  MARTIN")
    assert not same_person("A. Martin", "B. Martin")
