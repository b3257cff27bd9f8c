"""A facility moves from SQLite to PostgreSQL: its devices go on where they were."""

import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from fakes.postgres import postgres_url
from fakes.running_server import RunningServer, running_server
from fakes.scripted_device import (
    ScriptedIdentity,
    a_firewall,
    a_hello,
    a_report,
    enrolled,
    session,
    unchanged,
)
from fakes.stored import bare_store
from vigie_server.cli.main import main
from vigie_server.clock import utc_now
from vigie_server.domain.verdicts import Status
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import KnowCallers
from vigie_server.store import epoch, migrating
from vigie_server.store.tokens import Tokens


def copy(folder: Path, *arguments: str) -> Result:
    environment = {
        "VIGIE_SERVER_DATA": str(folder),
        "VIGIE_SERVER_STORE__URL": postgres_url(),
    }
    return CliRunner().invoke(main, ["copy", *arguments], env=environment)


def at(identity: ScriptedIdentity, running: RunningServer) -> ScriptedIdentity:
    return replace(identity, telemetry=f"localhost:{running.addresses.telemetry}")


def known(running: RunningServer, device_id: str) -> tuple[object, ...]:
    """What a server knows of a device, apart from when it was last seen."""
    fleet = running.fleet
    with running.server.database.reading() as connection:
        rows = connection.execute(
            text("SELECT seq, digest, content, received_at FROM evidence ORDER BY seq")
        )
        evidence = [(seq, bytes(digest), bytes(form), at) for seq, digest, form, at in rows]
    return (
        evidence,
        [(one.rule, one.status, one.since) for one in fleet.verdicts(device_id)],
        [(one.before, one.after, one.at) for one in fleet.transitions(device_id, limit=10)],
        epoch.store_epoch(running.server.database),
    )


async def test_devices_go_on_in_the_copy_where_they_were(tmp_path: Path) -> None:
    with bare_store("postgres", tmp_path):
        """Empty it."""
    answer = a_firewall("0")
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        async with session(identity) as device:
            first = await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.send(a_report(2, answer))
            await device.acknowledged(2)
        token = running.api_token()
        while_it_runs = copy(tmp_path)
        before = known(running, identity.device_id)

    moved = copy(tmp_path)
    again = copy(tmp_path)

    assert while_it_runs.exit_code == again.exit_code == 1
    assert "stop the server" in while_it_runs.stderr
    assert "not empty" in again.stderr
    assert moved.exit_code == 0, moved.output
    assert re.search(r"^evidence +2 +[0-9a-f]{32}$", moved.stdout, re.MULTILINE)
    assert "nothing is missing" in moved.stdout
    async with running_server(tmp_path, store={"url": postgres_url()}) as running:
        after = known(running, identity.device_id)
        moved_to = at(identity, running)
        async with session(moved_to) as device:
            welcome = await device.greet(a_hello(highest_seq=2))
            await device.send(a_report(3, unchanged(answer)))  # known by its digest alone
            ack = await device.acknowledged(3)
            await device.send(a_report(4, a_firewall("1")))
            await device.acknowledged(4)
        verdict = running.fleet.verdicts(identity.device_id)[0]
        assert running.server.database.is_sqlite is False
        caller = KnowCallers(Tokens(running.server.database)).caller(token, now=utc_now())

    assert after == before
    assert (welcome.resume_after, welcome.store_epoch) == (2, first.store_epoch)
    assert list(ack.rejected) == []
    assert verdict.status is Status.PASS
    assert caller.role is Role.ADMIN


async def test_a_store_copied_from_an_older_backup_has_devices_send_everything_again(
    tmp_path: Path,
) -> None:
    with bare_store("postgres", tmp_path):
        """Empty it."""
    async with running_server(tmp_path) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        async with session(identity) as device:
            first = await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
    backup = (tmp_path / "vigie.db").read_bytes()
    async with running_server(tmp_path) as running, session(at(identity, running)) as device:
        await device.greet(a_hello(highest_seq=1))
        await device.send(a_report(2, a_firewall("0")))
        await device.acknowledged(2)
    (tmp_path / "vigie.db").write_bytes(backup)

    moved = copy(tmp_path / "elsewhere", "--from", str(tmp_path), "--to", postgres_url())

    assert moved.exit_code == 0, moved.output
    store = {"url": postgres_url()}
    async with (
        running_server(tmp_path, store=store) as running,
        session(at(identity, running)) as device,
    ):
        welcome = await device.greet(a_hello(highest_seq=2))
    assert welcome.store_epoch != first.store_epoch


def test_a_password_in_an_argument_is_warned_of_and_a_target_is_asked_for(tmp_path: Path) -> None:
    environment = {"VIGIE_SERVER_DATA": str(tmp_path)}
    url = "postgresql://vigie:hunter2@127.0.0.1:1/vigie"

    warned = CliRunner().invoke(main, ["copy", "--to", url], env=environment)
    asked = CliRunner().invoke(main, ["copy"], env=environment)

    assert (warned.exit_code, asked.exit_code) == (1, 2)
    assert ".pgpass" in warned.stderr
    assert "hunter2" not in warned.output
    assert "STORE__URL" in asked.stderr


def test_a_url_of_sqlite_is_refused_before_a_file_is_made(tmp_path: Path) -> None:
    made = tmp_path / "another.db"

    refused = copy(tmp_path, "--to", f"sqlite:///{made}")

    assert refused.exit_code == 1
    assert "postgresql+psycopg://" in refused.stderr
    assert not made.exists()


async def test_an_empty_postgresql_is_not_served_in_the_place_of_a_store_with_devices(
    tmp_path: Path,
) -> None:
    """A copy that was broken off leaves tables without rows."""
    with bare_store("postgres", tmp_path):
        """Empty it."""
    async with running_server(tmp_path) as running:
        await enrolled(running.token(), running.authority.certificate_pem)
    environment = {
        "VIGIE_SERVER_DATA": str(tmp_path),
        "VIGIE_SERVER_STORE__URL": postgres_url(),
    }
    migrated = CliRunner().invoke(main, ["migrate"], env=environment)

    served = CliRunner().invoke(main, ["serve"], env=environment)
    refused = CliRunner().invoke(main, ["token", "list"], env=environment)
    moved = copy(tmp_path)
    listed = CliRunner().invoke(main, ["devices", "list"], env=environment)

    assert (migrated.exit_code, served.exit_code, refused.exit_code) == (1, 1, 1)
    for told in (migrated.stderr, refused.stderr):
        assert "holds no device" in told
        assert "1 device:" in told
        assert "vigie-server copy" in told
    assert (moved.exit_code, listed.exit_code) == (0, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_copy_that_is_interrupted_says_that_nothing_was_copied_and_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(number)

    with bare_store("postgres", tmp_path), bare_store("sqlite", tmp_path) as source:
        migrating.migrate(source)
    monkeypatch.setattr("vigie_server.cli.copy.copy_store", interrupted)

    ended = copy(tmp_path)

    assert ended.exit_code == 1
    assert "nothing was copied" in ended.stderr
    assert "`vigie-server copy`" in ended.stderr
    assert "without VIGIE_SERVER_STORE__URL" in ended.stderr
