"""Days and hours as people type them on the command line."""

from contextlib import suppress
from datetime import UTC, datetime

import click


def day(text: str) -> datetime:
    """Of `2026-12-31`, or `31/12/2026`, its first instant, in UTC."""
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        with suppress(ValueError):
            return datetime.strptime(text, form).replace(tzinfo=UTC)
    raise click.BadParameter(f"{text} is not a day such as 2026-12-31 or 31/12/2026")


def hour(text: str) -> datetime:
    """Of `2026-03-01 14:30`, in this machine's time zone unless it names another."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{text} is not an hour such as 2026-03-01 14:30") from error
