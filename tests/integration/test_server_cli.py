"""The command line, as a person uses it."""

import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel
from sqlalchemy import text

from fakes.stored import a_device, a_token
from vigie.v1.enrolment_token import decode
from vigie_server.bundled import guide_folder
from vigie_server.cli.main import COMMANDS, main
from vigie_server.settings import ServerSettings
from vigie_server.store.database import Database, sqlite_url

OWN = Path(__file__).parents[2] / "docs" / "own-rules"
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "server.md"


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("VIGIE_SERVER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("VIGIE_SERVER_NAMES", "vigie.example.org")
    return tmp_path / "data"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


@pytest.mark.parametrize(("name", "command"), list(commands(main)))
def test_every_command_has_help_and_is_documented(name: str, command: click.Command) -> None:
    assert command.help
    assert f"`{name}" in DOCUMENTATION.read_text()


@pytest.mark.parametrize(("name", "command"), list(commands(main)))
def test_every_option_has_help_and_its_row_names_all_of_them(
    name: str, command: click.Command
) -> None:
    options = [one for one in command.params if isinstance(one, click.Option)]
    (row,) = (
        line
        for line in DOCUMENTATION.read_text().splitlines()
        if line.startswith("| `") and re.search(rf"`{name}(`| [A-Z[])", line.split("|")[1])
    )

    assert [one.name for one in options if not one.help] == []
    assert set(re.findall(r"--[a-z-]+", row)) == {
        text for one in options for text in (*one.opts, *one.secondary_opts)
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_shows_each_by_its_own_first_sentence(name: str) -> None:
    assert COMMANDS[name].brief == COMMANDS[name].load().get_short_help_str(limit=1000)
    assert COMMANDS[name].load().name == name


LOADED = """
import sys
from vigie_server.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print("loaded:", *sys.modules)
"""

SERVING = {"fastapi", "uvicorn", "grpc", "jinja2", "prometheus_client", "typst"}
STORING = {"sqlalchemy", "alembic", "pydantic", "cryptography"}
JUDGING = {"cel_expr_python", "yaml"}


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (("--help",), SERVING | STORING | JUDGING | {"structlog", "asyncio"}),
        (("version",), SERVING | STORING | JUDGING),
        (("plan", "--devices", "100"), SERVING | STORING | JUDGING),
        (("init",), SERVING | {"dns"}),
        (("token", "list"), SERVING | {"dns", "alembic"}),
        (("rules", "list"), SERVING | {"dns"}),
        (("ask", "--help"), SERVING | {"dns"}),
    ],
)
def test_a_command_loads_what_it_uses_alone(arguments: Sequence[str], unused: set[str]) -> None:
    """Loading all that some command uses takes seconds on a small machine, at each command."""
    run("init")

    ran = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], stdout=subprocess.PIPE, timeout=40, check=True
    )

    *_, loaded = ran.stdout.decode().splitlines()
    assert loaded.startswith("loaded: ")
    assert set(loaded.split()) & unused == set()


def test_a_server_loads_no_driver_of_what_it_does_not_use_yet() -> None:
    """PostgreSQL's and a provider's are 200 modules and 12 MiB; DNS is asked of mail domains."""
    ran = subprocess.run(
        [sys.executable, "-c", "import sys, vigie_server.bootstrap.server; print(*sys.modules)"],
        stdout=subprocess.PIPE,
        timeout=100,
        check=True,
    )

    assert set(ran.stdout.decode().split()) & {"psycopg", "joserfc", "dns"} == set()


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, f"{prefix}{name}__")
        else:
            yield f"{prefix}{name}".upper()


@pytest.mark.parametrize("name", list(settings(ServerSettings)))
def test_every_setting_stands_in_a_table_of_the_documentation(name: str) -> None:
    pages = {"MAIL": "mail.md", "ASKING": "questions.md"}
    page = DOCUMENTATION.with_name(pages.get(name.partition("__")[0], DOCUMENTATION.name))
    rows = [line for line in page.read_text().splitlines() if line.startswith("| `")]

    assert any(f"`{name.removeprefix('MAIL__')}`" in row.split("|")[1] for row in rows)


