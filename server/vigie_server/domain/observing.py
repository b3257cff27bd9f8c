"""When the rows of a report were true, by the server's clock.

A device's clock may be years off and may jump between collection and sending, so it never decides:
the estimate is the instant of receipt minus the time that passed on the device's boot clock. It
never runs ahead of receipt, and never behind what was already known for the topic.
"""

from datetime import datetime, timedelta


def observed_at(
    *, received_at: datetime, elapsed: timedelta | None, previous: datetime
) -> datetime:
    """The instant at which a topic's rows are taken to have been true.

    Without `elapsed` (the machine booted between collection and sending) nothing but the device's
    own clock would tell, so the oldest possible instant is taken: evidence may look older than it
    is, never fresher.
    """
    if elapsed is None:
        return min(previous, received_at)
    return max(min(received_at - max(elapsed, timedelta(0)), received_at), previous)


def clock_skew(*, sent_at: datetime | None, received_at: datetime) -> float | None:
    """Seconds by which the device's clock is ahead of ours (network delay included)."""
    if sent_at is None:
        return None
    return round((sent_at - received_at).total_seconds(), 3)
