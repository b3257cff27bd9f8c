"""The event log, where administrators look first."""

import sys

import structlog

from vigie_agent.domain.windows_service import EVENT_SOURCE, NAME, Severity, Told

log = structlog.get_logger()

if sys.platform == "win32":
    import contextlib
    import winreg

    import pywintypes
    import win32evtlog
    import win32evtlogutil

    _OF_PYWIN32 = rf"SYSTEM\CurrentControlSet\Services\EventLog\Application\{NAME}"

    _KINDS = {
        Severity.INFORMATION: win32evtlog.EVENTLOG_INFORMATION_TYPE,
        Severity.WARNING: win32evtlog.EVENTLOG_WARNING_TYPE,
        Severity.ERROR: win32evtlog.EVENTLOG_ERROR_TYPE,
    }

    def tell(told: Told, reason: str = "") -> None:
        """Writes it down. Never raises: a full log is no reason to stop."""
        try:
            win32evtlogutil.ReportEvent(
                EVENT_SOURCE,
                told.number,
                eventType=_KINDS[told.severity],
                strings=[told.text(reason)],
            )
        except pywintypes.error as error:
            log.warning("event_not_written", event_number=told.number, error=str(error))

    def forget() -> None:
        """Removes the source of events that pywin32 makes for the service when it fails."""
        with contextlib.suppress(FileNotFoundError):
            winreg.DeleteKey(winreg.HKEY_LOCAL_MACHINE, _OF_PYWIN32)

else:

    def forget() -> None:
        """Elsewhere there is nothing to remove."""

    def tell(told: Told, reason: str = "") -> None:
        """Elsewhere the agent's own log is all there is."""
        log.info("service_told", told=told.name.lower(), reason=reason)
