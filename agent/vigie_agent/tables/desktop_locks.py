"""When each Linux desktop locks a session by itself, from its own settings. Pure but for reading.

Two layers everywhere: what the administrator set for all, possibly so that nobody can change it,
and what the account set itself. Without a setting the program's own default holds.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from vigie_agent.tables.config_text import Grammar, config_lines
from vigie_agent.tables.dconf import Database, Key, SystemLayers, system_layers, user_layer
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.gvdb import Scalar
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there
from vigie_agent.tables.session_locks import Answer, Lock

_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Desktop:
    """A desktop, how its sessions are called, and how to tell its lock for a home.

    `lock` takes an empty directory for an account that sets nothing itself.
    """

    name: str
    sessions: re.Pattern[str]
    lock: Callable[[Host, str], Answer]


# --- GNOME, Cinnamon, MATE: dconf -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _DconfKeys:
    """Where a desktop of the GNOME family keeps its settings, and in which unit."""

    idle: Key
    lock: Key
    delay: Key
    unit: int = 1
    off: Key | None = None  # true: the screen cannot be locked
    activates: Key | None = None  # false: idle time starts nothing

    @property
    def all(self) -> tuple[Key, ...]:
        return tuple(
            key for key in (self.idle, self.lock, self.delay, self.off, self.activates) if key
        )

    def __call__(self, host: Host, directory: str) -> Answer:
        own = user_layer(host, directory, self.all) if directory else Database("user")
        return self.judged(system_layers(host, self.all), own)

    def judged(self, system: SystemLayers, own: Database) -> Answer:
        """The lock that the values in force make."""
        values = dict[Key, Scalar]()
        locked = True
        for key in self.all:
            found = system.in_force(key, own)
            if isinstance(found, str):
                return found
            values[key] = found.value
            locked = locked and (found.locked or key in {self.off, self.activates})
        asks = bool(values[self.lock]) and not (self.off and values[self.off])
        idle = int(values[self.idle]) * self.unit
        grace = int(values[self.delay]) * self.unit
        starts = idle > 0 and (self.activates is None or bool(values[self.activates]))
        return Lock(idle + grace if starts and asks else None, asks, grace, locked)


_GNOME: Final = _DconfKeys(
    idle=Key("org.gnome.desktop.session", "idle-delay"),
    lock=Key("org.gnome.desktop.screensaver", "lock-enabled"),
    delay=Key("org.gnome.desktop.screensaver", "lock-delay"),
    off=Key("org.gnome.desktop.lockdown", "disable-lock-screen"),
)
_CINNAMON: Final = _DconfKeys(
    idle=Key("org.cinnamon.desktop.session", "idle-delay"),
    lock=Key("org.cinnamon.desktop.screensaver", "lock-enabled"),
    delay=Key("org.cinnamon.desktop.screensaver", "lock-delay"),
)
_MATE: Final = _DconfKeys(
    idle=Key("org.mate.session", "idle-delay"),
    lock=Key("org.mate.screensaver", "lock-enabled"),
    delay=Key("org.mate.screensaver", "lock-delay"),
    unit=_MINUTE,
    activates=Key("org.mate.screensaver", "idle-activation-enabled"),
)

# --- KDE Plasma -----------------------------------------------------------------------------------

_KDE_SYSTEM: Final = "/etc/xdg/kscreenlockerrc"
_KDE_OWN: Final = ".config/kscreenlockerrc"
_KDE_DEFAULTS: Final = {"Autolock": "true", "Timeout": "5", "LockGrace": "5"}
_IMMUTABLE: Final = re.compile(r"\[\$[a-z]*i[a-z]*\]")
_MARKS: Final = re.compile(r"\[\$[a-z]+\]")


@dataclass(frozen=True, slots=True)
class KdeFile:
    """The group [Daemon] of a kscreenlockerrc, and its keys that lower layers cannot change."""

    values: Mapping[str, str] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()


def read_kscreenlockerrc(text: str) -> KdeFile:
    """`Key[$i]` fixes a key; `[$i]` above all groups or beside [Daemon] fixes all of them."""
    values, fixed = dict[str, str](), set[str]()
    whole = bool(re.search(r"^\s*\[\$i\]\s*$|^\s*\[Daemon\]\[\$i\]\s*$", text, re.MULTILINE))
    flat = re.sub(r"^(\s*\[Daemon\])\[\$i\]", r"\1", text, flags=re.MULTILINE)
    flat = re.sub(r"^\s*\[\$i\]\s*$", "", flat, flags=re.MULTILINE)
    for line in config_lines(flat, Grammar.INI):
        if line.section != "Daemon":
            continue
        key = _MARKS.sub("", line.key)
        values[key] = line.value
        if whole or _IMMUTABLE.search(line.key):
            fixed.add(key)
    return KdeFile(values, frozenset(fixed))


def kde_lock(system: KdeFile, own: KdeFile) -> Lock:
    """Plasma counts the timeout in minutes and the grace in seconds; below zero it never ends."""
    changed = {key: value for key, value in own.values.items() if key not in system.fixed}
    values = {**_KDE_DEFAULTS, **system.values, **changed}
    minutes, grace = _number(values["Timeout"], 5), _number(values["LockGrace"], 5)
    starts = values["Autolock"].lower() not in {"false", "0", "no", "off"} and minutes > 0
    asks = grace >= 0
    return Lock(
        minutes * _MINUTE + grace if starts and asks else None,
        asks,
        max(grace, 0),
        system.fixed >= _KDE_DEFAULTS.keys(),
    )


def _kde(host: Host, directory: str) -> Answer:
    system = _text(host, _KDE_SYSTEM)
    own = _text(host, f"{directory}/{_KDE_OWN}") if directory else ""
    if isinstance(system, OSError) or isinstance(own, OSError):
        return _why(system, own)
    return kde_lock(read_kscreenlockerrc(system), read_kscreenlockerrc(own))


# --- Xfce -----------------------------------------------------------------------------------------

_XFCE_FILE: Final = "xfce4/xfconf/xfce-perchannel-xml/xfce4-screensaver.xml"
_XFCE_DEFAULTS: Final = {
    "/saver/enabled": "true",
    "/saver/idle-activation/enabled": "true",
    "/saver/idle-activation/delay": "5",
    "/lock/enabled": "true",
    "/lock/saver-activation/enabled": "true",
    "/lock/saver-activation/delay": "0",
}
_XFCE_TAG: Final = re.compile(r"<(/?)property\b([^<>]*?)(/?)>")
_ATTRIBUTE: Final = re.compile(r"\b(name|value|locked)\s*=\s*\"([^\"]*)\"")
_OTHER_LOCKERS: Final = ("light-locker", "xscreensaver", "xss-lock", "xautolock")


@dataclass(frozen=True, slots=True)
class XfceFile:
    """The properties of a channel by path, and those that accounts cannot change."""

    values: Mapping[str, str] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()


def read_xfconf(text: str) -> XfceFile:
    """A channel's XML, tag by tag: a parser of XML would expand what an account wrote into it."""
    values, fixed = dict[str, str](), set[str]()
    names: list[str] = []
    for closing, attributes, empty in _XFCE_TAG.findall(text):
        if closing:
            names = names[:-1]
            continue
        told = dict(_ATTRIBUTE.findall(attributes))
        path = "".join(f"/{name}" for name in (*names, told.get("name", "")))
        if "value" in told:
            values[path] = told["value"]
        if told.get("locked"):
            fixed.add(path)
        if not empty:
            names = [*names, told.get("name", "")]
    return XfceFile(values, frozenset(fixed))


