"""The configuration files that may be read line by line: a literal list, and what stays hidden.

Nothing else is ever opened for `vigie_file_lines` or `vigie_settings`; the server cannot widen it.
"""

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vigie_agent.tables.config_text import ConfigLine, Grammar, config_lines
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import real_path

MAX_BYTES: Final = 256 * 1024
_MAX_FILES: Final = 500


@dataclass(frozen=True, slots=True)
class AllowedFile:
    """A path, or the plain files of a folder that end with `suffix`.

    `keys`: the only keys that are shown; None shows all of them.
    """

    path: str
    grammar: Grammar
    suffix: str | None = None
    keys: frozenset[str] | None = None

    def covers(self, path: str) -> bool:
        """Whether `path`, already without links and dots, is of this entry (or its folder)."""
        if self.suffix is None or path == self.path:
            return path == self.path
        folder, _, name = path.rpartition("/")
        return folder == self.path and name.endswith(self.suffix) and not name.startswith(".")


def _folder(
    path: str, grammar: Grammar, suffix: str = ".conf", keys: frozenset[str] | None = None
) -> AllowedFile:
    return AllowedFile(path, grammar, suffix=suffix, keys=keys)


def _systemd(name: str, keys: frozenset[str] | None = None) -> tuple[AllowedFile, ...]:
    """A systemd daemon's file and drop-ins, the administrator's, the vendor's and the volatile."""
    return tuple(
        entry
        for root in ("/etc/systemd", "/run/systemd", "/usr/lib/systemd")
        for entry in (
            AllowedFile(f"{root}/{name}.conf", Grammar.INI, keys=keys),
            _folder(f"{root}/{name}.conf.d", Grammar.INI, keys=keys),
        )
    )


_USBGUARD_KEYS: Final = frozenset(
    {
        "RuleFile", "RuleFolder", "ImplicitPolicyTarget", "PresentDevicePolicy",
        "PresentControllerPolicy", "InsertedDevicePolicy", "AuthorizedDefault",
        "RestoreControllerDeviceState", "DeviceManagerBackend", "AuditBackend",
    }
)  # fmt: skip

_DNF_KEYS: Final = frozenset(
    {
        "apply_updates", "download_updates", "upgrade_type", "random_sleep", "reboot",
        "network_online_timeout",
    }
)  # fmt: skip

_AUTOLOGIN_KEYS: Final = frozenset(
    {"AutomaticLoginEnable", "AutomaticLogin", "TimedLoginEnable", "TimedLogin"}  # gdm
    | {"autologin-user", "autologin-guest", "allow-guest", "guest-account-script"}  # lightdm
    | {"User"}  # sddm
    | {"user"}  # greetd
    | {"autologin"}  # lxdm
    | {"ExecStart"}  # getty
)

