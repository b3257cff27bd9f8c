"""The agent's settings: read once, at the edge, from the environment and one TOML file.

`VIGIE_AGENT_SPOOL__MAX_BYTES=8MiB` and, in the file, `[spool] max_bytes = "8MiB"` are the same; the
environment wins. An unknown key is an error, not a silence.

Written without a validation library: it would cost every device more memory than all of our own
code, for a dozen values (`docs/adr/0007-the-agent-loads-what-its-day-takes.md`).
"""

import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, cast

from vigie_agent import setting_values as read
from vigie_agent.domain.errors import SettingsMalformed, TokenMalformed

CONFIG_VARIABLE: Final = "VIGIE_AGENT_CONFIG"

_ENV_PREFIX: Final = "VIGIE_AGENT_"


class UpdateMode(StrEnum):
    """Whether the agent takes releases from its update channel."""

    AUTO = "auto"  # on, unless a package manager does the job or no root of a channel is trusted
    ON = "on"
    OFF = "off"


class EngineKind(StrEnum):
    """Which engine answers."""

    AUTO = "auto"  # an osqueryd where there is one, else the embedded engine
    OSQUERYD = "osqueryd"
    EMBEDDED = "embedded"


def system_data_dir() -> Path:
    """Where the agent that runs as the administrator keeps its data by default."""
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "Vigie" / "agent"
    mac = sys.platform == "darwin"
    return Path("/Library/Application Support/Vigie Agent" if mac else "/var/lib/vigie-agent")


def default_data_dir() -> Path:
    """Where data lives unless `data_dir` says otherwise: the system's place for root, else ours."""
    if sys.platform == "win32" or os.geteuid() == 0:
        return system_data_dir()
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "vigie-agent"


