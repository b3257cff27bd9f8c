"""Which engine answers: a named or running osqueryd, one of our own, or the embedded one."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from vigie_agent.bootstrap.engine import approval, build_engine
from vigie_agent.domain.answers import QueryError, Reason, Rows
from vigie_agent.domain.errors import EngineLost
from vigie_agent.engines import osqueryd_attached, osqueryd_own
from vigie_agent.engines.embedded import EmbeddedEngine
from vigie_agent.engines.osqueryd import OsquerydEngine
from vigie_agent.engines.routed import RoutedEngine
from vigie_agent.ports import QueryEngine
from vigie_agent.settings import AgentSettings, EngineKind, EngineSettings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the embedded engine is Linux's")


@pytest.fixture(autouse=True)
def a_machine_without_osquery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osqueryd_attached, "running_osqueryd", lambda: None)
    monkeypatch.setattr(osqueryd_own, "installed_osqueryd", lambda: None)


def chosen(folder: Path, **engine: Any) -> QueryEngine:
    settings = AgentSettings(data_dir=folder, engine=EngineSettings(**engine))
    return build_engine(settings, folder / "osqueryd")


def test_without_any_osquery_the_embedded_engine_answers(tmp_path: Path) -> None:
    assert isinstance(chosen(tmp_path), EmbeddedEngine)


def test_an_osqueryd_that_runs_here_is_asked_and_our_tables_stay_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "osquery.em").touch()
    monkeypatch.setattr(osqueryd_attached, "running_osqueryd", lambda: tmp_path / "osquery.em")

    assert isinstance(chosen(tmp_path), RoutedEngine)


def test_an_installed_osqueryd_is_started_where_none_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osqueryd_own, "installed_osqueryd", lambda: tmp_path / "osqueryd")

    assert isinstance(chosen(tmp_path), OsquerydEngine)


def test_a_named_socket_and_a_named_program_are_taken_at_their_word(tmp_path: Path) -> None:
    attached = chosen(tmp_path, kind=EngineKind.OSQUERYD, osquery_socket=tmp_path / "named.em")
    own = chosen(tmp_path, kind=EngineKind.OSQUERYD, osqueryd=tmp_path / "named")

    assert isinstance(attached, RoutedEngine)
    assert isinstance(own, OsquerydEngine)


def test_the_embedded_engine_is_chosen_in_spite_of_an_osqueryd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osqueryd_own, "installed_osqueryd", lambda: tmp_path / "osqueryd")

    assert isinstance(chosen(tmp_path, kind=EngineKind.EMBEDDED), EmbeddedEngine)


def test_an_osqueryd_that_is_wanted_and_missing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineLost, match=r"install osquery, or name its socket or program"):
        chosen(tmp_path, kind=EngineKind.OSQUERYD)


def test_elsewhere_than_on_linux_there_is_no_engine_without_osquery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(EngineLost, match="no osqueryd on this device"):
        chosen(tmp_path)


def test_a_mac_hosts_the_tables_of_macs_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    (tmp_path / "osquery.em").touch()
    monkeypatch.setattr(osqueryd_attached, "running_osqueryd", lambda: tmp_path / "osquery.em")

    engine = chosen(tmp_path)
    try:
        told = engine.query(
            "SELECT collected, why FROM vigie_mac_filevault", timeout=timedelta(seconds=20)
        )
        others = engine.query("SELECT chain FROM vigie_luks_chain", timeout=timedelta(seconds=20))
    finally:
        engine.close()

    assert isinstance(told, Rows)
    assert told.rows == ({"collected": "no", "why": "this Mac has no fdesetup"},)
    assert isinstance(others, QueryError)


def test_the_door_lets_through_what_the_allow_list_approves() -> None:
    approve = approval("linux")

    assert approve("SELECT username FROM users;") == "SELECT username FROM users"
    assert approve("SELECT * FROM curl") == QueryError(
        Reason.REFUSED, "curl is not a table that this agent reads"
    )
