"""Where the installed agent starts: it runs itself, or the newer version that is current.

`run` of a version on trial is watched from here until it has shown that it works: a version that
crashes, hangs or says nothing is ended, and the one before runs again. A confirmed version takes
this process over (on Windows it runs below it). Every other command is that of the current version.

Only what the standard library has is loaded here, and what is here has to work with every later
version: what they share is `launch.json`, `updates.starting`, and the commands' names.
"""

import os
import signal
import subprocess  # noqa: TID251 (another version of this agent; tables/host.py is for the system's)
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Final, NoReturn

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


def start_here(program: Sequence[str], arguments: Sequence[str]) -> None:
    """Starts what is current instead of this version; returns when that is this version.

    `program` is how this one was started. Never raises on what updates left behind: the installed
    version is always there to run.
    """
    if started_by() is not None or _command(arguments) == "service":
        return  # Windows speaks with the process that it started, which is the installed version
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


@dataclass
class Launch:
    """`run`, with whatever is current."""

    versions: Versions
    program: tuple[str, ...]
    arguments: tuple[str, ...]
    installed: str
    takes: timedelta = TRIAL_TAKES
    pause: timedelta = RESTARTS_AFTER
    _stop: threading.Event = field(default_factory=threading.Event)
    _child: "subprocess.Popen[bytes] | None" = None

    def run(self) -> None:
        """Returns when the installed version is to run, in this process. Never raises."""
        while True:
            standing = self._standing()
            if standing.current == INSTALLED:
                return
            program = self.versions.program(standing.current)
            if standing.trial is None and os.name == "posix":
                if program.is_file():
                    _become(program, self.program, self.arguments)
                if not self._give_up(standing, "its program cannot be started"):
                    return
                continue
            code = self._watched(standing, program)
            if code is not None:
                raise SystemExit(code)

    def _standing(self) -> Standing:
        """What is in force, with this start counted; a trial that cannot be counted is none."""
        standing = self.versions.standing()
        try:
            counted = start(standing, self.installed)
            if counted != standing:
                self.versions.keep(counted)
        except (OSError, UpdateRefused) as error:
            if standing.trial is None:
                return standing  # it works, and only the count is lost
            _say(f"a start cannot be noted ({error}): the installed version runs")
            return Standing()
        if counted.rolled_back != standing.rolled_back and counted.rolled_back is not None:
            _say(f"rolled back {counted.rolled_back.version}: {counted.rolled_back.reason}")
        return counted

    def _watched(self, standing: Standing, program: Path) -> int | None:
        """Runs it until it ends; the exit code for who started us, or None to look again."""
        version = standing.current
        try:
            self._child = subprocess.Popen(  # noqa: S603 (signed by the publisher, and verified)
                [str(program), *self.arguments],
                env=environment_for((), trial=version if standing.trial else ""),
            )
        except OSError as error:
            self._give_up(standing, f"its program cannot be started: {error}")
            return None
        with self._signals():
            code = self._ended(version)
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

    def _ended(self, version: str) -> int | None:
        """Its exit code; None when its time was over, and it was ended."""
        child = self._child
        assert child is not None  # noqa: S101 (it was just started)
        until = monotonic() + self.takes.total_seconds()
        while True:
            try:
                return child.wait(LOOK_EVERY.total_seconds())
            except subprocess.TimeoutExpired:
                standing = self.versions.standing()
                if standing.current != version or standing.trial is None:
                    return child.wait()
                if monotonic() > until:
                    return self._end(child)

    @staticmethod
    def _end(child: "subprocess.Popen[bytes]") -> None:
        child.terminate()
        try:
            child.wait(ENDS_WITHIN.total_seconds())
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _give_up(self, standing: Standing, reason: str) -> bool:
        _say(f"rolled back {standing.current}: {reason}")
        return self._keep(give_up(standing, reason))

    def _keep(self, standing: Standing) -> bool:
        """Whether it could be noted. A trial that cannot be counted ends at its next start."""
        try:
            self.versions.keep(standing)
        except OSError as error:
            _say(f"what is in force cannot be noted: {error}")
            return False
        return True

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Passes on what asks this process to stop."""

        def pass_on(number: int, _: object) -> None:
            self._stop.set()
            if self._child is not None and self._child.poll() is None:
                self._child.send_signal(number)

        handled = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, pass_on) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


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


def _option(arguments: Sequence[str], name: str) -> Path | None:
    for part, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if part == name:
            return Path(following)
        if part.startswith(f"{name}="):
            return Path(part.partition("=")[2])
    return None


def _say(text: str) -> None:
    """To the log of the service, which is standard error."""
    print(f"vigie-agent: {text}", file=sys.stderr, flush=True)  # noqa: T201 (no log is set up yet)
