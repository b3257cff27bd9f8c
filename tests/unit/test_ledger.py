"""The comparison that the tests of crashes rely on sees each way in which a server can be wrong."""

from dataclasses import replace

from ledger import Ledger, Stored, Written, differences, read_ledger

FIREWALL = Written("d1" * 32, "firewall", (("yes", "life-1-0"), ("yes", "life-1-1")))
VPN = Written("d2" * 32, "vpn", (("yes", "life-2-0"),))
LEDGER = Ledger(
    meant={FIREWALL.digest: FIREWALL, VPN.digest: VPN},
    kept={FIREWALL.digest: "5a" * 16, VPN.digest: "5a" * 16},
)


def stored(written: Written, *, seq: int) -> Stored:
    return Stored(1, "5a" * 16, seq, written.digest, written.topic, written.rows)


FAITHFUL = (stored(FIREWALL, seq=1), stored(VPN, seq=2))


def test_a_store_that_holds_each_report_once_agrees() -> None:
    assert differences(LEDGER, FAITHFUL) == []


def test_a_report_that_is_not_in_the_store_is_named_with_its_rows() -> None:
    (found,) = differences(LEDGER, FAITHFUL[:1])

    assert found == "lost: vpn d2d2d2d2 (('yes', 'life-2-0'),), kept in spool 5a5a5a5a"


def test_a_report_that_was_stored_again_after_a_replay_is_named_with_both_places() -> None:
    (found,) = differences(LEDGER, (*FAITHFUL, stored(VPN, seq=3)))

    assert found == (
        "stored 2 times: vpn d2d2d2d2 (('yes', 'life-2-0'),), at device 1 seq 2, device 1 seq 3"
    )


def test_a_report_that_was_stored_for_two_devices_is_doubled() -> None:
    twin = replace(FAITHFUL[1], device=2)

    found = differences(LEDGER, (*FAITHFUL, twin))

    assert found[0].endswith("at device 1 seq 2, device 2 seq 2")


def test_a_report_may_bring_several_topics() -> None:
    assert differences(LEDGER, (FAITHFUL[0], replace(FAITHFUL[1], seq=1))) == []


def test_a_topic_that_is_twice_under_one_number_is_seen() -> None:
    later = replace(FIREWALL, digest="d3" * 32, rows=(("no", "life-1-2"),))
    ledger = replace(
        LEDGER,
        meant={**LEDGER.meant, later.digest: later},
        kept={**LEDGER.kept, later.digest: "5a" * 16},
    )

    (found,) = differences(ledger, (*FAITHFUL, stored(later, seq=1)))

    assert found == "stored 2 times: firewall, seq 1 of spool 5a5a5a5a"


def test_a_row_that_is_missing_from_a_stored_report_is_seen() -> None:
    torn = replace(FAITHFUL[0], rows=FIREWALL.rows[:1])

    (found,) = differences(LEDGER, (torn, FAITHFUL[1]))

    assert found.startswith("altered: firewall d1d1d1d1 ")
    assert found.endswith("the store says firewall (('yes', 'life-1-0'),)")


def test_a_report_under_another_topic_is_altered() -> None:
    (found,) = differences(LEDGER, (replace(FAITHFUL[0], topic="vpn"), FAITHFUL[1]))

    assert found.startswith("altered: firewall d1d1d1d1 ")


def test_a_report_under_another_agents_spool_is_seen() -> None:
    (found,) = differences(LEDGER, (replace(FAITHFUL[0], spool="5b" * 16), FAITHFUL[1]))

    assert found.startswith("misplaced: firewall d1d1d1d1 ")


def test_a_report_that_nobody_collected_is_seen() -> None:
    stranger = Stored(1, "5a" * 16, 3, "d3" * 32, "vpn", ())

    (found,) = differences(LEDGER, (*FAITHFUL, stranger))

    assert found == "made up: vpn d3d3d3d3, seq 3: nobody collected it"


def test_a_report_that_was_written_down_but_not_kept_may_be_there_or_not() -> None:
    torn_off = Ledger(LEDGER.meant, {FIREWALL.digest: "5a" * 16})

    assert differences(torn_off, FAITHFUL) == []
    assert differences(torn_off, FAITHFUL[:1]) == []


def test_a_ledger_is_read_from_the_lines_of_the_agent_that_wrote_it() -> None:
    lines: list[dict[str, object]] = [
        {"meant": "d2" * 32, "topic": "vpn", "rows": [["yes", "life-2-0"]]},
        {"kept": "d2" * 32, "spool": "5a" * 16},
    ]

    assert read_ledger(lines) == Ledger({VPN.digest: VPN}, {VPN.digest: "5a" * 16})
