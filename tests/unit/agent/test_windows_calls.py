"""What Windows is asked, with written-down modules in the place of pywin32's.

The names in those are pywin32's own by the types that mypy checks; what Windows does with them is
not known here.
"""

import importlib.util
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import vigie_agent.windows
from vigie_agent.domain.windows_rights import FOR_EVERYONE, SECRET
from vigie_agent.domain.windows_service import Configuration, Told

KEPT = Configuration(
    r"C:\Program Files\Vigie Agent\vigie-agent.exe",
    restarts=(timedelta(minutes=1), timedelta(minutes=5)),
)


class Failed(Exception):
    """pywin32's error."""


class Asked(list[tuple[object, ...]]):
    """What was asked, in order: the name, then the arguments."""

    def called(self, name: str, answer: object = None) -> Callable[..., Any]:
        def call(*arguments: object, **named: object) -> object:
            self.append((name, *arguments, *named.values()))
            return answer

        return call

    def all(self, name: str) -> list[list[object]]:
        return [rest for first, *rest in self if first == name]


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Loads a module of `vigie_agent.windows` as Windows does, with these modules of pywin32."""

    def load(name: str, **modules: dict[str, Any]) -> Any:
        for other, content in modules.items():
            module = ModuleType(other)
            vars(module).update(content)
            monkeypatch.setitem(sys.modules, other, module)
        (folder,) = vigie_agent.windows.__path__
        spec = importlib.util.spec_from_file_location(f"on_{name}", Path(folder) / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        with monkeypatch.context() as windows:
            windows.setattr(sys, "platform", "win32")
            spec.loader.exec_module(loaded)
        return loaded

    return load


def constants(*names: str) -> dict[str, Any]:
    return {name: name for name in names}


def bits(*names: str) -> dict[str, Any]:
    return {name: 1 << place for place, name in enumerate(names)}


@pytest.fixture
def scm(on_windows: Callable[..., Any], asked: Asked) -> Any:
    class Framework:
        def ReportServiceStatus(self, *status: object, **hints: object) -> None:  # noqa: N802 (pywin32's name)
            asked.append(("status", *status, *hints.values()))

    services = bits("SERVICE_ACCEPT_STOP", "SERVICE_ACCEPT_PRESHUTDOWN", "SERVICE_CHANGE_CONFIG")
    services |= bits("SERVICE_START", "SC_MANAGER_CONNECT")
    services |= constants(
        "SERVICE_RUNNING",
        "SERVICE_STOP_PENDING",
        "SERVICE_CONTROL_PRESHUTDOWN",
        "SERVICE_NO_CHANGE",
        "SC_ACTION_RESTART",
        "SERVICE_CONFIG_FAILURE_ACTIONS",
        "SERVICE_CONFIG_FAILURE_ACTIONS_FLAG",
        "SERVICE_CONFIG_DELAYED_AUTO_START_INFO",
        "SERVICE_CONFIG_PRESHUTDOWN_INFO",
    )
    services |= {
        "error": Failed,
        "OpenSCManager": asked.called("OpenSCManager", "manager"),
        "OpenService": asked.called("OpenService", "service"),
        "ChangeServiceConfig2": asked.called("ChangeServiceConfig2"),
        "ChangeServiceConfig": asked.called("ChangeServiceConfig"),
        "CloseServiceHandle": asked.called("CloseServiceHandle"),
    }
    manager = {
        name: asked.called(name)
        for name in ("Initialize", "PrepareToHostSingle", "StartServiceCtrlDispatcher")
    }
    return on_windows(
        "scm",
        win32service=services,
        win32serviceutil={"ServiceFramework": Framework},
        servicemanager=manager,
    )


def hosted(scm: Any, asked: Asked, *, ends_well: bool) -> Any:
    """The service that Windows was given, and what stops it."""

    class Life:
        def __call__(self) -> bool:
            asked.append(("life",))
            return ends_well

        def stop(self) -> None:
            asked.append(("stop",))

    scm.host(Life(), KEPT)
    ((kind,),) = asked.all("PrepareToHostSingle")
    assert isinstance(kind, type)
    return kind()


def test_windows_keeps_the_service_as_wanted(scm: Any, asked: Asked) -> None:
    scm.configure(KEPT)

    levels = {kind: value for _, kind, value in asked.all("ChangeServiceConfig2")}
    ((_, kind, start, fault, command, *rest),) = asked.all("ChangeServiceConfig")
    assert levels == {
        "SERVICE_CONFIG_FAILURE_ACTIONS": {
            "ResetPeriod": 86_400,
            "RebootMsg": "",
            "Command": "",
            "Actions": [("SC_ACTION_RESTART", 60_000), ("SC_ACTION_RESTART", 300_000)],
        },
        "SERVICE_CONFIG_FAILURE_ACTIONS_FLAG": True,
        "SERVICE_CONFIG_DELAYED_AUTO_START_INFO": True,
        "SERVICE_CONFIG_PRESHUTDOWN_INFO": 20_000,
    }
    assert {kind, start, fault} == {"SERVICE_NO_CHANGE"}
    assert command == KEPT.command
    assert not any(rest)
    assert asked.all("CloseServiceHandle") == [["service"], ["manager"]]


def test_what_windows_refuses_is_told(scm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise Failed(5, "OpenService", "Access is denied.")

    monkeypatch.setattr(sys.modules["win32service"], "OpenService", refused)

    with pytest.raises(OSError, match="Access is denied"):
        scm.configure(KEPT)


def test_the_service_says_that_it_runs_before_it_does_anything(scm: Any, asked: Asked) -> None:
    hosted(scm, asked, ends_well=True).SvcRun()

    assert asked[-3:] == [
        ("status", "SERVICE_RUNNING"),
        ("life",),
        ("status", "SERVICE_STOP_PENDING"),
    ]


def test_a_life_that_ends_badly_is_a_failure_of_the_service(scm: Any, asked: Asked) -> None:
    service = hosted(scm, asked, ends_well=False)

    with pytest.raises(scm.EndedBadly):
        service.SvcRun()


def test_windows_can_stop_it_and_tells_it_before_it_shuts_down(scm: Any, asked: Asked) -> None:
    service = hosted(scm, asked, ends_well=True)

    service.SvcStop()
    service.SvcOtherEx("SERVICE_CONTROL_PRESHUTDOWN", 0, None)
    service.SvcOtherEx("SERVICE_CONTROL_TIMECHANGE", 0, None)

    assert service.GetAcceptedControls() == 0b11
    assert asked.all("stop") == [[], []]
    assert asked.all("status") == [["SERVICE_STOP_PENDING", 20_000]] * 2


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (Told.STARTED, "EVENTLOG_INFORMATION_TYPE"),
        (Told.WAITS, "EVENTLOG_WARNING_TYPE"),
        (Told.FAILED, "EVENTLOG_ERROR_TYPE"),
    ],
)
def test_an_event_is_written_with_its_number_and_kind(
    on_windows: Callable[..., Any], asked: Asked, told: Told, kind: str
) -> None:
    events = on_windows("events", **event_modules(asked.called("ReportEvent")))

    events.tell(told, "disk full")

    assert asked.all("ReportEvent") == [
        ["Vigie Agent", told.number, kind, [told.text("disk full")]]
    ]


def test_a_full_event_log_stops_nothing(on_windows: Callable[..., Any]) -> None:
    def full(*_: object, **__: object) -> None:
        raise Failed(1502, "ReportEvent", "The event log file is full.")

    on_windows("events", **event_modules(full)).tell(Told.STARTED)


def test_the_source_that_pywin32_makes_is_removed(
    on_windows: Callable[..., Any], asked: Asked
) -> None:
    events = on_windows("events", **event_modules(asked.called("ReportEvent"), asked))

    events.forget()

    assert asked.all("DeleteKey") == [
        ["HKLM", r"SYSTEM\CurrentControlSet\Services\EventLog\Application\vigie-agent"]
    ]


def event_modules(report: Callable[..., Any], asked: Asked | None = None) -> dict[str, Any]:
    kinds = ("EVENTLOG_INFORMATION_TYPE", "EVENTLOG_WARNING_TYPE", "EVENTLOG_ERROR_TYPE")
    delete = (Asked() if asked is None else asked).called("DeleteKey")
    return {
        "pywintypes": {"error": Failed},
        "win32evtlog": constants(*kinds),
        "win32evtlogutil": {"ReportEvent": report},
        "winreg": {"HKEY_LOCAL_MACHINE": "HKLM", "DeleteKey": delete},
    }


@pytest.fixture
def rights(on_windows: Callable[..., Any], asked: Asked) -> Any:
    found = SimpleNamespace(
        GetSecurityDescriptorOwner=lambda: "owner", GetSecurityDescriptorDacl=lambda: "dacl"
    )
    kinds = bits(
        "OWNER_SECURITY_INFORMATION",
        "DACL_SECURITY_INFORMATION",
        "PROTECTED_DACL_SECURITY_INFORMATION",
    )
    security = {
        **kinds,
        **constants("SE_FILE_OBJECT", "SDDL_REVISION_1"),
        "error": Failed,
        "GetNamedSecurityInfo": asked.called("GetNamedSecurityInfo", found),
        "SetNamedSecurityInfo": asked.called("SetNamedSecurityInfo"),
        "ConvertSidToStringSid": asked.called("ConvertSidToStringSid", "S-1-5-18"),
        "ConvertStringSecurityDescriptorToSecurityDescriptor": asked.called("Converted", found),
        "ConvertSecurityDescriptorToStringSecurityDescriptor": asked.called("Told", "D:PAI"),
    }
    return on_windows("rights", win32security=security)


def test_a_file_is_asked_for_its_owner_and_its_rights(rights: Any, asked: Asked) -> None:
    assert rights.owner(Path("a file")) == "S-1-5-18"
    assert rights.told(Path("a file")) == "D:PAI"

    assert asked.all("GetNamedSecurityInfo") == [
        ["a file", "SE_FILE_OBJECT", 1],
        ["a file", "SE_FILE_OBJECT", 2],
    ]


@pytest.mark.parametrize(("sddl", "changed"), [(SECRET, 0b111), (FOR_EVERYONE, 0b110)])
def test_rights_are_given_and_inherited_from_nowhere(
    rights: Any, asked: Asked, sddl: str, changed: int
) -> None:
    rights.give(Path("a file"), sddl)

    assert asked.all("Converted") == [[sddl, "SDDL_REVISION_1"]]
    assert asked.all("SetNamedSecurityInfo") == [
        ["a file", "SE_FILE_OBJECT", changed, "owner", None, "dacl", None]
    ]


def test_what_windows_refuses_of_a_file_is_told(
    rights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise Failed(5, "SetNamedSecurityInfo", "Access is denied.")

    monkeypatch.setattr(sys.modules["win32security"], "SetNamedSecurityInfo", refused)

    with pytest.raises(OSError, match="rights of a file cannot be set"):
        rights.give(Path("a file"), SECRET)
