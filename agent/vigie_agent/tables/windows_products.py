r"""Which browsers and office suites of a Windows device update themselves.

Installed is what the uninstall keys list, for everyone and for accounts whose hive is loaded. An
updater without a policy updates: that is how each of them is installed, LibreOffice excepted.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from vigie_agent.tables.host import Host
from vigie_agent.tables.product_update import ProductUpdate
from vigie_agent.tables.windows_profiles import loaded_hives
from vigie_agent.tables.windows_system import Reason, RegistryKey, Unread, WindowsSystem

_MACHINE: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE"
_UNINSTALL: Final = (
    _MACHINE + r"\Microsoft\Windows\CurrentVersion\Uninstall",
    _MACHINE + r"\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall",
)
_OWN_UNINSTALL: Final = r"Software\Microsoft\Windows\CurrentVersion\Uninstall"
_OMAHA: Final = {
    "Google Chrome": (r"Google\Update", "{8A69D345-D564-463C-AFF1-A69D9E530F96}"),
    "Microsoft Edge": (r"Microsoft\EdgeUpdate", "{56EB18F8-B008-4CBD-B6D2-8C97FE7E9062}"),
    "Brave": (r"BraveSoftware\Update", "{AFE6A462-C574-4B8A-AF43-4CC60DF4563B}"),
}
_UPDATES: Final = frozenset({1, 3})  # always, and silently by itself; not 0 never, 2 by hand
_CLICK_TO_RUN: Final = _MACHINE + r"\Microsoft\Office\ClickToRun\Configuration"
_OFFICE_POLICY: Final = _MACHINE + r"\Policies\Microsoft\Office\16.0\Common\OfficeUpdate"
_OTHER_PRODUCTS: Final = (
    _MACHINE + r"\Policies\Microsoft\Windows\WindowsUpdate\AU",
    _MACHINE + r"\Microsoft\WindowsUpdate\UX\Settings",
)
_FIREFOX_POLICY: Final = _MACHINE + r"\Policies\Mozilla\Firefox"
_FIREFOX_FILES: Final = (
    "C:/Program Files/Mozilla Firefox/distribution/policies.json",
    "C:/Program Files (x86)/Mozilla Firefox/distribution/policies.json",
)
_FIREFOX_UPDATES: Final = "C:/ProgramData/Mozilla-1de4eec8-1241-4177-a864-e594e8d1fb38/updates"
_NAMES: Final = (
    ("Google Chrome", re.compile(r"Google Chrome")),
    ("Microsoft Edge", re.compile(r"Microsoft Edge")),
    ("Mozilla Firefox", re.compile(r"Mozilla Firefox\b.*")),
    ("Brave", re.compile(r"Brave")),
    ("LibreOffice", re.compile(r"LibreOffice [\d.]+")),
    ("Microsoft Office", re.compile(r"Microsoft (?:365|Office)\b.*")),
)
_NOTHING: Final = RegistryKey()
_MAX_BYTES: Final = 64 * 1024


def windows_products(host: Host) -> Iterator[ProductUpdate] | Unread:
    """The products that are installed, by name; why the list of programs could not be read."""
    names = _installed(host)
    if isinstance(names, Unread):
        return names
    found = [
        product for product, name in _NAMES if any(name.fullmatch(program) for program in names)
    ]
    return (ProductUpdate(product, _updates(host, product)) for product in found)


def _installed(host: Host) -> set[str] | Unread:
    windows = host.windows
    hives = loaded_hives(host)
    people = () if isinstance(hives, Unread) else sorted(hives)
    names = set[str]()
    for root in (*_UNINSTALL, *(f"HKEY_USERS\\{sid}\\{_OWN_UNINSTALL}" for sid in people)):
        key = windows.registry(root)
        if isinstance(key, Unread):
            if root == _UNINSTALL[0]:
                return key
            continue
        for program in key.subkeys:
            name = _or_nothing(windows.registry(f"{root}\\{program}")).text("DisplayName")
            names.add((name or "").strip())
    return names


def _updates(host: Host, product: str) -> bool | str:
    match product:
        case "Google Chrome" | "Microsoft Edge" | "Brave":
            return _omaha(host.windows, *_OMAHA[product])
        case "Mozilla Firefox":
            return _firefox(host)
        case "Microsoft Office":
            return _office(host.windows)
        case _:
            return False  # LibreOffice says that there is a newer release, and installs none


def _omaha(windows: WindowsSystem, policy: str, product: str) -> bool | str:
    """Google's updater and its relatives: the product's own policy before the default."""
    key = windows.registry(f"{_MACHINE}\\Policies\\{policy}")
    if isinstance(key, Unread) and key.reason is not Reason.ABSENT:
        return key.why("the updater's policy")
    said = _or_nothing(key)
    own, default = said.number(f"Update{product}"), said.number("UpdateDefault")
    chosen = 1 if own is None and default is None else (default if own is None else own)
    return chosen in _UPDATES and said.number("AutoUpdateCheckPeriodMinutes") != 0


def _firefox(host: Host) -> bool | str:
    """A policy, or what was chosen in Firefox itself, which it keeps for all accounts."""
    key = host.windows.registry(_FIREFOX_POLICY)
    if isinstance(key, Unread) and key.reason is not Reason.ABSENT:
        return key.why("the policy of Firefox")
    said = _or_nothing(key)
    if said.number("DisableAppUpdate") or said.number("AppAutoUpdate") == 0:
        return False
    for path in _FIREFOX_FILES:
        policies = _json(host, path).get("policies")
        if isinstance(policies, dict) and (
            policies.get("DisableAppUpdate") is True or policies.get("AppAutoUpdate") is False
        ):
            return False
    try:
        installs = sorted(item.name for item in host.path(_FIREFOX_UPDATES).iterdir())
    except OSError:
        return True
    return not any(
        _json(host, f"{_FIREFOX_UPDATES}/{name}/update-config.json").get("app.update.auto") is False
        for name in installs
    )


def _office(windows: WindowsSystem) -> bool | str:
    """Click-to-Run updates itself; an older Office follows Windows Update where it takes others."""
    configuration = _or_nothing(windows.registry(_CLICK_TO_RUN))
    updates = configuration.text("UpdatesEnabled")
    if updates is not None:
        policy = _or_nothing(windows.registry(_OFFICE_POLICY)).number("EnableAutomaticUpdates")
        return policy != 0 and (policy is not None or updates.lower() == "true")
    if any(
        _or_nothing(windows.registry(key)).number("AllowMUUpdateService") == 1
        for key in _OTHER_PRODUCTS
    ):
        return True
    return "this Office follows Windows Update if it takes other products, which is not told"


def _json(host: Host, path: str) -> dict[str, object]:
    try:
        document = json.loads(host.read_text(path, max_bytes=_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _or_nothing(key: RegistryKey | Unread) -> RegistryKey:
    return _NOTHING if isinstance(key, Unread) else key
