"""`chrome_extensions`: what is installed in Chrome and its relatives, from each profile."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

from vigie_agent.domain.table import Request, Table, TableRow
from vigie_agent.tables.browser_profiles import asked_users, folders
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

COLUMNS: Final = osquery_columns(
    "browser_type, uid BIGINT index, name, profile, profile_path, referenced_identifier, "
    "identifier, version, description, default_locale, current_locale, update_url, author, "
    "persistent INTEGER, path, permissions, permissions_json hidden, optional_permissions, "
    "optional_permissions_json hidden, manifest_hash, referenced BIGINT, from_webstore, state, "
    "install_time, install_timestamp BIGINT, manifest_json hidden, key hidden, locale hidden"
)
_BROWSERS: Final = {
    "chrome": ".config/google-chrome",
    "chrome_beta": ".config/google-chrome-beta",
    "chrome_dev": ".config/google-chrome-unstable",
    "chromium": ".config/chromium",
    "brave": ".config/BraveSoftware/Brave-Browser",
    "edge": ".config/microsoft-edge",
    "edge_beta": ".config/microsoft-edge-beta",
    "opera": ".config/opera",
    "vivaldi": ".config/vivaldi",
    "yandex": ".config/yandex-browser",
}
_MAX_BYTES: Final = 16 * 1024 * 1024
_EPOCH_1601: Final = 11_644_473_600
_MICROSECONDS: Final = 1_000_000

_Json = Mapping[str, Any]


def tables(host: Host) -> tuple[Table, ...]:
    """The table of this module."""
    return (
        Table(
            "chrome_extensions",
            COLUMNS,
            lambda request: _rows(host, request),
            platforms=frozenset({"linux"}),
        ),
    )


def _rows(host: Host, request: Request) -> Iterator[TableRow]:
    for user in asked_users(host, request):
        for browser, folder in _BROWSERS.items():
            for profile in folders(host, f"{user.directory}/{folder}"):
                for row in _of_profile(host, profile):
                    yield {**row, "uid": user.uid, "browser_type": browser}


def _of_profile(host: Host, profile: str) -> Iterator[TableRow]:
    """The extensions that a profile's settings name, and those that only lie in its folder."""
    preferences = [
        _json(host.text_or_empty(f"{profile}/{name}", max_bytes=_MAX_BYTES))
        for name in ("Preferences", "Secure Preferences")
    ]
    settings: dict[str, _Json] = {}
    for one in preferences:
        settings |= _objects(_inner(one, "extensions", "settings"))
    name = _text(_inner(preferences[0], "profile").get("name"))
    known = {"profile": name, "profile_path": profile}
    seen = set[str]()
    for identifier, setting in settings.items():
        written = _text(setting.get("path"))
        if not written:
            continue
        path = written if written.startswith("/") else f"{profile}/Extensions/{written}"
        seen.add(path)
        yield from _row(host, path, identifier, setting, known)
    for folder in folders(host, f"{profile}/Extensions"):
        for path in folders(host, folder):
            if path not in seen:
                yield from _row(host, path, "", {}, known)


def _row(
    host: Host, path: str, referenced: str, setting: _Json, known: Mapping[str, str]
) -> Iterator[TableRow]:
    manifest_text = host.text_or_empty(f"{path}/manifest.json", max_bytes=_MAX_BYTES)
    manifest = _json(manifest_text)
    if not manifest:
        return
    installed = _text(setting.get("install_time") or setting.get("first_install_time"))
    yield {
        **known,
        "name": _text(manifest.get("name")),
        "referenced_identifier": referenced,
        "identifier": extension_identifier(_text(manifest.get("key"))),
        "version": _text(manifest.get("version")),
        "description": _text(manifest.get("description")),
        "default_locale": _text(manifest.get("default_locale")),
        "current_locale": _text(manifest.get("current_locale")),
        "update_url": _text(manifest.get("update_url")),
        "author": _text(manifest.get("author")),
        "persistent": int(_inner(manifest, "background").get("persistent") is True),
        "path": path,
        "permissions": _joined(manifest.get("permissions")),
        "permissions_json": json.dumps(manifest.get("permissions") or [], separators=(",", ":")),
        "optional_permissions": _joined(manifest.get("optional_permissions")),
        "optional_permissions_json": json.dumps(
            manifest.get("optional_permissions") or [], separators=(",", ":")
        ),
        "manifest_hash": sha256(manifest_text.encode()).hexdigest(),
        "referenced": int(bool(referenced)),
        "from_webstore": "true" if setting.get("from_webstore") is True else "false",
        "state": _text(setting.get("state")),
        "install_time": installed,
        "install_timestamp": _unix_time(installed),
        "manifest_json": manifest_text,
        "key": _text(manifest.get("key")),
    }


def extension_identifier(key: str) -> str:
    """The 32 letters that Chrome makes of an extension's public key; empty without a sound key."""
    try:
        digest = sha256(base64.b64decode(key, validate=True)).hexdigest()
    except (binascii.Error, ValueError):
        return ""
    return "".join(chr(ord("a") + int(digit, 16)) for digit in digest[:32]) if key else ""


def _unix_time(installed: str) -> int | None:
    """Chrome counts microseconds since 1601."""
    if not installed.isdecimal():
        return None
    return max(0, int(installed) // _MICROSECONDS - _EPOCH_1601)


def _json(text: str) -> _Json:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _inner(document: _Json, *keys: str) -> _Json:
    for key in keys:
        inner = document.get(key)
        document = inner if isinstance(inner, dict) else {}
    return document


def _objects(document: _Json) -> dict[str, _Json]:
    return {key: value for key, value in document.items() if isinstance(value, dict)}


def _joined(values: object) -> str:
    """Permissions that are objects (old apps have them) are in the `_json` columns only."""
    words = values if isinstance(values, list) else []
    return ", ".join(word for word in words if isinstance(word, str))


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bool() | None | dict() | list():
            return ""
        case _:
            return str(value)
