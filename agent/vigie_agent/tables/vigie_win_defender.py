"""vigie_win_defender and vigie_win_security_products: what protects a Windows device now.

The registry tells what was wished; Defender's own status tells what runs. Beside another antivirus
it is passive: its real-time flag then says nothing about protection.
"""

from collections.abc import Iterator
from typing import Final

from vigie_agent.domain.table import Table, TableRow
from vigie_agent.tables.columns import COLLECTED, collected, integer, not_collected, text, unix_time
from vigie_agent.tables.host import Host
from vigie_agent.tables.windows_codes import (
    as_bool,
    as_number,
    as_text,
    filetime_bytes,
    product_state,
    wmi_time,
    wql,
)
from vigie_agent.tables.windows_profiles import values_of
from vigie_agent.tables.windows_server import installation
from vigie_agent.tables.windows_services import Service, services
from vigie_agent.tables.windows_system import (
    DEFENDER,
    SECURITY_CENTER,
    Reason,
    RegistryKey,
    Unread,
    WmiRow,
    WmiValue,
)

DEFENDER_COLUMNS: Final = (
    integer("active", "Its engine runs"),
    integer("real_time", "It watches what is opened, and nothing else does so in its place"),
    integer("passive", "It runs beside another product and does not protect by itself"),
    text("running_mode", "normal, passive, sxs passive, edr block, not running, or unknown"),
    text("signatures_version", "Version of the signature set"),
    unix_time("signatures_time", "When the signature set was made"),
    integer("signatures_up_to_date", "Defender's own word; NULL on releases that do not say"),
    integer("auto_update", "Windows Update, which brings the signatures, may run"),
    unix_time("quick_scan_time", "End of the last quick scan"),
    unix_time("full_scan_time", "End of the last full scan"),
    integer("scan_scheduled", "A scan is planned; NULL when the settings cannot be read"),
    integer("tamper_protected", "Its settings cannot be turned off by programs; NULL: not told"),
    *COLLECTED,
)
"""One row; none on a device without Defender."""

PRODUCT_COLUMNS: Final = (
    text("type", "antivirus or firewall"),
    text("product", "Product name as the Security Center gives it"),
    text("state", "on, off, snoozed, expired or unknown"),
    integer("signatures_up_to_date", "Of an antivirus: the product's own word"),
    *COLLECTED,
)
"""One row a product that registered itself. A server has no Security Center, and no row."""

_WINDOWS: Final = frozenset({"windows"})
_BASIC: Final = (
    "AMServiceEnabled, AntivirusEnabled, RealTimeProtectionEnabled, AntivirusSignatureVersion, "
    "AntivirusSignatureLastUpdated, QuickScanEndTime, FullScanEndTime"
)
_STATUS: Final = tuple(
    wql(f"{_BASIC}{newer}", "MSFT_MpComputerStatus")
    for newer in (
        ", AMRunningMode, IsTamperProtected, DefenderSignaturesOutOfDate",
        ", AMRunningMode, IsTamperProtected",
        "",
    )
)
"""From the newest release to the oldest: a property that is missing refuses the whole question."""

_SIGNATURES: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows Defender\Signature Updates"
_PREFERENCES: Final = wql("ScanScheduleDay", "MSFT_MpPreference")
_NEVER: Final = 8
_MODES: Final = {
    "normal": "normal",
    "passive": "passive",
    "passive mode": "passive",
    "sxs passive mode": "sxs passive",
    "edr block mode": "edr block",
    "edr blocked": "edr block",
    "not running": "not running",
}
_PASSIVE: Final = frozenset({"passive", "sxs passive", "edr block"})
_TYPES: Final = (("antivirus", "AntiVirusProduct"), ("firewall", "FirewallProduct"))


def tables(host: Host) -> tuple[Table, ...]:
    """The tables of this module."""
    return (
        Table(
            "vigie_win_defender",
            DEFENDER_COLUMNS,
            lambda _request: _defender(host),
            platforms=_WINDOWS,
            description="What Microsoft Defender does now, by its own word",
        ),
        Table(
            "vigie_win_security_products",
            PRODUCT_COLUMNS,
            lambda _request: _products(host),
            platforms=_WINDOWS,
            description="Antivirus and firewalls that registered in the Security Center",
        ),
    )


# --- Defender -------------------------------------------------------------------------------------


