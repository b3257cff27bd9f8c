"""vigie_product_updates: which browsers and office suites are kept up to date, and by what.

On Linux a package follows the system's automatic updates only if they take from where it comes:
those of Debian and Ubuntu take from a list of origins, on which a vendor's repository is not by
default. On Windows and macOS these products bring their own updaters.
"""

import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.allowed_files import allowed_text
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text
from vigie_agent.tables.config_text import apt_lists
from vigie_agent.tables.file_errors import reason
from vigie_agent.tables.host import Host, Outcome
from vigie_agent.tables.links import is_there
from vigie_agent.tables.mac_products import mac_products
from vigie_agent.tables.packages import read_dpkg_status
from vigie_agent.tables.product_update import ProductUpdate
from vigie_agent.tables.running import running_programs
from vigie_agent.tables.vigie_settings import Family, apt_files, read_family
from vigie_agent.tables.windows_products import windows_products
from vigie_agent.tables.windows_system import Unread

COLUMNS: Final = (
    text("product", "The browser or office suite, and what it was installed with"),
    integer("enabled", "New versions are installed by themselves"),
    integer("downloads", "They are looked for by themselves"),
    text("via", "apt, dnf, snap, flatpak; the product's own updater where it is empty"),
    *COLLECTED,
)
"""One row a product and a way of installing it."""

_MAX_STATUS: Final = 64 * 1024 * 1024
_TIMEOUT: Final = timedelta(seconds=30)
_MAX_OUTPUT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Product:
    """A product by the names of its packages; `vendor`: the word in its own repository's origin."""

    name: str
    packages: tuple[str, ...] = ()
    vendor: str = ""
    snap: str = ""
    flatpak: str = ""


_PRODUCTS: Final = (
    _Product(
        "Mozilla Firefox",
        ("firefox", "firefox-esr"),
        snap="firefox",
        flatpak="org.mozilla.firefox",
    ),
    _Product("Google Chrome", ("google-chrome-stable",), "google", flatpak="com.google.Chrome"),
    _Product(
        "Chromium",
        ("chromium", "chromium-browser"),
        snap="chromium",
        flatpak="org.chromium.Chromium",
    ),
    _Product(
        "Microsoft Edge", ("microsoft-edge-stable",), "microsoft", flatpak="com.microsoft.Edge"
    ),
    _Product("Brave", ("brave-browser",), "brave", snap="brave", flatpak="com.brave.Browser"),
    _Product("Opera", ("opera-stable",), "opera", snap="opera"),
    _Product("Vivaldi", ("vivaldi-stable",), "vivaldi"),
    _Product(
        "LibreOffice",
        ("libreoffice-core", "libreoffice-core-nogui"),
        snap="libreoffice",
        flatpak="org.libreoffice.LibreOffice",
    ),
    _Product(
        "ONLYOFFICE",
        ("onlyoffice-desktopeditors",),
        "onlyoffice",
        flatpak="org.onlyoffice.desktopeditors",
    ),
)
_BY_PACKAGE: Final = {package: product for product in _PRODUCTS for package in product.packages}
_LOOSE_LIBREOFFICE: Final = re.compile(r"libreoffice\d+(\.\d+)*$")
_ORIGINS: Final = frozenset(
    {"unattended-upgrade::allowed-origins", "unattended-upgrade::origins-pattern"}
)
_SNAPS: Final = ("/snap", "/var/lib/snapd/snap")


def tables(host: Host, system: str = "") -> tuple[Table, ...]:
    """The table of this module. `system` is the one that runs here unless it is given."""
    rows = {"darwin": _mac, "windows": _windows}.get(system or platform.system().lower(), _linux)
    return (
        Table(
            "vigie_product_updates",
            COLUMNS,
            lambda _request: rows(host),
            description="Which browsers and office suites are kept up to date by themselves",
        ),
    )


def _windows(host: Host) -> Iterator[TableRow]:
    products = windows_products(host)
    if isinstance(products, Unread):
        yield not_collected(products.why("the list of programs"))
        return
    yield from (_told(one) for one in products)


def _mac(host: Host) -> Iterator[TableRow]:
    yield from (_told(one) for one in mac_products(host))


def _told(one: ProductUpdate) -> TableRow:
    if isinstance(one.enabled, str):
        return not_collected(one.enabled, product=one.product)
    return collected(
        product=one.product, enabled=int(one.enabled), downloads=1 if one.enabled else None
    )


def _linux(host: Host) -> Iterator[TableRow]:
    yield from _debs(host)
    yield from _rpms(host)
    for product in _PRODUCTS:
        if product.snap and any(
            is_there(host, f"{root}/{product.snap}/current") for root in _SNAPS
        ):
            runs = int("snapd" in running_programs(host))
            yield collected(
                product=f"{product.name} (snap)", enabled=runs, downloads=runs, via="snap"
            )
        if product.flatpak and is_there(host, f"/var/lib/flatpak/app/{product.flatpak}"):
            yield not_collected(
                "what updates Flatpak applications is a setting of the desktop that is not read",
                product=f"{product.name} (flatpak)",
                via="flatpak",
            )


