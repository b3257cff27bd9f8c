"""`vigie-server demo` on the command line."""

import asyncio
import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from vigie_server.demo import shown

_RECORDED = Path(__file__).parents[3] / "tests" / "fixtures"
_PAGE = 160


@click.command()
@click.option("--once", is_flag=True, help="Exit after the table of first verdicts.")
@click.option(
    "--fleet", type=click.IntRange(min=0, max=5000), default=0, help="Simulated devices to add."
)
@click.option(
    "--lang",
    type=click.Choice(["fr", "en"]),
    default=None,
    help="Language of the table; the locale's, French unless it is English.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Keep the demo's data in this folder.",
)
@click.option(
    "--recorded",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=_RECORDED,
    help="Folder of recorded devices for --fleet.",
)
def demo(
    *, once: bool, fleet: int, lang: shown.Language | None, data: Path | None, recorded: Path
) -> None:
    """Show Vigie at work on this machine: server, agent, first verdicts."""
    # A pipe has no width: take a page's.
    console = Console() if sys.stdout.isatty() else Console(width=_PAGE)
    shown_in = lang or shown.spoken_language()
    sys.exit(asyncio.run(_until_interrupted(console, once, fleet, shown_in, data, recorded)))


async def _until_interrupted(
    console: Console,
    once: bool,  # noqa: FBT001 (the command's own options, as they came)
    fleet: int,
    language: shown.Language,
    data: Path | None,
    recorded: Path,
) -> int:
    # The simulator's libraries are no part of a server in use: they load with this command.
    from vigie_server.demo.run import Wanted, demonstrate  # noqa: PLC0415

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    wanted = Wanted(once=once, fleet=fleet, language=language, data=data, recorded=recorded)
    return await demonstrate(wanted, console, stop)
