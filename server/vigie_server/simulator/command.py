"""`vigie-sim` on the command line."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import click

from vigie.v1 import enrolment_token
from vigie_server import clock
from vigie_server.cli.measures import Measure
from vigie_server.domain.errors import VigieError
from vigie_server.simulator import telling
from vigie_server.simulator.making import Made, enrol_fleet, plant_fleet
from vigie_server.simulator.recorded import RECORDED
from vigie_server.simulator.run import Plan
from vigie_server.simulator.running import Wanted, run_here, run_in_parts
from vigie_server.simulator.schedule import Wave
from vigie_server.simulator.tally import Tally
from vigie_server.simulator.usage import Watched

P = ParamSpec("P")

FLEET = click.option(
    "--fleet",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("fleet.db"),
    show_default=True,
    help="The file of the fleet: its keys, and how far each device has got.",
)
RECORDED_IN = click.option(
    "--recorded",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=RECORDED,
    help="Folder of recorded devices; those of the source tree.",
)
SHARE = Measure(0, 1)
SECONDS = Measure(min=0, min_open=True)


class NewFile(click.Path):
    """A file that is written when the run has ended: that it can be is seen before it begins."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. Fails where nothing can be written there."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not os.access(path.parent, os.W_OK | os.X_OK):
            self.fail(f"{path.parent} is no folder that can be written to.", param, ctx)
        return path


def _told_errors(command: Callable[P, None]) -> Callable[P, None]:
    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except* VigieError as group:
            for error in _leaves(group):
                click.echo(f"vigie-sim: {error}", err=True)
            sys.exit(1)

    return told


