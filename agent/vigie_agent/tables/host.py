"""The machine that tables look at: its files below a root, and the commands it can run.

Every subprocess of the agent starts here: bounded in time and output, without a shell, in the C
locale, with nothing on its standard input and none of the agent's own environment. Every file is
read with a bound, and only if it is a regular one: a pipe left in /etc must not hang the agent.
"""

import errno
import os
import signal
import stat
import subprocess  # noqa: TID251 (this module is the one home of subprocesses)
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import IO, Final, Protocol

from vigie_agent.tables.windows_system import WindowsSystem, this_windows

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
_MAX_STDERR_BYTES: Final = 4096
_CHUNK_BYTES: Final = 65_536
_GRACE: Final = 2.0  # seconds for a killed process to be gone and its pipes to close

_KEPT_VARIABLES: Final = ("HOME", "SYSTEMROOT", "SYSTEMDRIVE", "TEMP", "TMP", "WINDIR")
_POSIX_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MAC_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
"""On a Mac an ordinary account may own /usr/local (Homebrew): nothing there is run as root."""


class Outcome(StrEnum):
    """How a command ended."""

    EXITED = "exited"
    MISSING = "missing"  # no such program on this machine
    NOT_STARTED = "not_started"  # it is there, but could not be started; stderr says why
    TIMED_OUT = "timed_out"
    TOO_LONG = "too_long"  # it printed more than was asked for; stdout holds the beginning


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command did. `exit_code` is None unless it ended by itself; negative: by a signal."""

    outcome: Outcome
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ran to its end and reported success."""
        return self.outcome is Outcome.EXITED and self.exit_code == 0


class CommandRunner(Protocol):
    """Runs one program. Never raises: a missing program or an overrun is a result."""

    def __call__(
        self, argv: Sequence[str], *, timeout: timedelta, max_output: int
    ) -> CommandResult:
        """`argv[0]` is looked up in the system's own folders; `max_output` is in bytes."""
        ...


def run_command(argv: Sequence[str], *, timeout: timedelta, max_output: int) -> CommandResult:
    """Runs `argv` on this machine; killed with its children when it overruns a bound."""
    try:
        process = subprocess.Popen(  # noqa: S603 (no shell; every caller passes a fixed program)
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            cwd="/" if os.name == "posix" else None,
            start_new_session=True,
        )
    except FileNotFoundError:
        return CommandResult(Outcome.MISSING, stderr=f"{argv[0]} is not installed")
    except OSError as error:
        return CommandResult(Outcome.NOT_STARTED, stderr=error.strerror or str(error))
    with process:
        return _supervise(process, timeout=timeout, max_output=max_output)


@dataclass(frozen=True, slots=True)
class Host:
    """The device, or a folder that stands for it in tests.

    Paths given and shown are the device's own ("/etc/passwd"), whatever `root` is. `windows` is
    what a Windows device has besides; elsewhere it answers that it is not there.
    """

    root: Path = Path("/")
    run: CommandRunner = run_command
    windows: WindowsSystem = field(default_factory=this_windows)

    def path(self, path: str) -> Path:
        """Where the device's absolute `path` is found: below `root`."""
        return self.root / path.lstrip("/")

    def shown(self, path: Path) -> str:
        """The device's own name of a path below `root`: the inverse of `path`."""
        return "/" + path.relative_to(self.root).as_posix().removeprefix(".")

    def read_bytes(self, path: str, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """The content of a regular file, /proc and /sys included.

        Raises OSError: FileNotFoundError, PermissionError, EFBIG if it is longer than
        `max_bytes`, EINVAL if it is not a regular file.
        """
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(
            self.path(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise OSError(errno.EFBIG, f"longer than {max_bytes} bytes", path)
        return content

    def read_text(self, path: str, *, max_bytes: int = MAX_FILE_BYTES) -> str:
        """As `read_bytes`, decoded as UTF-8; what is not UTF-8 shows as U+FFFD."""
        return self.read_bytes(path, max_bytes=max_bytes).decode("utf-8", "replace")

    def text_or_empty(self, path: str, *, max_bytes: int = MAX_FILE_BYTES) -> str:
        """As `read_text`, empty where the file cannot be read for whatever reason."""
        try:
            return self.read_text(path, max_bytes=max_bytes)
        except OSError:
            return ""


def _environment() -> dict[str, str]:
    """What a command may know: enough to run, in the C locale, and no secret of the agent."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    path = _POSIX_PATH if os.name == "posix" else os.environ.get("PATH", os.defpath)
    path = _MAC_PATH if sys.platform == "darwin" else path
    return {**kept, "PATH": path, "LC_ALL": "C", "LANG": "C"}


def _supervise(
    process: subprocess.Popen[bytes], *, timeout: timedelta, max_output: int
) -> CommandResult:
    overrun = threading.Event()

    def too_much() -> None:
        overrun.set()
        _kill(process)

    out = _Drain(process.stdout, limit=max_output, when_full=too_much)
    err = _Drain(process.stderr, limit=_MAX_STDERR_BYTES)
    timed_out = False
    try:
        process.wait(timeout.total_seconds())
    except subprocess.TimeoutExpired:
        timed_out = True
        _kill(process)
        process.wait(_GRACE)
    if not (out.ended() and err.ended()):  # a child outlived the command: it goes too
        _kill(process)
    stdout, stderr = out.text(), err.text()
    if overrun.is_set():
        return CommandResult(Outcome.TOO_LONG, stdout=stdout, stderr=stderr)
    if timed_out:
        return CommandResult(Outcome.TIMED_OUT, stdout=stdout, stderr=stderr)
    return CommandResult(Outcome.EXITED, process.returncode, stdout, stderr)


class _Drain:
    """Reads a pipe to its end in a thread and keeps its first `limit` bytes."""

    def __init__(
        self, pipe: IO[bytes] | None, *, limit: int, when_full: "_Callback | None" = None
    ) -> None:
        if pipe is None:  # pragma: no cover - Popen was given PIPE
            raise ValueError("the process was started without this pipe")
        self._pipe, self._limit, self._when_full = pipe, limit, when_full
        self._kept = bytearray()
        self._abandoned = False
        self._thread = threading.Thread(target=self._read, name="command-output", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        descriptor, full = self._pipe.fileno(), False
        while not self._abandoned and (chunk := os.read(descriptor, _CHUNK_BYTES)):
            full = full or len(self._kept) + len(chunk) > self._limit
            self._kept += chunk[: max(0, self._limit - len(self._kept))]
            if full and self._when_full is not None:
                self._when_full()
                self._when_full = None

    def ended(self) -> bool:
        """Whether the pipe was closed at its other end, given a moment to be."""
        self._thread.join(_GRACE)
        return not self._thread.is_alive()

    def text(self) -> str:
        # A process that left our group may hold the pipe for ever: its descriptor is closed by
        # the caller and may be given to another file, so the thread must not read it again.
        self._abandoned = not self.ended()
        return bytes(self._kept).decode("utf-8", "replace")


class _Callback(Protocol):
    def __call__(self) -> None: ...


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills the command and what it started, if anything of it is left."""
    if sys.platform == "win32":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
