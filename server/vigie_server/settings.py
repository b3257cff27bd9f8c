"""The server's settings: read once, at the edge, from `VIGIE_SERVER_*`; parts receive values.

`VIGIE_SERVER_DATA=/var/lib/vigie`, `VIGIE_SERVER_LIMITS__MAX_IN_FLIGHT=32`, ... A key that is not
known is refused: a mistyped limit must not pass for the default.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    BeforeValidator,
    ByteSize,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from vigie.v1.enrolment_token import is_endpoint
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.domain.judge import MEMORY_BYTES
from vigie_server.domain.listening import WANTED, is_host_and_port
from vigie_server.ports.enrolment import Endpoints
from vigie_server.setting_values import Group as _Group
from vigie_server.setting_values import Span, listed
from vigie_server.settings_lists import ListsSettings
from vigie_server.settings_messages import MailSettings, NotifySettings
from vigie_server.settings_oidc import OidcSettings
from vigie_server.settings_store import RetentionSettings, StoreSettings
from vigie_server.settings_updates import UpdatesSettings

PREFIX: Final = "VIGIE_SERVER_"


class Listen(_Group):
    """Addresses to listen on, as host:port; port 0 takes a free one."""

    telemetry: str = "[::]:8443"
    enrolment: str = "[::]:8444"
    http: str = "127.0.0.1:8445"

    @field_validator("telemetry", "enrolment", "http")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        if not is_host_and_port(value):
            raise ValueError(WANTED)
        return value


class Advertised(_Group):
    """What devices are told, as host:port, where it is not the server's names and ports."""

    telemetry: tuple[str, ...] = ()
    enrolment: tuple[str, ...] = ()


class LimitSettings(_Group):
    """What one device may send."""

    max_message_bytes: int = Field(4 * 1024 * 1024, ge=64 * 1024, le=64 * 1024 * 1024)
    max_snapshots_per_report: int = Field(64, ge=1, le=1000)
    max_rows_per_snapshot: int = Field(10_000, ge=1, le=1_000_000)
    max_columns_per_snapshot: int = Field(64, ge=4, le=1000)
    max_value_bytes: int = Field(64 * 1024, ge=256)
    max_in_flight: int = Field(16, ge=1, le=1000)


_NO_SETTING: Final = "there is no such setting"
_WANTED: Final = {
    "bool_parsing": "true or false is wanted",
    "byte_size": "a size is wanted: bytes as a number, or 64MiB",
    "byte_size_unit": "a size is wanted: bytes as a number, or 64MiB",
    "extra_forbidden": _NO_SETTING,
    "float_parsing": "a number is wanted",
    "int_parsing": "a whole number is wanted",
    "time_delta_parsing": "a span is wanted: seconds as a number, or ISO 8601 as PT15M or P90D",
}
"""What to write, by what pydantic finds wrong, whose own words are of types."""


def _automatic(given: object) -> object:
    if given == "auto":
        return None
    if isinstance(given, str) and not given.strip().removeprefix("-").isdecimal():
        raise ValueError("a whole number is wanted, or auto")
    return given


class SessionSettings(_Group):
    """How devices keep in touch: `held` of them stay connected, the others come back at `visit`.

    `held` None ("auto"): as many as a quarter of the memory holds. `visitors` is how many may be
    connected beside them; `per_second` spreads devices that are sent away, or lose the server,
    together.
    """

    heartbeat: Span = Field(timedelta(seconds=60), ge=timedelta(seconds=1))
    visit: Span = Field(timedelta(minutes=15), ge=timedelta(seconds=1))
    held: Annotated[int | None, BeforeValidator(_automatic)] = Field(None, ge=0)
    visitors: int = Field(500, ge=1)
    visit_within: Span = Field(timedelta(seconds=60), ge=timedelta(seconds=1))
    hello_within: Span = Field(timedelta(seconds=20), ge=timedelta(seconds=1))
    per_second: float = Field(200, gt=0)
    overload_retry: Span = Field(timedelta(seconds=15), ge=timedelta(seconds=1))
    quarantined_retry: Span = Field(timedelta(hours=1), ge=timedelta(seconds=1))
    seen_every: Span = Field(timedelta(minutes=5), ge=timedelta(0))


class JudgeSettings(_Group):
    """`memory`: what answers of rules that are remembered may take; 0 to remember none."""

    memory: ByteSize = ByteSize(MEMORY_BYTES)


