"""A real PostgreSQL, started from this system's binaries on a port and in a folder of its own.

`postgres_url()` is a database of the server that all tests of this process share (a worker of
pytest-xdist is a process, so it has its own), or the one that VIGIE_TEST_POSTGRES names. The server
is stopped when the process ends.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import psycopg

from components import missing
from ports import free_ports
from quick_folders import quick_folder

USER = "vigie"
WITHIN = 120
"""Seconds that the programs have; a loaded machine needs a part of them."""


_SHARED: Final = "tests"
_FILLED: Final = "filled"


@cache
def postgres_url() -> str:
    """The URL of a database that is the caller's alone. Fails or skips where there is none."""
    given = os.environ.get("VIGIE_TEST_POSTGRES")
    if given:
        return given
    _server().execute(f"CREATE DATABASE {_SHARED}")
    return _server().url_of(_SHARED)


def empty_postgres() -> None:
    """Leaves nothing in the database of `postgres_url`, in which nobody may be at work."""
    address = postgres_url().replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def fill_postgres(fill: Callable[[str], None]) -> None:
    """Has the database of `postgres_url` hold what `fill` puts into an empty one, and no more.

    `fill` is called with a URL; of a server of our own once in the life of this process.
    """
    if os.environ.get("VIGIE_TEST_POSTGRES"):  # its account may make no databases
        empty_postgres()
        fill(postgres_url())
        return
    postgres_url()
    _filled(fill)
    # What a killed program of the test before left there may still be at work.
    _server().execute(f"DROP DATABASE {_SHARED} WITH (FORCE)")
    _server().execute(f"CREATE DATABASE {_SHARED} TEMPLATE {_FILLED} {_as_files()}")


@cache
def _filled(fill: Callable[[str], None]) -> None:
    _server().execute(f"DROP DATABASE IF EXISTS {_FILLED}")
    _server().execute(f"CREATE DATABASE {_FILLED}")
    fill(_server().url_of(_FILLED))


@cache
def _as_files() -> str:
    """Has a database copied as files, in memory: page by page through the log is dearer by half.

    Releases before 15 copy no other way, and do not know the word.
    """
    ((release,),) = _server().execute("SELECT current_setting('server_version_num')::integer")
    return "STRATEGY file_copy" if release >= 150_000 else ""


@cache
def _server() -> "PostgresServer":
    server = PostgresServer.made()
    atexit.register(server.remove)
    server.start()
    return server


@contextmanager
def own_postgres() -> Iterator["PostgresServer"]:
    """A server that a test may stop and start; it does not run yet.

    On the disk: how soon it is back after a crash, and what a benchmark finds, is a disk's.
    """
    server = PostgresServer.made(Path(tempfile.mkdtemp(prefix="vigie-postgres-")))
    try:
        yield server
    finally:
        server.remove()


@contextmanager
def kept_postgres(folder: Path, **settings: str) -> Iterator["PostgresServer"]:
    """A server whose cluster stays in this folder, which is made there first; it runs.

    It is stopped cleanly in the end. Whoever it runs as must be able to reach the folder.
    """
    server = PostgresServer.made(folder)
    server.start(**settings)
    try:
        yield server
    finally:
        server.stop()


class PostgresServer:
    """A server of this process; its superuser is `vigie`, trusted on loopback."""

    def __init__(self, binaries: Path, folder: Path, port: int) -> None:
        self._binaries = binaries
        self._folder = folder
        self.port = port

    @classmethod
    def made(cls, kept: Path | None = None) -> "PostgresServer":
        """A new empty cluster, not started; in `kept` the one that is there, if there is one."""
        programs = binaries()
        folder = quick_folder() if kept is None else kept
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "postgres", "postgres")
        (port,) = free_ports(1)
        server = cls(programs, folder, port)
        if (folder / "data" / "PG_VERSION").exists():
            return server
        try:
            server._run("initdb", "--auth=trust", f"--username={USER}", "--encoding=UTF8")
        except BaseException:
            server.remove()
            raise
        return server

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    @property
    def pid(self) -> int:
        """Of the process that the others are children of; it runs."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def url_of(self, database: str) -> str:
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}"

    def start(self, **settings: str) -> None:
        """Returns once it takes connections. No test cuts the power: nothing waits for the disk."""
        given = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self._folder),
            "fsync": "off",
            "autovacuum": "off",
            "deadlock_timeout": "50ms",
        } | settings
        options = " ".join(f"-c {name}={value}" for name, value in given.items())
        log = self._folder / "log"
        self._run("pg_ctl", "start", "--wait", f"--log={log}", f"--options={options}")

    def stop(self, mode: str = "fast") -> None:
        """Stops it: `fast` sends clients away, `immediate` is a crash."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    def become_standby(self) -> None:
        """From the next start on it takes no writes, as one whose place another took."""
        signal = self._folder / "data" / "standby.signal"
        signal.touch()
        if os.geteuid() == 0:
            shutil.chown(signal, "postgres", "postgres")

    def execute(self, statement: str) -> Any:
        """Rows of a statement run beside everything else, as superuser."""
        address = self.url.replace("+psycopg", "")
        with psycopg.connect(address, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def remove(self) -> None:
        """Stops it if it runs, and takes its folder away. Safe to call twice."""
        if (self._folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        # Not by subprocess's own `user`: it would fork, and a fork of a process with gRPC's threads
        # ended by their hand now and then, before it was another program.
        account = (
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            if os.geteuid() == 0
            else []
        )
        told = self._folder / "told"
        with told.open("w") as output:  # not a pipe: the server itself would hold it open
            ended = subprocess.run(
                [
                    *account,
                    self._binaries / program,
                    f"--pgdata={self._folder / 'data'}",
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                timeout=WITHIN,
                check=False,
            )
        if ended.returncode:
            raise RuntimeError(f"{program} ended with {ended.returncode}: {told.read_text()}")


def binaries() -> Path:
    """The folder of initdb and pg_ctl: the newest release of the system's, or of the path."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda found: float(found.parts[-3]),
    )
    found = installed[-1] if installed else shutil.which("initdb")
    if found is None:
        missing("PostgreSQL's server is not installed (initdb, pg_ctl)")
    return Path(found).parent
