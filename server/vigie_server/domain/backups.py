"""Backups by the clock: what they are called, when one is due, which ones may go."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

_FORM: Final = "vigie-%Y%m%dT%H%M%SZ.tar"
_NAME: Final = re.compile(r"vigie-[0-9]{8}T[0-9]{6}Z\.tar")


def backup_name(at: datetime) -> str:
    """The file name of the backup of this moment (UTC, to the second)."""
    return at.astimezone(UTC).strftime(_FORM)


def made_at(name: str) -> datetime | None:
    """When a backup of this name was made; None for a file of another name."""
    if not _NAME.fullmatch(name):
        return None
    try:
        return datetime.strptime(name, _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None


def is_due(made: Sequence[datetime], *, now: datetime, every: timedelta) -> bool:
    """Whether the next backup is due; one of the future counts for nothing."""
    past = [at for at in made if at <= now]
    return not past or now - max(past) >= every


def past_keeping(made: Sequence[datetime], *, keep: int) -> Sequence[datetime]:
    """The backups beyond the `keep` newest ones, the oldest first."""
    return sorted(made)[: max(0, len(made) - keep)]
