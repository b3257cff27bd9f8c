"""`vigie-agent doctor`: what stands between this agent and its server, and what to do about it."""

import json

import click

from vigie_agent.bootstrap.looking import doctor_of
from vigie_agent.cli.outcome import CommandLine, Exit, spoken_language, told_errors
from vigie_agent.domain.explain import LANGUAGES
from vigie_agent.domain.findings import Endpoint, Finding, State

_MARKS = {State.OK: ("ok", "green"), State.PROBLEM: ("!!", "red"), State.NOT_CHECKED: ("--", None)}


class _ServerAddress(click.ParamType[Endpoint]):
    name = "host:port"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Endpoint:
        try:
            return Endpoint.parse(value)
        except ValueError:
            self.fail("write it as host:port, e.g. vigie.example.org:8443", param, ctx)


@click.command()
@click.option("--server", "servers", multiple=True, type=_ServerAddress(), help="Try this address.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language; else the session's.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor(
    line: CommandLine,
    servers: tuple[Endpoint, ...],
    lang: str | None,
    as_json: bool,  # noqa: FBT001 (click passes options by name)
) -> None:
    """Check everything between this agent and its server.

    Data folder, engine, enrolment, certificate, proxy, then for each server address its name, port
    and TLS (inspection included), and the clock. It works before enrolment too, with the token in
    the settings or with --server. Exits 4 when it finds a problem.
    """
    language = lang or spoken_language()
    found: list[Finding] = []
    with told_errors(), doctor_of(line.begin(), servers) as examining:
        for finding in examining.findings():
            found.append(finding)
            if not as_json:
                _print(finding, language)
    if as_json:
        click.echo(json.dumps([_as_json(finding, language) for finding in found], indent=1))
    if any(finding.state is State.PROBLEM for finding in found):
        raise SystemExit(int(Exit.INCOMPLETE))


def _print(finding: Finding, language: str) -> None:
    mark, colour = _MARKS[finding.state]
    subject = finding.subject.of(language)
    colon = " :" if language == "fr" else ":"
    detail = finding.detail.of(language)
    click.echo(f"{click.style(mark, fg=colour)}  {subject}{colon} {detail}")
    if finding.advice is not None:
        click.echo(f"    -> {finding.advice.of(language)}")


def _as_json(finding: Finding, language: str) -> dict[str, str]:
    return {
        "subject": finding.subject.of(language),
        "state": str(finding.state),
        "detail": finding.detail.of(language),
        "advice": "" if finding.advice is None else finding.advice.of(language),
    }