def test_init_makes_the_data_folder_and_says_what_is_next(data: Path) -> None:
    result = run("init")

    assert result.exit_code == 0
    assert "vigie-server serve" in result.stdout
    assert (data / "vigie.db").exists()
    assert data.stat().st_mode & 0o777 == 0o700


def test_init_a_second_time_keeps_what_is_there_but_the_setup_code() -> None:
    first, second = run("init").stdout, run("init").stdout

    told = re.compile(r"Setup code, valid once for 30 minutes: ([A-Z2-7-]{29})\n")
    assert told.sub("", first) == told.sub("", second)
    assert told.findall(first) != told.findall(second)
    assert "https://127.0.0.1:8445/setup" in first


def test_an_account_is_linked_to_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    run("init")
    unset = run("account", "create", "Paul", "--role", "admin", "--identity", "899700218896")
    monkeypatch.setenv("VIGIE_SERVER_OIDC__ISSUER", "https://sso.example.org")
    monkeypatch.setenv("VIGIE_SERVER_OIDC__CLIENT_ID", "vigie")
    monkeypatch.setenv("VIGIE_SERVER_OIDC__INVITED_BY", "SubjectNameID")

    made = run("account", "create", "Paul", "--role", "admin", "--identity", "899700218896")
    run("account", "create", "Anaïs", "--role", "admin")
    taken = run("account", "link", "Anaïs", "899700218896")
    wrong = run("account", "link", "Anaïs", "a\nb")
    gone = run("account", "unlink", "Paul")

    assert "VIGIE_SERVER_OIDC__ISSUER is not set" in unset.stderr
    assert "code" not in made.stdout
    assert re.search(r"https://sso.example.org +SubjectNameID +899700218896", made.stdout)
    assert "another account's already" in taken.stderr
    assert "can be printed" in wrong.stderr
    assert "1 link taken away" in gone.stdout
    assert run("account", "link", "Anaïs", "899700218896").exit_code == 0


def test_an_account_is_made_listed_reset_and_locked() -> None:
    run("init")
    run("site", "set", "Les Tilleuls")

    unknown = run("account", "create", "Anaïs", "--role", "auditor", "--site", "Les Lilas")
    made = run("account", "create", "Anaïs", "--role", "auditor", "--site", "Les Tilleuls")
    twin = run("account", "create", "anaïs", "--role", "admin")
    reset = run("account", "reset", "Anaïs")
    locked = run("account", "lock", "Anaïs")

    assert (unknown.exit_code, unknown.stderr) == (1, "vigie-server: no site Les Lilas\n")
    assert twin.exit_code == 1
    assert "reset it" in twin.stderr
    assert "Setup code" in made.stdout
    assert "Setup code" in reset.stdout
    assert locked.stdout == "Account Anaïs is locked.\n"
    assert re.search(r"Anaïs +auditor +Les Tilleuls +locked", run("account", "list").stdout)
    assert "Setup code" not in run("init").stdout
    assert "Setup code" in run("setup-code").stdout


def test_a_token_is_printed_alone_on_standard_output() -> None:
    run("init")

    result = run("token", "create", "--site", "Les Tilleuls", "--uses", "3")

    token = decode(result.stdout)
    assert token.endpoints == ("vigie.example.org:8444",)
    assert "3 uses" in result.stderr


def test_a_token_says_that_its_site_is_new_and_which_one_was_probably_meant() -> None:
    run("init")

    first = run("token", "create", "--site", "Les Tilleuls")
    again = run("token", "create", "--site", "Les Tilleuls")
    mistyped = run("token", "create", "--site", "Les Tileuls")
    reader = run("token", "api", "create", "--role", "scrape", "--site", "Les Lilas")
    way_back = re.search(r"token revoke (\w+); vigie-server site remove '(.*)'", mistyped.stderr)

    assert "Les Tilleuls is a new site\n" in first.stderr
    assert "new site" not in again.stderr
    assert "Les Tileuls is a new site: did you mean `Les Tilleuls`?" in mistyped.stderr
    assert "There is no site Les Lilas yet" in reader.stderr
    assert way_back is not None
    assert run("token", "revoke", way_back[1]).exit_code == 0
    assert run("site", "remove", way_back[2]).exit_code == 0


