"""vigie_radios: Bluetooth and other open radios: there, powered, discoverable, refused.

Linux asks sysfs, and the Bluetooth daemon over D-Bus without starting it. Windows asks its own
library, which lists the radios that are on; that half follows its documentation and was not run.
"""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.host import Host, Outcome
from vigie_agent.tables.running import running_programs
from vigie_agent.tables.vigie_usb_policy import modprobe_lines, module_rules
from vigie_agent.tables.windows_radios import RadioCount, ask_windows

COLUMNS: Final = (
    text("part", "adapters, policy, or others"),
    text("radio", "bluetooth, nfc, or wifi hotspot"),
    text("name", "The adapter or what decides: hci0, modprobe, rfkill, ..."),
    integer("powered", "It is on"),
    integer("discoverable", "Others nearby see it when they look for devices"),
    integer("blocked", "A switch, the system or the administrator keeps it off"),
    *COLLECTED,
)
"""One row a Bluetooth adapter, one for each thing that refuses Bluetooth, one for each other open
radio. No adapter, no row."""

_BLUETOOTH: Final = "/sys/class/bluetooth"
_RFKILL: Final = "/sys/class/rfkill"
_NFC: Final = "/sys/class/nfc"
_NETWORK: Final = "/sys/class/net"
_TIMEOUT: Final = timedelta(seconds=5)
_MAX_OUTPUT: Final = 64 * 1024
_ANSWERS: Final = {"b true": 1, "b false": 0}
_HOTSPOTS: Final = frozenset({"hostapd", "create_ap", "linux-wifi-hots"})


class WindowsRadios(Protocol):
    """Counts the Bluetooth radios of Windows that are on. Raises OSError."""

    def __call__(self) -> RadioCount: ...


@dataclass(frozen=True, slots=True)
class Switch:
    """An rfkill switch: soft is the system's, hard a key or the firmware's."""

    kind: str
    device: str
    soft: bool
    hard: bool

    @property
    def blocked(self) -> bool:
        return self.soft or self.hard


def tables(
    host: Host, system: str = "", windows_radios: WindowsRadios = ask_windows
) -> tuple[Table, ...]:
    """The table of this module. `system` is the one that runs here unless it is given."""
    system = system or platform.system().lower()
    return (
        Table(
            "vigie_radios",
            COLUMNS,
            lambda _request: _windows(windows_radios) if system == "windows" else _linux(host),
            platforms=frozenset({"linux", "windows"}),
            description="Bluetooth and other open radios: powered, discoverable, refused",
        ),
    )


# --- Windows --------------------------------------------------------------------------------------


def _windows(windows_radios: WindowsRadios) -> Iterator[TableRow]:
    known = {"part": "adapters", "radio": "bluetooth"}
    try:
        radios = windows_radios()
    except OSError as error:
        yield not_collected(f"Windows did not list its radios: error {error.errno or 0}", **known)
        return
    for number in range(radios.on):
        yield collected(
            **known,
            name=f"radio {number + 1}",
            powered=1,
            discoverable=int(radios.discoverable),
            blocked=0,
        )


# --- Linux ----------------------------------------------------------------------------------------


def _linux(host: Host) -> Iterator[TableRow]:
    switches = _switches(host)
    for name in _names(host, _BLUETOOTH):
        if name.startswith("hci") and ":" not in name:  # hci0:64 is a connection
            yield _adapter(host, name, switches)
    yield from _policy(host)
    yield from _nfc(host, switches)
    yield from _hotspot(host)


def _adapter(host: Host, name: str, switches: list[Switch]) -> TableRow:
    known = {"part": "adapters", "radio": "bluetooth", "name": name}
    blocked = any(one.blocked for one in switches if one.device == name)
    if blocked:
        return collected(**known, powered=0, discoverable=0, blocked=1)
    told = _asked_daemon(host, name)
    if isinstance(told, str):
        return not_collected(told, **known, blocked=0)
    powered, discoverable = told
    return collected(**known, powered=powered, discoverable=powered and discoverable, blocked=0)