class RulesSettings(_Group):
    """`folder`: a site's own topics and rules, in force beside the release's."""

    folder: Path | None = None


class EnrolmentSettings(_Group):
    """How often one address may try, and how long certificates last and can be renewed.

    `taken_over_after`: how long a device was silent whose record one that claims its hardware takes
    over, with a token of its site; before, a person settles it.
    """

    attempts_per_minute: float = Field(30, gt=0)
    attempts_at_once: float = Field(60, ge=1)
    certificate_for: Span = Field(timedelta(days=90), ge=timedelta(days=7), le=timedelta(days=825))
    renew_expired_for: Span = Field(timedelta(days=400), ge=timedelta(0))
    taken_over_after: Span = Field(timedelta(days=1), ge=timedelta(minutes=15))


class SweepSettings(_Group):
    """How often verdicts that time changes are looked for."""

    every: Span = Field(timedelta(seconds=15), gt=timedelta(0))
    batch: int = Field(500, ge=1)
    views_every: Span = Field(timedelta(seconds=1), gt=timedelta(0))


class VerdictSettings(_Group):
    """How long a pass lasts before it ends a fail, and how long alerts leave new devices alone."""

    hold: Span = Field(timedelta(hours=1), ge=timedelta(0))
    grace: Span = Field(timedelta(days=3), ge=timedelta(0))


class MaturitySettings(_Group):
    """How levels are worked out: the share of devices that conditions ask for, and the pace.

    `rest`: how much longer than the work for a site the rest after it is.
    """

    share: float = Field(0.95, gt=0, le=1)
    every: Span = Field(timedelta(seconds=30), gt=timedelta(0))
    pause: Span = Field(timedelta(milliseconds=20), ge=timedelta(0))
    rest: float = Field(19, ge=0)


class DeclareSettings(_Group):
    """What people declare: how long a waiver may last, how early an expiry is told of.

    `look_ahead`: how many devices the API judges at most to say what a change would come to.
    """

    waiver_months: int = Field(12, ge=1, le=12)
    remind_before: Span = Field(timedelta(days=30), ge=timedelta(0))
    look_ahead: int = Field(1000, ge=1, le=100_000)


class AskingSettings(_Group):
    """Live questions: what one may come to, how it is put to devices, how long answers are kept.

    `kept` counts from the end of the question's time.
    """

    rows: int = Field(1_000, ge=1, le=10_000)
    answer_bytes: ByteSize = Field(ByteSize(256 * 1024), ge=1024, le=16 * 1024 * 1024)
    timeout: Span = Field(timedelta(seconds=30), ge=timedelta(seconds=1), le=timedelta(seconds=30))
    within: Span = Field(timedelta(hours=1), ge=timedelta(seconds=1), le=timedelta(days=7))
    devices: int = Field(10_000, ge=1, le=1_000_000)
    at_once: int = Field(50, ge=1, le=10_000)
    open: int = Field(8, ge=1, le=8)
    kept: Span = Field(timedelta(days=1), ge=timedelta(0), le=timedelta(days=90))


class MetricsSettings(_Group):
    """What metrics show of devices, and what they may keep.

    `families`: the names of the per-device families, separated by commas; `all`, or `none` of them.
    The families of sites always stay. `text_memory`: lines kept as text; the others are compressed.
    `store_every`: how often the store's room is measured, and its last backup looked up.
    `tokens_known_for`: how long who scraped is known while the store is away.
    """

    families: str = "all"
    text_memory: ByteSize = ByteSize(64 * 1024 * 1024)
    store_every: Span = Field(timedelta(minutes=1), gt=timedelta(0))
    tokens_known_for: Span = Field(timedelta(hours=1), ge=timedelta(0), le=timedelta(days=1))

    @property
    def exported(self) -> frozenset[str] | None:
        """The per-device families that are shown; None: all."""
        if self.families.strip().lower() == "all":
            return None
        return frozenset(listed(self.families)) - {"none"}


