"""chrome_extensions and firefox_addons."""

import base64
import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from fake_host import a_device, rows_of
from vigie_agent.tables import chrome_extensions, firefox_addons
from vigie_agent.tables.chrome_extensions import extension_identifier
from vigie_agent.tables.host import Host

PASSWD = "alice:x:4242:4242::/home/alice:/bin/bash\nroot:x:0:0::/root:/bin/bash\n"
CHROME = "/home/alice/.config/google-chrome/Default"
IDENTIFIER = "a" * 32
KEY = base64.b64encode(b"a public key").decode()
MANIFEST = json.dumps(
    {
        "name": "Test Ext",
        "version": "1.2.3",
        "description": "d",
        "author": "me",
        "key": KEY,
        "permissions": ["tabs", "storage", {"fileSystem": ["write"]}],
        "optional_permissions": ["cookies"],
        "update_url": "https://updates.example.org/crx",
    }
)
ADDON = {
    "id": "uBlock0@example.org",
    "type": "extension",
    "version": "1.50.0",
    "active": True,
    "visible": True,
    "userDisabled": False,
    "applyBackgroundUpdates": 1,
    "sourceURI": "https://addons.example.org/x.xpi",
    "location": "app-profile",
    "path": "/home/alice/.mozilla/firefox/abcd.default/extensions/u.xpi",
    "defaultLocale": {"name": "uBlock", "creator": "R Hill", "description": "blocker"},
}


def a_chrome_user(root: Path, *, settings: object) -> Host:
    preferences = {"profile": {"name": "Person 1"}, "extensions": {"settings": settings}}
    return a_device(
        root,
        {
            "/etc/passwd": PASSWD,
            f"{CHROME}/Preferences": json.dumps(preferences),
            f"{CHROME}/Extensions/{IDENTIFIER}/1.2.3_0/manifest.json": MANIFEST,
        },
    )


def of_alice(host: Host) -> list[dict[str, object]]:
    rows = rows_of(chrome_extensions.tables(host), "chrome_extensions", equals={"uid": ["4242"]})
    return [dict(row) for row in rows]


def test_an_extension_of_chrome_is_told_as_osqueryd_tells_it(tmp_path: Path) -> None:
    setting = {
        "path": f"{IDENTIFIER}/1.2.3_0",
        "from_webstore": True,
        "state": 1,
        "install_time": "13300000000000000",
    }
    host = a_chrome_user(tmp_path, settings={IDENTIFIER: setting})

    (row,) = of_alice(host)

    shown = {"manifest_json", "key", "permissions_json", "optional_permissions_json"}
    assert {key: value for key, value in row.items() if key not in shown} == {
        "browser_type": "chrome",
        "uid": 4242,
        "name": "Test Ext",
        "profile": "Person 1",
        "profile_path": CHROME,
        "referenced_identifier": IDENTIFIER,
        "identifier": extension_identifier(KEY),
        "version": "1.2.3",
        "description": "d",
        "default_locale": "",
        "current_locale": "",
        "update_url": "https://updates.example.org/crx",
        "author": "me",
        "persistent": 0,
        "path": f"{CHROME}/Extensions/{IDENTIFIER}/1.2.3_0",
        "permissions": "tabs, storage",
        "optional_permissions": "cookies",
        "manifest_hash": sha256(MANIFEST.encode()).hexdigest(),
        "referenced": 1,
        "from_webstore": "true",
        "state": "1",
        "install_time": "13300000000000000",
        "install_timestamp": 1655526400,
    }


def test_an_extension_that_no_setting_names_is_told_as_such(tmp_path: Path) -> None:
    (row,) = of_alice(a_chrome_user(tmp_path, settings={}))

    assert (row["referenced"], row["referenced_identifier"], row["from_webstore"]) == (
        0,
        "",
        "false",
    )


@pytest.mark.parametrize(
    "settings", [None, [], {"x": 1}, {"x": {"path": 3}}, {"x": {"path": "no"}}]
)
def test_damaged_settings_lose_only_what_is_damaged(tmp_path: Path, settings: object) -> None:
    (row,) = of_alice(a_chrome_user(tmp_path, settings=settings))

    assert row["name"] == "Test Ext"


def test_a_key_makes_the_identifier_and_a_damaged_one_makes_none() -> None:
    identifier = extension_identifier(KEY)

    assert len(identifier) == 32
    assert set(identifier) <= set("abcdefghijklmnop")
    assert (extension_identifier(""), extension_identifier("%%%")) == ("", "")


def test_an_addon_of_firefox_is_told_as_osqueryd_tells_it(tmp_path: Path) -> None:
    profile = "/home/alice/.mozilla/firefox/abcd.default"
    addons = json.dumps({"addons": [ADDON, "odd", {}]})
    host = a_device(
        tmp_path,
        {
            "/etc/passwd": PASSWD,
            f"{profile}/extensions.json": addons,
            "/home/alice/.mozilla/firefox/profiles.ini": "",
            "/home/alice/.mozilla/firefox/broken/extensions.json": '{"addons": [',
        },
    )

    rows = rows_of(firefox_addons.tables(host), "firefox_addons", equals={"uid": ["4242"]})

    assert rows[0] == {
        "uid": 4242,
        "name": "uBlock",
        "identifier": "uBlock0@example.org",
        "creator": "R Hill",
        "type": "extension",
        "version": "1.50.0",
        "description": "blocker",
        "source_url": "https://addons.example.org/x.xpi",
        "visible": 1,
        "active": 1,
        "disabled": 0,
        "autoupdate": 1,
        "location": "app-profile",
        "path": "/home/alice/.mozilla/firefox/abcd.default/extensions/u.xpi",
    }
    assert [row["identifier"] for row in rows[1:]] == [""]


def test_without_a_user_the_agents_own_browser_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = a_chrome_user(tmp_path, settings={})

    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    own = rows_of(chrome_extensions.tables(host), "chrome_extensions")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    roots = rows_of(chrome_extensions.tables(host), "chrome_extensions")

    assert ([row["uid"] for row in own], roots) == ([4242], [])
