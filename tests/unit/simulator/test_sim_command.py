"""`vigie-sim` says what it does, and what is wrong with what it was given."""

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from vigie_server.domain.errors import SettingsMalformed
from vigie_server.simulator import command as commands
from vigie_server.simulator.command import main
from vigie_server.simulator.connections import resolved
from vigie_server.simulator.tally import Tally

ROOT = Path(__file__).parents[3]


def test_every_command_and_option_has_help_and_is_documented() -> None:
    document = (ROOT / "docs" / "simulator.md").read_text("utf-8")

    for name, command in main.commands.items():
        assert command.help, name
        assert f"vigie-sim {name}" in document
        for option in command.params:
            assert getattr(option, "hidden", False) or getattr(option, "help", None), option.name
    for option in main.commands["run"].params:
        if not getattr(option, "hidden", False) and option.name != "recorded":
            assert option.opts[0] in document, option.opts


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--fleet", "none.db"], "vigie-sim enrol"),
        (["run", "--fleet", "text.db"], "no fleet of vigie-sim"),
        (["run", "--wave", "at=now"], "at=SECONDS,share"),
        (["run", "--minutes", "1", "--wave", "at=60,share=1"], "the run ends after 60 s"),
        (["enrol", "--devices", "1", "--token", "vigie1.x"], "token"),
        (["plant", "--devices", "1", "--fleet", "new.db"], "vigie-server init"),
        (["run", "--minutes", "nan"], "nan is not a number"),
        (["run", "--period", "inf"], "inf is not a number"),
        (["run", "--changes", "nan"], "nan is not a number"),
        (["run", "--json", "nowhere/result.json"], "nowhere is no folder"),
        (["run", "--ledger", "nowhere/ledger"], "nowhere is no folder"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.db").write_text("this is no database, but it is long enough to be one" * 50)

    ended = CliRunner().invoke(main, arguments)

    assert ended.exit_code in {1, 2}
    assert told in ended.output
    assert isinstance(ended.exception, SystemExit)


@pytest.mark.parametrize(
    "endpoint", ["vigie", ":8443", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x"]
)
def test_what_is_no_endpoint_is_refused_before_a_device_comes(endpoint: str) -> None:
    with pytest.raises(SettingsMalformed, match=r"host:port .*a port is from 1 to 65535"):
        resolved(endpoint)


@pytest.mark.parametrize(
    ("tally", "code", "told"),
    [
        (Tally(arrivals=2, visits=2, acked=3), 0, ""),
        (Tally(arrivals=2, visits=2, acked=3, troubles=Counter(cut=1), undelivered=1), 0, ""),
        (Tally(arrivals=2, acked=3, errors=Counter(timeout=4)), 1, "4 error(s), told above"),
        (Tally(arrivals=2, errors=Counter(timeout=4)), 1, "nothing was delivered, with 4 error(s)"),
        (Tally(), 1, "nothing was delivered: no device was due"),
    ],
)
def test_a_run_that_delivered_nothing_or_had_errors_is_no_success(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tally: Tally, code: int, told: str
) -> None:
    async def run(*_: object) -> Tally:
        return tally

    monkeypatch.setattr(commands, "run_here", run)
    result = tmp_path / "result.json"

    ended = CliRunner().invoke(main, ["run", "--json", str(result)])

    assert ended.exit_code == code
    assert told in ended.stderr
    assert bool(ended.stderr) == bool(code)
    assert result.exists()
