from datetime import UTC, date, datetime

import pytest

from vigie_agent.tables.mac_logins import last_days, open_sessions

TODAY = date(2026, 11, 20)
LAST = """\
d.durand   console                   Fri Nov 20 07:30   still logged in
d.durand   ttys001                   Thu Nov 19 18:02 - 18:10  (00:08)
reboot     ~                         Thu Nov 19 08:01
admsi      ttys000  192.0.2.15       Wed Feb  4 10:12 - 10:20  (00:08)
shutdown   ~                         Wed Feb  4 10:00
_mbsetupuser  console                   Mon Sep 22 20:31 - shutdown (34+01:29)
ancien     console                   Tue Jan  3 09:00 - crash  (12+00:10)

wtmp begins Tue Jan  3 08:59
"""


def day(year: int, month: int, of_month: int) -> int:
    return int(datetime(year, month, of_month, tzinfo=UTC).timestamp())


def test_the_year_that_last_leaves_out_is_the_latest_that_fits_the_weekday() -> None:
    assert last_days(LAST, TODAY) == {
        "d.durand": day(2026, 11, 20),
        "admsi": day(2026, 2, 4),
        "_mbsetupuser": day(2025, 9, 22),
        "ancien": day(2023, 1, 3),
    }


def test_a_login_of_this_morning_counts_where_it_is_already_tomorrow() -> None:
    said = "marie  console  Sat Nov 21 00:10   still logged in\n"

    assert last_days(said, TODAY) == {"marie": day(2026, 11, 21)}


def test_a_line_out_of_order_does_not_send_the_others_years_back() -> None:
    said = (
        "marie  console  Fri Nov  6 08:00 - 09:00 (01:00)\n"
        "paul   console  Tue Nov 10 08:00 - 09:00 (01:00)\n"
        "anne   console  Mon Nov  2 08:00 - 09:00 (01:00)\n"
    )

    assert last_days(said, TODAY) == {
        "marie": day(2026, 11, 6),
        "paul": day(2026, 11, 10),
        "anne": day(2026, 11, 2),
    }


def test_a_register_without_a_login_is_one_all_the_same() -> None:
    assert last_days("\nwtmp begins Fri Nov 20 08:00\n", TODAY) == {}


@pytest.mark.parametrize(
    "said",
    ["", "usage: last [-number]\n", "marie  console  ven. 20 nov. 07:30\n",
     "marie console Fri Feb 30 07:30\n"],
)  # fmt: skip
def test_what_is_no_answer_of_last_tells_nothing(said: str) -> None:
    assert last_days(said, TODAY) is None


def test_who_has_a_session_is_told_once() -> None:
    said = "d.durand console      Nov 20 07:30 \nd.durand ttys000      Nov 20 07:31 \nadmsi ttys001 Nov 20 08:00 \t(192.0.2.3)\n"  # noqa: E501

    assert open_sessions(said) == ("admsi", "d.durand")
    assert open_sessions("") == ()
