"""`vigie-agent explain`: all that is read here, how often and why, for whoever uses the device."""

from pathlib import Path

import click

from vigie_agent import bundled
from vigie_agent.bootstrap.agent import collection
from vigie_agent.bootstrap.engine import platform_name
from vigie_agent.cli.outcome import CommandLine, spoken_language, told_errors
from vigie_agent.domain.explain import LANGUAGES, AskedQuestion, explanation
from vigie_agent.domain.register import register
from vigie_agent.services.ask import AskedQuestions


@click.command()
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    help="Language; by default the session's, else French.",
)
@click.option("--sql", "with_sql", is_flag=True, help="Print the queries too.")
@click.option(
    "--register",
    "as_register",
    is_flag=True,
    help="Print the register instead: Markdown, every system, French then English.",
)
@click.pass_obj
def explain(line: CommandLine, lang: str | None, *, with_sql: bool, as_register: bool) -> None:
    """Say all that is read on this device, how often and why.

    Personal data and how long it is kept are named, and so is every question that the server has
    asked of this device directly.
    """
    with told_errors():
        settings = line.begin().of_the_device()
        with collection(settings) as parts:
            if as_register:
                lines = register(
                    parts.orders.packs(),
                    parts.topics,
                    bundled.read_questions(bundled.folder("questions")),
                )
            else:
                lines = explanation(
                    parts.orders.plan(),
                    parts.topics,
                    _asked(settings.asked_path),
                    language=lang or spoken_language(),
                    platform=platform_name(),
                    with_sql=with_sql,
                    live_questions=settings.live_questions,
                )
            click.echo("\n".join(lines))


def _asked(path: Path) -> tuple[AskedQuestion, ...] | None:
    try:
        return AskedQuestions(path).all()
    except OSError:
        return None
