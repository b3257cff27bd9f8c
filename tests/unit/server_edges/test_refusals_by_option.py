"""A command that is refused names what was written on its line, and not the API's field."""

import click
import pytest
from click.testing import CliRunner

from vigie_server.cli.accounts import account
from vigie_server.cli.attest import attest
from vigie_server.cli.incident import incident
from vigie_server.cli.main import main
from vigie_server.cli.naming import by_option
from vigie_server.cli.waive import waive


@pytest.mark.parametrize(
    ("group", "command", "refused", "told"),
    [
        (waive, "grant", "expires_at: after now and by 2027", "--expires: after now and by 2027"),
        (waive, "grant", "approver: must not be the author", "--approver: must not be the author"),
        (waive, "grant", "devices: list 1 to 200 of them", "--device: list 1 to 200 of them"),
        (attest, "record", "value: it carries none here", "--value: it carries none here"),
        (attest, "record", "item: unheard of", "ITEM: unheard of"),
        (account, "create", "expires_at: after now", "--expires: after now"),
        (incident, "add", "happened_at: is in the future", "--at: is in the future"),
        (incident, "add", "text: what was done", "TEXT: what was done"),
        (incident, "add", "elsewhere: no option of it", "elsewhere: no option of it"),
        (incident, "add", "there is no site at: S", "there is no site at: S"),
    ],
)
def test_a_field_is_told_by_the_option_or_the_argument_that_gives_it(
    group: click.Group, command: str, refused: str, told: str
) -> None:
    assert by_option(refused, group.commands[command].params) == told


def test_a_command_that_is_refused_names_its_option() -> None:
    ended = CliRunner().invoke(main, ["incident", "add", "Panne", "--site", "S", "--person", " "])

    assert ended.exit_code == 1
    assert ended.stderr == "vigie-server: --person: who acts or informs must be named\n"
