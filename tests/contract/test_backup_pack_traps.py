"""What tables make one believe of backups, and what the packs say instead."""

from collections.abc import Mapping
from typing import Final

from simulated_machines import AnswerRow, Asked

Row = Mapping[str, object]

NEVER: Final = {"last_run_time": 943_920_000, "last_run_code": 267_011}
RAN: Final = {"last_run_time": 1_795_133_000, "last_run_code": 0}


def _task(path: str, action: str, *, enabled: int = 1, **ran: object) -> Row:
    name = path.rpartition("\\")[2]
    return {"name": name, "path": path, "action": action, "enabled": enabled, **(ran or RAN)}


def _schedule(asked: Asked, *tasks: Row) -> list[AnswerRow]:
    return asked("backups_windows_schedules", {"scheduled_tasks": tasks})


def test_a_task_that_never_ran_is_not_one_that_ran_in_1999(asked: Asked) -> None:
    (row,) = _schedule(asked, _task(r"\restic", r"C:\restic.exe backup C:\Users", **NEVER))

    assert (row["mechanism"], row["scheduled"]) == ("restic", "1")
    assert (row["last_run_time"], row["last_success_time"], row["time_source"]) == ("", "", "")


def test_a_task_that_failed_ran_and_brought_no_backup(asked: Asked) -> None:
    (row,) = _schedule(
        asked, _task(r"\w", "wbadmin start backup", last_run_time=1_795_133_000, last_run_code=5)
    )

    assert (row["last_run_time"], row["last_success_time"]) == ("1795133000", "")


def test_a_script_of_the_site_may_end_with_0_whatever_it_did(asked: Asked) -> None:
    (row,) = _schedule(asked, _task(r"\Sauvegarde NAS", r"C:\Outils\nuit.cmd"))

    assert (row["mechanism"], row["last_run_time"]) == ("own script", "1795133000")
    assert row["last_success_time"] == ""


def test_a_mirror_keeps_what_its_origin_has_become_and_is_no_backup(asked: Asked) -> None:
    (row,) = _schedule(asked, _task(r"\copie", r"robocopy C:\Users \\nas\copie /MIR"))

    assert row["kind"] == "copy"


def test_tasks_that_every_windows_has_make_no_backup(asked: Asked) -> None:
    windows = r"\Microsoft\Windows"
    rows = _schedule(
        asked,
        _task(rf"{windows}\FileHistory\File History (maintenance mode)", ""),
        _task(rf"{windows}\WindowsBackup\ConfigNotification", "sdclt.exe /CONFIGNOTIFICATION"),
        _task(rf"{windows}\SystemRestore\SR", "srtasks.exe ExecuteScheduledSPPCreation"),
        _task(rf"{windows}\Registry\RegIdleBackup", ""),
        _task(rf"{windows}\CloudRestore\Backup", ""),
    )

    assert rows == []


def test_what_a_task_starts_is_not_told_for_it_may_hold_a_password(asked: Asked) -> None:
    rows = _schedule(asked, _task(r"\r", "restic.exe backup --password hunter2"))

    assert "hunter2" not in str(rows)


def test_a_task_that_only_thins_out_a_repository_makes_no_backup(asked: Asked) -> None:
    rows = _schedule(
        asked,
        _task(r"\tri", "restic.exe forget --keep-last 7 --prune"),
        _task(r"\nuit", "restic.exe backup C:\\Users && restic.exe forget --prune"),
    )

    assert [row["identifier"] for row in rows] == [r"\nuit"]


def test_services_that_every_windows_has_are_no_product(asked: Asked) -> None:
    def service(name: str, display: str, start: str = "DEMAND_START") -> Row:
        return {
            "name": name,
            "display_name": display,
            "status": "STOPPED",
            "start_type": start,
        }

    rows = asked(
        "backups_windows_agents",
        {
            "services": [
                service("wbengine", "Block Level Backup Engine Service"),
                service("SDRSVC", "Windows Backup"),
                service("VSS", "Cliché instantané des volumes"),
                service("fhsvc", "File History Service"),
                service("VeeamEndpointBackupSvc", "Veeam Agent", "AUTO_START"),
                service("AcmeBkp", "Acme Online Backup", "AUTO_START"),
                service("AcronisAgent", "Acronis Agent Core", "DISABLED"),
            ]
        },
    )

    assert {row["mechanism"]: row["scheduled"] for row in rows} == {
        "Veeam Agent": "1",
        "Acme Online Backup": "1",
        "Acronis Cyber Protect": "0",
    }


def test_only_a_completed_backup_counts_among_the_events(asked: Asked) -> None:
    def event(number: int, moment: str) -> Row:
        return {"channel": "Microsoft-Windows-Backup", "eventid": number, "datetime": moment}

    (row,) = asked(
        "backups_windows_events",
        {
            "windows_eventlog": [
                event(4, "2026-11-17T01:33:20.123456700Z"),
                event(4, "2026-11-16T01:33:20.000000000Z"),
                event(5, "2026-11-19T01:33:20.000000000Z"),  # failed
                event(14, "2026-11-19T01:34:20.000000000Z"),  # ended, well or not
            ]
        },
    )

    assert row["last_success_time"] == "1794879200"


def test_a_unit_that_is_asked_for_and_not_installed_is_no_product(asked: Asked) -> None:
    rows = asked(
        "backups_linux_agents",
        {
            "systemd_units": [
                {"id": "veeamservice.service", "load_state": "not-found",
                 "active_state": "inactive", "unit_file_state": ""},
                {"id": "urbackupclientbackend.service", "load_state": "loaded",
                 "active_state": "inactive", "unit_file_state": "disabled"},
            ]
        },
    )  # fmt: skip

    assert [(row["mechanism"], row["scheduled"]) for row in rows] == [("UrBackup", "0")]


def test_a_product_whose_job_is_switched_off_does_not_run(asked: Asked) -> None:
    def scheduled(disabled: str) -> str:
        jobs = [{"label": "com.backblaze.bzserv", "disabled": disabled}]
        (row,) = asked("backups_darwin_agents", {"launchd": jobs})
        return row["scheduled"]

    assert (scheduled(""), scheduled("1"), scheduled("true")) == ("1", "0", "0")
