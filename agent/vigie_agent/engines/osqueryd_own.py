"""An osqueryd of our own: started in a private folder, watched, stopped with us.

It listens on a socket that only we can reach, keeps nothing on disk, logs nowhere, schedules
nothing, follows no events, reads no configuration but the empty one we give it, and lacks the
tables that reach out. Its own watchdog stays on. What it prints is read, or it would block once the
pipe is full; the last lines are kept to say why it ended.
"""

import collections
import contextlib
import os
import shutil
import signal
import subprocess  # noqa: TID251 (a daemon to keep, not a command to run: tables/host.py runs those)
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

import psutil
import structlog

from vigie_agent.domain.answers import QueryError, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.domain.table import Table
from vigie_agent.engines.extension import ExtensionHost
from vigie_agent.engines.osqueryd import OsquerydEngine
from vigie_agent.engines.osqueryd_attached import connect
from vigie_agent.engines.osqueryd_wire import Connection, ConnectionBroken, open_socket

log: Final = structlog.get_logger()

USUAL_PROGRAMS: Final = {
    "linux": (Path("/opt/osquery/bin/osqueryd"), Path("/usr/bin/osqueryd")),
    "darwin": (
        Path("/opt/osquery/lib/osquery.app/Contents/MacOS/osqueryd"),
        Path("/usr/local/bin/osqueryd"),
    ),
    "win32": (
        Path(r"C:\Program Files\osquery\osqueryd\osqueryd.exe"),
        Path(r"C:\ProgramData\osquery\osqueryd\osqueryd.exe"),
    ),
}
_DISABLED_TABLES: Final = (
    "carves,curl,curl_certificate,ec2_instance_metadata,ec2_instance_tags,azure_instance_metadata,"
    "azure_instance_tags,ycloud_instance_metadata,prometheus_metrics,process_envs,process_memory_map,"
    "shell_history,office_mru,recent_files,shellbags,userassist,wifi_networks,wifi_survey,yara_file,"
    "yara_process,yara,keychain_items,keychain_acls,mdfind"
)
FIRST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
_STEADY_AFTER: Final = timedelta(minutes=10)
_TO_END: Final = timedelta(seconds=5)
_LOOK_AGAIN: Final = 0.05  # seconds between two looks at whether it listens
_LONGEST_SOCKET_PATH: Final = 90  # bytes: macOS takes 104, and the extension's number is appended
_LINES_KEPT: Final = 20


class OwnDaemon:
    """Starts `program` when it is first needed, and again when it ended or overran.

    After each end it waits before the next start, twice as long each time, up to five minutes;
    one that ran for ten minutes starts again at once. `folder` is ours alone; a daemon left there
    by an agent that was killed is stopped first. `host` offers our tables to each new daemon.
    """

    def __init__(
        self,
        program: Path,
        folder: Path,
        *,
        host: ExtensionHost | None = None,
        first_pause: timedelta = FIRST_PAUSE,
    ) -> None:
        self._program = program
        self._folder = folder
        self._host = host
        self._process: subprocess.Popen[bytes] | None = None
        self._said: collections.deque[str] = collections.deque(maxlen=_LINES_KEPT)
        self._started_at = 0.0
        self._not_before = 0.0
        self._first_pause = self._pause = first_pause
        self._stopping = threading.Event()

    @property
    def pid(self) -> int | None:
        """The daemon's process number while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def socket(self, *, deadline: float) -> Path:
        """See Daemon: starts it where it does not run, and waits until it listens."""
        if self.pid is None:
            self._start(deadline)
        path = self._socket_path
        while not _listens(path, deadline):
            if self.pid is None:
                self._ended()
                raise EngineLost(f"osqueryd ended at its start: {self._last_words}")
            if time.monotonic() >= deadline:
                raise EngineLost("osqueryd does not listen yet")
            self._stopping.wait(_LOOK_AGAIN)
        return path

    def connected(self, connection: Connection, *, deadline: float) -> None:
        """See Daemon: our tables are registered once a connection."""
        if self._host is not None:
            self._host.offer(connection, self._socket_path, deadline=deadline)

    def answered(self, answer: Rows | QueryError) -> Rows | QueryError:
        """See Daemon: osqueryd takes a table of ours that failed for one without rows."""
        return (self._host.failure() if self._host is not None else None) or answer

    def failed(self) -> None:
        """See Daemon: whatever it is busy with, it is stopped; the next question starts another."""
        self._stop()
        self._ended()

    def close(self) -> None:
        """See Daemon."""
        self._stopping.set()
        self._stop()
        if self._host is not None:
            self._host.close()

    # --- start and end --------------------------------------------------------------------------

    @property
    def _socket_path(self) -> Path:
        if sys.platform == "win32":
            return Path(rf"\\.\pipe\vigie-{os.getpid()}")
        return self._folder / "osquery.em"

    @property
    def _last_words(self) -> str:
        return self._said[-1] if self._said else "it said nothing"

    def _start(self, deadline: float) -> None:
        if self._process is not None:
            self._ended()
        if self._not_before >= deadline:
            raise EngineLost(f"osqueryd ended: {self._last_words}; it is started again later")
        self._stopping.wait(max(0.0, self._not_before - time.monotonic()))
        if self._stopping.is_set():
            raise EngineLost("the engine is closed")
        _stop_leftovers(self._socket_path)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        (self._folder / "osquery.conf").write_text("{}")
        (self._folder / "osquery.flags").write_text("")
        self._said.clear()
        try:
            self._process = subprocess.Popen(  # noqa: S603 (the program that the settings name)
                [os.fspath(self._program), *flags(self._folder, self._socket_path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=_environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise EngineLost(f"{self._program}: {error.strerror or error}") from error
        self._started_at = time.monotonic()
        assert self._process.stdout is not None  # noqa: S101 (it was asked for)
        threading.Thread(
            target=self._listen, args=(self._process.stdout,), name="osqueryd-output", daemon=True
        ).start()
        log.info("osqueryd_started", program=os.fspath(self._program), pid=self._process.pid)

    def _listen(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                self._said.append(line.decode("utf-8", "replace").strip()[:200])

    def _ended(self) -> None:
        """Remembers how long to wait before the next start."""
        if self._process is None:
            return
        code = self._process.poll()
        self._stop()  # its worker may outlive it
        self._process = None
        now = time.monotonic()
        if now - self._started_at >= _STEADY_AFTER.total_seconds():
            self._pause = self._first_pause
            self._not_before = now
        else:
            self._not_before = now + self._pause.total_seconds()
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        log.warning("osqueryd_ended", exit_code=code, said=self._last_words)

    def _stop(self) -> None:
        """At once: it holds nothing that could be lost, and may be too busy to listen."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)  # the watcher and its worker
            else:
                process.kill()
        process.wait()


