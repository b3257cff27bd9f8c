"""Which browsers and office suites update themselves on Windows."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from fake_host import a_device, rows_of
from fake_windows import DENIED, WrittenWindows
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_product_updates
from vigie_agent.tables.windows_system import RegistryData, Unread

SOFTWARE: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE"
UNINSTALL: Final = r"Microsoft\Windows\CurrentVersion\Uninstall"
CHROME: Final = SOFTWARE + r"\Policies\Google\Update"
FIREFOX: Final = SOFTWARE + r"\Policies\Mozilla\Firefox"
CLICK_TO_RUN: Final = SOFTWARE + r"\Microsoft\Office\ClickToRun\Configuration"
OFFICE: Final = SOFTWARE + r"\Policies\Microsoft\Office\16.0\Common\OfficeUpdate"
UX: Final = SOFTWARE + r"\Microsoft\WindowsUpdate\UX\Settings"
UPDATES: Final = (
    "/C:/ProgramData/Mozilla-1de4eec8-1241-4177-a864-e594e8d1fb38/updates/308046B0AF4A39CB"
)

Keys = Mapping[str, Mapping[str, RegistryData] | Unread]


def products(
    root: Path, *programs: str, keys: Keys | None = None, files: Mapping[str, str] | None = None
) -> dict[object, TableRow]:
    """The rows of a Windows with these programs."""
    installed: Keys = {
        f"{SOFTWARE}\\{UNINSTALL}\\{{{number}}}": {"DisplayName": name}
        for number, name in enumerate(("Visual C++ Redistributable", *programs))
    }
    windows = WrittenWindows(keys={**installed, **(keys or {})})
    host = replace(a_device(root, files), windows=windows)
    rows = rows_of(vigie_product_updates.tables(host, "windows"), "vigie_product_updates")
    return {row.get("product"): row for row in rows}


@pytest.mark.parametrize(
    ("values", "enabled"),
    [
        ({}, 1),
        ({"UpdateDefault": 0}, 0),
        ({"UpdateDefault": 2}, 0),
        ({"UpdateDefault": 3}, 1),
        ({"UpdateDefault": 0, "Update{8A69D345-D564-463C-AFF1-A69D9E530F96}": 1}, 1),
        ({"AutoUpdateCheckPeriodMinutes": 0}, 0),
    ],
)
def test_an_updater_without_a_policy_updates_and_its_products_policy_comes_first(
    values: Mapping[str, RegistryData], enabled: int, tmp_path: Path
) -> None:
    (row,) = products(tmp_path, "Google Chrome", keys={CHROME: values}).values()

    assert (row["product"], row["enabled"]) == ("Google Chrome", enabled)


def test_a_policy_that_may_not_be_read_is_not_an_absence(tmp_path: Path) -> None:
    (row,) = products(tmp_path, "Google Chrome", keys={CHROME: DENIED}).values()

    assert (row["collected"], row["why"]) == ("no", "the updater's policy: needs elevated rights")


def test_what_was_chosen_inside_firefox_counts(tmp_path: Path) -> None:
    def enabled(chosen: str) -> object:
        files = {f"{UPDATES}/update-config.json": chosen}
        (row,) = products(tmp_path, "Mozilla Firefox (x64 fr)", files=files).values()
        return row["enabled"]

    assert enabled('{"app.update.auto": true}') == 1
    assert enabled('{"app.update.auto": false}') == 0
    assert enabled("{") == 1


def test_policies_of_firefox_come_from_the_registry_or_a_file(tmp_path: Path) -> None:
    name = "Mozilla Firefox ESR (x64 fr)"
    path = "/C:/Program Files/Mozilla Firefox/distribution/policies.json"

    (by_key,) = products(tmp_path / "a", name, keys={FIREFOX: {"DisableAppUpdate": 1}}).values()
    (by_file,) = products(
        tmp_path / "b", name, files={path: '{"policies": {"AppAutoUpdate": false}}'}
    ).values()
    (allowed,) = products(tmp_path / "c", name, keys={FIREFOX: {"AppAutoUpdate": 1}}).values()

    assert (by_key["enabled"], by_file["enabled"], allowed["enabled"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("keys", "collected", "enabled"),
    [
        ({}, "no", None),
        ({CLICK_TO_RUN: {"UpdatesEnabled": "True"}}, "yes", 1),
        ({CLICK_TO_RUN: {"UpdatesEnabled": "False"}}, "yes", 0),
        (
            {CLICK_TO_RUN: {"UpdatesEnabled": "True"}, OFFICE: {"EnableAutomaticUpdates": 0}},
            "yes",
            0,
        ),
        (
            {CLICK_TO_RUN: {"UpdatesEnabled": "False"}, OFFICE: {"EnableAutomaticUpdates": 1}},
            "yes",
            1,
        ),
        ({UX: {"AllowMUUpdateService": 1}}, "yes", 1),
    ],
)
def test_office_updates_itself_or_follows_windows_update(
    keys: Keys, collected: str, enabled: int | None, tmp_path: Path
) -> None:
    (row,) = products(tmp_path, "Microsoft 365 Apps for enterprise - fr-fr", keys=keys).values()

    assert (row["collected"], row.get("enabled")) == (collected, enabled)


def test_libreoffice_tells_of_releases_and_installs_none(tmp_path: Path) -> None:
    found = products(tmp_path, "LibreOffice 25.8.3.2", "LibreOffice 25.8 Help Pack (French)")

    assert {product: row["enabled"] for product, row in found.items()} == {"LibreOffice": 0}


def test_a_browser_that_one_account_installed_for_itself_counts(tmp_path: Path) -> None:
    own = f"HKEY_USERS\\S-1-5-21-1-2-3-1001\\Software\\{UNINSTALL}\\Chrome"

    found = products(tmp_path, keys={own: {"DisplayName": "Google Chrome"}})

    assert set(found) == {"Google Chrome"}


def test_a_component_with_a_longer_name_is_not_the_product(tmp_path: Path) -> None:
    assert products(tmp_path, "Microsoft Edge WebView2 Runtime", "Google Chrome Remote") == {}


def test_a_list_of_programs_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    windows = WrittenWindows(keys={f"{SOFTWARE}\\{UNINSTALL}": DENIED})
    host = replace(a_device(tmp_path), windows=windows)

    (row,) = rows_of(vigie_product_updates.tables(host, "windows"), "vigie_product_updates")

    assert (row["collected"], row["why"]) == ("no", "the list of programs: needs elevated rights")
