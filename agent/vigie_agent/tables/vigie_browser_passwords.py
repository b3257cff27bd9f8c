"""vigie_browser_passwords: how many passwords each browser profile keeps, as a number only."""

import errno
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.homes import Home, homes_and_root
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there
from vigie_agent.tables.saved_logins import (
    MAX_BYTES,
    UnreadableStore,
    count_chromium_logins,
    count_firefox_logins,
)
from vigie_agent.tables.vigie_browser_policies import safari_saves_none

COLUMNS: Final = (
    text("browser", "The browser"),
    text("username", "The account whose profile it is"),
    text("profile", "The profile's folder: Default, Profile 1, ..."),
    integer("saved", "Passwords that the profile keeps"),
    *COLLECTED,
)
"""One row a profile that has a store of passwords; one row that is not collected for a home, a
folder or a store that cannot be read, and for Safari, whose keychain is not read, unless a profile
keeps it from saving passwords."""

_CHROMIUM_STORES: Final = ("Login Data", "Login Data For Account")
_FIREFOX_STORE: Final = "logins.json"
_FIREFOX_NEW_STORE: Final = "logins.db"


@dataclass(frozen=True, slots=True)
class BrowserFolder:
    """A folder of profiles below a home."""

    browser: str
    folder: str
    firefox: bool = False


def _chromium(root: str, folders: Mapping[str, tuple[str, ...]]) -> tuple[BrowserFolder, ...]:
    return tuple(
        BrowserFolder(browser, f"{root}{folder}")
        for browser, places in folders.items()
        for folder in places
    )


_LINUX: Final = (
    *_chromium(
        "",
        {
            "chrome": (
                ".config/google-chrome",
                ".config/google-chrome-beta",
                ".var/app/com.google.Chrome/config/google-chrome",
            ),
            "chromium": (
                ".config/chromium",
                "snap/chromium/common/chromium",
                ".var/app/org.chromium.Chromium/config/chromium",
            ),
            "edge": (
                ".config/microsoft-edge",
                ".var/app/com.microsoft.Edge/config/microsoft-edge",
            ),
            "brave": (
                ".config/BraveSoftware/Brave-Browser",
                ".var/app/com.brave.Browser/config/BraveSoftware/Brave-Browser",
            ),
            "opera": (".config/opera",),
            "vivaldi": (".config/vivaldi",),
        },
    ),
    BrowserFolder("firefox", ".mozilla/firefox", firefox=True),
    BrowserFolder("firefox", ".config/mozilla/firefox", firefox=True),
    BrowserFolder("firefox", "snap/firefox/common/.mozilla/firefox", firefox=True),
    BrowserFolder("firefox", ".var/app/org.mozilla.firefox/.mozilla/firefox", firefox=True),
)
_DARWIN: Final = (
    *_chromium(
        "Library/Application Support/",
        {
            "chrome": ("Google/Chrome", "Google/Chrome Beta"),
            "chromium": ("Chromium",),
            "edge": ("Microsoft Edge",),
            "brave": ("BraveSoftware/Brave-Browser",),
            "opera": ("com.operasoftware.Opera",),
            "vivaldi": ("Vivaldi",),
        },
    ),
    BrowserFolder("firefox", "Library/Application Support/Firefox/Profiles", firefox=True),
)
_WINDOWS: Final = (
    *_chromium(
        "AppData/Local/",
        {
            "chrome": ("Google/Chrome/User Data", "Google/Chrome Beta/User Data"),
            "chromium": ("Chromium/User Data",),
            "edge": ("Microsoft/Edge/User Data",),
            "brave": ("BraveSoftware/Brave-Browser/User Data",),
            "vivaldi": ("Vivaldi/User Data",),
        },
    ),
    BrowserFolder("opera", "AppData/Roaming/Opera Software/Opera Stable"),
    BrowserFolder("firefox", "AppData/Roaming/Mozilla/Firefox/Profiles", firefox=True),
)
FOLDERS: Final = {"linux": _LINUX, "darwin": _DARWIN, "windows": _WINDOWS}
_SAFARI: Final = "/Applications/Safari.app"


def tables(host: Host, system: str = "") -> tuple[Table, ...]:
    """The table of this module. `system` is the one that runs here unless it is given."""
    system = system or platform.system().lower()
    return (
        Table(
            "vigie_browser_passwords",
            COLUMNS,
            lambda _request: _rows(host, system),
            description="How many passwords each browser profile keeps: a number, never a content",
        ),
    )


def _rows(host: Host, system: str) -> Iterator[TableRow]:
    for home in homes_and_root(host, system):
        yield from _of_home(host, home, system)
    if system == "darwin" and is_there(host, _SAFARI) and not safari_saves_none(host):
        yield not_collected(
            "Safari keeps passwords in the keychain, which is not read", browser="safari"
        )


def _of_home(host: Host, home: Home, system: str) -> Iterator[TableRow]:
    try:
        _names(host, home.directory)
    except FileNotFoundError:
        return
    except OSError as error:
        why = f"the home of the account: {reason(error)}"
        yield not_collected(why, username=home.username)
        return
    for place in FOLDERS.get(system, ()):
        yield from _of_browser(host, home, place)


def _of_browser(host: Host, home: Home, place: BrowserFolder) -> Iterator[TableRow]:
    folder = f"{home.directory}/{place.folder}"
    known = {"browser": place.browser, "username": home.username}
    try:
        names = _names(host, folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield not_collected(f"the profiles of the browser: {reason(error)}", **known)
        return
    own = folder.rpartition("/")[2]
    for name in [own, *names]:  # Opera's folder is a profile itself
        path = folder if name == own else f"{folder}/{name}"
        counted = _firefox(host, path) if place.firefox else _chromium_profile(host, path)
        if isinstance(counted, int):
            yield collected(**known, profile=name, saved=counted)
        elif counted:
            yield not_collected(counted, **known, profile=name)


_Counted = int | str | None
"""How many, why that is not known, or None where there is no store."""


def _chromium_profile(host: Host, path: str) -> _Counted:
    """Passwords of the device and of the signed-in account lie in two stores of one kind."""
    counts = [_store(host, f"{path}/{name}", count_chromium_logins) for name in _CHROMIUM_STORES]
    return next((one for one in counts if isinstance(one, str)), None) or (
        sum(one for one in counts if isinstance(one, int))
        if any(one is not None for one in counts)
        else None
    )


def _firefox(host: Host, path: str) -> _Counted:
    counted = _store(host, f"{path}/{_FIREFOX_STORE}", count_firefox_logins)
    if counted is None and is_there(host, f"{path}/{_FIREFOX_NEW_STORE}"):
        return "the profile keeps its passwords in a form that is not counted"
    return counted


def _store(host: Host, path: str, count: Callable[[bytes], int]) -> _Counted:
    try:
        return count(host.read_bytes(path, max_bytes=MAX_BYTES))
    except UnreadableStore as error:
        return str(error)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.EFBIG:
            return "the store of passwords is too large to be counted"
        return f"the store of passwords: {reason(error)}"


def _names(host: Host, folder: str) -> list[str]:
    return sorted(item.name for item in host.path(folder).iterdir())
