"""`vigie-agent explain`: all that is read here, how often and why, for whoever uses the device."""

import click

from vigie_agent.bootstrap import collection
from vigie_agent.cli_outcome import CommandLine, spoken_language, told_errors
from vigie_agent.domain.explain import LANGUAGES, explanation
from vigie_agent.services.ask import AskedQuestions


@click.command()
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    help="Language; by default the session's, else French.",
)
@click.option("--sql", "with_sql", is_flag=True, help="Print the queries too.")
@click.pass_obj
def explain(line: CommandLine, lang: str | None, with_sql: bool) -> None:  # noqa: FBT001 (click passes options by name)
    """Say all that is read on this device, how often and why.

    Personal data and how long it is kept are named, and so is every question that the server has
    asked of this device directly.
    """
    with told_errors():
        settings = line.begin().of_the_device()
        try:
            asked = AskedQuestions(settings.asked_path).all()
        except OSError:
            asked = None
        with collection(settings) as parts:
            lines = explanation(
                parts.orders.plan(),
                parts.topics,
                asked,
                language=lang or spoken_language(),
                with_sql=with_sql,
            )
            click.echo("\n".join(lines))
