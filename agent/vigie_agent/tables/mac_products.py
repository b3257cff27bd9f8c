"""Which browsers and office suites of a Mac update themselves.

An updater without a policy updates. Safari is updated with macOS and is not told here.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from vigie_agent.tables.homes import homes
from vigie_agent.tables.host import Host
from vigie_agent.tables.links import is_there
from vigie_agent.tables.mac_answers import (
    Unanswered,
    dictionary,
    flag_of,
    number_of,
    plist_file,
    text_of,
)
from vigie_agent.tables.product_update import ProductUpdate

_MANAGED: Final = "/Library/Managed Preferences"
_OWN: Final = "/Library/Preferences"
_KEYSTONE: Final = {
    "Google Chrome": ("com.google.Keystone", "com.google.Chrome"),
    "Microsoft Edge": ("com.microsoft.EdgeUpdater", "com.microsoft.edgemac"),
}
_UPDATES: Final = frozenset({0, 1})  # always, and by itself only; not 2 by hand, 3 never
_AUTOUPDATE: Final = "com.microsoft.autoupdate2"
_OFFICE: Final = ("Microsoft Word", "Microsoft Excel", "Microsoft Outlook")
_APPS: Final = (
    ("Google Chrome", ("Google Chrome",)),
    ("Microsoft Edge", ("Microsoft Edge",)),
    ("Mozilla Firefox", ("Firefox",)),
    ("LibreOffice", ("LibreOffice",)),
    ("Microsoft Office", _OFFICE),
)


def mac_products(host: Host) -> Iterator[ProductUpdate]:
    """The products among the applications, by name."""
    for product, names in _APPS:
        if any(is_there(host, f"/Applications/{name}.app") for name in names):
            try:
                yield ProductUpdate(product, _updates(host, product))
            except Unanswered as why:
                yield ProductUpdate(product, str(why))


def _updates(host: Host, product: str) -> bool | str:
    match product:
        case "Google Chrome" | "Microsoft Edge":
            domain, app = _KEYSTONE[product]
            return updates_by_keystone(plist_file(host, f"{_MANAGED}/{domain}.plist") or {}, app)
        case "Mozilla Firefox":
            return _firefox(plist_file(host, f"{_MANAGED}/org.mozilla.firefox.plist") or {})
        case "Microsoft Office":
            return _office(host)
        case _:
            return False  # LibreOffice says that there is a newer release, and installs none


def updates_by_keystone(policies: Mapping[str, object], app: str) -> bool:
    """Google's updater and Microsoft's, which was made of it: the application's own policy first.

    The names of applications are written in either case.
    """
    said = dictionary(policies.get("updatePolicies"))
    by_app = {name.lower(): dictionary(policy) for name, policy in said.items()}
    for name in (app.lower(), "global"):
        chosen = number_of(by_app.get(name, {}).get("UpdateDefault"))
        if chosen is not None:
            return chosen in _UPDATES
    return True


def _firefox(policies: Mapping[str, object]) -> bool:
    """Firefox obeys a profile only where this is turned on."""
    if flag_of(policies.get("EnterprisePoliciesEnabled")) is not True:
        return True
    forbidden = flag_of(policies.get("DisableAppUpdate")) is True
    return not forbidden and flag_of(policies.get("AppAutoUpdate")) is not False


def _office(host: Host) -> bool | str:
    """Microsoft AutoUpdate: a profile, the Mac's own file, then accounts: none may say no."""
    for folder in (_MANAGED, _OWN):
        how = text_of((plist_file(host, f"{folder}/{_AUTOUPDATE}.plist") or {}).get("HowToCheck"))
        if how:
            return how == "AutomaticDownload"
    chosen = {
        text_of((plist_file(host, path) or {}).get("HowToCheck"))
        for home in homes(host, "darwin")
        for path in (f"{home.directory}{_OWN}/{_AUTOUPDATE}.plist",)
    } - {""}
    if not chosen:
        return "no setting of Microsoft AutoUpdate says whether it installs by itself"
    return chosen == {"AutomaticDownload"}