def by(reader: read.Reader[object]) -> Mapping[str, read.Reader[object]]:
    """What reads a setting where somebody wrote it, kept beside the field."""
    return {"reader": reader}


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Where the answers come from."""

    kind: EngineKind = field(default=EngineKind.AUTO, metadata=by(read.one_of(EngineKind)))
    osquery_socket: Path | None = field(default=None, metadata=by(read.path))
    """Socket (named pipe on Windows) of a running osqueryd to attach to."""
    osqueryd: Path | None = field(default=None, metadata=by(read.path))
    """The osqueryd program to start; looked up in its usual places when not named."""


@dataclass(frozen=True, slots=True)
class CollectSettings:
    """How gently the device is asked."""

    query_timeout: timedelta = field(
        default=timedelta(seconds=30), metadata=by(read.time_span(least=timedelta(seconds=1)))
    )
    pause: timedelta = field(
        default=timedelta(milliseconds=200), metadata=by(read.time_span(least=timedelta()))
    )
    """Between two topics that are due at the same time."""
    niceness: int = field(default=10, metadata=by(read.number(least=0, most=19)))
    """CPU priority of the agent: 0 as any other program, 19 the lowest."""
    idle_io: bool = field(default=True, metadata=by(read.boolean))
    """Read from disk only when nobody else does (Linux)."""


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """What waits for the server."""

    max_bytes: int = field(default=64 * 1024 * 1024, metadata=by(read.size(least=1024 * 1024)))


@dataclass(frozen=True, slots=True)
class UpdateSettings:
    """Releases that the agent takes by itself."""

    mode: UpdateMode = field(default=UpdateMode.AUTO, metadata=by(read.one_of(UpdateMode)))
    every: timedelta = field(
        default=timedelta(hours=6), metadata=by(read.time_span(least=timedelta(minutes=1)))
    )
    """How often the server is asked, about."""
    root: Path | None = field(default=None, metadata=by(read.path))
    """The channel's root of trust (root.json), in place of the one that came with the agent."""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """VIGIE_AGENT_DATA_DIR, VIGIE_AGENT_ENGINE__KIND, VIGIE_AGENT_SPOOL__MAX_BYTES=8MiB, ..."""

    data_dir: Path = field(default_factory=default_data_dir, metadata=by(read.path))
    """Identity, spool and state. Readable by the agent's account only."""
    enrolment_token: read.Secret | None = field(default=None, metadata=by(read.secret))
    """Token for `vigie-agent enroll`, where none is given on the command line."""
    enrolment_token_file: Path | None = field(default=None, metadata=by(read.path))
    """A file that an installer left with the token in it; erased once the token is used."""
    https_proxy: str | None = field(default=None, metadata=by(read.text))
    """Proxy to the server, http://host:port; the system's own HTTPS_PROXY where not set."""
    packs_dir: Path | None = field(default=None, metadata=by(read.path))
    """Packs in place of the shipped ones."""
    own_packs_dir: Path | None = field(default=None, metadata=by(read.path))
    """The site's own packs, beside the shipped ones."""
    topics_dir: Path | None = field(default=None, metadata=by(read.path))
    """Topics in place of the shipped ones."""
    live_questions: bool = field(default=True, metadata=by(read.boolean))
    """Answer the questions that the server asks directly; otherwise each is refused, and kept."""
    log_max_bytes: int = field(default=8 * 1024 * 1024, metadata=by(read.size(least=64 * 1024)))
    """What the log may take where it goes into a file; the older half goes when it is full."""
    engine: EngineSettings = EngineSettings()
    collect: CollectSettings = CollectSettings()
    spool: SpoolSettings = SpoolSettings()
    updates: UpdateSettings = UpdateSettings()
    named: frozenset[str] = field(default=frozenset(), compare=False)
    """Which of the settings somebody wrote, as `collect.pause`."""

    def token(self) -> str | None:
        """The enrolment token, from whichever setting has it. Raises TokenMalformed."""
        if self.enrolment_token is not None:
            return self.enrolment_token.reveal()
        if self.enrolment_token_file is None:
            return None
        try:
            return self.enrolment_token_file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise TokenMalformed(f"the token file cannot be read: {error}") from None

    def of_the_device(self) -> "AgentSettings":
        """These settings with the data folder of the agent that serves this device.

        Whoever uses the device may ask what is read on it: an ordinary user who names no folder
        means the administrator's agent, where there is one.
        """
        if "data_dir" in self.named or not system_data_dir().is_dir():
            return self
        return replace(self, data_dir=system_data_dir())

    @property
    def spool_path(self) -> Path:
        """The spool's SQLite file."""
        return self.data_dir / "spool.db"

    @property
    def identity_dir(self) -> Path:
        """Key, certificate and trusted authorities."""
        return self.data_dir / "identity"

    @property
    def config_path(self) -> Path:
        """What the server ordered."""
        return self.data_dir / "config.json"

    @property
    def log_path(self) -> Path:
        """The log of a service."""
        return self.data_dir / "agent.log"

    @property
    def status_path(self) -> Path:
        """What `status` shows."""
        return self.data_dir / "status.json"

    @property
    def updates_dir(self) -> Path:
        """Versions that were downloaded, and which of them runs."""
        return self.data_dir / "updates"

    @property
    def asked_path(self) -> Path:
        """The record of live questions."""
        return self.data_dir / "asked.json"


def load_settings(config: Path | None = None) -> AgentSettings:
    """The settings in force; `config` is a TOML file, else VIGIE_AGENT_CONFIG's or the system's.

    Raises SettingsMalformed, which names each wrong key and what to write.
    """
    named = config or _named_in_environment()
    path = named or default_config_path()
    written = _read_toml(path, must_exist=named is not None)
    variables = _variables()
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(_ENV_PREFIX) and name.upper() not in variables
    )
    if unknown:
        known = ", ".join(sorted(variables))
        raise SettingsMalformed(f"unknown setting {unknown[0]}; the settings are {known}")
    values, problems = _values(_from_file(written) | _from_environment(variables), path)
    if problems:
        raise SettingsMalformed("; ".join(problems))
    return _settings(values)


