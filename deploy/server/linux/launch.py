#!/usr/lib/vigie-server/bin/python3 -I
"""Runs `vigie-server` with the settings of this machine and as the server's account.

Root becomes that account first: a file of the store that root made would stop the server.
"""

import os
import pwd
import sys
from pathlib import Path

from dotenv import dotenv_values

ACCOUNT = "vigie-server"
SETTINGS = Path("/etc/vigie-server/server.env")
DATA = "/var/lib/vigie-server"


def main() -> None:
    """Becomes the account, reads the settings, and runs the command."""
    _become_the_account()
    for name, value in _settings().items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("VIGIE_SERVER_DATA", DATA)
    from vigie_server.cli.main import main as run  # noqa: PLC0415 (not as root)

    run(prog_name="vigie-server")


def _become_the_account() -> None:
    if os.geteuid() != 0:
        return
    account = pwd.getpwnam(ACCOUNT)
    os.initgroups(account.pw_name, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.umask(0o077)
    os.environ.update(HOME=account.pw_dir, USER=ACCOUNT, LOGNAME=ACCOUNT)


def _settings() -> dict[str, str]:
    try:
        text = SETTINGS.open(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except PermissionError:
        sys.exit(f"vigie-server: {SETTINGS} is not yours to read: run it with sudo")
    with text:
        found = dotenv_values(stream=text, interpolate=False)
    lost = [name for name, value in found.items() if value is None]
    if lost:
        sys.exit(f"vigie-server: {SETTINGS}: no NAME=value: {lost[0]}")
    return {name: value for name, value in found.items() if value is not None}


if __name__ == "__main__":
    main()