def test_tokens_are_listed_and_revoked() -> None:
    run("init")
    run("token", "create", "--site", "Les Tilleuls")
    run("token", "api", "create", "--role", "auditor", "--site", "Les Tilleuls")
    listed = run("token", "list").stdout.splitlines()

    revoked = [run("token", "revoke", line.split()[0]).exit_code for line in listed[1:]]

    assert len(listed) == 3
    assert revoked == [0, 0]
    assert run("token", "list").stdout.count("revoked") == 2


def test_a_token_that_let_in_all_its_devices_is_listed_as_used_up(data: Path) -> None:
    run("init")
    run("token", "create", "--site", "Les Tilleuls", "--uses", "2")
    fresh = run("token", "list").stdout.splitlines()[1]
    with sqlite3.connect(data / "vigie.db") as store:
        store.execute("update enrolment_token set uses = max_uses")
    store.close()

    used = run("token", "list").stdout.splitlines()[1]

    assert ("0/2 uses" in fresh, "valid" in fresh) == (True, True)
    assert ("2/2 uses" in used, "used up" in used, "valid" in used) == (True, True, False)


def test_without_a_data_folder_the_commands_say_what_to_run() -> None:
    result = run("devices", "list")

    assert result.exit_code == 1
    assert "vigie-server init" in result.stderr


def test_a_device_is_shown_with_whether_it_is_nomadic(data: Path) -> None:
    run("init")
    with closing(Database(sqlite_url(data / "vigie.db"))) as database:
        a_token(database)
        a_device(database, "d1")

        before = run("devices", "show", "d1").stdout
        with database.writing() as connection:
            connection.execute(text("UPDATE device SET nomadic = true"))

    assert "Nomadic:      no" in before
    assert "Nomadic:      yes" in run("devices", "show", "d1").stdout


def test_a_revoked_device_is_marked_until_it_is_retired(data: Path) -> None:
    run("init")
    with closing(Database(sqlite_url(data / "vigie.db"))) as database:
        a_token(database)
        for name in ("d1", "d2"):
            a_device(database, name)

    told = run("devices", "revoke", "d1").stdout
    shown = run("devices", "show", "d1").stdout
    listed = run("devices", "list").stdout
    kept = {flag: run("devices", "list", flag).stdout for flag in ("--revoked", "--not-revoked")}
    run("devices", "retire", "d1")

    assert "Lists show it as revoked" in told
    assert "until `vigie-server devices retire d1` takes it out" in told
    assert "State:        active (revoked)\n" in shown
    assert re.search(r"^d1 .* linux +active \(revoked\)  0 ", listed, re.MULTILINE)
    assert re.search(r"^d2 .* linux +active {2,}0 ", listed, re.MULTILINE)
    assert [name in kept["--revoked"] for name in ("\nd1 ", "\nd2 ")] == [True, False]
    assert [name in kept["--not-revoked"] for name in ("\nd1 ", "\nd2 ")] == [False, True]
    assert "\nd1 " not in run("devices", "list", "--revoked").stdout
    assert "State:        retired\n" in run("devices", "show", "d1").stdout


@pytest.mark.parametrize(
    "act", [("approve", "d1"), ("declare", "d1", "found"), ("revoke", "d1"), ("retire", "d1")]
)
def test_a_retired_device_stays_so_whatever_is_said_of_it(data: Path, act: tuple[str, ...]) -> None:
    run("init")
    with closing(Database(sqlite_url(data / "vigie.db"))) as database:
        a_token(database)
        a_device(database, "d1")
    run("devices", "retire", "d1")

    refused = run("devices", *act)

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"{act[-1] if act[0] == 'declare' else act[0]}: not for a device that is retired" in (
        refused.stderr
    )
    assert "enrol it with a new token" in refused.stderr
    assert "State:        retired\n" in run("devices", "show", "d1").stdout


def test_an_act_that_is_not_for_the_device_is_refused_with_those_that_are(data: Path) -> None:
    run("init")
    with closing(Database(sqlite_url(data / "vigie.db"))) as database:
        a_token(database)
        a_device(database, "d1")

    lost = run("devices", "declare", "d1", "lost")
    again = run("devices", "declare", "d1", "lost")

    assert lost.stdout == "Device d1: declared lost.\n"
    assert (again.exit_code, again.stdout) == (1, "")
    assert "lost: not for a device that is lost, which takes found, stolen, " in again.stderr


