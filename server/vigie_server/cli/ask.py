"""`vigie-server ask` and `vigie-server question ...`: live questions to devices."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from threading import Event
from typing import Final

import click

from vigie_server.bootstrap.asking_terms import asking_limits, new_question_id
from vigie_server.bundled import bundled_questions
from vigie_server.cli.output import act, opened, printable, show_fields, show_table, told_errors
from vigie_server.clock import utc_now
from vigie_server.domain.asking import Asking, Outcome, Target, question_of
from vigie_server.domain.documents import duration
from vigie_server.domain.errors import DeclarationRefused
from vigie_server.domain.plurals import counted
from vigie_server.ports.asking import AskedQuestion, DeviceAnswer
from vigie_server.ports.tokens import Role
from vigie_server.services.follow_answers import FollowAnswers
from vigie_server.store.questions import Questions

LOOK_EVERY: Final = 0.5
MOST_LISTED: Final = 100


@click.command()
@click.argument("question_id", metavar="[QUESTION]", required=False)
@click.option("--sql", help="A SELECT of your own, where the sites allow it.")
@click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="A parameter.")
@click.option("--reason", required=True, help="Why; the device's user sees it.")
@click.option("--device", "devices", multiple=True, help="Ask this device, by its id; repeatable.")
@click.option("--group", help="Ask a group; with --site one of that site.")
@click.option("--site", help="Ask a site.")
@click.option("--every", is_flag=True, help="Ask every site.")
@click.option("--rows", type=int, help="Rows of one device at most.")
@click.option("--within", metavar="SPAN", help="How long it waits for devices, e.g. 10m.")
@click.option("--dry-run", is_flag=True, help="Say how many devices it goes to; ask nothing.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the answers.")
@told_errors
def ask(  # noqa: PLR0913 (one for each option)
    *,
    question_id: str | None,
    sql: str | None,
    values: tuple[str, ...],
    reason: str,
    devices: tuple[str, ...],
    group: str | None,
    site: str | None,
    every: bool,
    rows: int | None,
    within: str | None,
    dry_run: bool,
    no_wait: bool,
) -> None:
    """Ask devices an approved QUESTION (see `question approved`), or a SELECT, and wait.

    Connected devices answer at once, the others at their next visit. The question is kept in the
    audit, and shown to the device's user by `vigie-agent explain`.
    """
    asking = Asking(
        target=Target(devices, site, group, every),
        purpose=reason,
        question=question_id,
        parameters=dict(map(_parameter, values)),
        sql=sql,
        rows=rows,
        within=None if within is None else _span(within),
    )
    with opened() as (settings, database):
        store, acting = Questions(database), act()
        limits = asking_limits(settings.asking)
        question = question_of(
            asking,
            bundled_questions(),
            limits,
            question_id=new_question_id(),
            asked_by=acting.actor,
            role=Role.ADMIN.value,
            now=acting.at,
        )
        if dry_run:
            found = store.look(question, asking.target, None, limits)
        else:
            found = store.ask(question, asking.target, None, limits, acting)
        verb = "would go" if dry_run else "goes"
        click.echo(
            f"Question {question.id} {verb} to {counted(len(found.asked), 'device|devices')}"
            + (f"; {len(found.unsuited)} have no SQL for it" if found.unsuited else "")
            + ("; answers hold personal data" if question.personal else ""),
            err=True,
        )
        if not dry_run and not no_wait:
            _wait(FollowAnswers(store, question.id, None, utc_now))


@click.group()
def question() -> None:
    """Live questions: which may be asked, which were, and what devices answered."""


@question.command("approved")
@told_errors
def list_approved() -> None:
    """List the questions that can be asked by their id."""
    show_table(
        ("QUESTION", "PERSONAL", "PARAMETERS", "PLATFORMS", "TITLE"),
        [
            (
                one.id,
                "yes" if one.personal else "no",
                ", ".join(one.parameters) or "-",
                ", ".join(sorted(one.sql)),
                f"{one.title['fr']} / {one.title['en']}",
            )
            for one in bundled_questions().values()
        ],
    )


@question.command("list")
@told_errors
def list_questions() -> None:
    """List questions that were asked lately."""
    with opened() as (_, database):
        page = Questions(database).questions(None, now=utc_now(), after=None, limit=MOST_LISTED)
    show_table(
        ("ID", "ASKED", "BY", "OF", "QUESTION", "STATE"),
        [
            (
                one.question.id,
                f"{one.question.asked_at:%Y-%m-%d %H:%M}",
                printable(one.question.asked_by),
                printable(one.question.target),
                one.question.approved or "(a SELECT)",
                _state(one),
            )
            for one in page.items
        ],
    )


@question.command("show")
@click.argument("question_id", metavar="ID")
@told_errors
def show(*, question_id: str) -> None:
    """Show a question and what was answered so far."""
    with opened() as (_, database):
        asked, answers = FollowAnswers(Questions(database), question_id, None, utc_now).look()
    show_fields(
        [
            ("Question", asked.question.approved or next(iter(asked.question.sql.values()))),
            ("Reason", asked.question.purpose),
            ("Asked by", asked.question.asked_by),
            ("Asked of", asked.question.target),
            ("State", _state(asked)),
        ]
    )
    _show_answers(answers)


@question.command("cancel")
@click.argument("question_id", metavar="ID")
@told_errors
def cancel(*, question_id: str) -> None:
    """Have no more devices asked."""
    with opened() as (_, database):
        Questions(database).cancel(question_id, None, act())
    click.echo(f"Question {question_id} is asked of no more devices.")


@question.command("allow")
@click.argument("site")
@click.option("--no", "forbid", is_flag=True, help="No longer.")
@told_errors
def allow(*, site: str, forbid: bool) -> None:
    """Allow SELECTs of the asker's own at a site; by default only approved questions are."""
    with opened() as (_, database):
        Questions(database).allow_free(site, act(), allowed=not forbid)
    said = "only approved questions" if forbid else "any SELECT that its agents let pass"
    click.echo(f"Site {site} may be asked {said}.")