class ReportsSettings(_Group):
    """Reports of facilities: how they are made, and whether the server files them every month.

    `folder` unset: `reports` in the data folder. `languages` and `formats` are separated by commas.
    """

    within: Span = Field(timedelta(seconds=30), ge=timedelta(seconds=1))
    at_once: int = Field(2, ge=1, le=32)
    waiting: int = Field(4, ge=0, le=100)
    named_devices: int = Field(300, ge=1, le=10_000)
    silent_after: Span = Field(timedelta(days=30), ge=timedelta(days=1))
    monthly: bool = False
    folder: Path | None = None
    languages: str = "fr"
    formats: str = "pdf,html"
    keep_months: int = Field(36, ge=1, le=240)
    look_every: Span = Field(timedelta(hours=1), gt=timedelta(0))

    @field_validator("languages", "formats")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        known = {"fr", "en"} if info.field_name == "languages" else {"pdf", "html"}
        if not listed(value) or not known.issuperset(listed(value)):
            raise ValueError(f"is one or more of {', '.join(sorted(known))}, separated by commas")
        return value

    @property
    def kinds(self) -> Sequence[str]:
        """The formats, one by one."""
        return listed(self.formats)

    @property
    def tongues(self) -> Sequence[str]:
        """The languages, one by one."""
        return listed(self.languages)


class BackupSettings(_Group):
    """Backups: where the server makes them by itself, how often, and what they are encrypted to.

    `folder` unset: it makes none. `recipients`: public keys `age1...`, separated by commas.
    """

    folder: Path | None = None
    every: Span = Field(timedelta(days=1), ge=timedelta(minutes=1))
    keep: int = Field(14, ge=1, le=10_000)
    look_every: Span = Field(timedelta(minutes=5), gt=timedelta(0))
    recipients: str = ""
    passphrase_file: Path | None = None

    @property
    def keys(self) -> Sequence[str]:
        """The recipients, one by one."""
        return listed(self.recipients)


class HttpSettings(_Group):
    """HTTPS of API and `/metrics`: a given certificate, or one of the server's own authority.

    `plain` serves HTTP without TLS, on loopback addresses alone. `max_head`: the request line and
    the headers of a request. `origin`: what browsers call this server, where a proxy stands before
    it: `https://vigie.example.org`. `requests_...`: how often each token or account may ask this
    server, `/metrics` apart. `threads`: requests that read the store together. `keep_alive`: how
    long a connection without a request is kept. `answers_kept`: how long a request that is sent
    again under its key is known. `demand_if_match`: changes of what has an `ETag` must say which
    state they are for. `page_most`: items that a page of a list of the API holds at most.
    `form_file_most`: what a file in a form of the console may take.
    """

    certificate: Path | None = None
    key: Path | None = None
    plain: bool = False
    max_head: ByteSize = Field(ByteSize(64 * 1024), ge=8 * 1024)
    requests_per_minute: float = Field(3_000, gt=0)
    requests_at_once: float = Field(600, ge=1)
    threads: int = Field(9, ge=1, le=100)
    keep_alive: Span = Field(timedelta(seconds=30), ge=timedelta(seconds=1))
    answers_kept: Span = Field(timedelta(days=1), ge=timedelta(minutes=1), le=timedelta(days=30))
    demand_if_match: bool = False
    page_most: int = Field(1_000, ge=1, le=10_000)
    form_file_most: ByteSize = Field(ByteSize(4 * 1024 * 1024), ge=64 * 1024, le=16 * 1024 * 1024)
    origin: str = Field("", pattern=r"^(https?://[^/\s]+)?$")


class SignInSettings(_Group):
    """How people sign in: how often it may be tried, and how long a session and a code last.

    `tries` of one name are free; then it rests for `rest`, doubled each time up to `rest_at_most`.
    """

    tries: int = Field(5, ge=1, le=100)
    rest: Span = Field(timedelta(minutes=1), gt=timedelta(0))
    rest_at_most: Span = Field(timedelta(minutes=15), gt=timedelta(0))
    attempts_per_minute: float = Field(10, gt=0)
    attempts_at_once: float = Field(20, ge=1)
    session: Span = Field(timedelta(hours=12), gt=timedelta(0))
    idle: Span = Field(timedelta(hours=1), gt=timedelta(0))
    setup_code: Span = Field(timedelta(minutes=30), gt=timedelta(0))


