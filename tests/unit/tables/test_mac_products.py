"""Which browsers and office suites update themselves on macOS."""

import plistlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from fake_host import a_device, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_product_updates
from vigie_agent.tables.mac_products import updates_by_keystone

MANAGED: Final = "/Library/Managed Preferences"
KEYSTONE: Final = f"{MANAGED}/com.google.Keystone.plist"
FIREFOX: Final = f"{MANAGED}/org.mozilla.firefox.plist"
AUTOUPDATE: Final = "Library/Preferences/com.microsoft.autoupdate2.plist"


def products(
    root: Path, *apps: str, plists: Mapping[str, Mapping[str, object]] | None = None
) -> dict[object, TableRow]:
    files: dict[str, str | bytes] = {f"/Applications/{app}.app/Contents/Info": "" for app in apps}
    files |= {path: plistlib.dumps(dict(values)) for path, values in (plists or {}).items()}
    host = a_device(root, files)
    rows = rows_of(vigie_product_updates.tables(host, "darwin"), "vigie_product_updates")
    return {row["product"]: row for row in rows}


def test_updaters_without_a_policy_update_and_libreoffice_has_none(tmp_path: Path) -> None:
    found = products(tmp_path, "Google Chrome", "Microsoft Edge", "Firefox", "LibreOffice")

    assert {product: row["enabled"] for product, row in found.items()} == {
        "Google Chrome": 1,
        "Microsoft Edge": 1,
        "Mozilla Firefox": 1,
        "LibreOffice": 0,
    }


@pytest.mark.parametrize(
    ("policies", "enabled"),
    [
        ({}, True),
        ({"updatePolicies": {"global": {"UpdateDefault": 3}}}, False),
        ({"updatePolicies": {"global": {"UpdateDefault": 2}}}, False),
        ({"updatePolicies": {"global": {"UpdateDefault": 1}}}, True),
        (
            {
                "updatePolicies": {
                    "global": {"UpdateDefault": 3},
                    "com.google.Chrome": {"UpdateDefault": 0},
                }
            },
            True,
        ),
        ({"updatePolicies": {"com.google.chrome": {"UpdateDefault": 3}}}, False),
        ({"updatePolicies": ["damaged"]}, True),
    ],
)
def test_a_nested_setting_is_read_and_the_applications_own_comes_first(
    policies: Mapping[str, object], enabled: bool
) -> None:
    assert updates_by_keystone(policies, "com.google.Chrome") is enabled


def test_a_profile_that_stops_chrome_is_found(tmp_path: Path) -> None:
    stopped = {"updatePolicies": {"com.google.Chrome": {"UpdateDefault": 3}}}

    assert (
        products(tmp_path, "Google Chrome", plists={KEYSTONE: stopped})["Google Chrome"]["enabled"]
        == 0
    )


def test_firefox_obeys_only_with_its_policies_turned_on(tmp_path: Path) -> None:
    def enabled(**values: object) -> object:
        return products(tmp_path, "Firefox", plists={FIREFOX: values})["Mozilla Firefox"]["enabled"]

    assert enabled(DisableAppUpdate=True) == 1
    assert enabled(DisableAppUpdate=True, EnterprisePoliciesEnabled=True) == 0
    assert enabled(AppAutoUpdate=False, EnterprisePoliciesEnabled=True) == 0


def test_office_follows_a_profile_then_the_mac_then_its_accounts(tmp_path: Path) -> None:
    def told(plists: Mapping[str, Mapping[str, object]]) -> tuple[object, object]:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        row = products(root, "Microsoft Word", plists=plists)["Microsoft Office"]
        return row["collected"], row.get("enabled")

    by_hand, by_itself = {"HowToCheck": "Manual"}, {"HowToCheck": "AutomaticDownload"}
    managed = f"{MANAGED}/com.microsoft.autoupdate2.plist"

    assert told({managed: by_itself, f"/{AUTOUPDATE}": by_hand}) == ("yes", 1)
    assert told({f"/{AUTOUPDATE}": by_hand}) == ("yes", 0)
    assert told({f"/Users/marie/{AUTOUPDATE}": by_itself}) == ("yes", 1)
    assert told({f"/Users/marie/{AUTOUPDATE}": by_itself, f"/Users/luc/{AUTOUPDATE}": by_hand}) == (
        "yes",
        0,
    )
    assert told({}) == ("no", None)


def test_a_damaged_profile_is_neither_on_nor_off(tmp_path: Path) -> None:
    a_device(tmp_path, {KEYSTONE: b"bplist00damaged"})

    row = products(tmp_path, "Google Chrome")["Google Chrome"]

    assert (row["collected"], row["why"]) == ("no", f"{KEYSTONE} could not be understood")