# --- Debian family --------------------------------------------------------------------------------


def _debs(host: Host) -> Iterator[TableRow]:
    try:
        status = host.read_text("/var/lib/dpkg/status", max_bytes=_MAX_STATUS)
    except FileNotFoundError:
        return
    except OSError as error:
        yield not_collected(f"the packages of dpkg: {reason(error)}", via="apt")
        return
    apt = read_family(host, "apt")
    origins = _origins(host)
    seen = set[str]()
    for package in read_dpkg_status(status):
        name, version = str(package["name"]), str(package["version"])
        if not str(package["status"]).endswith(" installed") or "snap" in version:
            continue  # Ubuntu's package of a snap holds no browser
        told = _deb(name, str(package["maintainer"]))
        if told is None or told[0] in seen:
            continue
        seen.add(told[0])
        for why in apt.unread.values():
            yield not_collected(
                f"the settings of apt: {why}", product=f"{told[0]} (apt)", via="apt"
            )
            break
        else:
            yield collected(
                product=f"{told[0]} (apt)",
                enabled=int(_is_on(apt, "unattended-upgrade") and takes_from(told[1], origins)),
                downloads=int(_is_on(apt, "update-package-lists")),
                via="apt",
            )


def _deb(package: str, maintainer: str) -> tuple[str, str] | None:
    """The product of a package and the word of its origin; `-` where no repository has it."""
    if _LOOSE_LIBREOFFICE.fullmatch(package):
        return "LibreOffice", "-"
    product = _BY_PACKAGE.get(package)
    if product is None:
        return None
    mozillas = product.name == "Mozilla Firefox" and maintainer.startswith("Mozilla")
    return product.name, "mozilla" if mozillas else product.vendor


def takes_from(vendor: str, origins: tuple[str, ...]) -> bool:
    """Whether unattended-upgrades takes from the distribution (no vendor) or from this vendor."""
    if vendor == "-":
        return False
    if not vendor:
        return bool(origins)
    return any(vendor in origin.lower() or "*" in origin.partition(",")[0] for origin in origins)


def _origins(host: Host) -> tuple[str, ...]:
    """The origins of unattended-upgrades, in APT's order of files."""
    found: list[str] = []
    for path in apt_files(host):
        try:
            content, _ = allowed_text(host, path)
        except OSError:
            continue  # told by the family's own reading
        for item in apt_lists(content):
            if item.key.lower() in _ORIGINS:
                found = [*found, item.value] if item.value else []
    return tuple(found)


def _is_on(apt: Family, setting: str) -> bool:
    values = {key.lower(): setting.value for key, setting in apt.settings.items()}
    every = values.get(f"apt::periodic::{setting}", "0")
    return every not in {"", "0"} and values.get("apt::periodic::enable", "1") != "0"


# --- Red Hat family -------------------------------------------------------------------------------


def _rpms(host: Host) -> Iterator[TableRow]:
    if not any(
        is_there(host, f"{folder}/rpmdb.sqlite")
        for folder in ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
    ):
        return
    argv = ["rpm", "-qa", "--queryformat", "%{NAME}\\n", *_BY_PACKAGE]
    answer = host.run(argv, timeout=_TIMEOUT, max_output=_MAX_OUTPUT)
    if answer.outcome is Outcome.MISSING:
        return
    if not answer.ok:
        yield not_collected(
            f"rpm: {answer.stderr.strip()[:200] or answer.outcome.value}", via="dnf"
        )
        return
    dnf = read_family(host, "dnf_automatic")
    for package in sorted(set(answer.stdout.split()) & _BY_PACKAGE.keys()):
        product = _BY_PACKAGE[package]
        name = f"{product.name} (dnf)"
        for why in dnf.unread.values():
            yield not_collected(f"the settings of dnf: {why}", product=name, via="dnf")
            break
        else:
            yield collected(product=name, via="dnf", **_by_dnf(dnf, product.vendor))


def _by_dnf(dnf: Family, vendor: str) -> Mapping[str, int]:
    """Security updates alone leave out repositories that publish no advisories: vendors' ones."""
    security_only = (dnf.value("upgrade_type") or "default").lower() == "security"
    applies = _yes(dnf.value("apply_updates")) and not (security_only and vendor)
    return {"enabled": int(applies), "downloads": int(_yes(dnf.value("download_updates")))}


def _yes(value: str | None) -> bool:
    return (value or "no").lower() in {"yes", "true", "1"}
