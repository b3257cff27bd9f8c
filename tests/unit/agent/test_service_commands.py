"""What the installer for Windows has the agent do: leave a token, erase everything."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from vigie.v1.enrolment_token import EnrolmentToken, encode
from vigie_agent.bootstrap.service import enrol_if_asked, forget, harden, leave_token
from vigie_agent.cli.main import main
from vigie_agent.cli.service import service
from vigie_agent.domain.errors import TokenMalformed
from vigie_agent.domain.windows_service import Told
from vigie_agent.settings import AgentSettings, EngineKind, EngineSettings
from vigie_agent.windows import events
from vigie_agent.windows.closing import Rights

SYSTEM, ANNE = "S-1-5-18", "S-1-5-21-1-2-3-1001"
OURS = Rights(lambda _: SYSTEM, lambda _, __: None, lambda _: "")
TOKEN = encode(EnrolmentToken(("vigie.example.org:8443",), b"c" * 32, b"s" * 16))
EMBEDDED = EngineSettings(kind=EngineKind.EMBEDDED)


@pytest.mark.parametrize("name", service.commands)
def test_elsewhere_than_on_windows_a_service_command_says_what_to_run(name: str) -> None:
    shown = CliRunner().invoke(main, ["service", name])

    assert shown.exit_code == 2
    assert "only Windows" in shown.stderr


@pytest.mark.parametrize("name", service.commands)
def test_every_service_command_has_help(name: str) -> None:
    shown = CliRunner().invoke(main, ["service", name, "--help"])

    assert shown.exit_code == 0
    assert all(getattr(option, "help", "") for option in service.commands[name].params)


@pytest.mark.parametrize("server", [None, "", "vigie.example.org", "vigie.example.org:8443"])
def test_a_token_of_the_servers_own_is_left(tmp_path: Path, server: str | None) -> None:
    leave_token(TOKEN, server, tmp_path, OURS)

    assert (tmp_path / "enrolment-token").read_text() == TOKEN


@pytest.mark.parametrize("server", ["example.org", "vigie.example.org:9", "VIGIE"])
def test_a_token_of_another_server_is_refused_without_being_told(
    tmp_path: Path, server: str
) -> None:
    with pytest.raises(TokenMalformed, match=r"is of vigie\.example\.org:8443") as raised:
        leave_token(TOKEN, server, tmp_path, OURS)

    assert TOKEN not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_token_that_was_cut_is_refused_while_somebody_looks(tmp_path: Path) -> None:
    with pytest.raises(TokenMalformed):
        leave_token(TOKEN[:-4], None, tmp_path, OURS)

    assert list(tmp_path.iterdir()) == []


def test_what_is_set_aside_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[Told, str]] = []
    monkeypatch.setattr(events, "tell", lambda *event: told.append(event))
    top = tmp_path / "Vigie"
    top.mkdir()
    owners = {top: ANNE}

    harden(top, Rights(lambda path: owners.pop(path, SYSTEM), lambda _, __: None, lambda _: ""))
    harden(top, OURS)

    ((kind, where),) = told
    assert kind is Told.SET_ASIDE
    assert where.startswith(str(tmp_path / "Vigie.untrusted-"))


def test_forgetting_leaves_nothing_but_what_other_programs_wrote(tmp_path: Path) -> None:
    top = tmp_path / "Vigie"
    data = top / "vigie-agent"  # the name that this system's agent has
    (data / "identity").mkdir(parents=True)
    for path in ("agent.toml", "enrolment-token", "last-backup"):
        (top / path).write_text("x")
    for path in ("identity/identity.json", "agent.log", "agent.log.1", "asked.json"):
        (data / path).write_text("x")

    forget(AgentSettings(data_dir=data, engine=EMBEDDED), top)

    assert [path.name for path in top.rglob("*")] == ["last-backup"]


def test_forgetting_where_nothing_else_is_takes_the_folder_too(tmp_path: Path) -> None:
    top = tmp_path / "Vigie"
    top.mkdir()

    forget(AgentSettings(data_dir=top / "vigie-agent", engine=EMBEDDED), top)
    forget(AgentSettings(data_dir=top / "vigie-agent", engine=EMBEDDED), top)

    assert not top.exists()


async def test_a_device_without_a_token_is_not_enrolled(tmp_path: Path) -> None:
    settings = AgentSettings(
        data_dir=tmp_path, engine=EMBEDDED, enrolment_token_file=tmp_path / "none"
    )

    assert await enrol_if_asked(settings, asyncio.Event()) is None
