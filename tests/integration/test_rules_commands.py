"""Rules tested, explained and rehearsed on the command line, as a person uses it."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.running_server import running_server
from fakes.stored import SITE, a_device, a_token, migrated_store
from vigie.v1.digest import canonical_form, canonical_rows, form_digest
from vigie_server.bundled import guide_folder
from vigie_server.cli import rejudge
from vigie_server.cli.main import main
from vigie_server.clock import utc_now
from vigie_server.domain.records import DeviceChange, Evidence, HeldVerdict, WrittenVerdict
from vigie_server.domain.verdicts import Status, Verdict
from vigie_server.store.database import Database, sqlite_url
from vigie_server.store.records import Records

OWN = Path(__file__).parents[2] / "docs" / "own-rules"
TOPIC = "pack.house.remote_shell"


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A store with the device `a`, which answered the site's own pack, and `b`, which did not."""
    folder = tmp_path / "data"
    monkeypatch.setenv("VIGIE_SERVER_DATA", str(folder))
    monkeypatch.setenv("VIGIE_SERVER_NAMES", "vigie.example.org")
    migrated_store(folder)
    assert run("init").exit_code == 0
    database = Database(sqlite_url(folder / "vigie.db"))
    a_token(database)
    answered(database, a_device(database, "a", serial="PF-1", hostname="SOINS-1"))
    a_device(database, "b", serial="PF-2", hostname="ACCUEIL")
    database.close()
    return folder


def answered(database: Database, key: int) -> None:
    """Two answers true a minute ago, and a verdict of a rule that is no more."""
    record, seen = Records(database).record(key), utc_now() - timedelta(minutes=1)
    gone = Verdict("X-gone", 1, Status.PASS, {"fr": "Oui.", "en": "Yes."})
    change = DeviceChange(
        key=key,
        device_id=record.device.id,
        at=seen,
        revision_before=record.revision,
        revision=record.revision + 1,
        spool_id=b"s" * 16,
        last_seq=1,
        device=record.device,
        judged_with="rules",
        evidence=(
            evidence(TOPIC, ("name", "version"), [("openssh-server", "1:9.2"), ("telnetd", "1")]),
            evidence(
                "password_policy",
                ("part", "collected", "why", "source", "enforced", "min_length"),
                [("quality", "yes", "", "pwquality.conf", "1", "12")],
            ),
            evidence(
                "antivirus",
                ("part", "collected", "why", "product", "active", "signatures_time"),
                [("processes", "yes", "", "ClamAV", "1", "1767225600")],
            ),
        ),
        verdicts=(WrittenVerdict(HeldVerdict(gone, seen, None, None), None, {}),),
        transitions=(),
    )
    assert not Records(database).commit([change], [])


def evidence(topic: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Evidence:
    names, ordered = canonical_rows(columns, rows)
    form = canonical_form(
        topic=topic,
        topic_version=1,
        status=1,
        message="",
        columns=names,
        values=[value for row in ordered for value in row],
    )
    return Evidence(topic, form_digest(form), 1, 1, form, b"", utc_now() - timedelta(minutes=1))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def own(folder: Path, *changes: tuple[str, str]) -> Path:
    """The worked example, changed."""
    for path in [path for path in OWN.rglob("*.yaml") if path.is_file()]:
        text = path.read_text("utf-8")
        for was, becomes in changes:
            text = text.replace(was, becomes)
        copy = folder / path.relative_to(OWN)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, "utf-8")
    return folder


def test_a_part_of_a_folder_is_told_to_be_one(tmp_path: Path) -> None:
    for part, named in (("guide", OWN / "guide"), ("topics", own(tmp_path / "a") / "topics")):
        told = run("rules", "check", str(named))
        assert (told.exit_code, named.name) == (1, part)
        assert told.stderr.splitlines()[0] == (
            f"{named}: name the folder that holds it: {named.parent}"
        )

    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.yaml").write_text("question: 9\n", "utf-8")
    assert (
        "rules of your own lie in `guide` below it"
        in run("rules", "check", str(tmp_path / "b")).stderr
    )


