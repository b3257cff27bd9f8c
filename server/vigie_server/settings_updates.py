"""Settings of the update channel that this server mirrors to agents."""

from datetime import timedelta
from pathlib import Path

from pydantic import ByteSize, Field

from vigie_server.setting_values import Group, Span


class UpdatesSettings(Group):
    """Where the channel lies, and how gently it is handed on.

    `folder` unset: `updates` in the data folder, where `updates import` puts it. `root` unset: the
    oldest root of the channel. `at_once`: releases that are read together; who comes then waits for
    `wait_within` and is sent away. `bytes_per_second`: of all of them.
    """

    folder: Path | None = None
    root: Path | None = None
    at_once: int = Field(8, ge=1, le=1_000)
    wait_within: Span = Field(timedelta(seconds=60), ge=timedelta(0), le=timedelta(minutes=10))
    bytes_per_second: ByteSize = Field(ByteSize(4 * 1024 * 1024), ge=64 * 1024)
    look_every: Span = Field(timedelta(minutes=1), gt=timedelta(0))
