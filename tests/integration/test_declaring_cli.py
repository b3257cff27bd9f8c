"""Sites, groups, parameters and asset cards on the command line, as a person uses them."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.reported import report_length
from fakes.stored import SITE, a_device, a_token, migrated_store
from vigie_server.cli.main import main
from vigie_server.clock import utc_now
from vigie_server.store.database import Database, sqlite_url

LENGTH = ("Q05-min-length", "min_length")


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A store with the device `a`, whose passwords have 12 characters at least, and `b`."""
    folder = tmp_path / "data"
    monkeypatch.setenv("VIGIE_SERVER_DATA", str(folder))
    monkeypatch.setenv("VIGIE_SERVER_NAMES", "vigie.example.org")
    migrated_store(folder)
    assert run("init").exit_code == 0
    database = Database(sqlite_url(folder / "vigie.db"))
    a_token(database)
    a_device(database, "a", serial="PF-1", hostname="SRV-1")
    a_device(database, "b", serial="PF-2", hostname="ACCUEIL")
    report_length(database, "a", 12, seen=utc_now() - timedelta(minutes=1))
    database.close()
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def set_length(value: str, *target: str, dry_run: bool = False) -> Result:
    options = ("--dry-run",) if dry_run else ()
    return run("param", "set", *LENGTH, value, *target, "--reason", "essai", *options)


def test_a_site_is_declared_step_by_step(data: Path) -> None:
    first = run("site", "set", SITE, "--body", "Association du Val", "--region", "occitanie")
    run("site", "set", SITE, "--finess", "970408589", "--network", "192.168.1.0/24")
    run("site", "set", SITE, "--contact", "Accueil", "accueil@example.org", "--devices", "12")
    shown = run("site", "show", SITE).stdout
    listed = run("site", "list").stdout

    assert (first.exit_code, first.stdout) == (0, f"Site {SITE} is declared.\n")
    assert [line.split(":", 1)[1].strip() for line in shown.splitlines()] == [
        SITE,
        "Association du Val",
        "76 Occitanie",
        "970408589",
        "12",
        "192.168.1.0/24",
        "",
        "Accueil accueil@example.org",
    ]
    assert "Association du Val" in listed
    assert data.exists()


def test_a_list_is_replaced_and_an_empty_text_takes_away() -> None:
    run("site", "set", SITE, "--network", "10.0.0.0/8", "--body", "Val")

    run("site", "set", SITE, "--network", "", "--body", "")

    assert "10.0.0.0" not in run("site", "show", SITE).stdout
    assert "Val" not in run("site", "show", SITE).stdout


def test_a_token_and_a_declaration_mean_the_same_site() -> None:
    spaced = run("token", "create", "--site", "  Les   Érables ")
    slashed = run("token", "create", "--site", "Les Érables/2")
    run("site", "set", "Les Érables", "--region", "76")

    assert (spaced.exit_code, slashed.exit_code) == (0, 1)
    assert "no `/`" in slashed.stderr
    assert run("site", "list").stdout.count("Les Érables") == 1


def test_a_site_is_removed_when_nothing_belongs_to_it() -> None:
    run("site", "set", "Vide")

    removed, kept = run("site", "remove", "Vide"), run("site", "remove", SITE)

    assert removed.exit_code == 0
    assert (kept.exit_code, "as it has 2 devices (their records stay" in kept.stderr) == (1, True)


