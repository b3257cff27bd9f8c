"""Every command has help, stands in the documentation, and ends with a code that is documented."""

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vigie_agent.cli.main import COMMANDS, main
from vigie_agent.cli.outcome import EXIT_OF, Exit, spoken_language, told_errors
from vigie_agent.domain import errors
from vigie_agent.settings import AgentSettings, EngineSettings, UpdateSettings

DOCUMENTATION = (Path(__file__).parents[3] / "docs" / "agent.md").read_text(encoding="utf-8")


def every_error() -> set[type[errors.VigieError]]:
    """Every error that the agent raises on purpose, below the base."""
    return {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, errors.VigieError)
        and kind is not errors.VigieError
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_stands_in_the_documentation(name: str) -> None:
    command = COMMANDS[name]()

    help_shown = CliRunner().invoke(main, [name, "--help"])

    assert command.name == name
    assert help_shown.exit_code == 0
    assert command.help
    assert re.search(rf"^\| `{name}[ `]", DOCUMENTATION, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help_and_stands_in_the_documentation(name: str) -> None:
    (line,) = re.findall(rf"^\| `{name}[ `].*$", DOCUMENTATION, re.MULTILINE)
    options = [option for option in COMMANDS[name]().params if isinstance(option, click.Option)]

    assert all(option.help for option in options)
    assert [option.name for option in options if f"`{option.opts[0]}" not in line] == []


def test_the_documentation_names_no_command_that_does_not_exist() -> None:
    commands = re.findall(
        r"^\| `([a-z]+)[ `].*\|.*\|.*\|$", DOCUMENTATION.partition("## Exit")[0], re.MULTILINE
    )

    assert set(commands) == set(COMMANDS)


def test_every_setting_stands_in_the_documentation() -> None:
    groups = {"engine", "collect", "spool", "updates"}
    names = {setting.name for setting in fields(AgentSettings)} - groups - {"named"}
    names |= {f"engine.{setting.name}" for setting in fields(EngineSettings)}
    names |= {f"updates.{setting.name}" for setting in fields(UpdateSettings)}
    names |= {"collect.query_timeout", "collect.pause", "collect.niceness", "collect.idle_io"}

    assert [name for name in names | {"spool.max_bytes"} if f"`{name}`" not in DOCUMENTATION] == []


def test_every_error_has_an_exit_code() -> None:
    assert set(EXIT_OF) == every_error()


@pytest.mark.parametrize("code", Exit)
def test_every_exit_code_stands_in_the_documentation(code: Exit) -> None:
    assert re.search(rf"^\| {int(code)} \| ", DOCUMENTATION, re.MULTILINE)


@pytest.mark.parametrize("error", EXIT_OF, ids=lambda error: error.__name__)
def test_an_error_ends_the_command_with_one_line_and_its_code(
    error: type[errors.VigieError], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, told_errors():
        raise error("what happened")

    assert ended.value.code == EXIT_OF[error]
    assert capsys.readouterr().err == "vigie-agent: what happened\n"


def test_errors_of_several_parts_end_the_command_with_the_first_ones_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    inner = ExceptionGroup("delivery", [errors.IdentityMissing("not enrolled")])

    with pytest.raises(SystemExit) as ended, told_errors():
        raise ExceptionGroup("parts", [inner, errors.SpoolUnusable("disk full")])

    assert ended.value.code == Exit.NOT_ENROLLED
    assert capsys.readouterr().err == "vigie-agent: not enrolled; disk full\n"


def test_what_nobody_foresaw_is_not_hidden() -> None:
    with pytest.RaisesGroup(ZeroDivisionError, allow_unwrapped=True), told_errors():
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "fr"),
        ({"LANG": "C.UTF-8"}, "fr"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LC_ALL": "fr_FR", "LANG": "en_GB"}, "fr"),
    ],
)
def test_french_is_spoken_unless_the_session_is_english(
    environment: dict[str, str], language: str
) -> None:
    assert spoken_language(environment) == language


def test_a_wrong_option_is_a_misuse() -> None:
    assert CliRunner().invoke(main, ["check", "--no-such"]).exit_code == Exit.MISUSED
