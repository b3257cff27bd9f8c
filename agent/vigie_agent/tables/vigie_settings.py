"""vigie_settings: the settings in force, with the precedence of drop-in files resolved (Linux).

Only what files say: a setting that no file names has no row, its program's default holds. What PAM
makes of it is in `vigie_password_policy`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.domain.table import Column, ColumnType, Request, Table, TableRow
from vigie_agent.tables.allowed_files import (
    ALLOWED_FILES,
    AllowedFile,
    allowed_text,
    files_of,
    read_allowed,
)
from vigie_agent.tables.columns import COLLECTED, collected, not_collected, text
from vigie_agent.tables.config_text import apt_settings
from vigie_agent.tables.host import Host

COLUMNS: Final = (
    Column(
        "family",
        ColumnType.TEXT,
        "pwquality, faillock, pwhistory, login_defs, apt, dnf_automatic, journald, "
        "journal_upload, timesyncd, logind, ufw, ufw_default, firewalld, usbguard, freshclam, "
        "clamd",
        index=True,
    ),
    text("key", "Setting, spelt as its program documents it: minlen, PASS_MAX_DAYS, ..."),
    text("value", "The value in force; empty for a setting that is a bare word"),
    text("source", "The file that set it"),
    *COLLECTED,
)
"""One row a setting; one `collected` = no row for each file of the family that cannot be read."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key with its value and the file it comes from."""

    key: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Family:
    """What a program's files say together, and why some of them could not be read."""

    settings: Mapping[str, Setting]
    unread: Mapping[str, str]

    def value(self, key: str) -> str | None:
        """The value in force, None when no file sets it."""
        setting = self.settings.get(key)
        return setting.value if setting else None


def read_family(host: Host, name: str) -> Family:
    """The settings of one family in force on `host`. Raises KeyError for an unknown family."""
    return _FAMILIES[name](host)


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_settings",
            COLUMNS,
            lambda request: _rows(host, request),
            platforms=frozenset({"linux"}),
            description="Settings in force, with the precedence of drop-in files resolved",
        ),
    )


def _rows(host: Host, request: Request) -> Iterator[TableRow]:
    for name in request.equals("family") or tuple(_FAMILIES):
        if name not in _FAMILIES:
            continue
        family = read_family(host, name)
        for setting in family.settings.values():
            yield collected(
                family=name, key=setting.key, value=setting.value, source=setting.source
            )
        for path, why in family.unread.items():
            yield not_collected(why, family=name, source=path)


# --- Precedence -----------------------------------------------------------------------------------


def _last_wins(paths: Callable[[Host], Iterable[str]]) -> Callable[[Host], Family]:
    """A family whose later files override the earlier ones, key by key."""

    def read(host: Host) -> Family:
        settings, unread = dict[str, Setting](), dict[str, str]()
        for path in paths(host):
            try:
                lines = read_allowed(host, path)
            except FileNotFoundError:
                continue
            except OSError as error:
                unread[path] = error.strerror or str(error)
                continue
            settings |= {line.key: Setting(line.key, line.value, path) for line in lines}
        return Family(settings, unread)

    return read


def _first_present(*paths: str) -> Callable[[Host], Iterable[str]]:
    """The administrator's file where there is one, else the vendor's."""

    def choose(host: Host) -> Iterable[str]:
        return next((found for path in paths if (found := files_of(host, _entry(path)))), ())

    return choose


def _pwquality_files(host: Host) -> Iterable[str]:
    """The drop-ins come first: with libpwquality the main file overrides them."""
    drop_ins = files_of(host, _entry("/etc/security/pwquality.conf.d"))
    return [*drop_ins, *files_of(host, _entry("/etc/security/pwquality.conf"))]


_SYSTEMD_ROOTS: Final = ("/etc/systemd", "/run/systemd", "/usr/lib/systemd")


def _systemd_files(name: str) -> Callable[[Host], Iterable[str]]:
    """One main file, then drop-ins by name; of two with one name, the administrator's."""
    main = _first_present(*(f"{root}/{name}.conf" for root in _SYSTEMD_ROOTS))

    def choose(host: Host) -> Iterable[str]:
        drop_ins = dict[str, str]()
        for root in _SYSTEMD_ROOTS:
            for path in files_of(host, _entry(f"{root}/{name}.conf.d")):
                drop_ins.setdefault(path.rpartition("/")[2], path)
        return [*main(host), *(drop_ins[key] for key in sorted(drop_ins))]

    return choose


_APT_FOLDER: Final = "/etc/apt/apt.conf.d"
_SHOWN_OF_APT: Final = ("apt::periodic::", "unattended-upgrade::")


def apt_files(host: Host) -> tuple[str, ...]:
    """The files that APT reads, in its order: its folder by name, then apt.conf."""
    folder = files_of(host, _entry(_APT_FOLDER))
    return (
        *(path for path in folder if path == _APT_FOLDER or _is_read_by_apt(path)),
        *files_of(host, _entry("/etc/apt/apt.conf")),
    )


def _apt(host: Host) -> Family:
    """What APT's files say together; keys are the same whatever their case."""
    settings, unread = dict[str, Setting](), dict[str, str]()
    for path in apt_files(host):
        try:
            content, _ = allowed_text(host, path)
        except OSError as error:
            unread[path] = error.strerror or str(error)
            continue
        for found in apt_settings(content):
            if found.key.lower().startswith(_SHOWN_OF_APT):
                former = settings.get(found.key.lower())
                key = former.key if former else found.key
                settings[found.key.lower()] = Setting(key, found.value, path)
    return Family({setting.key: setting for setting in settings.values()}, unread)


def _is_read_by_apt(path: str) -> bool:
    """APT skips names that hold more than letters, digits, `-`, `_` and a last `.conf`."""
    name = path.rpartition("/")[2].removesuffix(".conf")
    return name.replace("-", "").replace("_", "").isalnum()


def _entry(path: str) -> AllowedFile:
    return next(entry for entry in ALLOWED_FILES if entry.path == path)


_FAMILIES: Final[Mapping[str, Callable[[Host], Family]]] = {
    "pwquality": _last_wins(_pwquality_files),
    "faillock": _last_wins(_first_present("/etc/security/faillock.conf")),
    "pwhistory": _last_wins(_first_present("/etc/security/pwhistory.conf")),
    "login_defs": _last_wins(_first_present("/etc/login.defs", "/usr/etc/login.defs")),
    "apt": _apt,
    "dnf_automatic": _last_wins(
        _first_present(
            "/etc/dnf/automatic.conf",
            "/etc/dnf/dnf5-plugins/automatic.conf",
            "/usr/share/dnf5/dnf5-plugins/automatic.conf",
        )
    ),
    "journald": _last_wins(_systemd_files("journald")),
    "journal_upload": _last_wins(_systemd_files("journal-upload")),
    "timesyncd": _last_wins(_systemd_files("timesyncd")),
    "logind": _last_wins(_systemd_files("logind")),
    "ufw": _last_wins(_first_present("/etc/ufw/ufw.conf")),
    "ufw_default": _last_wins(_first_present("/etc/default/ufw")),
    "firewalld": _last_wins(_first_present("/etc/firewalld/firewalld.conf")),
    "usbguard": _last_wins(_first_present("/etc/usbguard/usbguard-daemon.conf")),
    "freshclam": _last_wins(_first_present("/etc/clamav/freshclam.conf", "/etc/freshclam.conf")),
    "clamd": _last_wins(_first_present("/etc/clamav/clamd.conf", "/etc/clamd.d/scan.conf")),
}
