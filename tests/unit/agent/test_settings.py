"""Settings come from the environment and one TOML file, and a wrong one says what to write."""

import os
from dataclasses import FrozenInstanceError
from datetime import timedelta
from pathlib import Path

import pytest

from vigie_agent.domain.errors import SettingsMalformed
from vigie_agent.settings import EngineKind, default_data_dir, load_settings


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty settings file that VIGIE_AGENT_CONFIG names."""
    path = tmp_path / "agent.toml"
    path.write_text("")
    monkeypatch.setenv("VIGIE_AGENT_CONFIG", str(path))
    return path


def test_an_empty_file_gives_the_defaults(toml: Path) -> None:
    settings = load_settings()

    assert toml.exists()
    assert settings.engine.kind is EngineKind.AUTO
    assert settings.collect.query_timeout == timedelta(seconds=30)
    assert settings.spool.max_bytes == 64 * 1024 * 1024
    assert settings.data_dir == default_data_dir()


def test_the_file_and_the_environment_mean_the_same(
    toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml.write_text('[spool]\nmax_bytes = "8MiB"\n[engine]\nkind = "embedded"\n')
    from_file = load_settings()
    toml.write_text("")
    monkeypatch.setenv("VIGIE_AGENT_SPOOL__MAX_BYTES", "8MiB")
    monkeypatch.setenv("VIGIE_AGENT_ENGINE__KIND", "embedded")

    from_environment = load_settings()

    assert from_file == from_environment
    assert from_file.spool.max_bytes == 8 * 1024 * 1024


def test_the_environment_wins_over_the_file(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml.write_text('data_dir = "/one"\n[collect]\nniceness = 3\npause = "1s"\n')
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", "/two")
    monkeypatch.setenv("VIGIE_AGENT_COLLECT__NICENESS", "5")

    settings = load_settings()

    assert settings.data_dir == Path("/two")
    assert settings.collect.niceness == 5
    assert settings.collect.pause == timedelta(seconds=1)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30", 30), ("'30s'", 30), ("'5m'", 300), ("'2h'", 7200), ("'1d'", 86400), ("1.5", 1.5)],
)
def test_a_time_span_is_written_as_people_write_it(
    toml: Path, written: str, seconds: float
) -> None:
    toml.write_text(f"[collect]\nquery_timeout = {written}\n")

    settings = load_settings()

    assert settings.collect.query_timeout == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("colour = 1", "unknown setting colour in"),
        ("[spool]\nmax = 1", "unknown setting spool.max in"),
        ("[spool]\nmax_bytes = 10", "spool.max_bytes: write a size of 1048576 bytes or more"),
        ("[collect]\nquery_timeout = 'soon'", "write a time span such as 30s, 5m, 2h or 1d"),
        ("[engine]\nkind = 'magic'", "engine.kind: write 'auto', 'osqueryd' or 'embedded'"),
        ("[engine", "cannot be read: "),
    ],
)
def test_a_wrong_setting_says_which_where_and_what_to_write(
    toml: Path, text: str, told: str
) -> None:
    toml.write_text(text)

    with pytest.raises(SettingsMalformed) as raised:
        load_settings()

    assert told in str(raised.value)
    assert str(toml) in str(raised.value)


def test_an_unknown_variable_is_refused_and_the_known_ones_are_listed(
    monkeypatch: pytest.MonkeyPatch, toml: Path
) -> None:
    monkeypatch.setenv("VIGIE_AGENT_SPOOL__MAXBYTES", "8MiB")

    with pytest.raises(SettingsMalformed, match=r"VIGIE_AGENT_SPOOL__MAXBYTES; .*__MAX_BYTES"):
        load_settings(toml)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsMalformed, match="does not exist"):
        load_settings(tmp_path / "missing.toml")


def test_a_token_is_not_shown_with_the_settings(toml: Path) -> None:
    toml.write_text('enrolment_token = "vigie1.abcdef"')

    settings = load_settings()

    assert "abcdef" not in repr(settings)
    assert settings.enrolment_token is not None
    assert settings.enrolment_token.reveal() == "vigie1.abcdef"


def test_settings_do_not_change(toml: Path) -> None:
    settings = load_settings(toml)

    with pytest.raises(FrozenInstanceError):
        settings.spool.max_bytes = 5  # type: ignore[misc]


@pytest.mark.skipif(os.name == "nt", reason="folders of POSIX systems")
def test_an_ordinary_user_keeps_data_in_the_home_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    named = default_data_dir()
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/anne")

    usual = default_data_dir()

    assert named == tmp_path / "vigie-agent"
    assert usual == Path("/home/anne/.local/state/vigie-agent")


def test_an_ordinary_user_who_names_no_folder_means_the_devices_own_agent(
    toml: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("vigie_agent.settings.system_data_dir", lambda: tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    usual = load_settings(toml).of_the_device()
    monkeypatch.setenv("VIGIE_AGENT_DATA_DIR", "/elsewhere")

    named = load_settings(toml).of_the_device()

    assert usual.data_dir == tmp_path
    assert named.data_dir == Path("/elsewhere")


def test_an_empty_variable_sets_nothing(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml.write_text('packs_dir = "/packs"\n[collect]\nidle_io = false\n')
    for name in ("PACKS_DIR", "ENROLMENT_TOKEN", "COLLECT__IDLE_IO"):
        monkeypatch.setenv(f"VIGIE_AGENT_{name}", "")

    settings = load_settings()

    assert settings.packs_dir == Path("/packs")
    assert settings.enrolment_token is None
    assert settings.collect.idle_io is False
