"""Recipients on the command line; a test message to a real relay."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.mail_relay import MailRelay, mail_relay
from fakes.mail_server import Authority
from fakes.stored import migrated_store
from vigie_server.cli.main import main

SITE = "Les Tilleuls"
NOTIFY = "VIGIE_SERVER_NOTIFY__"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIGIE_SERVER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("VIGIE_SERVER_NAMES", "vigie.example.org")
    migrated_store(tmp_path / "data")
    assert run("init").exit_code == 0
    assert run("site", "set", SITE).exit_code == 0


async def test_a_recipient_is_declared_tried_listed_and_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority.made_in(tmp_path / "authority")
    async with mail_relay(MailRelay(tls=authority.issue("localhost"))) as relay:
        unset = run("notify", "add", "a@x.fr", "--site", SITE)
        for name, value in {
            "SMTP_HOST": "localhost",
            "SMTP_PORT": str(relay.port),
            "SMTP_FROM": "v@vigie.test",
            "AUTHORITIES": str(authority.pem),
        }.items():
            monkeypatch.setenv(NOTIFY + name, value)
        tried = await asyncio.to_thread(run, "notify", "test", "n1")
        relay.answers["RCPT"] = b"550 no\r\n"
        refused = await asyncio.to_thread(run, "notify", "test", "n1")
    hook = ("https://hooks.test/k3y", "--secret", "env:VIGIE_NOTIFY_K", "--only", "critical")
    added = run("notify", "add", *hook, "--language", "en")
    listed = run("notify", "list").stdout
    removed = run("notify", "remove", "n1")

    assert unset.exit_code == 0
    assert "SMTP_HOST" in unset.stderr
    assert tried.exit_code == 0
    assert relay.subjects() == ["[Vigie] Essai de notification"]
    assert refused.exit_code == 1
    assert "refused the address (550)" in refused.stderr
    assert added.exit_code == 0
    assert "k3y" not in added.stdout + listed
    assert [line.split()[0] for line in listed.splitlines()[1:]] == ["n1", "n2"]
    assert "critical, digest" in listed
    assert removed.exit_code == 0
    assert run("notify", "list", "--messages").stdout.count("\n") == 1
    assert "no notice recipient n1" in run("notify", "test", "n1").stderr


def test_the_command_line_says_what_is_wrong() -> None:
    assert "not an e-mail address" in run("notify", "add", "a", "--site", SITE).stderr
    assert "no site" in run("notify", "add", "a@x.fr", "--site", "Ailleurs").stderr
    assert "file:NAME" in run("notify", "add", "https://h.test/").stderr
    assert "not both" in run("notify", "add", "a@x.fr", "--site", SITE, "--body", "B").stderr
