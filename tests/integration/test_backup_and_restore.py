"""Backed up while devices report, brought back elsewhere: devices go on, and nothing is doubled."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text, update

from fakes.plain_http import PATIENCE
from fakes.postgres import postgres_url
from fakes.running_server import MovableClock, RunningServer, running_server, settings_in
from fakes.scraping import scraped, values_of
from fakes.scripted_device import (
    ScriptedIdentity,
    a_firewall,
    a_hello,
    a_report,
    enrolled,
    session,
    unchanged,
)
from fakes.secure_http import secure_client
from fakes.stored import bare_store
from vigie_server.backups import placing
from vigie_server.backups.sealing import new_key
from vigie_server.bootstrap.app_secrets import app_secrets_of
from vigie_server.bootstrap.backup import vault_of
from vigie_server.cli.main import main
from vigie_server.domain.backups import backup_name
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.domain.verdicts import Status
from vigie_server.ports.declaring import Act
from vigie_server.ports.people import Account, AccountState
from vigie_server.ports.tokens import Role
from vigie_server.services.back_up import BackUp
from vigie_server.store.accounts import ACCOUNT, Accounts
from vigie_server.store.app_secrets import HeldAppSecrets

RECIPIENT, PRIVATE = new_key(None)
STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.enable_socket)]
PASSPHRASE = "une phrase assez longue"


def store_of(kind: str) -> dict[str, str]:
    return {"url": postgres_url()} if kind == "postgres" else {}


def command(data: Path, kind: str, *arguments: str, **settings: str) -> Result:
    environment = {
        "VIGIE_SERVER_DATA": str(data),
        "VIGIE_SERVER_NAMES": "localhost,127.0.0.1",
        **settings,
    }
    if kind == "postgres":
        environment["VIGIE_SERVER_STORE__URL"] = postgres_url()
    return CliRunner().invoke(main, arguments, env=environment)


def at(identity: ScriptedIdentity, running: RunningServer) -> ScriptedIdentity:
    return replace(identity, telemetry=f"localhost:{running.addresses.telemetry}")


def evidence(running: RunningServer) -> list[tuple[int, bytes]]:
    """The sequence numbers and contents of all that devices reported."""
    with running.server.database.reading() as connection:
        rows = connection.execute(text("SELECT seq, digest FROM evidence ORDER BY revision")).all()
    return [(seq, bytes(digest)) for seq, digest in rows]


def an_app_of_somebody(running: RunningServer, secret: str) -> None:
    """Makes an account whose app has this secret."""
    database = running.server.database
    made = Account("1", "Anaïs", Role.AUDITOR, None, "fr", AccountState.INVITED, running.now())
    Accounts(database).add(made, Act("test", running.now()))
    with database.writing() as connection:
        sealed = app_secrets_of(running.authority).sealed(secret)
        connection.execute(update(ACCOUNT).values(totp_secret=sealed))


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / "key").write_bytes(PRIVATE)
    return tmp_path / "key"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sqlite", "sqlite"),
        pytest.param("postgres", "postgres", marks=pytest.mark.enable_socket),
        pytest.param("postgres", "sqlite", marks=pytest.mark.enable_socket),
        pytest.param("sqlite", "postgres", marks=pytest.mark.enable_socket),
    ],
)
async def test_devices_go_on_in_what_was_restored_elsewhere(
    tmp_path: Path, key: Path, before: str, after: str
) -> None:
    if "postgres" in {before, after}:
        with bare_store("postgres", tmp_path):
            """Empty it."""
    data, elsewhere, file = tmp_path / "data", tmp_path / "elsewhere", tmp_path / "backup.tar"
    answer = a_firewall("0")
    async with running_server(data, store=store_of(before)) as running:
        identity = await enrolled(running.token(), running.authority.certificate_pem)
        token = running.api_token()
        an_app_of_somebody(running, "SECRETOFANAPP")
        async with session(identity) as device:
            first = await device.greet()
            await device.send(a_report(1, a_firewall("1")))
            await device.acknowledged(1)
            backing_up = asyncio.to_thread(
                command, data, before, "backup", str(file), "--recipient", RECIPIENT
            )
            made, _ = await asyncio.gather(backing_up, device.send(a_report(2, answer)))
            await device.acknowledged(2)
        lost = evidence(running)
    assert made.exit_code == 0, made.output
    if "postgres" in {before, after}:
        with bare_store("postgres", tmp_path):
            """The database is lost, and so is the folder."""
    shutil.rmtree(data)

    restored = command(elsewhere, after, "restore", str(file), "--identity", str(key))

    assert restored.exit_code == 0, restored.output
    assert "1 device(s)" in restored.stdout
    async with running_server(elsewhere, store=store_of(after)) as running:
        kept = evidence(running)
        apps = HeldAppSecrets(running.server.database).app_secrets()
        opened = [app_secrets_of(running.authority).opened(one) for one in apps]
        async with session(at(identity, running)) as device:
            welcome = await device.greet(a_hello(highest_seq=2))
            # The agent acts on another epoch by sending all it knows in full, under new numbers.
            await device.send(a_report(3, unchanged(answer)))
            await device.acknowledged(3)
            await device.send(a_report(4, answer))
            ack = await device.acknowledged(4)
        found = evidence(running)
        verdict = running.fleet.verdicts(identity.device_id)[0]
        async with secure_client(elsewhere / "ca" / "https.crt") as reader:
            address = f"https://localhost:{running.addresses.http}/api/v1/devices"
            listed = await reader.get(address, headers={"Authorization": f"Bearer {token}"})

    assert kept in (lost, lost[:1])  # what was committed when the backup began
    assert welcome.store_epoch != first.store_epoch
    assert list(ack.rejected) == []
    assert len({seq for seq, _ in found}) == len(found)
    assert found[: len(kept)] == kept
    assert found[-1][1] == lost[-1][1]  # what was lost with the backup is there again
    assert verdict.status is Status.FAIL
    assert opened == ["SECRETOFANAPP"]
    assert [one["id"] for one in listed.json()["items"]] == [identity.device_id]


def prepared(data: Path, *, host: str = "first") -> None:
    """A server's data folder, with all that may be in one."""
    assert command(data, "sqlite", "init").exit_code == 0
    assert command(data, "sqlite", "site", "set", host).exit_code == 0
    (data / "secrets").mkdir(exist_ok=True)
    (data / "secrets" / "hook").write_text(f"secret of {host}")
    (data / "reports").mkdir(exist_ok=True)
    (data / "reports" / "may.pdf").write_text("kept as it is")


