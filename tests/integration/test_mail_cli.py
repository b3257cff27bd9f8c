"""Mail domains on the command line, checked over real DNS and SMTP on loopback."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.mail_world import D, world
from fakes.stored import SITE, migrated_store
from vigie_server.cli.main import main
from vigie_server.domain.mail.findings import RULES
from vigie_server.settings_messages import MailSettings


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIGIE_SERVER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("VIGIE_SERVER_NAMES", "vigie.example.org")
    migrated_store(tmp_path / "data")
    assert run("init").exit_code == 0
    assert run("site", "set", SITE).exit_code == 0


async def test_the_command_line_declares_checks_lists_and_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path / "world") as around:
        for name, value in around.settings().items():
            text = value if not isinstance(value, timedelta) else value.total_seconds()
            monkeypatch.setenv(f"VIGIE_SERVER_MAIL__{name.upper()}", str(text))
        added = run("mail", "add", D, "--site", SITE, "--selector", "s1")
        fresh = run("mail", "list")
        checked = await asyncio.to_thread(run, "mail", "check", "--site", SITE, "--language", "en")
        listed = run("mail", "list", "--site", SITE)
        removed = run("mail", "remove", D, "--site", SITE)
        history = run("mail", "history", D, "--site", SITE, "--language", "en", "--limit", "4")
        empty = run("mail", "list").stdout.splitlines()

    assert [result.exit_code for result in (added, fresh, checked, listed, removed)] == [0] * 5
    assert "not yet" in fresh.stdout
    lines = checked.stdout.splitlines()[1:]
    assert [line.split()[:3] for line in lines] == [[D, rule, "pass"] for rule in RULES]
    assert "encrypts" in lines[-1]
    assert "spf pass" in listed.stdout
    assert sorted(line.split()[2:5] for line in history.stdout.splitlines()[1:]) == sorted(
        [rule, "-", "pass"] for rule in RULES
    )
    assert around.mail.heard == ["EHLO vigie.example.org", "STARTTLS", "QUIT"]
    assert len(empty) == 1


def test_the_command_line_says_what_is_wrong() -> None:
    assert "example.fr" in run("mail", "add", "localhost", "--site", SITE).stderr
    assert "no site" in run("mail", "add", D, "--site", "Ailleurs").stderr
    assert "no mail domain" in run("mail", "check", D, "--site", SITE).stderr
    assert "no mail domain" in run("mail", "remove", D, "--site", SITE).stderr
    assert "no mail domain" in run("mail", "history", D, "--site", SITE).stderr
    assert run("mail", "check", "--site", SITE).stdout.splitlines() == ["DOMAIN  RULE  STATUS  WHY"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RESOLVERS", "dns.example"),
        ("RESOLVERS", "192.0.2.1:x"),
        ("PRIVATE_NETWORKS", "10.0.0.0/40"),
        ("AUTHORITIES", "/nowhere.pem"),
        ("SMTP_PORT", "0"),
        ("EVERY", "0"),
    ],
)
def test_a_setting_of_mail_that_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    run("mail", "add", D, "--site", SITE)
    monkeypatch.setenv(f"VIGIE_SERVER_MAIL__{name}", value)

    result = run("mail", "check", "--site", SITE)

    assert result.exit_code == 1
    assert f"VIGIE_SERVER_MAIL__{name}" in result.stderr


def test_the_rules_are_listed_and_explained_in_both_languages() -> None:
    listed = run("mail", "rules").stdout
    explained = run("mail", "rules", "Q07-starttls", "--language", "en").stdout

    assert [line.split()[0] for line in listed.splitlines()[1:]] == list(RULES)
    assert "STARTTLS" in explained
    assert "\n1. " in explained
    assert "Q07-spf" in run("mail", "rules", "Q07-nothing").stderr


def test_resolvers_are_written_in_every_usual_way() -> None:
    settings = MailSettings(
        resolvers="192.0.2.1, 192.0.2.1:5353,[2001:DB8::1]:54, 2001:db8::2, [::1]"
    )

    assert settings.resolvers_by_port == (
        ("192.0.2.1", 53),
        ("192.0.2.1", 5353),
        ("2001:db8::1", 54),
        ("2001:db8::2", 53),
        ("::1", 53),
    )