def _defender(host: Host) -> Iterator[TableRow]:
    found = services(host, ("WinDefend", "wuauserv"))
    if isinstance(found, Unread):
        yield not_collected(found.why("the service of Microsoft Defender"))
        return
    if "WinDefend" not in found:
        return
    if not found["WinDefend"].running:
        yield _stopped_row(host, found.get("wuauserv"))
        return
    status = _status(host)
    if isinstance(status, Unread):
        yield not_collected(status.why("Microsoft Defender"))
        return
    yield _row(status, scheduled=_scan_scheduled(host), updates=found.get("wuauserv"))


def _stopped_row(host: Host, updates: Service | None) -> TableRow:
    """A Defender that does not run; the registry still knows its last signatures."""
    kept = values_of(host, _SIGNATURES)
    known = RegistryKey() if isinstance(kept, Unread) else kept
    return collected(
        active=0,
        real_time=0,
        passive=0,
        running_mode="not running",
        signatures_version=known.text("AVSignatureVersion"),
        signatures_time=filetime_bytes(known.binary("AVSignatureApplied")),
        auto_update=int(updates is not None and not updates.disabled),
    )


def _status(host: Host) -> WmiRow | Unread:
    answer: WmiRow | Unread = Unread(Reason.FAILED)
    for question in _STATUS:
        rows = host.windows.wmi(DEFENDER, question)
        if not isinstance(rows, Unread):
            return rows[0] if rows else Unread(Reason.FAILED)
        answer = rows
        if rows.reason is not Reason.NO_CLASS:
            break
    return answer


def _row(status: WmiRow, *, scheduled: int | None, updates: Service | None) -> TableRow:
    mode = running_mode(status.get("AMRunningMode"))
    passive = mode in _PASSIVE
    enabled = as_bool(status["AMServiceEnabled"]) == 1 and mode != "not running"
    protects = as_bool(status["AntivirusEnabled"]) == 1
    watches = as_bool(status["RealTimeProtectionEnabled"]) == 1
    outdated = as_bool(status.get("DefenderSignaturesOutOfDate"))
    return collected(
        active=int(enabled and (protects or passive)),
        real_time=int(enabled and protects and watches and not passive),
        passive=int(passive),
        running_mode=mode,
        signatures_version=as_text(status["AntivirusSignatureVersion"]),
        signatures_time=wmi_time(status["AntivirusSignatureLastUpdated"]),
        signatures_up_to_date=None if outdated is None else 1 - outdated,
        auto_update=int(updates is not None and not updates.disabled),
        quick_scan_time=wmi_time(status["QuickScanEndTime"]),
        full_scan_time=wmi_time(status["FullScanEndTime"]),
        scan_scheduled=scheduled,
        tamper_protected=as_bool(status.get("IsTamperProtected")),
    )


def running_mode(said: WmiValue) -> str:
    """Defender's running mode in our words; older releases do not say and run as the only one."""
    return _MODES.get(as_text(said).strip().lower(), "unknown")


def _scan_scheduled(host: Host) -> int | None:
    rows = host.windows.wmi(DEFENDER, _PREFERENCES)
    day = as_number(rows[0]["ScanScheduleDay"]) if not isinstance(rows, Unread) and rows else None
    return None if day is None else int(day != _NEVER)


# --- The Security Center --------------------------------------------------------------------------


def _products(host: Host) -> Iterator[TableRow]:
    for kind, name in _TYPES:
        rows = host.windows.wmi(SECURITY_CENTER, wql("displayName, productState", name))
        if not isinstance(rows, Unread):
            yield from (_product_row(kind, row) for row in rows)
        elif not (_is_missing(rows) and installation(host).is_server):
            yield not_collected(rows.why("the Security Center"), type=kind)


def _product_row(kind: str, row: WmiRow) -> TableRow:
    number = as_number(row["productState"])
    name = as_text(row["displayName"])
    if number is None:
        return not_collected("the Security Center does not say its state", type=kind, product=name)
    return collected(
        type=kind,
        product=name,
        state=product_state(number),
        signatures_up_to_date=int(number >> 4 & 0xF == 0) if kind == "antivirus" else None,
    )


def _is_missing(unread: Unread) -> bool:
    return unread.reason in {Reason.NO_NAMESPACE, Reason.NO_CLASS}