def sites(data: Path) -> str:
    return command(data, "sqlite", "site", "list").stdout


def test_what_was_there_is_put_aside_only_when_asked(tmp_path: Path, key: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "backup.tar"
    prepared(data)
    command(data, "sqlite", "backup", str(file), "--recipient", RECIPIENT)
    command(data, "sqlite", "site", "set", "second")
    (data / "secrets" / "hook").write_text("changed since")

    refused = command(data, "sqlite", "restore", str(file), "--identity", str(key))
    unasked = sites(data)
    done = command(data, "sqlite", "restore", str(file), "--identity", str(key), "--replace")

    assert refused.exit_code == 1
    assert "--replace" in refused.stderr
    assert "second" in unasked
    assert done.exit_code == 0, done.output
    assert "second" not in sites(data)
    assert (data / "secrets" / "hook").read_text() == "secret of first"
    assert (data / "reports" / "may.pdf").exists()
    (former,) = data.glob("replaced-*")
    assert str(former) in done.stdout
    assert (former / "secrets" / "hook").read_text() == "changed since"
    assert (former / "vigie.db").exists()
    assert (data / "ca" / "devices.key").stat().st_mode & 0o777 == 0o600


def test_a_backup_holds_rules_references_and_files_that_settings_name(
    tmp_path: Path, key: Path
) -> None:
    data, elsewhere, file = tmp_path / "data", tmp_path / "elsewhere", tmp_path / "backup.tar"
    prepared(data)
    for name in ("rules/topics", "rules/guide", "reference"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "rules" / "guide" / "own.yaml").write_text("rules: []\n")
    (tmp_path / "reference" / "own.yaml").write_text("{}\n")
    (tmp_path / "smtp").write_text("the relay's password")
    named = {
        "VIGIE_SERVER_RULES__FOLDER": str(tmp_path / "rules"),
        "VIGIE_SERVER_REFERENCE": str(tmp_path / "reference"),
        "VIGIE_SERVER_NOTIFY__SMTP_PASSWORD_FILE": str(tmp_path / "smtp"),
    }

    made = command(data, "sqlite", "backup", str(file), "--recipient", RECIPIENT, **named)
    done = command(elsewhere, "sqlite", "restore", str(file), "--identity", str(key))

    assert made.exit_code == done.exit_code == 0, made.output + done.output
    assert (elsewhere / "rules" / "guide" / "own.yaml").read_text() == "rules: []\n"
    assert (elsewhere / "reference" / "own.yaml").read_text() == "{}\n"
    given = elsewhere / "given" / "NOTIFY__SMTP_PASSWORD_FILE"
    assert given.read_text() == "the relay's password"
    assert "VIGIE_SERVER_NAMES=localhost,127.0.0.1" in (elsewhere / "settings.env").read_text()
    assert "RULES__FOLDER" in done.stdout


def damaged(file: Path, key: Path, damage: str) -> None:
    whole = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "flip":
        whole[-3000] ^= 1
        file.write_bytes(whole)
    elif damage == "other key":
        key.write_bytes(new_key(None)[1])


@pytest.mark.parametrize("damage", ["cut", "flip", "other key", "running"])
async def test_what_is_there_is_untouched_when_nothing_can_be_restored(
    tmp_path: Path, key: Path, damage: str
) -> None:
    data, file = tmp_path / "data", tmp_path / "backup.tar"
    prepared(data)
    command(data, "sqlite", "backup", str(file), "--recipient", RECIPIENT)
    damaged(file, key, damage)
    before = everything_in(data)
    arguments = ("restore", str(file), "--identity", str(key), "--replace")

    if damage == "running":
        async with running_server(data):
            refused = await asyncio.to_thread(command, data, "sqlite", *arguments)
    else:
        refused = command(data, "sqlite", *arguments)
        assert everything_in(data) == before

    told = {"cut": "cut short", "flip": "damaged", "other key": "this key", "running": "in use"}
    assert refused.exit_code == 1
    assert told[damage] in refused.stderr
    assert "first" in sites(data)
    assert not [one for one in data.iterdir() if "restore" in one.name]


class Crashed(BaseException):
    """The process is killed here."""


@pytest.mark.parametrize("step", range(12))
def test_a_restore_that_is_killed_at_any_step_is_whole_or_not_begun(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    data, file = tmp_path / "data", tmp_path / "backup.tar"
    prepared(data)
    command(data, "sqlite", "backup", str(file), "--recipient", RECIPIENT)
    command(data, "sqlite", "site", "set", "second")
    left = step
    rename: Callable[[Path, Path], Path] = Path.rename

    def killed(self: Path, target: Path) -> Path:
        nonlocal left
        if left == 0:
            raise Crashed
        left -= 1
        return rename(self, target)

    with monkeypatch.context() as patched, suppress(Crashed):
        patched.setattr(Path, "rename", killed)
        command(data, "sqlite", "restore", str(file), "--identity", str(key), "--replace")
    begun = step > 0
    refused = command(data, "sqlite", "site", "list")
    interrupted = any(data.glob("restore-*"))
    finished = command(data, "sqlite", "restore", "--finish")

    assert (refused.exit_code == 1) is interrupted
    assert not interrupted or "restore --finish" in refused.stderr
    assert finished.exit_code == 0
    assert ("second" in sites(data)) is not begun
    assert (data / "secrets" / "hook").read_text() == "secret of first"
    assert len(list(data.glob("replaced-*"))) == int(begun)


def test_a_passphrase_is_asked_for_twice_and_once(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "backup.tar"
    prepared(data)
    environment = {"VIGIE_SERVER_DATA": str(data)}

    made = CliRunner().invoke(
        main, ["backup", str(file)], env=environment, input=f"{PASSPHRASE}\n{PASSPHRASE}\n"
    )
    there = CliRunner().invoke(main, ["backup", str(file)], env=environment)
    (tmp_path / "phrase").write_text(PASSPHRASE + "\n")
    checked = command(
        data, "sqlite", "backup", "verify", str(file), "--passphrase-file", str(tmp_path / "phrase")
    )
    short = CliRunner().invoke(
        main, ["backup", str(tmp_path / "b.tar")], env=environment, input="court\ncourt\n"
    )

    assert made.exit_code == checked.exit_code == 0, made.output + checked.output
    assert "It is whole" in checked.stdout
    assert PASSPHRASE not in made.output + checked.output
    assert there.exit_code == short.exit_code == 1
    assert "--replace" in there.stderr
    assert "12 characters" in short.stderr


def test_a_pair_of_keys_is_made_once(tmp_path: Path) -> None:
    made = command(tmp_path, "sqlite", "backup", "key", str(tmp_path / "own"), "--plain")
    again = command(tmp_path, "sqlite", "backup", "key", str(tmp_path / "own"), "--plain")

    assert made.stdout.startswith("age1")
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o600
    assert again.exit_code == 1


async def metric(running: RunningServer, name: str) -> float:
    (value,) = values_of(await scraped(running, "/metrics/server"), name)
    return value


async def until_metric(running: RunningServer, name: str, holds: Callable[[float], bool]) -> float:
    async with asyncio.timeout(PATIENCE):
        while not holds(value := await metric(running, name)):  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.02)
    return value


LAST = "vigie_backup_last_success_timestamp_seconds"
LOOKING = {"store_every": 0.05}
FAILED = "vigie_backup_failures_total"


@pytest.mark.parametrize("kind", STORES)
async def test_the_server_backs_itself_up_and_keeps_the_newest(
    tmp_path: Path, key: Path, kind: str
) -> None:
    if kind == "postgres":
        with bare_store("postgres", tmp_path):
            """Empty it."""
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "mine.tar").write_text("not ours")
    (folder / "vigie-20200101T000000Z.tar.part").write_text("of one that was killed")
    now = MovableClock()
    backup = {
        "folder": folder,
        "keep": 2,
        "recipients": RECIPIENT,
        "look_every": 0.05,
        "every": "P1D",
    }
    shown: list[float] = []
    async with running_server(
        tmp_path / "data", now=now, backup=backup, store=store_of(kind), metrics=LOOKING
    ) as running:
        for day in range(3):
            now.ahead = timedelta(days=day)
            shown.append(
                await until_metric(running, LAST, lambda at: at > (shown[-1] if shown else 0))
            )
        assert await metric(running, "vigie_backup_interval_seconds") == 86_400
    made = sorted(folder.glob("vigie-*.tar"))

    assert len(made) == 2
    assert [86_399 <= after - before <= 86_500 for before, after in pairwise(shown)] == [True] * 2
    assert made[-1].name == backup_name(datetime.fromtimestamp(shown[-1], UTC))
    assert sorted(one.name for one in folder.iterdir()) == ["mine.tar", *(one.name for one in made)]
    checked = command(tmp_path, "sqlite", "backup", "verify", str(made[0]), "--identity", str(key))
    assert checked.exit_code == 0, checked.output


async def test_a_backup_that_fails_is_counted_and_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    old = folder / "vigie-20200101T000000Z.tar"
    old.write_text("an older one")
    backup = {"folder": folder, "keep": 1, "recipients": RECIPIENT, "look_every": 0.05}
    async with running_server(tmp_path / "data") as running:
        """Make the data."""
    (tmp_path / "data" / "secrets").mkdir()
    (tmp_path / "data" / "secrets" / "hook").symlink_to(tmp_path / "data" / "secrets")

    monkeypatch.setattr("vigie_server.bootstrap.backup.write_container", _full_disk)
    async with running_server(tmp_path / "data", backup=backup) as running:
        await until_metric(running, FAILED, lambda count: count >= 2)
        last = await metric(running, LAST)

    assert last == 0
    assert list(folder.iterdir()) == [old]
    assert not list((tmp_path / "data").glob(".backup-*"))


def _full_disk(*_: object, **__: object) -> int:
    raise OSError(28, "No space left on device")


async def test_a_server_that_stops_gives_its_backup_up() -> None:
    class Vault:
        def __init__(self) -> None:
            self.asked = asyncio.Event()
            self.loop = asyncio.get_running_loop()

        def made(self) -> list[datetime]:
            return []

        def make(self, at: datetime, going_on: Callable[[], bool]) -> None:
            self.loop.call_soon_threadsafe(self.asked.set)
            while going_on():
                pass
            raise OSError(f"given up at {at}")

        def remove(self, at: datetime) -> None:
            raise AssertionError(at)

    class Figures:
        def backup_failed(self) -> None:
            raise AssertionError

    vault, stop = Vault(), asyncio.Event()
    work = BackUp(
        vault=vault,
        figures=Figures(),  # type: ignore[arg-type]
        now=lambda: datetime.now(UTC),
        every=timedelta(days=1),
        keep=1,
        look_every=60,
    )
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        tasks.create_task(work.run(stop))
        await vault.asked.wait()
        stop.set()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "BACKUP__RECIPIENTS"),
        ({"recipients": "age1nobody"}, "no recipient"),
        ({"passphrase_file": "/nowhere"}, "cannot be read"),
    ],
)
def test_backups_by_the_clock_are_encrypted_or_the_server_does_not_start(
    tmp_path: Path, given: dict[str, str], told: str
) -> None:
    settings = settings_in(tmp_path, backup={"folder": tmp_path, **given})

    with pytest.raises(SettingsMalformed, match=told):
        vault_of(settings, None)  # type: ignore[arg-type]


def test_placing_moves_every_file_that_a_backup_may_hold() -> None:
    assert {"vigie.db", "vigie.db-wal", "vigie.db-shm", "store.mark", "ca"} <= set(placing.OURS)