def system_token_file() -> Path:
    """Where an installer leaves the token that the system's agent enrols with."""
    return default_config_path().with_name("enrolment-token")


def data_dir_in_force(config: Path | None, *, of_the_device: bool) -> Path:
    """The data folder alone, whatever else is set: an older version reads a newer one's file.

    `of_the_device`: see `AgentSettings.of_the_device`.
    """
    named = os.environ.get(f"{_ENV_PREFIX}DATA_DIR")
    if not named:
        path = config or _named_in_environment() or default_config_path()
        try:
            named = _read_toml(path, must_exist=False).get("data_dir")
        except SettingsMalformed:
            named = None
    if isinstance(named, str) and named:
        return Path(named)
    settings = AgentSettings()
    return (settings.of_the_device() if of_the_device else settings).data_dir


def default_config_path() -> Path:
    """The settings file that is read when none is named."""
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "Vigie" / "agent.toml"
    return Path("/etc/vigie/agent.toml")


def _named_in_environment() -> Path | None:
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else None


def _read_toml(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise SettingsMalformed(f"the settings file {path} does not exist") from None
        return {}
    except PermissionError:
        if must_exist:
            raise SettingsMalformed(f"the settings file {path} may not be read") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsMalformed(f"the settings file {path} cannot be read: {error}") from None


def _settings(values: Mapping[str, object]) -> AgentSettings:
    groups = {
        name: type(group)(**_below(name, values))  # one of the four dataclasses above
        for name, group in _GROUPS.items()
    }
    own = {key: value for key, value in values.items() if key in _READERS and "." not in key}
    return AgentSettings(**cast("dict[str, Any]", groups | own), named=frozenset(values))


def _values(written: Mapping[str, object], path: Path) -> tuple[dict[str, object], list[str]]:
    """What each key means, and what is wrong with the others."""
    values: dict[str, object] = {}
    problems: list[str] = []
    for key, value in written.items():
        reader = _READERS.get(key)
        if reader is None:
            problems.append(f"unknown setting {key} in {path}: remove it or correct its name")
            continue
        try:
            values[key] = reader(value)
        except ValueError as error:
            problems.append(f"{key}: {error} (set it in {path} or with {_variable(key)})")
    return values, problems


def _below(group: str, values: Mapping[str, object]) -> dict[str, Any]:
    return {
        key.removeprefix(f"{group}."): value
        for key, value in values.items()
        if key.startswith(f"{group}.")
    }


def _from_file(written: Mapping[str, object]) -> dict[str, object]:
    """The file's values by key, as `data_dir` and `collect.pause`."""
    flat: dict[str, object] = {}
    for key, value in written.items():
        if key in _GROUPS and isinstance(value, dict):
            flat |= {f"{key}.{inner}": inner_value for inner, inner_value in value.items()}
        else:
            flat[key] = value
    return flat


def _from_environment(variables: Mapping[str, str]) -> dict[str, object]:
    """The values that variables set; an empty one sets nothing."""
    return {
        variables[name.upper()]: value
        for name, value in os.environ.items()
        if value and variables.get(name.upper())
    }


def _variables() -> Mapping[str, str]:
    """The setting that each variable sets; none for the one that names the file."""
    return {CONFIG_VARIABLE: ""} | {_variable(key): key for key in _READERS}


def _variable(key: str) -> str:
    return f"{_ENV_PREFIX}{key.replace('.', '__')}".upper()


def _readers(declared: Iterable[Field[Any]], prefix: str = "") -> dict[str, read.Reader[object]]:
    return {
        f"{prefix}{one.name}": one.metadata["reader"]
        for one in declared
        if "reader" in one.metadata
    }


_GROUPS: Final = {
    one.name: one.default
    for one in fields(AgentSettings)
    if isinstance(one.default, EngineSettings | CollectSettings | SpoolSettings | UpdateSettings)
}
_READERS: Final = _readers(fields(AgentSettings)) | {
    key: reader
    for name, group in _GROUPS.items()
    for key, reader in _readers(fields(group), f"{name}.").items()
}
