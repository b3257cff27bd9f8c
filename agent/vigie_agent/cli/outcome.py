"""How a command begins and ends: settings and logs at the start, an exit code at the end."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from vigie_agent.domain import errors

if TYPE_CHECKING:
    from vigie_agent.settings import AgentSettings


class Exit(IntEnum):
    """What the exit code says."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    NOT_ENROLLED = 3
    INCOMPLETE = 4
    REFUSED = 5


EXIT_OF: Final[Mapping[type[errors.VigieError], Exit]] = {
    errors.EngineLost: Exit.FAILED,
    errors.LinkLost: Exit.FAILED,
    errors.DeviceRefused: Exit.FAILED,
    errors.EnrollmentRefused: Exit.FAILED,
    errors.IdentityMissing: Exit.NOT_ENROLLED,
    errors.IdentityUnusable: Exit.FAILED,
    errors.TokenMalformed: Exit.MISUSED,
    errors.ServerUntrusted: Exit.FAILED,
    errors.AgentRuns: Exit.FAILED,
    errors.SpoolUnusable: Exit.FAILED,
    errors.PackMalformed: Exit.MISUSED,
    errors.TopicMalformed: Exit.MISUSED,
    errors.SettingsMalformed: Exit.MISUSED,
    errors.NotPublished: Exit.FAILED,
    errors.UpdateRefused: Exit.FAILED,
    errors.UpdateFailed: Exit.FAILED,
    errors.DeviceDisabled: Exit.FAILED,
}


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What was said before the command."""

    config: Path | None = None
    log_level: str | None = None

    def begin(self, *, quiet: bool = True) -> "AgentSettings":
        """Logs as asked, and the settings. A command for people logs warnings only (`quiet`)."""
        from vigie_agent.logs import configure_logs
        from vigie_agent.settings import load_settings

        configure_logs(level=self.log_level or ("warning" if quiet else "info"))
        return load_settings(self.config)

    def log_into(self, path: Path, max_bytes: int) -> None:
        """From here on logs go into a bounded file: a service has no terminal.

        Raises SettingsMalformed where it cannot be opened.
        """
        from vigie_agent.log_file import LogFile
        from vigie_agent.logs import configure_logs

        try:
            log = LogFile(path, max_bytes=max_bytes)
        except OSError as error:
            raise errors.SettingsMalformed(
                f"the log cannot be written into {path}: {error.strerror}"
            ) from None
        configure_logs(level=self.log_level or "info", into=log)


@contextmanager
def told_errors() -> Iterator[None]:
    """Turns what goes wrong on purpose into one clear line and an exit code."""
    failed: list[errors.VigieError] = []
    try:
        yield
    except* errors.VigieError as group:  # an exit in here would be wrapped in another group
        failed.extend(
            error for error in errors.leaves(group) if isinstance(error, errors.VigieError)
        )
    if failed:
        told = dict.fromkeys(str(error) for error in failed)
        fail("; ".join(told), EXIT_OF[type(failed[0])])


def fail(text: str, code: Exit) -> NoReturn:
    """Says why on standard error, and ends the command."""
    click.echo(f"vigie-agent: {text}", err=True)
    raise SystemExit(int(code))


def spoken_language(environment: Mapping[str, str] = os.environ) -> str:
    """`en` where the environment asks for English, else `fr`: the facilities are French."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "LANG"):
        if value := environment.get(name):
            return "en" if value.lower().startswith("en") else "fr"
    return "fr"
