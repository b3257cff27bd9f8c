"""The service control manager: it starts the service, asks it to stop, and keeps its settings."""

import sys
from typing import Protocol

from vigie_agent.domain.windows_service import NAME, Configuration


class EndedBadly(Exception):
    """The service ended otherwise than asked to."""


class Life(Protocol):
    """What a service does from its start to its end."""

    def __call__(self) -> bool:
        """Runs until asked to stop; whether it ended well."""
        ...

    def stop(self) -> None:
        """Asks it to end. Called from another thread."""
        ...


if sys.platform == "win32":
    import servicemanager
    import win32service
    import win32serviceutil

    _MILLISECONDS = 1000

    def host(life: Life, configuration: Configuration) -> None:
        """Serves until Windows asks to stop. Raises OSError when Windows did not start it."""
        _Service.life = life
        _Service.configuration = configuration
        servicemanager.Initialize(NAME, None)
        servicemanager.PrepareToHostSingle(_Service)
        try:
            servicemanager.StartServiceCtrlDispatcher()  # type: ignore[no-untyped-call,unused-ignore]
        except win32service.error as error:
            raise OSError(f"only Windows starts this command, as a service: {error}") from error

    class _Service(win32serviceutil.ServiceFramework):
        _svc_name_ = NAME
        life: Life
        configuration: Configuration

        def GetAcceptedControls(self) -> int:  # noqa: N802 (pywin32's name)
            return win32service.SERVICE_ACCEPT_STOP | win32service.SERVICE_ACCEPT_PRESHUTDOWN

        def SvcStop(self) -> None:  # noqa: N802 (pywin32's name)
            hint = int(self.configuration.stop_within.total_seconds() * _MILLISECONDS)
            self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING, waitHint=hint)
            self.life.stop()

        def SvcOtherEx(self, control: int, event_type: int, data: object) -> None:  # noqa: N802, ARG002 (pywin32's name and arguments)
            if control == win32service.SERVICE_CONTROL_PRESHUTDOWN:
                self.SvcStop()

        def SvcRun(self) -> None:  # noqa: N802 (pywin32's name)
            """Says first that it runs: whoever installs waits for that, not for the server.

            Raises EndedBadly, which pywin32 turns into a code by which Windows starts it again.
            """
            self.ReportServiceStatus(win32service.SERVICE_RUNNING)
            if not self.life():
                raise EndedBadly("the agent's own events and its log say why")
            self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING)  # pywin32 tells the rest

    def configure(wanted: Configuration) -> None:
        """Has Windows keep the service as wanted. Raises OSError."""
        try:
            _configure(wanted)
        except win32service.error as error:
            raise OSError(f"the service cannot be configured: {error}") from error

    def _configure(wanted: Configuration) -> None:
        manager = win32service.OpenSCManager(None, None, win32service.SC_MANAGER_CONNECT)
        try:
            rights = win32service.SERVICE_CHANGE_CONFIG | win32service.SERVICE_START
            service = win32service.OpenService(manager, NAME, rights)
            try:
                for kind, value in _levels(wanted):
                    win32service.ChangeServiceConfig2(service, kind, value)
                unchanged = win32service.SERVICE_NO_CHANGE
                win32service.ChangeServiceConfig(
                    service,
                    unchanged,
                    unchanged,
                    unchanged,
                    wanted.command,
                    None,
                    False,  # noqa: FBT003 (pywin32's place for a tag that nobody asks for)
                    None,
                    None,
                    None,
                    None,
                )
            finally:
                win32service.CloseServiceHandle(service)
        finally:
            win32service.CloseServiceHandle(manager)

    def _levels(wanted: Configuration) -> list[tuple[int, object]]:
        restarts = [
            (win32service.SC_ACTION_RESTART, int(after.total_seconds() * _MILLISECONDS))
            for after in wanted.restarts
        ]
        failure = {
            "ResetPeriod": int(wanted.forgiven_after.total_seconds()),
            "RebootMsg": "",
            "Command": "",
            "Actions": restarts,
        }
        stop_within = int(wanted.stop_within.total_seconds() * _MILLISECONDS)
        return [
            (win32service.SERVICE_CONFIG_FAILURE_ACTIONS, failure),
            (win32service.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, True),
            (win32service.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, True),
            (win32service.SERVICE_CONFIG_PRESHUTDOWN_INFO, stop_within),
        ]

else:

    def host(life: Life, configuration: Configuration) -> None:
        """Windows alone has it."""
        raise NotImplementedError(f"{configuration.program}: only Windows hosts it ({life})")

    def configure(wanted: Configuration) -> None:
        """Windows alone has it."""
        raise NotImplementedError(f"{wanted.program}: only Windows keeps services so")
