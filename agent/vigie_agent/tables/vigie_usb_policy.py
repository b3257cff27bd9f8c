"""vigie_usb_policy: what refuses USB storage on this device (Linux)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.allowed_files import ALLOWED_FILES, files_of, read_allowed
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.config_text import ConfigLine
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there
from vigie_agent.tables.running import running_programs
from vigie_agent.tables.vigie_settings import read_family

COLUMNS: Final = (
    text("mechanism", "usb_storage module, or usbguard"),
    integer("blocked", "This mechanism refuses USB storage"),
    text("detail", "Why, in words"),
    *COLLECTED,
)
"""One row for the kernel module, one for usbguard when it is installed."""

_MODPROBE_FOLDERS: Final = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d")
_NO_OPERATION: Final = frozenset({"true", "false", "nologin", ":"})
_MODULES: Final = ("usb_storage", "uas")
_USBGUARD: Final = ("/usr/sbin/usbguard-daemon", "/usr/bin/usbguard-daemon")
_DAEMON: Final = "usbguard-daemon"


@dataclass(frozen=True, slots=True)
class ModuleRules:
    """What modprobe is told: modules not loaded by themselves, and modules that cannot be."""

    blacklisted: frozenset[str]
    disabled: frozenset[str]

    @property
    def refuses_storage(self) -> bool:
        """`uas` needs `usb_storage`: disabling that one is enough, blacklisting it alone is not."""
        return "usb_storage" in self.disabled or self.blacklisted.issuperset(_MODULES)


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_usb_policy",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="What refuses USB storage: the kernel module's rules, usbguard",
        ),
    )


def module_rules(lines: Sequence[ConfigLine], command_line: str = "") -> ModuleRules:
    """The rules in modprobe's files and on the kernel's command line."""
    blacklisted, disabled = set[str](), set[str]()
    for line in lines:
        words = line.line.split()
        if line.key == "blacklist" and len(words) > 1:
            blacklisted.add(_module(words[1]))
        elif line.key == "install" and _does_nothing(words[2:]):
            disabled.add(_module(words[1]))
    for word in command_line.split():
        key, _, value = word.partition("=")
        if key == "modprobe.blacklist":
            blacklisted |= {_module(name) for name in value.split(",")}
        elif key == "module_blacklist":
            disabled |= {_module(name) for name in value.split(",")}
    return ModuleRules(frozenset(blacklisted), frozenset(disabled))


def _rows(host: Host) -> Iterator[TableRow]:
    yield _module_row(host)
    if any(is_there(host, path) for path in _USBGUARD):
        yield _usbguard_row(host)


def _module_row(host: Host) -> TableRow:
    try:
        rules = module_rules(modprobe_lines(host), host.text_or_empty("/proc/cmdline"))
    except OSError as error:
        return not_collected(f"{error.filename}: {error.strerror}", mechanism="usb_storage module")
    blocked, detail = _judged(rules, loaded=_is_loaded(host), builtin=_is_builtin(host))
    return collected(mechanism="usb_storage module", blocked=int(blocked), detail=detail)


def _judged(rules: ModuleRules, *, loaded: bool, builtin: bool) -> tuple[bool, str]:
    if builtin:
        return False, "it is part of the kernel: modprobe's rules do not reach it"
    if rules.refuses_storage and loaded:
        return False, "modprobe refuses it, but it is loaded: restart the device"
    if rules.refuses_storage:
        return True, "modprobe refuses it"
    if "usb_storage" in rules.blacklisted:
        return (
            False,
            "blacklisted, but uas loads it: blacklist uas too, or install it as /bin/false",
        )
    return False, "nothing refuses it"


def _usbguard_row(host: Host) -> TableRow:
    if _DAEMON[:15] not in running_programs(host):
        return collected(mechanism="usbguard", blocked=0, detail="installed, not running")
    family = read_family(host, "usbguard")
    for why in family.unread.values():
        return not_collected(f"usbguard's settings: {why}", mechanism="usbguard")
    target = (family.value("ImplicitPolicyTarget") or "block").lower()
    return collected(
        mechanism="usbguard",
        blocked=int(target in {"block", "reject"}),
        detail=f"running; a device that no rule names: {target}",
    )


def modprobe_lines(host: Host) -> list[ConfigLine]:
    """Of files with one name, the administrator's alone counts."""
    by_name: dict[str, str] = {}
    for entry in ALLOWED_FILES:
        if entry.path in _MODPROBE_FOLDERS:
            for path in files_of(host, entry):
                by_name.setdefault(path.rpartition("/")[2], path)
    return [line for name in sorted(by_name) for line in read_allowed(host, by_name[name])]


def _is_loaded(host: Host) -> bool:
    lines = host.text_or_empty("/proc/modules").splitlines()
    return any(line.split(" ", 1)[0] == "usb_storage" for line in lines)


def _is_builtin(host: Host) -> bool:
    release = host.text_or_empty("/proc/sys/kernel/osrelease").strip()
    builtin = host.text_or_empty(f"/lib/modules/{release}/modules.builtin")
    return "/usb-storage.ko" in builtin


def _does_nothing(command: Sequence[str]) -> bool:
    return bool(command) and command[0].rpartition("/")[2] in _NO_OPERATION


def _module(name: str) -> str:
    return name.strip().replace("-", "_")