class ServerSettings(BaseSettings):
    """VIGIE_SERVER_DATA, VIGIE_SERVER_NAMES, VIGIE_SERVER_LISTEN__TELEMETRY, ..."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    data: Path = Path("vigie-data")
    reference: Path | None = None
    """Reference data newer than the release's; unset: `reference` in the data folder, if it is."""
    names: Annotated[tuple[str, ...], NoDecode] = ()
    """DNS names and addresses by which devices reach this server, the preferred first."""
    listen: Listen = Listen()
    advertised: Advertised = Advertised()
    limits: LimitSettings = LimitSettings()
    sessions: SessionSettings = SessionSettings()
    store: StoreSettings = StoreSettings()
    enrolment: EnrolmentSettings = EnrolmentSettings()
    judge: JudgeSettings = JudgeSettings()
    rules: RulesSettings = RulesSettings()
    sweep: SweepSettings = SweepSettings()
    retention: RetentionSettings = RetentionSettings()
    verdicts: VerdictSettings = VerdictSettings()
    declare: DeclareSettings = DeclareSettings()
    maturity: MaturitySettings = MaturitySettings()
    mail: MailSettings = MailSettings()
    asking: AskingSettings = AskingSettings()
    http: HttpSettings = HttpSettings()
    lists: ListsSettings = ListsSettings()
    sign_in: SignInSettings = SignInSettings()
    oidc: OidcSettings = OidcSettings()
    metrics: MetricsSettings = MetricsSettings()
    reports: ReportsSettings = ReportsSettings()
    notify: NotifySettings = NotifySettings()
    backup: BackupSettings = BackupSettings()
    updates: UpdatesSettings = UpdatesSettings()
    failing_rules_only_above: int = 20_000

    @field_validator("names", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        """Names come as one text, separated by commas."""
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("names")
    @classmethod
    def _of_a_server(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """They stand in certificates and tokens, which no device could use otherwise."""
        for endpoint in _endpoints(names, 1):
            if not is_endpoint(endpoint):
                raise ValueError(
                    "each is a name such as vigie.example.org or an address, separated by commas"
                )
        return names

    @property
    def own_references(self) -> Path | None:
        """The folder of the server's own reference data. Raises SettingsMalformed."""
        if self.reference is None:
            folder = self.data / "reference"
            return folder if folder.is_dir() else None
        if not self.reference.is_dir():
            raise SettingsMalformed(f"{PREFIX}REFERENCE: {self.reference} is not a folder")
        return self.reference

    @property
    def own_rules(self) -> Path | None:
        """The folder of a site's own topics and rules. Raises SettingsMalformed."""
        folder = self.rules.folder
        if folder is not None and not folder.is_dir():
            raise SettingsMalformed(f"{PREFIX}RULES__FOLDER: {folder} is not a folder")
        return folder

    @property
    def own_names(self) -> tuple[str, ...]:
        """The names given, or this machine's own and loopback."""
        if self.names:
            return self.names
        return tuple(dict.fromkeys((socket.gethostname(), "localhost", "127.0.0.1", "::1")))


def advertised(settings: ServerSettings, *, telemetry_port: int, enrolment_port: int) -> Endpoints:
    """Where devices find this server whose ports are these."""
    names = settings.names or settings.own_names[:1]
    return Endpoints(
        telemetry=settings.advertised.telemetry or _endpoints(names, telemetry_port),
        enrolment=settings.advertised.enrolment or _endpoints(names, enrolment_port),
    )


def port_of(address: str) -> int:
    """The port of a host:port that a setting names."""
    return int(address.rpartition(":")[2])


def _endpoints(names: Sequence[str], port: int) -> tuple[str, ...]:
    return tuple(f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in names)


def read_settings(environment: Mapping[str, str] | None = None) -> ServerSettings:
    """The settings in force. Raises SettingsMalformed, naming each setting that is wrong."""
    given = os.environ if environment is None else environment
    _refuse_unknown(given)
    try:
        return ServerSettings()
    except ValidationError as error:
        # Never the value: it may be a password in a URL.
        told = [
            f"{PREFIX}{'__'.join(str(part).upper() for part in problem['loc'])}: "
            + _said(problem["type"], problem["msg"])
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsMalformed("; ".join(told)) from None


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """pydantic-settings passes over variables that name no field; we do not."""
    known = {f"{PREFIX}{name.upper()}" for name in ServerSettings.model_fields}
    for variable in environment:
        if not variable.upper().startswith(PREFIX):
            continue
        if variable.upper().partition("__")[0] not in known:
            raise SettingsMalformed(f"{variable}: {_NO_SETTING}")


def _said(kind: str, problem: str) -> str:
    """What is wrong with a value; pydantic puts a word of its own before what we say."""
    return _WANTED.get(kind) or problem.removeprefix("Value error, ")
