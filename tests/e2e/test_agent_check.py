"""The agent as a program, on this very machine, with no server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vigie_agent import bundled
from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.devices import Device, DeviceState
from vigie_server.domain.examples import NOW
from vigie_server.domain.judge import Judge
from vigie_server.domain.verdicts import Status

PROGRAM = Path(sys.executable).with_name("vigie-agent")
PACKS = Path(__file__).parents[1] / "fixtures" / "packs"
OWN = Path(__file__).parents[2] / "docs" / "own-rules"
NOBODY = 65534

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the embedded engine is Linux's")

Agent = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    """Runs `vigie-agent` with its data in a fresh folder; keywords are settings."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        chosen = {"data_dir": str(tmp_path / "data"), "engine__kind": "embedded"} | settings
        environment = {f"VIGIE_AGENT_{key}".upper(): value for key, value in chosen.items()}
        return subprocess.run(
            [str(PROGRAM), *arguments],
            env={"PATH": os.environ["PATH"], "LANG": "fr_FR.UTF-8"} | environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return run


def answers(ended: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """The answers of `check --json`, by topic."""
    assert ended.stderr == ""
    return {answer["topic"]: answer for answer in json.loads(ended.stdout)}


def test_every_shipped_topic_is_answered_in_its_shape_or_says_why_not(agent: Agent) -> None:
    ended = agent("check", "--json")

    topics = bundled.read_topics(bundled.folder("topics"))
    given = answers(ended)
    assert given.keys() == {name for name, topic in topics.items() if topic.parts_on("linux")}
    for name, answer in given.items():
        for row in answer["rows"]:
            assert row.keys() == set(topics[name].row_columns)
            assert row["part"] in topics[name].parts
            assert row["collected"] == "yes" or row["why"]
    assert ended.returncode in {0, 4}


def test_accounts_are_those_of_this_machine(agent: Agent) -> None:
    given = answers(agent("check", "--topic", "accounts", "--json"))

    assert "root" in {row["username"] for row in given["accounts"]["rows"]}


def test_people_read_a_table_and_what_could_not_be_read(agent: Agent) -> None:
    ended = agent("check", "--topic", "accounts")

    assert "Comptes locaux (accounts): ok" in ended.stdout
    assert "root" in ended.stdout
    assert "1 topic collected with the embedded" in ended.stdout


def test_a_pack_of_the_site_is_collected_beside_a_query_that_is_refused(agent: Agent) -> None:
    ended = agent("check", "--json", packs_dir=str(PACKS))

    given = answers(ended)
    assert given["pack.site.superuser"]["rows"] == [{"uid": "0", "username": "root"}]
    assert given["pack.site.forbidden"]["status"] == "refused"
    assert given.keys() == {"pack.site.superuser", "pack.site.forbidden"}
    assert ended.returncode == 4


def test_the_worked_example_of_a_sites_own_rule_judges_this_machine(agent: Agent) -> None:
    topic = "pack.house.remote_shell"
    given = answers(agent("check", "--json", own_packs_dir=str(OWN / "packs")))
    catalogue = bundled_catalogue(own=OWN)
    rows = given[topic]["rows"]
    fact = catalogue.topics[topic].convert(
        topic_version=1,
        status=given[topic]["status"],
        message="",
        columns=["name", "version"] if rows else [],
        values=[row[column] for row in rows for column in ("name", "version")],
        observed_at=NOW,
    )

    (verdict,) = Judge(catalogue).judge(
        Device("d1", "s1", "standard", "linux", DeviceState.ACTIVE, last_report_at=NOW),
        {topic: fact},
        now=NOW,
        topics=frozenset({topic}),
        on_device=False,
    )

    assert "firewall" in given  # what is shipped is collected too
    assert given[topic]["status"] == "ok"
    assert verdict.status is (Status.FAIL if rows else Status.PASS)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_is_told_why_facts_are_missing(tmp_path: Path) -> None:
    # The interpreter may lie where only root may enter: what is imported first is there to stay.
    code = (
        "import importlib.metadata, os, apsw, psutil, yaml, vigie_agent.cli.check, "
        "vigie_agent.domain.safety, "
        "vigie_agent.engines.embedded, vigie_agent.tables.catalogue, vigie_agent.logs; "
        "from vigie_agent.priority import lower_priority; from vigie_agent.cli.main import main; "
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY}); "
        "main(['check', '--topic', 'accounts'])"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={"VIGIE_AGENT_DATA_DIR": str(tmp_path), "VIGIE_AGENT_ENGINE__KIND": "embedded"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert "not collected: passwords: " in ended.stdout
    assert "run it as the administrator" in ended.stdout


def test_two_checks_of_an_idle_machine_have_the_same_digests(agent: Agent) -> None:
    steady = ("--topic", "accounts", "--topic", "inventory", "--topic", "local_admins")

    first, second = (answers(agent("check", *steady, "--json")) for _ in range(2))

    assert {name: answer["digest"] for name, answer in first.items()} == {
        name: answer["digest"] for name, answer in second.items()
    }


def test_an_unknown_topic_is_a_misuse_that_lists_the_known_ones(agent: Agent) -> None:
    ended = agent("check", "--topic", "weather")

    assert ended.returncode == 2
    assert "no topic weather on this device; there are accounts, " in ended.stderr


def test_a_query_is_answered_as_a_table_or_as_json(agent: Agent) -> None:
    sql = "SELECT username, uid FROM users WHERE uid = 0"

    table, as_json = agent("query", sql), agent("query", sql, "--json")

    assert table.stdout == "username  uid\n--------  ---\nroot      0\n1 row\n"
    assert json.loads(as_json.stdout) == [{"username": "root", "uid": "0"}]


@pytest.mark.parametrize(
    ("sql", "code", "told"),
    [
        ("SELECT * FROM curl", 5, "refused: curl is not a table"),
        ("DROP TABLE users", 5, "refused: "),
        ("SELECT 1; SELECT 2", 5, "refused: "),
        ("SELECT absent FROM users", 5, "no such column: absent"),
        ("SELECT * FROM sip_config", 5, "sip_config is not a table of linux"),
    ],
)
def test_a_query_without_an_answer_says_why(agent: Agent, sql: str, code: int, told: str) -> None:
    ended = agent("query", sql)

    assert ended.returncode == code
    assert told in ended.stderr
    assert ended.stdout == ""


def test_explain_names_every_topic_in_the_language_that_is_asked_for(agent: Agent) -> None:
    french, english = agent("explain", "--lang", "fr"), agent("explain", "--lang", "en", "--sql")

    topics = bundled.read_topics(bundled.folder("topics")).values()
    here = [topic for topic in topics if topic.parts_on("linux")]
    assert [topic.name for topic in here if topic.title.fr not in french.stdout] == []
    assert [topic.name for topic in here if topic.purpose.en not in english.stdout] == []
    assert "SELECT" in english.stdout
    assert "SELECT" not in french.stdout


def test_status_of_a_device_that_was_never_enrolled(agent: Agent) -> None:
    ended = agent("status")

    assert ended.returncode == 3
    assert ended.stdout.startswith("Enrolled: no; run vigie-agent enroll\n")


def test_doctor_works_before_enrolment(agent: Agent) -> None:
    ended = agent("doctor", "--lang", "en", "--server", "127.0.0.1:1")

    assert ended.returncode == 4
    assert "ok  Data folder: can be written" in ended.stdout
    assert "ok  Query engine: embedded" in ended.stdout
    assert "!!  Port of 127.0.0.1:1: Connection refused" in ended.stdout
    assert "-> Allow outbound TCP to 127.0.0.1:1" in ended.stdout


def test_doctor_speaks_french_with_a_french_colon(agent: Agent) -> None:
    ended = agent("doctor", "--lang", "fr", "--server", "127.0.0.1:1")

    assert "ok  Dossier de données : on peut y écrire\n" in ended.stdout


def test_a_wrong_setting_is_one_clear_line(agent: Agent) -> None:
    ended = agent("check", spool__max_bytes="lots")

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "spool.max_bytes" in ended.stderr


def test_a_light_command_loads_no_heavy_library() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from vigie_agent.cli.main import main; "
        "print(CliRunner().invoke(main, ['version']).exit_code, *sys.modules)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )

    exit_code, *modules = ended.stdout.split()
    assert exit_code == "0"
    assert not {"grpc", "cryptography", "apsw", "pydantic", "structlog", "yaml"} & set(modules)
