"""Runs a version that was unpacked, before anything depends on it."""

import subprocess  # noqa: TID251 (a version of ours; tables/host.py is for programs of the system)
from datetime import timedelta
from pathlib import Path

from vigie_agent.domain.errors import UpdateRefused
from vigie_agent.updates.starting import environment_for

WITHIN = timedelta(minutes=5)
_MOST_TOLD = 300


def try_out(program: Path, *, within: timedelta = WITHIN) -> None:
    """Has the program test itself. Raises UpdateRefused when it does not work on this device."""
    try:
        tried = subprocess.run(  # noqa: S603 (signed by the publisher, and verified)
            [str(program), "selftest"],
            env=environment_for(()),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within.total_seconds(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UpdateRefused(f"its self-test did not end in {within}") from None
    except OSError as error:
        raise UpdateRefused(f"it does not start here: {error}") from error
    if tried.returncode != 0:
        failed = [line for line in tried.stdout.splitlines() if line.startswith("!!")]
        told = "; ".join(failed) or tried.stderr.strip() or f"exit code {tried.returncode}"
        raise UpdateRefused(f"its self-test failed: {told[:_MOST_TOLD]}")
