"""Attestations, waivers and incident logs on the command line, as a person uses them."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from fakes.stored import SITE, a_device, a_token, migrated_store
from vigie_server.cli.main import main
from vigie_server.clock import utc_now
from vigie_server.domain.facts import FactRow
from vigie_server.domain.records import DeviceChange, HeldVerdict, WrittenVerdict
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.store.administration import Administration
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.declared_models import Incident, WaivedDevice
from vigie_server.store.records import Records
from vigie_server.store.tables import table

AT = ("--site", SITE)
RULE = "Q06-firewall-enabled"
BY = ("--author", "A. Martin")


WAIVED_DEVICE = table(WaivedDevice)


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Database:
    """A store with a device `a` that fails a rule."""
    folder = tmp_path / "data"
    monkeypatch.setenv("VIGIE_SERVER_DATA", str(folder))
    monkeypatch.setenv("VIGIE_SERVER_NAMES", "vigie.example.org")
    migrated_store(folder)
    assert run("init").exit_code == 0
    opened = Database(sqlite_url(folder / "vigie.db"))
    a_token(opened)
    record = Records(opened).record(a_device(opened, "a", hostname="ACCUEIL"))
    row: FactRow = {"part": "profiles", "name": "Public", "enabled": False}
    verdict = Verdict(RULE, 1, Status.FAIL, {"en": "why"}, (row,))
    change = DeviceChange(
        key=record.key,
        device_id="a",
        at=utc_now(),
        revision_before=record.revision,
        revision=record.revision + 1,
        spool_id=b"",
        last_seq=0,
        device=record.device,
        judged_with="rules",
        verdicts=(WrittenVerdict(HeldVerdict(verdict, utc_now(), None, None), None, {}),),
    )
    assert not Records(opened).commit([change], [])
    return opened


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_what_can_be_attested_is_listed_with_its_levels() -> None:
    listed = run("attest", "items", "--question", "3", "--language", "en").stdout

    assert "Q03-update-policy" in listed
    assert "N2 (Q4)" in listed
    assert "Q02-" not in listed


def test_an_item_says_what_to_do_and_what_proves_it() -> None:
    shown = run("attest", "show", "Q10-charter-signed", "--language", "fr").stdout

    assert "bénévoles compris" in shown
    assert "La liste des signataires" in shown
    assert "Valeur :   pourcentage : Part des" in shown


def test_an_attestation_is_recorded_listed_and_withdrawn() -> None:
    recorded = run("attest", "record", "Q02-backup-frequency", *AT, *BY, "--value", "7")
    again = run("attest", "record", "Q02-backup-frequency", *AT, *BY, "--value", "7")
    listed = run("attest", "list", *AT).stdout
    withdrawn = run("attest", "withdraw", "Q02-backup-frequency", *AT)
    history = run("attest", "history", "Q02-backup-frequency", *AT).stdout

    assert recorded.stdout.startswith("Recorded: Q02-backup-frequency held")
    assert again.stdout.startswith("Already recorded")
    assert "in_force" in listed
    assert "A. Martin" in listed
    assert withdrawn.exit_code == 0
    assert "withdrawn" in history


def test_what_is_to_be_renewed_soon_can_be_listed_alone() -> None:
    soon = f"{utc_now() + timedelta(days=20):%Y-%m-%d}"
    run("attest", "record", "Q01-help-desk", *AT, *BY, "--expires", soon)
    run("attest", "record", "Q01-renewal-plan", *AT, *BY)

    due = run("attest", "list", *AT, "--due").stdout

    assert "Q01-help-desk" in due
    assert "due_soon" in due
    assert "Q01-renewal-plan" not in due


def test_what_people_write_in_french_is_understood() -> None:
    recorded = run(
        "attest", "record", "Q09-remote-access-need", *AT, *BY, "--value", "Oui",
        "--expires", f"{utc_now() + timedelta(days=90):%d/%m/%Y}",
    )  # fmt: skip

    assert recorded.exit_code == 0, recorded.output
    assert " yes " in run("attest", "list", *AT).stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("Q09-remote-access-need", *AT, *BY, "--value", "peut-être"), "carries yes or no"),
        (("Q02-restore", *AT, *BY), "did you mean `Q02-restore-test`"),
        (("Q02-backup-frequency", *AT, *BY, "--value", "often"), "a number of days"),
        (("Q02-hds-host", *AT, *BY, "--outcome", "not_applicable"), "needs a reason"),
        (("Q02-hds-host", "--site", "Ailleurs", *BY), "no site Ailleurs"),
        (("Q02-hds-host", *AT, *BY, "--group", "portables"), "no group portables"),
    ],
)
def test_a_wrong_attestation_is_one_line_that_says_why(
    arguments: tuple[str, ...], told: str
) -> None:
    result = run("attest", "record", *arguments)

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert told in result.stderr


WAIVED = (
    "waive",
    "grant",
    RULE,
    *AT,
    "--device",
    "a",
    "--reason",
    "pare-feu du réseau",
    *BY,
)


def test_a_waiver_is_granted_listed_and_ended() -> None:
    granted = run(*WAIVED, "--approver", "B. Petit")
    again = run(*WAIVED, "--approver", "B. Petit")
    listed = run("waive", "list", *AT).stdout
    ended = run("waive", "end", "w1", *AT)
    past = run("waive", "list", *AT, "--all").stdout

    assert granted.stdout.startswith("Waiver w1 granted")
    assert again.stdout.startswith("Waiver w1 is in force already")
    assert "ACCUEIL" in listed
    assert "in force" in listed
    assert ended.exit_code == 0
    assert "w1" not in run("waive", "list", *AT).stdout
    assert "ended" in past


def test_a_waiver_that_a_new_row_reopened_is_listed_until_it_is_past(database: Database) -> None:
    run(*WAIVED, "--approver", "B. Petit")
    with database.writing() as connection:
        connection.execute(update(WAIVED_DEVICE).values(reopened_at=utc_now()))
    listed = run("waive", "list", *AT).stdout
    run("waive", "end", "w1", *AT)

    assert re.search(r"^w1 .* reopened ", listed, re.MULTILINE)
    assert "w1" not in run("waive", "list", *AT).stdout


def test_a_waiver_of_a_device_that_is_retired_is_past(database: Database) -> None:
    run(*WAIVED, "--approver", "B. Petit")
    Administration(database).retire("a", now=utc_now(), actor="test")

    assert "w1" not in run("waive", "list", *AT).stdout
    assert re.search(r"^w1 .* retired ", run("waive", "list", *AT, "--all").stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--approver", "a. martin"), "--approver: must not be the author"),
        (("--approver", "B. Petit", "--expires", "2020-01-01"), "--expires: after now and by "),
        (("--approver", "B. Petit", "--device", "z"), "no device z"),
    ],
)
def test_a_wrong_waiver_is_refused(more: tuple[str, ...], told: str) -> None:
    result = run(*WAIVED, *more)

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert told in result.stderr


def test_a_day_that_is_none_is_told() -> None:
    result = run(*WAIVED, "--approver", "B. Petit", "--expires", "demain")

    assert result.exit_code == 2
    assert "2026-12-31" in result.stderr


def test_an_incident_log_is_kept_exported_and_checked() -> None:
    by = ("--person", "C. Durand")
    added = run("incident", "add", "=Poste débranché", *AT, *by, "--at", "2026-03-01 14:30")
    run("incident", "add", "CERT Santé prévenu", *AT, *by)
    exported = run("incident", "export", *AT)
    told = json.loads(run("incident", "export", *AT, "--format", "json").stdout)
    checked = run("incident", "check", *AT)

    assert added.stdout == "Entry 1 added.\n"
    assert "2026-03-01" in run("incident", "list", *AT).stdout
    assert ";'=Poste débranché;" in exported.stdout
    assert [entry["text"] for entry in told["entries"]] == [
        "=Poste débranché",
        "CERT Santé prévenu",
    ]
    assert checked.exit_code == 0
    assert told["entries"][1]["digest"] in checked.stdout


def test_tampering_is_found_by_the_check(database: Database) -> None:
    by = ("--person", "C. Durand")
    for text in ("un", "deux", "trois"):
        run("incident", "add", text, *AT, *by)
    incident = table(Incident)
    with database.writing() as connection:
        connection.execute(incident.delete().where(incident.c.number == 3))
        connection.execute(
            incident.update().where(incident.c.number == 2).values(text="autre chose")
        )

    result = run("incident", "check", *AT)

    assert result.exit_code == 1
    assert result.stderr == ("Entry 2 is not as it was recorded.\nEntries missing at the end: 1.\n")
