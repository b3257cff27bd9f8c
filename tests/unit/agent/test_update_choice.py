"""Whether an agent looks for updates by itself: never where somebody else brings the next one."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from vigie_agent import bundled
from vigie_agent.bootstrap import updates as bootstrap_updates
from vigie_agent.bootstrap.updates import build_update, takes_updates
from vigie_agent.cli.main import main
from vigie_agent.clock import utc_now
from vigie_agent.domain.errors import SettingsMalformed, UpdateFailed
from vigie_agent.domain.updating import Standing, Trial, give_up
from vigie_agent.launching import options_of
from vigie_agent.settings import AgentSettings, UpdateMode, UpdateSettings, data_dir_in_force
from vigie_agent.updates.alone import alone
from vigie_agent.updates.folder_source import FolderSource
from vigie_agent.updates.versions import Versions


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An agent that was built with a root of trust; its folder."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "vigie-agent"))
    monkeypatch.setattr(bundled, "update_root", lambda: b"{}")
    monkeypatch.setattr(bootstrap_updates, "platform_name", lambda: "linux")
    (tmp_path / "share").mkdir()
    return tmp_path


def settings(mode: UpdateMode = UpdateMode.AUTO, root: Path | None = None) -> AgentSettings:
    return AgentSettings(updates=UpdateSettings(mode=mode, root=root))


def test_a_built_agent_with_a_root_takes_updates_unless_it_is_told_not_to(built: Path) -> None:
    assert built.is_dir()
    assert takes_updates(settings())
    assert not takes_updates(settings(UpdateMode.OFF))


def test_a_package_manager_brings_the_next_version_unless_updates_are_on(built: Path) -> None:
    (built / "share" / "package-managed").write_text("")

    assert not takes_updates(settings())
    assert takes_updates(settings(UpdateMode.ON))


def test_without_a_root_there_are_no_updates_and_asking_for_them_says_so(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundled, "update_root", lambda: None)

    assert not takes_updates(settings())
    with pytest.raises(SettingsMalformed, match=r"came without a root of trust: .* updates\.root"):
        takes_updates(settings(UpdateMode.ON))
    with pytest.raises(SettingsMalformed, match="cannot be read"):
        takes_updates(settings(UpdateMode.ON, built / "nothing"))


@pytest.mark.parametrize("platform", ["windows", "darwin"])
def test_where_no_update_was_seen_yet_there_are_some_only_where_they_are_asked_for(
    built: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr(bootstrap_updates, "platform_name", lambda: platform)

    assert built.is_dir()
    assert not takes_updates(settings())
    assert takes_updates(settings(UpdateMode.ON))


@pytest.mark.parametrize(
    ("arguments", "before"),
    [
        (["service", "run"], []),
        (["--config", "a.toml", "run", "--wait-for-token"], ["--config", "a.toml"]),
        (["--log-level=debug", "run"], ["--log-level=debug"]),
        ([], []),
    ],
)
def test_a_look_for_updates_has_the_options_of_the_agent_that_starts_it(
    arguments: list[str], before: list[str]
) -> None:
    assert options_of(arguments) == before


def test_an_agent_that_was_not_built_is_updated_as_it_was_installed(tmp_path: Path) -> None:
    assert not takes_updates(settings())
    with (
        pytest.raises(UpdateFailed, match="update it as it was installed"),
        build_update(AgentSettings(data_dir=tmp_path), FolderSource(tmp_path)),
    ):
        pass


def test_two_updates_at_once_are_refused(tmp_path: Path) -> None:
    with (
        alone(tmp_path),
        pytest.raises(UpdateFailed, match="another update is under way"),
        alone(tmp_path),
    ):
        pass
    with alone(tmp_path):
        assert (tmp_path / "lock").exists()


def test_a_folder_that_others_may_write_is_not_followed(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    versions.keep(Standing())
    assert versions.is_ours()

    (tmp_path / "versions").mkdir()
    (tmp_path / "versions").chmod(0o777)

    assert not versions.is_ours()


def test_the_data_folder_is_found_beside_settings_that_a_newer_version_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIGIE_AGENT_DATA_DIR", raising=False)
    config = tmp_path / "agent.toml"
    config.write_text('data_dir = "/srv/vigie"\nof_next_year = true\n')

    assert data_dir_in_force(config, of_the_device=False) == Path("/srv/vigie")
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", "/elsewhere")
    assert data_dir_in_force(config, of_the_device=False) == Path("/elsewhere")


def test_status_says_which_version_runs_and_how_its_update_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", str(tmp_path))
    versions, trial = Versions(tmp_path / "updates"), Standing("9.0.0", Trial("", 1, False))

    def said(*options: str) -> str:
        return CliRunner().invoke(main, ["status", *options]).output

    versions.keep(trial)
    assert "Version: 9.0.0, on trial\n" in said()
    versions.keep(give_up(trial, "its engine did not answer", utc_now()))
    assert "; 9.0.0 did not work here: its engine did not answer\n" in said()
    assert json.loads(said("--json"))["update"]["state"] == "rolled_back"
