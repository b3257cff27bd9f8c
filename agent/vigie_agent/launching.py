"""Where the installed agent starts: it runs itself, or the newer version that is current.

`run` of a version on trial is watched from here until it has shown that it works: a version that
crashes, hangs or says nothing is ended, and the one before runs again. A confirmed version takes
this process over; on Windows, whose service stays the process that Windows started, it runs below
it. Every other command is that of the current version.

Only what the standard library has is loaded here, and what is here has to work with every later
version: what they share is `launch.json`, `updates.starting`, and the commands' names.
"""

import os
import signal
import subprocess  # noqa: TID251 (another version of this agent; tables/host.py is for the system's)
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Final, NoReturn

from vigie_agent.clock import utc_now
from vigie_agent.domain.errors import UpdateRefused
from vigie_agent.domain.releases import INSTALLED
from vigie_agent.domain.updating import Standing, give_up, start, stopped
from vigie_agent.updates.starting import HAND_OVER, MARK, TRIAL, environment_for, started_by
from vigie_agent.updates.versions import Versions

TRIAL_TAKES: Final = timedelta(minutes=15)
"""Within it a version on trial has to show that it works."""
NOT_ENROLLED: Final = 3
"""The exit code of a device that has no identity: no version can help that."""
LOOK_EVERY: Final = timedelta(seconds=1)
RESTARTS_AFTER: Final = timedelta(seconds=5)
ENDS_WITHIN: Final = timedelta(seconds=20)
"""What a version is given to end when it is asked to."""
BELOW_ENDS_WITHIN: Final = timedelta(seconds=15)
"""The same below a service that Windows gives 20 seconds itself."""
_UNSEEN: Final = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""On Windows: no window of a console."""


def start_here(program: Sequence[str], arguments: Sequence[str]) -> None:
    """Starts what is current instead of this version; returns when that is this version.

    `program` is how this one was started. Never raises on what updates left behind: the installed
    version is always there to run.
    """
    if started_by() is not None or _command(arguments) == "service":
        return  # Windows speaks with the process that it started: that one watches the others
    versions = _versions(arguments)
    if versions is None:
        return
    if _command(arguments) == "run":
        Launch(versions, tuple(program), tuple(arguments), installed_version()).run()
        return
    current = versions.standing().current
    if current != INSTALLED and versions.program(current).is_file():
        _become(versions.program(current), program, arguments)


def hand_over() -> NoReturn:
    """Ends this version: another one is current now."""
    before = started_by()
    if before is None:
        before = own_program()
    if os.name != "posix" or not before:
        raise SystemExit(HAND_OVER)  # whoever watches goes on from here
    os.execvpe(  # noqa: S606 (the agent itself)
        before[0], [*before, *sys.argv[1:]], _plain_environment()
    )


def _say(text: str) -> None:
    """To the log of the service, which is standard error."""
    print(f"vigie-agent: {text}", file=sys.stderr, flush=True)  # noqa: T201 (no log is set up yet)


@dataclass
class Launch:
    """`run`, with whatever is current."""

    versions: Versions
    program: tuple[str, ...]
    arguments: tuple[str, ...]
    installed: str
    takes: timedelta = TRIAL_TAKES
    pause: timedelta = RESTARTS_AFTER
    below: bool = os.name != "posix"
    """Whether confirmed versions run below this process too, and end when their input does."""
    say: Callable[[str], None] = _say
    _stop: threading.Event = field(default_factory=threading.Event)
    _child: "subprocess.Popen[bytes] | None" = None

    def run(self) -> None:
        """Returns when the installed version is to run, in this process. Never raises an error."""
        if (code := self.ended()) is not None:
            raise SystemExit(code)

    def ended(self) -> int | None:
        """Runs what is current to its end: its exit code; None when the installed one is to run."""
        while not self._stop.is_set():
            standing = self._counted()
            if standing.current == INSTALLED:
                return None
            program = self.versions.program(standing.current)
            if standing.trial is None and not self.below:
                if program.is_file():
                    _become(program, self.program, self.arguments)
                if not self._give_up(standing, "its program cannot be started"):
                    return None
                continue
            with self._signals():
                failed = self._started(standing, program)
                code = self._watched(standing.current) if not failed else None
            if failed and not self._give_up(standing, failed):
                return None
            if code is not None:
                return code
        return 0

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Asks to end, from any thread, also before anything was started."""
        self._stop.set()
        child = self._child
        if child is None or child.poll() is not None:
            return
        if child.stdin is None:
            child.send_signal(number)
        _close_input(child)

    def _counted(self) -> Standing:
        """What is in force, with this start counted; a trial that cannot be counted is none."""
        standing = self.versions.standing()
        try:
            counted = start(standing, self.installed, utc_now())
            if counted != standing:
                self.versions.keep(counted)
        except (OSError, UpdateRefused) as error:
            if standing.trial is None:
                return standing  # it works, and only the count is lost
            self.say(f"a start cannot be noted ({error}): the installed version runs")
            return Standing()
        if counted.rolled_back != standing.rolled_back and counted.rolled_back is not None:
            self.say(f"rolled back {counted.rolled_back.version}: {counted.rolled_back.reason}")
        return counted

    def _started(self, standing: Standing, program: Path) -> str:
        """Starts it below this process; why it cannot be, or nothing."""
        told = standing.current if standing.trial else ""
        unheard = sys.stderr is None  # a service of Windows has no output to pass on
        output = subprocess.DEVNULL if unheard else None
        try:
            self._child = subprocess.Popen(  # noqa: S603 (signed by the publisher, and verified)
                [str(program), *self.arguments],
                env=environment_for((), trial=told, ends_with_input=self.below),
                stdin=subprocess.PIPE if self.below else None,
                stdout=output,
                stderr=output,
                creationflags=_UNSEEN if unheard else 0,
            )
        except OSError as error:
            return f"its program cannot be started: {error}"
        if self._stop.is_set():  # asked while it was being started
            self.stop()
        return ""

    def _watched(self, version: str) -> int | None:
        """Until it ends; the exit code for who started us, or None to look again."""
        child = self._child
        assert child is not None  # noqa: S101 (it was just started)
        try:
            code = self._code(child, version)
        finally:
            _close_input(child)
        if self._stop.is_set() or code == NOT_ENROLLED:
            self._keep(stopped(self.versions.standing()))
            return code or 0
        if code is None:
            self._give_up(
                self.versions.standing(), f"it had not shown that it works in {self.takes}"
            )
            return None
        if code == HAND_OVER:
            return None
        if self.versions.standing().trial is None:
            return code  # a confirmed version ends as any other: the service manager sees to it
        self._stop.wait(self.pause.total_seconds())
        return 0 if self._stop.is_set() else None

    def _code(self, child: "subprocess.Popen[bytes]", version: str) -> int | None:
        """Its exit code; None when its time was over, and it was ended."""
        until = monotonic() + self.takes.total_seconds()
        while True:
            try:
                return child.wait(LOOK_EVERY.total_seconds())
            except subprocess.TimeoutExpired:
                standing = self.versions.standing()
                if self._stop.is_set() and self.below:
                    return self._ended_below(child)
                if standing.current != version or standing.trial is None:
                    break
                if monotonic() > until:
                    return self._end(child)
        while self.below and not self._stop.is_set():
            with suppress(subprocess.TimeoutExpired):
                return child.wait(LOOK_EVERY.total_seconds())
        return self._ended_below(child) if self.below else child.wait()

    @staticmethod
    def _ended_below(child: "subprocess.Popen[bytes]") -> int:
        """It was asked to end; Windows waits for us no longer than for any service."""
        try:
            return child.wait(BELOW_ENDS_WITHIN.total_seconds())
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()

    @staticmethod
    def _end(child: "subprocess.Popen[bytes]") -> None:
        if child.stdin is None:
            child.terminate()
        _close_input(child)
        try:
            child.wait(ENDS_WITHIN.total_seconds())
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _give_up(self, standing: Standing, reason: str) -> bool:
        """Whether it could be noted."""
        back = give_up(standing, reason, utc_now())
        failed = back.rolled_back
        told = (
            failed.reason if failed is not None and failed.version == standing.current else reason
        )
        self.say(f"rolled back {standing.current}: {told}")
        return self._keep(back)

    def _keep(self, standing: Standing) -> bool:
        """Whether it could be noted. A trial that cannot be counted ends at its next start."""
        try:
            self.versions.keep(standing)
        except OSError as error:
            self.say(f"what is in force cannot be noted: {error}")
            return False
        return True

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Passes on what asks this process to stop, while something runs below it."""
        if threading.current_thread() is not threading.main_thread():
            yield  # of a service, which calls `stop`
            return
        handled = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, lambda n, _: self.stop(n)) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _close_input(child: "subprocess.Popen[bytes]") -> None:
    """Asks what runs below us to end, where it was told to heed that."""
    if child.stdin is not None:
        with suppress(OSError):
            child.stdin.close()


def own_program() -> tuple[str, ...]:
    """How this program was started: as one file that was built, or as Python and a script."""
    if getattr(sys, "frozen", False):
        return (sys.executable,)
    return (sys.executable, sys.argv[0]) if Path(sys.argv[0]).suffix == ".py" else ()


def _become(program: Path, before: Sequence[str], arguments: Sequence[str]) -> None:
    """Runs the program in place of this one. Returns only when it cannot be started."""
    environment = environment_for(before)
    try:
        if os.name == "posix":
            os.execve(program, [str(program), *arguments], environment)  # noqa: S606 (verified)
        ended = subprocess.run(  # noqa: S603 (verified)
            [str(program), *arguments], env=environment, check=False
        )
    except OSError as error:
        _say(f"{program} cannot be started: {error}")
        return
    raise SystemExit(ended.returncode)


def _plain_environment() -> dict[str, str]:
    """The environment without the marks of one version that starts another."""
    return {name: value for name, value in environment_for(()).items() if name not in {MARK, TRIAL}}


def _versions(arguments: Sequence[str]) -> Versions | None:
    """The versions of the data folder in force, where there are some and only we write them."""
    from vigie_agent.settings import data_dir_in_force  # noqa: PLC0415 (children start without it)

    runs = _command(arguments) == "run"
    folder = data_dir_in_force(_option(arguments, "--config"), of_the_device=not runs) / "updates"
    versions = Versions(folder)
    try:
        if not (folder / "launch.json").is_file():
            return None
        if versions.is_ours():
            return versions
    except OSError:
        return None
    _say(f"{folder} may be written by others: the installed version runs")
    return None


def installed_version() -> str:
    """The release that this program is of."""
    from importlib.metadata import version  # noqa: PLC0415 (most starts are of other commands)

    return version("vigie")


def _command(arguments: Sequence[str]) -> str:
    """The command on the line, past the options that stand before it."""
    rest = iter(arguments)
    for part in rest:
        if part in {"--config", "--log-level"}:
            next(rest, None)
        elif not part.startswith("-"):
            return part
    return ""


def options_of(arguments: Sequence[str]) -> list[str]:
    """The options that stand before the command."""
    command = _command(arguments)
    return list(arguments[: arguments.index(command)]) if command else []


def _option(arguments: Sequence[str], name: str) -> Path | None:
    for part, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if part == name:
            return Path(following)
        if part.startswith(f"{name}="):
            return Path(part.partition("=")[2])
    return None
