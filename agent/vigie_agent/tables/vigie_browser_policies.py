"""vigie_browser_policies: what the administrator forbids to browsers, of a literal list (Linux)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, not_collected, text
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.host import Host

COLUMNS: Final = (
    text("browser", "The browser"),
    text("policy", "PasswordManagerEnabled, OfferToSaveLogins, or a policy of updates"),
    text("value", "What it is set to: true, false or a number"),
    text("source", "The file that sets it"),
    *COLLECTED,
)
"""One row a policy of the list that is set. No row: nothing is imposed, the person decides."""

_CHROMIUM: Final = ("PasswordManagerEnabled",)
_FIREFOX: Final = (
    "PasswordManagerEnabled",
    "OfferToSaveLogins",
    "DisableAppUpdate",
    "AppAutoUpdate",
)
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
_MAX_BYTES: Final = 512 * 1024
_MAX_FILES: Final = 100


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of the list that one browser's files set, and which files could not be read."""

    values: Mapping[str, tuple[str, str]]
    unread: Mapping[str, str]


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "vigie_browser_policies",
            COLUMNS,
            lambda _request: _rows(host),
            platforms=frozenset({"linux"}),
            description="What the administrator imposes on browsers about passwords and updates",
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


def firefox_policies(host: Host) -> Policies:
    """The first file that is there counts, the system's own before those of the installation."""
    for path in _FIREFOX_FILES:
        found = _read(host, [path], _FIREFOX, inside="policies")
        if found.values or found.unread:
            return found
    return Policies({}, {})


def _rows(host: Host) -> Iterator[TableRow]:
    for browser, folders in _CHROMIUM_FOLDERS.items():
        paths = [path for folder in folders for path in _json_files(host, folder)]
        yield from _rows_of(browser, _read(host, paths, _CHROMIUM))
    yield from _rows_of("firefox", firefox_policies(host))


def _rows_of(browser: str, policies: Policies) -> Iterator[TableRow]:
    for policy, (value, source) in policies.values.items():
        yield collected(browser=browser, policy=policy, value=value, source=source)
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