def xfce_lock(system: XfceFile, own: XfceFile) -> Lock:
    """xfce4-screensaver counts both delays in minutes."""
    changed = {key: value for key, value in own.values.items() if key not in system.fixed}
    values = {**_XFCE_DEFAULTS, **system.values, **changed}

    def on(*keys: str) -> bool:
        return all(values[key].lower() == "true" for key in keys)

    idle = _number(values["/saver/idle-activation/delay"], 5) * _MINUTE
    grace = _number(values["/lock/saver-activation/delay"], 0) * _MINUTE
    starts = on("/saver/enabled", "/saver/idle-activation/enabled") and idle > 0
    asks = on("/lock/enabled", "/lock/saver-activation/enabled")
    return Lock(
        idle + grace if starts and asks else None,
        asks,
        grace,
        system.fixed >= _XFCE_DEFAULTS.keys(),
    )


def _xfce(host: Host, directory: str) -> Answer:
    if not is_there(host, "/usr/bin/xfce4-screensaver"):
        other = next((name for name in _OTHER_LOCKERS if is_there(host, f"/usr/bin/{name}")), None)
        if other is None:
            return Lock(None, asks_password=False)
        return f"{other} locks this desktop, and no file tells after how long"
    system = _text(host, f"/etc/xdg/{_XFCE_FILE}")
    own = _text(host, f"{directory}/.config/{_XFCE_FILE}") if directory else ""
    if isinstance(system, OSError) or isinstance(own, OSError):
        return _why(system, own)
    return xfce_lock(read_xfconf(system), read_xfconf(own))


# --------------------------------------------------------------------------------------------------

DESKTOPS: Final = (
    Desktop("Cinnamon", re.compile("cinnamon"), _CINNAMON),
    Desktop("GNOME", re.compile("gnome|^ubuntu|^pop"), _GNOME),
    Desktop("KDE Plasma", re.compile("plasma|^kde"), _kde),
    Desktop("MATE", re.compile("mate"), _MATE),
    Desktop("Xfce", re.compile("xfce|^xubuntu"), _xfce),
)
"""The desktops whose locks are known, by the names of their session files."""


def desktop_of(session: str) -> Desktop | None:
    """The desktop that a session file (`ubuntu-xorg`, `plasmawayland`) starts."""
    return next((one for one in DESKTOPS if one.sessions.search(session.lower())), None)


def _text(host: Host, path: str) -> str | OSError:
    try:
        return host.read_text(path, max_bytes=256 * 1024)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return error


def _why(*read: str | OSError) -> str:
    problem = next(one for one in read if isinstance(one, OSError))
    return f"the settings of the screen lock: {reason(problem)}"


def _number(text: str, default: int) -> int:
    try:
        return int(text)
    except ValueError:
        return default
