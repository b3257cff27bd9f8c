"""vigie_browser_policies: whether the administrator lets browsers save passwords."""

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, not_collected, text
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.homes import homes
from vigie_agent.tables.host import Host
from vigie_agent.tables.mac_answers import Unanswered, flag_of, plist_file
from vigie_agent.tables.windows_profiles import loaded_hives, users_key, values_of
from vigie_agent.tables.windows_system import RegistryKey, Unread

COLUMNS: Final = (
    text("browser", "The browser"),
    text("username", "The account that it is for; empty for everyone"),
    text("policy", "PasswordManagerEnabled, OfferToSaveLogins, or of Safari allowPasswordAutoFill"),
    text("value", "What it is set to: true or false, 1 or 0"),
    text("source", "What sets it: a file, the registry of the machine or the account, a profile"),
    *COLLECTED,
)
"""One row a policy of the list that is set. No row: nothing is imposed, the person decides."""

_POLICIES: Final = ("PasswordManagerEnabled", "OfferToSaveLogins")
_CHROMIUM_FOLDERS: Final = {
    "chrome": ("/etc/opt/chrome/policies/managed",),
    "chromium": (
        "/etc/chromium/policies/managed",
        "/etc/chromium-browser/policies/managed",
        "/var/snap/chromium/current/policies/managed",
    ),
    "edge": ("/etc/opt/edge/policies/managed",),
    "brave": ("/etc/brave/policies/managed",),
}
_FIREFOX_FILES: Final = (
    "/etc/firefox/policies/policies.json",
    "/etc/firefox-esr/policies/policies.json",
    "/usr/lib/firefox/distribution/policies.json",
    "/usr/lib64/firefox/distribution/policies.json",
    "/usr/lib/firefox-esr/distribution/policies.json",
    "/usr/share/firefox/distribution/policies.json",
    "/usr/share/firefox-esr/distribution/policies.json",
    "/opt/firefox/distribution/policies.json",
)
_WINDOWS_FIREFOX_FILES: Final = (
    "C:/Program Files/Mozilla Firefox/distribution/policies.json",
    "C:/Program Files (x86)/Mozilla Firefox/distribution/policies.json",
)
_MAC_FIREFOX_FILES: Final = (
    "/Applications/Firefox.app/Contents/Resources/distribution/policies.json",
)
_KEYS: Final = {
    "chrome": r"Google\Chrome",
    "edge": r"Microsoft\Edge",
    "brave": r"BraveSoftware\Brave",
    "firefox": r"Mozilla\Firefox",
}
_DOMAINS: Final = {
    "chrome": "com.google.Chrome",
    "edge": "com.microsoft.Edge",
    "brave": "com.brave.Browser",
    "firefox": "org.mozilla.firefox",
    "safari": "com.apple.applicationaccess",
}
_OF_SAFARI: Final = ("allowPasswordAutoFill",)
_MANAGED: Final = "/Library/Managed Preferences"
_MAX_BYTES: Final = 512 * 1024
_MAX_FILES: Final = 100


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of the list that one browser's files set, and which files could not be read."""

    values: Mapping[str, tuple[str, str]]
    unread: Mapping[str, str]


def tables(host: Host, system: str = "") -> tuple[Table, ...]:
    """The table of this module. `system` is the one that runs here unless it is given."""
    rows = {"darwin": _mac, "windows": _windows}.get(system or platform.system().lower(), _linux)
    return (
        Table(
            "vigie_browser_policies",
            COLUMNS,
            lambda _request: rows(host),
            description="Whether the administrator lets browsers save passwords",
        ),
    )


def chosen(text_: str, names: tuple[str, ...], *, inside: str = "") -> Mapping[str, str]:
    """The policies of `names` in a JSON text, as true, false or a number.

    Raises ValueError where the browser would ignore the file.
    """
    document = json.loads(text_)
    if inside:
        document = document.get(inside) if isinstance(document, dict) else None
    if not isinstance(document, dict):
        raise ValueError("no object of policies")  # noqa: TRY004 (a file of policies that is not sound)
    return {
        name: json.dumps(document[name])
        for name in names
        if isinstance(document.get(name), bool | int)
    }


def safari_saves_none(host: Host) -> bool:
    """Whether a profile for everyone on this Mac keeps Safari from saving and offering passwords.

    One that cannot be read keeps it from nothing.
    """
    try:
        settings = plist_file(host, f"{_MANAGED}/{_DOMAINS['safari']}.plist") or {}
    except Unanswered:
        return False
    return any(flag_of(settings.get(policy)) is False for policy in _OF_SAFARI)