def flags(folder: Path, socket_path: Path) -> tuple[str, ...]:
    """What an osqueryd of ours is started with."""
    return (
        "--ephemeral=true",
        "--disable_database=true",
        f"--database_path={folder / 'osquery.db'}",
        f"--pidfile={folder / 'osquery.pid'}",
        f"--flagfile={folder / 'osquery.flags'}",
        "--config_plugin=filesystem",
        f"--config_path={folder / 'osquery.conf'}",
        f"--extensions_socket={socket_path}",
        f"--extensions_autoload={folder / 'extensions.load'}",
        "--disable_extensions=false",
        "--disable_logging=true",
        f"--logger_path={folder}",
        "--disable_events=true",
        "--disable_carver=true",
        "--disable_distributed=true",
        "--disable_watchdog=false",
        "--watchdog_level=0",
        f"--disable_tables={_DISABLED_TABLES}",
    )


def own_engine(program: Path, folder: Path, tables: Sequence[Table] = ()) -> OsquerydEngine:
    """An engine over an osqueryd of ours, in which `tables` are registered beside its own.

    Where the path of `folder` is too long for a socket, a private temporary one takes its place.
    Windows hosts no tables this way: there, route them (`RoutedEngine`).
    """
    if len(os.fsencode(folder)) > _LONGEST_SOCKET_PATH:
        folder = Path(tempfile.mkdtemp(prefix="vigie-"))
    host = ExtensionHost(tables) if tables and sys.platform != "win32" else None
    return OsquerydEngine(OwnDaemon(program, folder, host=host), connect)


def installed_osqueryd(platform: str = sys.platform) -> Path | None:
    """The osqueryd program that came with the agent, else this machine's in its usual place."""
    usual = (path for path in USUAL_PROGRAMS.get(platform, ()) if path.is_file())
    return carried_osqueryd() or next(usual, None)


def carried_osqueryd() -> Path | None:
    """The osqueryd program that a built agent brought in its own folder; None without one."""
    if not getattr(sys, "frozen", False):
        return None
    name = "osqueryd.exe" if sys.platform == "win32" else "osqueryd"
    program = Path(sys.executable).parent / "osquery" / name
    return program if program.is_file() else None


def _listens(path: Path, deadline: float) -> bool:
    if sys.platform == "win32":
        return path.exists()
    try:
        open_socket(path, deadline=deadline).close()
    except ConnectionBroken:
        return False
    return True


def _stop_leftovers(socket_path: Path) -> None:
    """Ends what an agent that was killed left behind: whoever was told to listen on this path."""
    argument = f"--extensions_socket={socket_path}"
    left = list(_told(argument))
    for process in left:
        log.warning("osqueryd_left_behind", pid=process.pid)
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=_TO_END.total_seconds())


def _told(argument: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and argument in process.cmdline():
                yield process


def _environment() -> dict[str, str]:
    kept = ("SYSTEMROOT", "SYSTEMDRIVE", "PROGRAMDATA", "PROGRAMFILES", "WINDIR", "TEMP", "TMP")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C",
    }