def test_a_folder_that_is_called_almost_as_one_of_rules_is_told(tmp_path: Path) -> None:
    folder = own(tmp_path)
    (folder / "guide").rename(folder / "guides")
    (folder / "notes").mkdir()
    (folder / "notes" / "a.yaml").write_text("x: 1\n", "utf-8")

    told = run("rules", "check", str(folder))

    assert told.stderr == (
        "guides: no rule is looked for in it: did you mean `guide`?\n1 mistake.\n"
    )


def test_a_file_in_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    folder = own(tmp_path)
    (rules,) = (folder / "guide").glob("*.yaml")
    rules.write_bytes(rules.read_text("utf-8").encode("cp1252"))

    told = run("rules", "check", str(folder)).stderr.splitlines()[0]

    assert told == f"{rules.name}:10: it is not in UTF-8: save it as UTF-8"


def test_who_checks_a_folder_is_told_who_checks_its_packs(tmp_path: Path) -> None:
    with_packs, without = run("rules", "check", str(OWN)), run("rules", "check", str(own(tmp_path)))

    assert f"VIGIE_AGENT_OWN_PACKS_DIR={OWN / 'packs'} vigie-agent check" in with_packs.output
    assert "well formed" in without.output
    assert "vigie-agent" not in without.output


def test_the_examples_of_the_rules_in_force_hold() -> None:
    result = run("rules", "test")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(" 0 differing.\n")


@pytest.mark.parametrize(
    ("arguments", "counted"),
    [
        ((str(OWN), "X-no-remote-shell"), "1 rule, 4 examples, 0 differing."),
        (("Q05-min-length",), "1 rule, "),
        ((str(guide_folder()), "Q05-min-length"), "1 rule, "),
    ],
)
def test_one_rule_alone_is_tried(arguments: tuple[str, ...], counted: str) -> None:
    result = run("rules", "test", *arguments)

    assert result.exit_code == 0
    assert result.stdout.startswith(counted)


def test_an_example_that_gets_another_verdict_is_told(tmp_path: Path) -> None:
    folder = own(
        tmp_path / "own",
        ("pass: size(servers) == 0", "pass: size(servers) < 2"),
    )

    result = run("rules", "test", str(folder), "X-no-remote-shell")

    assert result.exit_code == 1
    assert result.stdout == (
        "X-no-remote-shell: SSH est installé\n"
        "  wanted: fail\n"
        "  got:    pass\n"
        "  reason: Aucun service de session à distance.\n"
        "1 rule, 4 examples, 1 differing.\n"
    )


def test_an_example_whose_reason_lacks_what_it_should_say_is_told(tmp_path: Path) -> None:
    folder = own(tmp_path / "own", ("says: openssh-server", "says: telnetd"))

    result = run("rules", "test", str(folder), "X-no-remote-shell")

    assert result.exit_code == 1
    assert "  wanted in the reason: telnetd\n" in result.stdout


@pytest.mark.parametrize("command", [("test",), ("explain", "a")])
def test_a_rule_that_does_not_exist_is_told_with_the_nearest(command: tuple[str, ...]) -> None:
    result = run("rules", *command, "Q05-min-lenght")

    assert (result.exit_code, result.stderr) == (
        1,
        "vigie-server: there is no rule `Q05-min-lenght`: did you mean `Q05-min-length`?\n",
    )


def test_a_dry_run_says_what_other_rules_would_change_and_writes_nothing(data: Path) -> None:
    before = (data / "vigie.db").read_bytes()

    result = run("rules", "rejudge", "--dry-run", "--rules", str(OWN))

    lines = [line.split() for line in result.stdout.splitlines()]
    assert (result.exit_code, result.stderr) == (0, "")
    assert "2 devices" in result.stdout
    assert ["X-no-remote-shell", "never", "judged", "fail", "1", "SOINS-1"] in lines
    assert ["X-no-remote-shell", "never", "judged", "unknown", "1", "ACCUEIL"] in lines
    assert ["X-gone", "pass", "no", "such", "rule", "1", "SOINS-1"] in lines
    assert result.stdout.endswith("Nothing was written.\n")
    assert (data / "vigie.db").read_bytes() == before


