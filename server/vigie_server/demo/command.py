"""`vigie-server demo` on the command line."""

import asyncio
import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from vigie_server.demo import shown
from vigie_server.demo.run import Wanted, demonstrate

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
    wanted = Wanted(
        once=once,
        fleet=fleet,
        language=lang or shown.spoken_language(),
        data=data,
        recorded=recorded,
    )
    sys.exit(asyncio.run(_until_interrupted(wanted, console)))


async def _until_interrupted(wanted: Wanted, console: Console) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await demonstrate(wanted, console, stop)