def _linux(host: Host) -> Iterator[TableRow]:
    for browser, folders in _CHROMIUM_FOLDERS.items():
        paths = [path for folder in folders for path in _json_files(host, folder)]
        yield from _rows_of(browser, _read(host, paths, _POLICIES))
    yield from _rows_of("firefox", _firefox_file(host, _FIREFOX_FILES))


def _windows(host: Host) -> Iterator[TableRow]:
    """The machine's policies hide an account's own; a hive that is not loaded shows none."""
    hives = loaded_hives(host)
    people = [] if isinstance(hives, Unread) else sorted(hives)
    users = host.windows.net_users()
    names = {} if isinstance(users, Unread) else {user.sid: user.name for user in users}
    for browser, key in _KEYS.items():
        machine = values_of(host, f"HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\{key}")
        if isinstance(machine, Unread):
            yield not_collected(machine.why("the policy of the machine"), browser=browser)
            continue
        yield from _of_key(machine, browser, "", "policy of the machine")
        for sid in people:
            own = users_key(host, sid, f"Software\\Policies\\{key}")
            if not isinstance(own, Unread):
                left = {name: data for name, data in own.values.items() if not machine.has(name)}
                username = names.get(sid, sid)
                yield from _of_key(RegistryKey(left), browser, username, "policy of the account")
    yield from _rows_of("firefox", _firefox_file(host, _WINDOWS_FIREFOX_FILES))


def _of_key(key: RegistryKey, browser: str, username: str, source: str) -> Iterator[TableRow]:
    for policy in _POLICIES:
        value = key.number(policy)
        if value is not None:
            yield collected(
                browser=browser,
                username=username,
                policy=policy,
                value=str(int(value != 0)),
                source=source,
            )


def _mac(host: Host) -> Iterator[TableRow]:
    """A profile for an account beats one for everyone, and each says for whom it is."""
    for browser, domain in _DOMAINS.items():
        for username in ("", *(home.username for home in homes(host, "darwin"))):
            folder = f"{_MANAGED}/{username}" if username else _MANAGED
            try:
                settings = plist_file(host, f"{folder}/{domain}.plist") or {}
            except Unanswered as why:
                yield not_collected(str(why), browser=browser, username=username)
                continue
            if browser == "firefox" and not flag_of(settings.get("EnterprisePoliciesEnabled")):
                continue  # without it Firefox does not obey
            for policy in _OF_SAFARI if browser == "safari" else _POLICIES:
                value = flag_of(settings.get(policy))
                if value is not None:
                    yield collected(
                        browser=browser,
                        username=username,
                        policy=policy,
                        value=str(int(value)),
                        source="profile",
                    )
    yield from _rows_of("firefox", _firefox_file(host, _MAC_FIREFOX_FILES))


def _firefox_file(host: Host, paths: tuple[str, ...]) -> Policies:
    """The first file that is there counts, the system's own before those of the installation."""
    for path in paths:
        found = _read(host, [path], _POLICIES, inside="policies")
        if found.values or found.unread:
            return found
    return Policies({}, {})


def _rows_of(browser: str, policies: Policies) -> Iterator[TableRow]:
    for policy, (value, source) in policies.values.items():
        yield collected(browser=browser, username="", policy=policy, value=value, source=source)
    for source, why in policies.unread.items():
        yield not_collected(f"{source}: {why}", browser=browser, source=source)


def _read(host: Host, paths: list[str], names: tuple[str, ...], *, inside: str = "") -> Policies:
    values, unread = dict[str, tuple[str, str]](), dict[str, str]()
    for path in paths:
        try:
            set_here = chosen(host.read_text(path, max_bytes=_MAX_BYTES), names, inside=inside)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            unread[path] = reason(error)
        except (ValueError, RecursionError):
            unread[path] = "not a sound file of policies"
        else:
            values |= {name: (value, path) for name, value in set_here.items()}
    return Policies(values, unread)


def _json_files(host: Host, folder: str) -> list[str]:
    """A folder that may not be listed is given itself: reading it says why."""
    try:
        names = sorted(item.name for item in host.path(folder).iterdir())
    except PermissionError:
        return [folder]
    except OSError:
        return []
    return [f"{folder}/{name}" for name in names if name.endswith(".json")][:_MAX_FILES]
