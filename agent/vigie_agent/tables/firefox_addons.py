"""`firefox_addons`: what is installed in Firefox, from each profile's extensions.json."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from vigie_agent.domain.table import Request, Table, TableRow
from vigie_agent.tables.browser_profiles import asked_users, folders
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

COLUMNS: Final = osquery_columns(
    "uid BIGINT additional, name, identifier index, creator, type, version, description, "
    "source_url, visible INTEGER, active INTEGER, disabled INTEGER, autoupdate INTEGER, location, "
    "path"
)
_FOLDERS: Final = (".mozilla/firefox", "snap/firefox/common/.mozilla/firefox")
_MAX_BYTES: Final = 16 * 1024 * 1024


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "firefox_addons",
            COLUMNS,
            lambda request: _rows(host, request),
            platforms=frozenset({"linux"}),
        ),
    )


def _rows(host: Host, request: Request) -> Iterator[TableRow]:
    for user in asked_users(host, request):
        for folder in _FOLDERS:
            for profile in folders(host, f"{user.directory}/{folder}"):
                path = f"{profile}/extensions.json"
                text = host.text_or_empty(path, max_bytes=_MAX_BYTES)
                yield from ({**row, "uid": user.uid} for row in read_addons(text))


def read_addons(text: str) -> Iterator[TableRow]:
    """The add-ons in an extensions.json, without their user; none when it is damaged."""
    try:
        document = json.loads(text)
    except ValueError:
        return
    addons = document.get("addons") if isinstance(document, dict) else None
    for addon in addons if isinstance(addons, list) else ():
        if isinstance(addon, dict):
            yield _row(addon)


def _row(addon: Mapping[str, Any]) -> TableRow:
    locale = addon.get("defaultLocale")
    said = locale if isinstance(locale, dict) else {}
    return {
        "name": _text(said.get("name")),
        "identifier": _text(addon.get("id")),
        "creator": _text(said.get("creator")),
        "type": _text(addon.get("type")),
        "version": _text(addon.get("version")),
        "description": _text(said.get("description")),
        "source_url": _text(addon.get("sourceURI")),
        "visible": int(bool(addon.get("visible"))),
        "active": int(bool(addon.get("active"))),
        "disabled": int(bool(addon.get("userDisabled"))),
        "autoupdate": int(bool(addon.get("applyBackgroundUpdates"))),
        "location": _text(addon.get("location")),
        "path": _text(addon.get("path")),
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
