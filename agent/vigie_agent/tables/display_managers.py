"""What the display managers are told of opening sessions by themselves, from their own files.

Each has its own files, its own order among them and its own words. All of it is pure but for the
reading of files from the allow-list.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from vigie_agent.tables.allowed_files import ALLOWED_FILES, files_of, read_allowed
from vigie_agent.tables.config_text import ConfigLine
from vigie_agent.tables.host import Host


class Said(NamedTuple):
    """A line of a configuration, and the file that has it."""

    source: str
    line: ConfigLine


class Opening(NamedTuple):
    """A way in without a password: `automatic` or `guest`, and whether it is switched on."""

    kind: str
    enabled: bool
    account: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class DisplayManager:
    """A display manager: its units, its programs, its files in the order it reads them."""

    name: str
    units: frozenset[str]
    programs: tuple[str, ...]
    pam: str
    files: tuple[str, ...]
    openings: Callable[[Sequence[Said]], Iterable[Opening]]


class Told(NamedTuple):
    """What the files of a display manager say together, and why some could not be read."""

    openings: tuple[Opening, ...]
    unread: tuple[tuple[str, str], ...]


def told_by(host: Host, manager: DisplayManager) -> Told:
    """What `manager`'s files say on this device, the later ones overriding the earlier."""
    said, unread = list[Said](), list[tuple[str, str]]()
    for folder in manager.files:
        entry = next(entry for entry in ALLOWED_FILES if entry.path == folder)
        for path in files_of(host, entry):
            try:
                said += [Said(path, line) for line in read_allowed(host, path)]
            except FileNotFoundError:
                continue
            except OSError as error:
                unread.append((path, error.strerror or str(error)))
    return Told(tuple(manager.openings(said)), tuple(unread))


def _last(said: Iterable[Said], key: str, *sections: str) -> Said | None:
    """The last line that sets `key` in one of `sections` (all of them when none is named)."""
    found = None
    for each in said:
        section = each.line.section
        if each.line.key == key and (not sections or section.lower() in sections):
            found = each
    return found


def _is_on(said: Said | None) -> bool:
    return said is not None and said.line.value.strip().lower() in {"true", "1", "yes", "on"}


def _account(said: Said | None) -> str:
    return said.line.value.strip() if said else ""


def _gdm(said: Sequence[Said]) -> Iterable[Opening]:
    for switch, who in (("AutomaticLoginEnable", "AutomaticLogin"),
                        ("TimedLoginEnable", "TimedLogin")):  # fmt: skip
        on, account = _last(said, switch, "daemon"), _last(said, who, "daemon")
        if on or who == "AutomaticLogin":
            enabled = _is_on(on) and bool(_account(account))
            yield Opening(
                "automatic", enabled, _account(account) if enabled else "", on.source if on else ""
            )


def _sddm(said: Sequence[Said]) -> Iterable[Opening]:
    account = _last(said, "User", "autologin")
    yield Opening(
        "automatic", bool(_account(account)), _account(account), account.source if account else ""
    )


def _lightdm(said: Sequence[Said]) -> Iterable[Opening]:
    seats = [each for each in said if each.line.section.lower().startswith(("seat:", "seatdef"))]
    account, guest = _last(seats, "autologin-user"), _last(seats, "autologin-guest")
    enabled = bool(_account(account)) or _is_on(guest)
    source = account if _account(account) else guest
    yield Opening("automatic", enabled, _account(account), source.source if source else "")
    allowed = _last(seats, "allow-guest")
    yield Opening(
        "guest", allowed is None or _is_on(allowed), "", allowed.source if allowed else ""
    )


def _lxdm(said: Sequence[Said]) -> Iterable[Opening]:
    account = _last(said, "autologin", "base")
    yield Opening(
        "automatic", bool(_account(account)), _account(account), account.source if account else ""
    )


def _greetd(said: Sequence[Said]) -> Iterable[Opening]:
    # The `user` of [default_session] is the greeter's own account: it asks for a password.
    account = _last(said, "user", "initial_session")
    yield Opening(
        "automatic", bool(_account(account)), _account(account), account.source if account else ""
    )


DISPLAY_MANAGERS: Final = (
    DisplayManager(
        "gdm",
        frozenset({"gdm.service", "gdm3.service"}),
        ("/usr/sbin/gdm3", "/usr/sbin/gdm", "/usr/bin/gdm"),
        "gdm-password",
        ("/etc/gdm/custom.conf", "/etc/gdm3/custom.conf", "/etc/gdm3/daemon.conf"),
        _gdm,
    ),
    DisplayManager(
        "lightdm",
        frozenset({"lightdm.service"}),
        ("/usr/sbin/lightdm", "/usr/bin/lightdm"),
        "lightdm",
        (
            "/usr/share/lightdm/lightdm.conf.d",
            "/etc/xdg/lightdm/lightdm.conf.d",
            "/etc/lightdm/lightdm.conf.d",
            "/etc/lightdm/lightdm.conf",
        ),
        _lightdm,
    ),
    DisplayManager(
        "sddm",
        frozenset({"sddm.service"}),
        ("/usr/bin/sddm", "/usr/sbin/sddm"),
        "sddm",
        ("/usr/lib/sddm/sddm.conf.d", "/etc/sddm.conf.d", "/etc/sddm.conf"),
        _sddm,
    ),
    DisplayManager(
        "lxdm",
        frozenset({"lxdm.service"}),
        ("/usr/sbin/lxdm", "/usr/bin/lxdm"),
        "lxdm",
        ("/etc/lxdm/lxdm.conf",),
        _lxdm,
    ),
    DisplayManager(
        "greetd",
        frozenset({"greetd.service"}),
        ("/usr/bin/greetd", "/usr/sbin/greetd"),
        "greetd",
        ("/etc/greetd/config.toml",),
        _greetd,
    ),
)