def _asked_daemon(host: Host, name: str) -> tuple[int, int] | str:
    """Whether the adapter is powered and discoverable; why that is not known."""
    argv = [
        "busctl",
        "--system",
        "--auto-start=no",
        "get-property",
        "org.bluez",
        f"/org/bluez/{name}",
        "org.bluez.Adapter1",
        "Powered",
        "Discoverable",
    ]
    answer = host.run(argv, timeout=_TIMEOUT, max_output=_MAX_OUTPUT)
    if answer.outcome is Outcome.MISSING:
        return "busctl is not installed: the state of Bluetooth could not be asked"
    lines = [_ANSWERS.get(line.strip()) for line in answer.stdout.splitlines()]
    match lines:
        case [int(powered), int(discoverable)] if answer.ok:
            return powered, discoverable
        case _:
            return "the Bluetooth daemon gave no answer: the state of the adapter is not known"


def _policy(host: Host) -> Iterator[TableRow]:
    """Whether modprobe refuses Bluetooth; a module that is loaded all the same is not refused."""
    try:
        rules = module_rules(modprobe_lines(host), host.text_or_empty("/proc/cmdline"))
    except OSError as error:
        yield not_collected(
            f"{error.filename}: {error.strerror}", part="policy", radio="bluetooth", name="modprobe"
        )
        return
    refused = "bluetooth" in rules.disabled or rules.blacklisted >= {"bluetooth", "btusb"}
    loaded = any(
        line.split(" ", 1)[0] == "bluetooth"
        for line in host.text_or_empty("/proc/modules").splitlines()
    )
    if refused:
        yield collected(part="policy", radio="bluetooth", name="modprobe", blocked=int(not loaded))


def _nfc(host: Host, switches: list[Switch]) -> Iterator[TableRow]:
    for name in _names(host, _NFC):
        blocked = any(one.blocked for one in switches if one.device == name)
        known = {"part": "others", "radio": "nfc", "name": name}
        if blocked:
            yield collected(**known, powered=0, blocked=1)
        else:
            yield not_collected(
                "the kernel does not tell whether this radio is on", **known, blocked=0
            )


def _hotspot(host: Host) -> Iterator[TableRow]:
    """Whether a Wi-Fi interface offers a network of its own."""
    wireless = [
        name
        for name in _names(host, _NETWORK)
        if _names(host, f"{_NETWORK}/{name}/phy80211")
        or _names(host, f"{_NETWORK}/{name}/wireless")
    ]
    if not wireless:
        return
    answer = host.run(["iw", "dev"], timeout=_TIMEOUT, max_output=_MAX_OUTPUT)
    running = bool(running_programs(host) & _HOTSPOTS)
    if answer.ok:
        modes = read_iw_dev(answer.stdout)
        for name in wireless:
            if modes.get(name) == "AP":
                yield collected(part="others", radio="wifi hotspot", name=name, powered=1)
    elif running:
        yield collected(part="others", radio="wifi hotspot", name="hostapd", powered=1)
    else:
        yield not_collected(
            "iw is not installed: whether Wi-Fi is shared could not be asked",
            part="others",
            radio="wifi hotspot",
        )


def read_iw_dev(text_: str) -> Mapping[str, str]:
    """The mode of each interface in what `iw dev` prints: managed, AP, P2P-device, ..."""
    modes, interface = dict[str, str](), ""
    for line in text_.splitlines():
        match line.split():
            case ["Interface", name]:
                interface = name
            case ["Unnamed/non-netdev", *_]:  # a helper of the interface, which has no name
                interface = ""
            case ["type", *kind] if interface:
                modes[interface] = " ".join(kind)
            case _:
                continue
    return modes


def _switches(host: Host) -> list[Switch]:
    found = []
    for name in _names(host, _RFKILL):
        folder = f"{_RFKILL}/{name}"
        found.append(
            Switch(
                _line(host, f"{folder}/type"),
                _line(host, f"{folder}/name"),
                soft=_line(host, f"{folder}/soft") == "1",
                hard=_line(host, f"{folder}/hard") == "1",
            )
        )
    return found


def _line(host: Host, path: str) -> str:
    return host.text_or_empty(path, max_bytes=4096).strip()


def _names(host: Host, folder: str) -> list[str]:
    try:
        return sorted(item.name for item in host.path(folder).iterdir())
    except OSError:
        return []