ALLOWED_FILES: Final = (
    AllowedFile("/etc/ufw/ufw.conf", Grammar.SHELL),
    AllowedFile("/etc/default/ufw", Grammar.SHELL),
    AllowedFile("/etc/firewalld/firewalld.conf", Grammar.EQUALS),
    AllowedFile("/etc/security/pwquality.conf", Grammar.EQUALS),
    _folder("/etc/security/pwquality.conf.d", Grammar.EQUALS),
    AllowedFile("/etc/security/faillock.conf", Grammar.EQUALS),
    AllowedFile("/etc/security/pwhistory.conf", Grammar.EQUALS),
    AllowedFile("/etc/login.defs", Grammar.WORDS),
    AllowedFile("/usr/etc/login.defs", Grammar.WORDS),
    _folder("/etc/pam.d", Grammar.PAM, suffix=""),
    _folder("/usr/lib/pam.d", Grammar.PAM, suffix=""),
    AllowedFile("/etc/authselect/system-auth", Grammar.PAM),
    AllowedFile("/etc/authselect/password-auth", Grammar.PAM),
    *_systemd("journald"),
    *_systemd("timesyncd"),
    *_systemd("journal-upload", keys=frozenset({"URL"})),
    *_systemd("logind"),
    AllowedFile("/etc/apt/apt.conf", Grammar.APT),
    _folder("/etc/apt/apt.conf.d", Grammar.APT, suffix=""),
    AllowedFile("/etc/dnf/automatic.conf", Grammar.INI, keys=_DNF_KEYS),
    AllowedFile("/etc/dnf/dnf5-plugins/automatic.conf", Grammar.INI, keys=_DNF_KEYS),
    AllowedFile("/usr/share/dnf5/dnf5-plugins/automatic.conf", Grammar.INI, keys=_DNF_KEYS),
    _folder("/etc/modprobe.d", Grammar.WORDS),
    _folder("/run/modprobe.d", Grammar.WORDS),
    _folder("/usr/lib/modprobe.d", Grammar.WORDS),
    AllowedFile("/etc/usbguard/usbguard-daemon.conf", Grammar.EQUALS, keys=_USBGUARD_KEYS),
    AllowedFile("/etc/gdm3/daemon.conf", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    AllowedFile("/etc/gdm3/custom.conf", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    AllowedFile("/etc/gdm/custom.conf", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    AllowedFile("/etc/lightdm/lightdm.conf", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    _folder("/etc/lightdm/lightdm.conf.d", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    _folder("/etc/xdg/lightdm/lightdm.conf.d", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    _folder("/usr/share/lightdm/lightdm.conf.d", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    AllowedFile("/etc/greetd/config.toml", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    AllowedFile("/etc/lxdm/lxdm.conf", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    _folder("/usr/lib/sddm/sddm.conf.d", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    AllowedFile("/etc/sddm.conf", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    _folder("/etc/sddm.conf.d", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    _folder("/etc/systemd/system/getty@.service.d", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    _folder("/etc/systemd/system/getty@tty1.service.d", Grammar.INI, keys=_AUTOLOGIN_KEYS),
    AllowedFile("/etc/clamav/freshclam.conf", Grammar.WORDS),
    AllowedFile("/etc/freshclam.conf", Grammar.WORDS),
    AllowedFile("/etc/clamav/clamd.conf", Grammar.WORDS),
    AllowedFile("/etc/clamd.d/scan.conf", Grammar.WORDS),
)


def allowed(path: str) -> AllowedFile | None:
    """The entry that allows `path`, None when none does; a path with `..` or `//` has none."""
    return next((entry for entry in ALLOWED_FILES if entry.covers(path)), None)


def present_files(host: Host) -> Iterator[str]:
    """The allowed files that are there, in the list's order and by name in each folder."""
    for entry in ALLOWED_FILES:
        yield from files_of(host, entry)


def files_of(host: Host, entry: AllowedFile) -> tuple[str, ...]:
    """The files of one entry that are there, by name.

    What this process may not look at counts as there, the folder itself where it cannot be listed:
    reading it then says why.
    """
    try:
        if entry.suffix is None:
            host.path(real_path(host, entry.path)).stat()
            return (entry.path,)
        names = sorted(item.name for item in host.path(entry.path).iterdir())
    except PermissionError:
        return (entry.path,)
    except OSError:
        return ()
    paths = (f"{entry.path}/{name}" for name in names)
    return tuple(path for path in paths if entry.covers(path))[:_MAX_FILES]


def read_allowed(host: Host, path: str) -> tuple[ConfigLine, ...]:
    """What an allowed file says, without secrets; links are followed only to allowed files.

    Raises OSError; its `strerror` says why, also when the list refuses.
    """
    text, entry = allowed_text(host, path)
    return tuple(line for line in config_lines(text, entry.grammar) if not _is_hidden(line, entry))


def allowed_text(host: Host, path: str) -> tuple[str, AllowedFile]:
    """The text of an allowed file, credentials masked, and the entry that allows it."""
    entry = allowed(path)
    if entry is None:
        raise PermissionError(errno.EACCES, "not in the allow-list", path)
    real = real_path(host, path)
    if allowed(real) is None:
        raise PermissionError(errno.EACCES, f"a link to {real}, not in the allow-list", path)
    try:
        return masked(host.read_text(real, max_bytes=MAX_BYTES)), entry
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error  # the device's own name of it


def masked(text: str) -> str:
    """`text` with what follows `password=` and the like, and credentials in addresses, as ***."""
    return _IN_ADDRESS.sub("//***@", _ASSIGNED_SECRET.sub(r"\1***", text))


_HIDDEN: Final = "passw|passphrase|secret|token|credential"
_SECRET_KEY: Final = re.compile(f"{_HIDDEN}|proxyuser", re.IGNORECASE)
_ASSIGNED_SECRET: Final = re.compile(rf"((?:{_HIDDEN})\w*[ \t]*[=:][ \t]*)\S+", re.IGNORECASE)
_IN_ADDRESS: Final = re.compile(r"//[^/@\s\"]+@")


def _is_hidden(line: ConfigLine, entry: AllowedFile) -> bool:
    if entry.keys is not None and line.key not in entry.keys:
        return True
    # In PAM files the first word is the stack: `password` says nothing secret.
    return entry.grammar is not Grammar.PAM and bool(_SECRET_KEY.search(line.key))
