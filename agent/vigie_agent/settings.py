"""The agent's settings: read once, at the edge, from the environment and one TOML file.

`VIGIE_AGENT_SPOOL__MAX_BYTES=8MiB` and, in the file, `[spool] max_bytes = "8MiB"` are the same; the
environment wins. An unknown key is an error, not a silence.
"""

import os
import re
import sys
import tomllib
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from vigie_agent.domain.errors import SettingsMalformed, TokenMalformed

CONFIG_VARIABLE: Final = "VIGIE_AGENT_CONFIG"

_ENV_PREFIX: Final = "VIGIE_AGENT_"


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


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _span(written: object) -> object:
    """Seconds as a number, or with a unit: 30, "30s", "5m", "2h", "1d"."""
    if isinstance(written, int | float) and not isinstance(written, bool):
        return timedelta(seconds=written)
    if isinstance(written, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", written)
        if match is None:
            raise ValueError("write a time span such as 30s, 5m, 2h or 1d")
        return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
    return written


_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

TimeSpan = Annotated[timedelta, BeforeValidator(_span)]


class EngineSettings(_Group):
    """Where the answers come from."""

    kind: EngineKind = EngineKind.AUTO
    osquery_socket: Path | None = None
    """Socket (named pipe on Windows) of a running osqueryd to attach to."""
    osqueryd: Path | None = None
    """The osqueryd program to start; looked up in its usual places when not named."""


class CollectSettings(_Group):
    """How gently the device is asked."""

    query_timeout: TimeSpan = Field(timedelta(seconds=30), ge=timedelta(seconds=1))
    pause: TimeSpan = Field(timedelta(milliseconds=200), ge=timedelta())
    """Between two topics that are due at the same time."""
    niceness: int = Field(10, ge=0, le=19)
    """CPU priority of the agent: 0 as any other program, 19 the lowest."""
    idle_io: bool = True
    """Read from disk only when nobody else does (Linux)."""


class SpoolSettings(_Group):
    """What waits for the server."""

    max_bytes: ByteSize = Field(ByteSize(64 * 1024 * 1024), ge=1024 * 1024)


class AgentSettings(BaseSettings):
    """VIGIE_AGENT_DATA_DIR, VIGIE_AGENT_ENGINE__KIND, VIGIE_AGENT_SPOOL__MAX_BYTES=8MiB, ..."""

    model_config = SettingsConfigDict(
        env_prefix=_ENV_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
    )

    data_dir: Path = Field(default_factory=default_data_dir)
    """Identity, spool and state. Readable by the agent's account only."""
    enrolment_token: SecretStr | None = None
    """Token for `vigie-agent enroll`, where none is given on the command line."""
    enrolment_token_file: Path | None = None
    """A file that an installer left with the token in it; erased once the token is used."""
    https_proxy: str | None = None
    """Proxy to the server, http://host:port; the system's own HTTPS_PROXY where not set."""
    packs_dir: Path | None = None
    """Packs in place of the shipped ones."""
    topics_dir: Path | None = None
    """Topics in place of the shipped ones."""
    engine: EngineSettings = EngineSettings()
    collect: CollectSettings = CollectSettings()
    spool: SpoolSettings = SpoolSettings()

    def token(self) -> str | None:
        """The enrolment token, from whichever setting has it. Raises TokenMalformed."""
        if self.enrolment_token is not None:
            return self.enrolment_token.get_secret_value()
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
        if "data_dir" in self.model_fields_set or not system_data_dir().is_dir():
            return self
        return self.model_copy(update={"data_dir": system_data_dir()})

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
    def status_path(self) -> Path:
        """What `status` shows."""
        return self.data_dir / "status.json"

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
    unknown = _unknown_variables()
    if unknown:
        known = ", ".join(sorted(_variables()))
        raise SettingsMalformed(f"unknown setting {unknown[0]}; the settings are {known}")
    try:
        return AgentSettings(**_below_environment(written))
    except ValidationError as error:
        raise SettingsMalformed(_told(error, path)) from None


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


def _below_environment(written: dict[str, Any]) -> dict[str, Any]:
    """The file's values without those that the environment sets, as keywords would win over it."""
    kept: dict[str, Any] = {}
    for key, value in written.items():
        variable = f"{_ENV_PREFIX}{key}".upper()
        if isinstance(value, dict):
            kept[key] = {
                inner: inner_value
                for inner, inner_value in value.items()
                if not os.environ.get(f"{variable}__{inner}".upper())
            }
        elif not os.environ.get(variable):
            kept[key] = value
    return kept


def _variables() -> set[str]:
    names = {CONFIG_VARIABLE}
    for key, field in AgentSettings.model_fields.items():
        variable = f"{_ENV_PREFIX}{key}".upper()
        group = field.annotation
        if isinstance(group, type) and issubclass(group, _Group):
            names |= {f"{variable}__{inner}".upper() for inner in group.model_fields}
        else:
            names.add(variable)
    return names


def _unknown_variables() -> list[str]:
    known = _variables()
    return sorted(
        name for name in os.environ if name.startswith(_ENV_PREFIX) and name.upper() not in known
    )


def _told(error: ValidationError, path: Path) -> str:
    told = []
    for problem in error.errors(include_url=False, include_input=False):
        key = ".".join(map(str, problem["loc"]))
        variable = f"{_ENV_PREFIX}{'__'.join(map(str, problem['loc']))}".upper()
        if problem["type"] == "extra_forbidden":
            told.append(f"unknown setting {key} in {path}: remove it or correct its name")
        else:
            what = problem["msg"].removeprefix("Value error, ")
            told.append(f"{key}: {what} (set it in {path} or with {variable})")
    return "; ".join(told)
