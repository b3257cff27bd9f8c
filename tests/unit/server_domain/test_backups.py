"""What backups are called, when one is due, which ones may go."""

from datetime import UTC, datetime, timedelta, timezone

from vigie_server.domain.backups import backup_name, is_due, made_at, past_keeping

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_name_says_when_and_no_other_file_is_taken_for_a_backup() -> None:
    paris = datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))

    assert backup_name(paris) == "vigie-20260301T120000Z.tar"
    assert made_at(backup_name(NOW)) == NOW
    for other in ("vigie-20260301T120000Z.tar.part", "mine.tar", "vigie-20269901T120000Z.tar"):
        assert made_at(other) is None


def test_one_is_due_when_none_is_young_enough() -> None:
    assert is_due([], now=NOW, every=DAY)
    assert is_due([NOW - 2 * DAY, NOW - DAY], now=NOW, every=DAY)
    assert not is_due([NOW - 2 * DAY, NOW - DAY / 2], now=NOW, every=DAY)


def test_a_backup_of_the_future_does_not_put_the_next_one_off() -> None:
    assert is_due([NOW + 300 * DAY], now=NOW, every=DAY)


def test_the_newest_are_kept() -> None:
    made = [NOW, NOW - 3 * DAY, NOW - DAY, NOW - 2 * DAY]

    assert past_keeping(made, keep=2) == [NOW - 3 * DAY, NOW - 2 * DAY]
    assert past_keeping(made, keep=4) == past_keeping([], keep=1) == []