def test_regions_are_listed_by_code() -> None:
    assert "84    Auvergne-Rhône-Alpes" in run("site", "regions").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("site", "set", SITE, "--finess", "970408588"), "last digit does not fit"),
        (("site", "show", "Nulle part"), "no site Nulle part"),
        (("group", "set", "g", '{"plateform": "linux"}'), "did you mean `platform`"),
        (("group", "set", "g", '{"platform": "macOS"}'), "did you mean `darwin`"),
        (("group", "show", "g"), "no group g of every site"),
        (("param", "set", *LENGTH, "douze", "--site", SITE, "--reason", "x"), "a whole number"),
        (
            ("param", "set", *LENGTH, "129", "--site", SITE, "--reason", "x"),
            "`min_length` must be a whole number of at least 0 and at most 128",
        ),
        (("param", "set", *LENGTH, "12", "--reason", "x"), "say for whom"),
        (
            ("param", "set", *LENGTH, "12", "--site", SITE, "--device", "a", "--reason", "x"),
            "say for whom",
        ),
        (("param", "set", "Q05-min", "x", "12", "--site", SITE, "--reason", "x"), "no rule"),
        (("param", "set", *LENGTH, "12", "--site", SITE, "--reason", " "), "give a reason"),
        (("param", "unset", *LENGTH, "--site", SITE, "--reason", "x"), "is not set"),
        (("param", "show", "z"), "no device z"),
        (("asset", "set", "a", "place"), "write FIELD=VALUE"),
        (("asset", "set", "a", "plase=x"), "did you mean `place`"),
        (("asset", "import", "/nowhere/cards.csv"), "cannot be read"),
        (("asset", "export", "/nowhere/cards.csv"), "cannot be written"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_to_do(
    arguments: tuple[str, ...], told: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_a_group_would_pick_is_told_before_it_is_set() -> None:
    tried = run("group", "set", "servers", '{"hostname": "srv-*"}', "--site", SITE, "--dry-run")

    assert tried.stdout.startswith("1 device would be picked.\n")
    assert tried.stdout.endswith("Nothing was set.\n")
    assert "servers" not in run("group", "list").stdout


def test_a_group_is_declared_shown_and_removed() -> None:
    declared = run("group", "set", "servers", '{"hostname": "srv-*"}', "--site", SITE)
    shown = run("group", "show", "servers", "--site", SITE).stdout
    listed = run("group", "list").stdout
    removed = run("group", "remove", "servers", "--site", SITE)

    assert declared.stdout == "Group servers picks 1 device.\n"
    assert shown.splitlines() == ['{"hostname": ["srv-*"]}', "1 device", "  a"]
    assert "servers" in listed
    assert removed.exit_code == 0
    assert "servers" not in run("group", "list").stdout


def test_what_is_in_force_is_shown_with_where_it_comes_from() -> None:
    run("group", "set", "servers", '{"hostname": "srv-*"}', "--site", SITE)
    answers = [
        set_length("10", "--site", SITE),
        set_length("11", "--group", "servers", "--site", SITE),
    ]

    of_a, of_b = run("param", "show", "a").stdout, run("param", "show", "b").stdout

    assert answers[0].stdout == f"Q05-min-length min_length is 10 for site {SITE}: 2 devices.\n"
    assert answers[1].exit_code == 0
    found, passed_over = of_a.splitlines()[1:]
    assert f"11     group servers of {SITE}" in found
    assert "essai" in found
    assert f"10     (passed over: site {SITE})" in passed_over
    assert f"10     site {SITE}" in of_b
    assert len(run("param", "list").stdout.splitlines()) == 3


def test_without_anything_set_only_all_shows_parameters() -> None:
    assert len(run("param", "show", "a").stdout.splitlines()) == 1
    everything = run("param", "show", "a", "--all").stdout
    assert "Q05-min-length" in everything
    assert "default" in everything


def test_unset_gives_way_to_the_default() -> None:
    set_length("10", "--device", "a")

    result = run("param", "unset", *LENGTH, "--device", "a", "--reason", "fini")

    assert result.stdout == "Q05-min-length min_length is no longer set for device a.\n"
    assert len(run("param", "show", "a").stdout.splitlines()) == 1


def test_a_dry_run_says_whose_verdict_would_change_and_sets_nothing() -> None:
    result = set_length("12", "--site", SITE, dry_run=True)

    assert result.exit_code == 0
    assert "2 devices concerned, 1 verdict would change.\n  fail -> pass: 1" in result.stdout
    assert "a       SRV-1  Les Tilleuls  fail  pass" in result.stdout
    assert result.stdout.endswith("Nothing was set.\n")
    assert len(run("param", "list").stdout.splitlines()) == 1


def test_on_a_terminal_a_look_at_many_devices_shows_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vigie_server.cli.look_ahead.BAR_FROM", 2)
    plain = set_length("12", "--site", SITE, dry_run=True)
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True)

    shown = set_length("12", "--site", SITE, dry_run=True)

    assert plain.stderr == ""
    assert "Judging" in shown.stderr
    assert "100%" in shown.stderr
    assert shown.stdout == plain.stdout


def test_a_dry_run_looks_at_what_is_nearer_too() -> None:
    run("group", "set", "servers", '{"hostname": "srv-*"}')
    set_length("12", "--device", "a")

    of_group = set_length("20", "--group", "servers", dry_run=True)
    of_device = set_length("20", "--device", "a", dry_run=True)

    assert "1 device concerned, 0 verdicts would change." in of_group.stdout
    assert "pass -> fail: 1" in of_device.stdout


def test_a_parameter_of_the_whole_site_is_set_for_it_alone() -> None:
    share = ("param", "set", "Q01-coverage", "share", "80", "--reason", "en travaux")
    run("site", "set", SITE, "--devices", "4")

    ahead = run(*share, "--site", SITE, "--dry-run")
    refused = run(*share, "--device", "a")
    put = run(*share, "--site", SITE)
    shown = run("param", "show", "--site", SITE)
    of_device = run("param", "show", "a")
    back = run(
        "param", "unset", "Q01-coverage", "share", "--site", SITE, "--reason", "fini", "--dry-run"
    )

    assert ahead.stdout.startswith("The verdict on the site would stay fail.\n  fr: ")
    assert ahead.stdout.endswith("Nothing was set.\n")
    assert "set it for a site, not for a device" in refused.stderr
    assert put.stdout == f"Q01-coverage share is 80 for site {SITE}: the whole site.\n"
    assert "Q01-coverage  share      80     site Les Tilleuls" in shown.stdout
    assert "en travaux" in shown.stdout
    assert "coverage" not in of_device.stdout
    assert back.stdout.endswith("Nothing was taken away.\n")
    assert "80" in run("param", "list", "--site", SITE).stdout


def test_inventories_are_due_by_what_is_set_for_the_site() -> None:
    run("inventory", "review", SITE, "equipment")
    run(
        *("param", "set", "Q01-inventory-reviewed", "days", "0"),
        *("--site", SITE, "--reason", "essai"),
    )

    listed = run("inventory", "list", SITE).stdout.splitlines()

    assert [line.split()[2] for line in listed if line.startswith("equipment")] == ["now"]


def test_what_is_shown_is_of_a_device_or_of_a_site() -> None:
    both, none = run("param", "show", "a", "--site", SITE), run("param", "show")

    assert (both.exit_code, none.exit_code) == (1, 1)
    assert "a device by its id, or --site" in both.stderr
    assert "no site Ailleurs" in run("param", "show", "--site", "Ailleurs").stderr


def test_who_sets_one_of_two_that_go_together_is_told_what_lacks() -> None:
    def told(verb: str, name: str, *value: str) -> tuple[int, str]:
        arguments = ("param", verb, "Q03-patched-recently", f"vulnerability_{name}", *value)
        result = run(*arguments, "--site", SITE, "--reason", "x")
        return result.exit_code, result.stderr

    def alone(held: str, lacking: str) -> tuple[int, str]:
        without = f"vulnerability_{held} has no effect without vulnerability_{lacking}"
        return 0, f"warning: {without}, which is not set for site {SITE}\n"

    patch_alone, deadline_alone = alone("patch", "deadline"), alone("deadline", "patch")

    assert told("set", "patch", "2026-11-12", "--dry-run") == patch_alone
    assert told("set", "deadline", "") == (0, "")
    assert told("set", "patch", "2026-11-12") == patch_alone
    assert told("set", "deadline", "2026-11-15", "--dry-run") == (0, "")
    assert told("set", "deadline", "2026-11-15") == (0, "")
    assert told("unset", "patch", "--dry-run") == deadline_alone
    assert told("set", "patch", "") == deadline_alone
    assert told("unset", "patch") == deadline_alone
    assert told("unset", "deadline") == (0, "")


def test_the_parameters_that_rules_have_are_listed() -> None:
    result = run("param", "available", "Q05-min-length", "--language", "en")

    assert result.exit_code == 0
    assert (
        "min_length  integer  14       128   low: 9    site, group, device  Minimum length demanded"
        in result.stdout
    )


def test_of_a_long_list_a_table_shows_how_it_begins() -> None:
    names = ", ".join(f"svc-{number}" for number in range(6))
    answer = run(
        "param", "set", "Q08-admins-approved", "approved", names, "--device", "a", "--reason", "x"
    )

    (_, listed) = run("param", "list").stdout.splitlines()

    assert "svc-0, svc-1, svc-2, svc-3, ... (6 names) for device a: 1" in answer.stdout
    assert "svc-3, ... (6 names)" in listed


def test_a_card_is_changed_field_by_field() -> None:
    run("asset", "set", "a", "place=Baie", "purchased_at=01/03/2026", "roles=stores-data kiosk")
    again = run("asset", "set", "a", "place=")

    shown = run("asset", "show", "a", "--language", "en").stdout

    assert again.stdout == "The asset card of a is changed.\n"
    assert "Purchased on:         2026-03-01" in shown
    assert "stores-data kiosk" in shown
    assert "Baie" not in shown


def test_cards_go_to_a_file_and_come_back(tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    run("asset", "set", "a", "place==1+1")

    exported = run("asset", "export", str(file))
    content = file.read_text(encoding="utf-8-sig")
    file.write_text(content.replace("ACCUEIL;;", "ACCUEIL;Acme;"), encoding="cp1252")
    tried = run("asset", "import", str(file), "--dry-run")
    taken = run("asset", "import", str(file))

    assert exported.stdout == f"2 devices in {file}.\n"
    assert "'=1+1" in content
    assert tried.stdout == "2 rows can be imported. Nothing was changed.\n"
    assert taken.stdout == "2 rows read, 1 asset card changed.\n"
    assert "Acme" in run("asset", "show", "b").stdout
    assert "=1+1" in run("asset", "show", "a").stdout


def test_a_file_with_wrong_rows_is_refused_row_by_row(tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    file.write_text("Nom;Usage\nSRV-1;dédié\nFANTOME;dédié\nACCUEIL;collectif\n")

    result = run("asset", "import", str(file))

    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[0].startswith("line 3, Nom: no device 'FANTOME'")
    assert lines[1].startswith("line 4, Usage: 'collectif' is none of")
    assert lines[2].startswith("vigie-server: nothing was imported, 2 cells or rows are wrong")
    assert "dedicated" not in run("asset", "show", "a").stdout