def test_a_dry_run_leaves_out_what_cannot_be_judged_from_the_store(tmp_path: Path) -> None:
    folder = own(tmp_path / "own", ("retention_days: 90", "retention_days: 0"))

    result = run("rules", "rejudge", "--dry-run", "--rules", str(folder))

    rules = [line.split()[0] for line in result.stdout.splitlines() if "never judged" in line]
    assert (
        "Left out, as the server does not store what they read: X-no-remote-shell\n"
        in result.stdout
    )
    assert "X-no-remote-shell" not in rules
    assert "Q05-min-length" in rules


def test_rules_of_a_folder_are_only_rehearsed() -> None:
    result = run("rules", "rejudge", "--rules", str(OWN))

    assert result.exit_code == 2
    assert "--dry-run" in result.stderr


def test_without_a_server_a_rejudgement_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejudge, "BEYOND_A_SWEEP", 0.0)
    monkeypatch.setattr(rejudge, "LOOK_EVERY", 0.01)
    monkeypatch.setenv("VIGIE_SERVER_SWEEP__EVERY", "0.05")

    waited = run("rules", "rejudge")
    not_waited = run("rules", "rejudge", "--no-wait")

    assert waited.stdout == (
        "Every device will be judged again.\n"
        "No server seems to be running: they will be judged when one is.\n"
    )
    assert not_waited.stdout == "Every device will be judged again.\n"


@pytest.mark.enable_socket
async def test_a_rejudgement_is_followed_until_the_server_has_done_it(data: Path) -> None:
    async with running_server(data, sweep={"every": 0.05}):
        result = await asyncio.to_thread(run, "rules", "rejudge")

    assert result.stdout == ("Every device will be judged again.\n2 devices were judged again.\n")


def test_a_verdict_is_explained_to_its_rows_and_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_SERVER_RULES__FOLDER", str(OWN))
    run("param", "set", "X-no-remote-shell", "allowed", "telnetd", "--site", SITE, "--reason", "a")

    french = run("rules", "explain", "a", "X-no-remote-shell")
    english = run("rules", "explain", "a", "X-no-remote-shell", "--language", "en")

    assert (french.exit_code, french.stderr) == (0, "")
    lines = [line.split() for line in english.stdout.splitlines()]
    assert ["*", "packages", "openssh-server", "1:9.2"] in lines
    assert ["packages", "telnetd", "1"] in lines
    assert any(line[:4] == ["allowed", "telnetd", "site", "Les"] for line in lines)
    assert any(line[-2:] == ["=>", "fail"] for line in lines)
    assert "Une session peut être ouverte à distance : openssh-server 1:9.2." in french.stdout
    assert "\nVerdict : non conforme\n" in french.stdout
    assert french.stdout.count("=> non conforme\n") == 1
    assert "fail" not in french.stdout
    assert "\nVerdict: fail\n" in english.stdout
    assert "A session can be opened from afar: openssh-server 1:9.2." in english.stdout


def test_an_explanation_tells_instants_and_origins_as_people_read_them() -> None:
    french = run("rules", "explain", "a", "Q04-signatures-fresh").stdout
    english = run("rules", "explain", "a", "Q04-signatures-fresh", "--language", "en").stdout

    assert ("2026-01-01 00:00" in french, "1767225600" in french) == (True, False)
    assert re.search(r"^  max_days +3 +valeur par défaut$", french, re.MULTILINE)
    assert re.search(r"^  max_days +3 +default$", english, re.MULTILINE)


def test_a_device_that_is_not_there_is_told() -> None:
    result = run("rules", "explain", "nobody", "Q05-min-length")

    assert (result.exit_code, result.stderr) == (1, "vigie-server: no device nobody\n")