def test_an_unknown_device_is_one_line_of_error() -> None:
    run("init")

    for act in ("show", "approve", "retire", "revoke"):
        result = run("devices", act, "nobody")
        assert (result.exit_code, result.stderr) == (1, "vigie-server: no device nobody\n")


def test_rules_that_are_wrong_are_told_by_file(tmp_path: Path) -> None:
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "q06.yaml").write_text("question: 6\n")

    result = run("rules", "check", str(tmp_path / "guide"))

    assert result.exit_code == 1
    assert "q06.yaml" in result.stderr


def test_the_rules_in_force_are_listed() -> None:
    result = run("rules", "list", "--language", "en")

    assert result.exit_code == 0
    assert "Q06-firewall-enabled" in result.stdout


def test_ends_of_support_that_no_vendor_has_published_are_told_apart() -> None:
    told = run("rules", "list").stdout.partition("Estimated ends of support")[2]

    assert re.search(r"^macOS 26 Tahoe +2028-09-30 +Apple publishes no dates", told, re.MULTILINE)
    assert "Debian" not in told


def test_reference_data_of_the_servers_own_is_in_force_and_shown_with_its_day(data: Path) -> None:
    released = guide_folder() / "reference" / "os_support.yaml"
    own = data / "reference"
    own.mkdir(parents=True)
    newer = released.read_text("utf-8") + (
        "  - {key: haiku 1, name: Haiku 1, ends: 2030-01-01, recorded: 2099-02-03, source: Haiku}\n"
    )
    (own / "os_support.yaml").write_text(newer, "utf-8")

    (line,) = [x for x in run("rules", "list").stdout.splitlines() if x.startswith("os_support")]

    assert line.split() == ["os_support", "2099-02-03", str(own / "os_support.yaml")]


def test_reference_data_that_is_wrong_is_told_by_place(data: Path) -> None:
    (data / "reference").mkdir(parents=True)
    (data / "reference" / "os_support.yaml").write_text("table: os_support\nreleases: 3\n")

    result = run("rules", "list")

    assert result.exit_code == 1
    assert f"{data / 'reference'}: os_support.yaml:2: `releases` must be a list" in result.stderr


def test_a_folder_of_reference_data_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VIGIE_SERVER_REFERENCE", str(tmp_path / "nowhere"))

    result = run("rules", "list")

    assert result.exit_code == 1
    assert "VIGIE_SERVER_REFERENCE" in result.stderr


def test_serve_on_a_taken_port_fails_with_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    run("init")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("VIGIE_SERVER_LISTEN__TELEMETRY", f"127.0.0.1:{port}")
        result = run("serve")

    assert result.exit_code == 1
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_every_mistake_of_a_sites_own_rules_is_told(tmp_path: Path) -> None:
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "doors.yaml").write_text(
        "question: 6\nrules:\n  - {id: X-doors, severity: majr}\n  - {id: doors}\n"
    )

    result = run("rules", "check", str(tmp_path))

    told = result.stderr.splitlines()
    assert result.exit_code == 1
    assert "doors.yaml:3: `severity` must be one of" in result.stderr
    assert "doors.yaml:4: `id` must begin with X-" in result.stderr
    assert told[-1] == f"{len(told) - 1} mistakes."


@pytest.mark.parametrize("folder", [guide_folder(), guide_folder().parent])
def test_the_releases_own_rules_are_well_formed(folder: Path) -> None:
    result = run("rules", "check", str(folder))

    assert (result.exit_code, result.stderr) == (0, "")
    assert "all well formed" in result.stdout


def test_the_rules_of_the_sites_own_folder_are_listed_as_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VIGIE_SERVER_RULES__FOLDER", str(OWN))

    listed = run("rules", "list").stdout.splitlines()

    assert [line.split()[4] for line in listed if line.startswith("X-")] == ["site"]
    assert run("rules", "check", str(OWN)).stdout.endswith(
        "1 of the site's own, all well formed.\n"
    )


def test_a_folder_of_own_rules_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VIGIE_SERVER_RULES__FOLDER", str(tmp_path / "gone"))

    result = run("rules", "list")

    assert result.exit_code == 1
    assert "VIGIE_SERVER_RULES__FOLDER" in result.stderr