def _leaves(group: BaseExceptionGroup[VigieError]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


def _making(command: Callable[..., None]) -> Callable[..., None]:
    """The options that both ways of making a fleet have."""
    options = (
        FLEET,
        RECORDED_IN,
        click.option("--devices", type=click.IntRange(1), required=True, help="How many."),
        click.option("--seed", type=int, default=1, show_default=True, help="Names and drift."),
        click.option(
            "--epoch",
            type=click.DateTime(),
            help="The instant (UTC) that recordings are moved to; now, to the hour.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A simulated fleet over real mTLS: for tests, benchmarks and trying Vigie out.

    Make a fleet with `enrol` or `plant`, then `run` it.
    """


@main.command()
@_making
@click.option("--token", envvar="VIGIE_SIM_TOKEN", required=True, help="An enrolment token.")
@_told_errors
def enrol(*, token: str, **made: Any) -> None:
    """Make a fleet by enrolling each device over the enrolment port, as agents do."""
    try:
        decoded = enrolment_token.decode(token)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    asyncio.run(enrol_fleet(_made(made), decoded, _told_every(1_000)))
    _tell_made(made)


@main.command()
@_making
@click.option(
    "--per-site", type=click.IntRange(1), default=50, show_default=True, help="Devices a site."
)
@_told_errors
def plant(*, per_site: int, **made: Any) -> None:
    """Make a big fleet by writing it into the store of a test server that does not run.

    The server's settings (VIGIE_SERVER_DATA, ...) say which; `vigie-server init` has made it. Each
    device has reported once, and has been judged. A store with real devices is refused.
    """
    asyncio.run(plant_fleet(_made(made), per_site, _told_every(5_000)))
    _tell_made(made)


@main.command()
@FLEET
@RECORDED_IN
@click.option(
    "--server", "servers", multiple=True, help="host:port of telemetry; several take turns."
)
@click.option("--minutes", type=SECONDS, default=10.0, show_default=True, help="How long to run.")
@click.option(
    "--period",
    type=SECONDS,
    default=900.0,
    show_default=True,
    help="Seconds between two visits of a device.",
)
@click.option(
    "--mode",
    type=click.Choice(["visit", "stay"]),
    default="visit",
    show_default=True,
    help="Come and go, or keep the stream open.",
)
@click.option(
    "--heartbeat",
    type=SECONDS,
    default=60.0,
    show_default=True,
    help="Seconds, for streams that stay.",
)
@click.option(
    "--changes",
    type=SHARE,
    default=0.1,
    show_default=True,
    help="Chance that a device has something new each period.",
)
@click.option(
    "--wave",
    "waves",
    multiple=True,
    help="at=SECONDS,share=0..1[,over=SECONDS]: so many come back at once.",
)
@click.option("--slow", type=SHARE, default=0.0, help="Share of devices that read slowly.")
@click.option(
    "--slow-by",
    type=SECONDS,
    default=2.0,
    show_default=True,
    help="Seconds that they wait before each message.",
)
@click.option(
    "--broken",
    type=SHARE,
    default=0.0,
    help="Share of devices that break something every other time.",
)
@click.option(
    "--patience",
    type=SECONDS,
    default=60.0,
    show_default=True,
    help="Seconds that a visit may take.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that share the fleet.",
)
@click.option(
    "--every",
    type=SECONDS,
    default=10.0,
    show_default=True,
    help="Seconds between two lines of progress.",
)
@click.option(
    "--json",
    "result",
    type=NewFile(),
    help="Write the result here.",
)
@click.option(
    "--ledger",
    type=NewFile(),
    help="Write every report down here.",
)
@click.option("--server-pid", type=int, help="Tell what this process uses, too.")
@click.option("--part", hidden=True, help="N/OF: run this part, and tell the tally as JSON.")
@_told_errors
def run(**given: Any) -> None:
    """Let a fleet report: an open loop, by the clock, however the server does.

    Exits with 1 when there were errors, or when nothing was delivered.
    """
    wanted = _wanted(given)
    sys.exit(asyncio.run(_run(wanted, given)))


async def _run(wanted: Wanted, given: dict[str, Any]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if given["part"]:
        await run_here(wanted, stop, lambda tally: click.echo(json.dumps(tally.kept())))
        return 0
    pid = given["server_pid"]
    watched = None if pid is None else Watched(pid)

    def told(tally: Tally) -> None:
        if tally.seconds < 1:
            if watched is not None:
                watched.begin()
            return
        click.echo(telling.progress(tally, None if watched is None else watched.used()))

    if given["processes"] == 1:
        tally = await run_here(wanted, stop, told)
    else:
        tally = await run_in_parts(sys.argv[1:], given["processes"], stop, told)
    server = None if watched is None else watched.used()
    for line in telling.summary(tally, server):
        click.echo(line)
    if given["result"]:
        kept = tally.measured() | ({} if server is None else {"server": asdict(server)})
        given["result"].write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    fault = telling.fault(tally)
    if fault is None:
        return 0
    click.echo(f"vigie-sim: {fault}", err=True)
    return 1


def _wanted(given: dict[str, Any]) -> Wanted:
    try:
        waves = tuple(map(Wave.read, given["waves"]))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--wave") from error
    seconds = given["minutes"] * 60
    for wave in waves:
        if wave.at >= seconds:
            raise click.BadParameter(
                f"nothing comes at {wave.at:g} s: the run ends after {seconds:g} s",
                param_hint="--wave",
            )
    own, _, parts = (given["part"] or "0/1").partition("/")
    return Wanted(
        fleet=given["fleet"],
        recorded=given["recorded"],
        servers=given["servers"],
        plan=Plan(
            seconds=seconds,
            period=given["period"],
            stay=given["mode"] == "stay",
            heartbeat=given["heartbeat"],
            waves=waves,
            slow=given["slow"],
            slow_by=given["slow_by"],
            broken=given["broken"],
            patience=given["patience"],
        ),
        changes=given["changes"],
        ledger=given["ledger"],
        every=given["every"],
        part=(int(own), int(parts)),
    )


def _made(given: dict[str, Any]) -> Made:
    epoch = given["epoch"]
    now = clock.utc_now().replace(minute=0, second=0, microsecond=0)
    return Made(
        fleet=given["fleet"],
        recorded=given["recorded"],
        devices=given["devices"],
        seed=given["seed"],
        epoch=now if epoch is None else _aware(epoch),
    )


def _aware(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC)


def _tell_made(given: dict[str, Any]) -> None:
    fleet = given["fleet"]
    click.echo(f"The fleet is made; let it report: vigie-sim run --fleet {fleet}")


def _told_every(count: int) -> Callable[[int], None]:
    def told(done: int) -> None:
        if done % count == 0:
            click.echo(f"{done} devices")

    return told