def _wait(following: FollowAnswers) -> None:
    shown = sys.stderr.isatty()
    answers: list[DeviceAnswer] = []
    pause = Event()
    try:
        while True:
            asked, new = following.look()
            answers += new
            if shown:
                click.echo(f"\r{_state(asked)}   ", err=True, nl=False)
            if asked.progress.done:
                break
            pause.wait(LOOK_EVERY)
    except KeyboardInterrupt:
        click.echo(
            f"\nIt goes on without you: `question show {following.question_id}`, "
            f"`question cancel {following.question_id}`",
            err=True,
        )
    if shown:
        click.echo(err=True)
    _show_answers(answers)
    click.echo(_state(asked), err=True)


def _show_answers(answers: Sequence[DeviceAnswer]) -> None:
    columns = next((answer.columns for answer in answers if answer.columns), ())
    lines = []
    for answer in answers:
        about = (answer.device, printable(answer.hostname))
        if answer.outcome is not Outcome.OK:
            told = f"({answer.outcome}) {answer.message}".strip()
            lines.append((*about, printable(told), *("" for _ in columns[1:])))
        named = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        lines += [
            (*about, *(printable(row.get(column, "")) for column in columns)) for row in named
        ]
        if answer.outcome is Outcome.OK and not named:
            lines.append((*about, "(no row)", *("" for _ in columns[1:])))
        if answer.outcome is Outcome.OK and answer.message:
            lines.append((*about, f"({printable(answer.message)})", *("" for _ in columns[1:])))
    if lines:
        headings = [printable(column).upper() for column in columns] or ["ANSWER"]
        show_table(("DEVICE", "NAME", *headings), lines)


def _state(asked: AskedQuestion) -> str:
    progress = asked.progress
    rest = {
        outcome: number
        for outcome, number in sorted(progress.outcomes.items())
        if outcome not in {Outcome.OK, Outcome.WAITING}
    }
    said = f"{progress.answered} of {counted(progress.devices, 'device|devices')} answered"
    if rest:
        said += " (" + ", ".join(f"{number} {outcome}" for outcome, number in rest.items()) + ")"
    if asked.cancelled_at is not None:
        return said + ", cancelled"
    return said + (", done" if progress.done else "")


def _parameter(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise DeclarationRefused(f"--set {text}: write it as NAME=VALUE")
    return name, value


def _span(text: str) -> timedelta:
    span = duration(text)
    if span is None:
        raise DeclarationRefused(f"--within {text}: write it as 90s, 10m or 2h")
    return span
