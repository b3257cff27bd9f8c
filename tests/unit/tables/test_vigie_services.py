"""What starts by itself, told by systemd's files."""

from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_services
from vigie_agent.tables.host import Host
from vigie_agent.tables.unit_files import SYSTEM_FOLDERS, UnitFolders, program_of, read_unit

ETC = "/etc/systemd/system"
VENDOR = "/usr/lib/systemd/system"
MACHINE = {
    "/run/systemd/system/.keep": "",
    f"{VENDOR}/graphical.target": "[Unit]\nRequires=multi-user.target\nWants=display.service\n",
    f"{VENDOR}/multi-user.target": "[Unit]\nRequires=basic.target\n",
    f"{VENDOR}/basic.target": "[Unit]\nWants=sockets.target timers.target\n",
    f"{VENDOR}/sockets.target": "[Unit]\n",
    f"{VENDOR}/timers.target": "[Unit]\n",
}


def a_machine(root: Path, files: dict[str, str] | None = None) -> Host:
    host = a_device(root, MACHINE | (files or {}))
    linked(host, f"{ETC}/default.target", f"{VENDOR}/graphical.target")
    return host


def linked(host: Host, path: str, target: str) -> None:
    host.path(path).parent.mkdir(parents=True, exist_ok=True)
    host.path(path).symlink_to(target)


def services(host: Host) -> dict[object, TableRow]:
    rows = rows_of(vigie_services.tables(host), "vigie_services")
    return {row["name"]: row for row in rows if row["collected"] == "yes"}


def test_a_unit_starts_once_a_target_has_a_link_to_it(tmp_path: Path) -> None:
    host = a_machine(
        tmp_path,
        {
            f"{VENDOR}/anydesk.service": "[Unit]\nDescription=AnyDesk\n"
            "[Service]\nExecStart=/usr/bin/anydesk --service\n"
        },
    )
    assert services(host) == {}

    linked(host, f"{ETC}/multi-user.target.wants/anydesk.service", f"{VENDOR}/anydesk.service")

    assert services(host) == {
        "anydesk.service": {
            "name": "anydesk.service",
            "description": "AnyDesk",
            "program": "/usr/bin/anydesk",
            "scope": "system",
            "start": "auto",
            "collected": "yes",
            "why": "",
        }
    }


def test_a_target_that_nothing_brings_up_starts_nothing(tmp_path: Path) -> None:
    host = a_machine(tmp_path, {f"{VENDOR}/rescue.service": "[Service]\nExecStart=/bin/sh\n"})

    linked(host, f"{ETC}/rescue.target.wants/rescue.service", f"{VENDOR}/rescue.service")

    assert services(host) == {}


def test_a_masked_unit_does_not_start(tmp_path: Path) -> None:
    unit = "[Service]\nExecStart=/usr/sbin/cupsd\n"
    host = a_machine(
        tmp_path, {f"{VENDOR}/cups.service": unit, f"{VENDOR}/empty.service": unit,
                   f"{ETC}/empty.service": ""}
    )  # fmt: skip
    for name in ("cups", "empty"):
        linked(host, f"{ETC}/multi-user.target.wants/{name}.service", f"{VENDOR}/{name}.service")
    linked(host, f"{ETC}/cups.service", "/dev/null")

    assert services(host) == {}


def test_a_unit_without_a_file_is_none(tmp_path: Path) -> None:
    host = a_machine(tmp_path)

    linked(host, f"{ETC}/multi-user.target.wants/gone.service", f"{VENDOR}/gone.service")

    assert services(host) == {}


def test_an_alias_is_told_by_the_name_of_its_unit(tmp_path: Path) -> None:
    host = a_machine(tmp_path, {f"{VENDOR}/gdm.service": "[Service]\nExecStart=/usr/sbin/gdm3\n"})

    linked(host, f"{ETC}/display.service", f"{VENDOR}/gdm.service")

    assert list(services(host)) == ["gdm.service"]


def test_instances_are_told_once_by_their_template_and_name_nobody(tmp_path: Path) -> None:
    template = {f"{VENDOR}/syncthing@.service": "[Service]\nExecStart=/usr/bin/syncthing\n"}
    host = a_machine(tmp_path, template)
    for who in ("marie", "luc"):
        linked(
            host,
            f"{ETC}/multi-user.target.wants/syncthing@{who}.service",
            f"{VENDOR}/syncthing@.service",
        )

    assert list(services(host)) == ["syncthing@.service"]


def test_sockets_start_on_demand_and_timers_on_schedule(tmp_path: Path) -> None:
    host = a_machine(
        tmp_path,
        {
            f"{VENDOR}/ssh.socket": "[Socket]\nListenStream=22\n",
            f"{VENDOR}/backup.timer": "[Timer]\nOnCalendar=daily\n",
            f"{VENDOR}/home.mount": "[Mount]\n",
        },
    )
    linked(host, f"{ETC}/sockets.target.wants/ssh.socket", f"{VENDOR}/ssh.socket")
    linked(host, f"{ETC}/timers.target.wants/backup.timer", f"{VENDOR}/backup.timer")
    linked(host, f"{ETC}/multi-user.target.wants/home.mount", f"{VENDOR}/home.mount")

    starts = {name: row["start"] for name, row in services(host).items()}

    assert starts == {"ssh.socket": "on_demand", "backup.timer": "scheduled"}


def test_a_drop_in_changes_the_program_and_what_is_pulled_in(tmp_path: Path) -> None:
    host = a_machine(
        tmp_path,
        {
            f"{VENDOR}/tool.service": "[Service]\nExecStart=/usr/bin/tool\n",
            f"{ETC}/tool.service.d/site.conf": "[Unit]\nWants=extra.service\n"
            "[Service]\nExecStart=\nExecStart=-/opt/site/tool --key x\n",
            f"{VENDOR}/extra.service": "[Service]\nExecStart=/usr/bin/extra\n",
        },
    )
    linked(host, f"{ETC}/multi-user.target.wants/tool.service", f"{VENDOR}/tool.service")

    programs = {name: row["program"] for name, row in services(host).items()}

    assert programs == {"tool.service": "/opt/site/tool", "extra.service": "/usr/bin/extra"}


def test_whose_home_a_program_lies_in_is_not_told(tmp_path: Path) -> None:
    host = a_machine(tmp_path, {f"{ETC}/own.service": "[Service]\nExecStart=/home/marie/bin/own\n"})
    linked(host, f"{ETC}/multi-user.target.wants/own.service", "../own.service")

    assert services(host)["own.service"]["program"] == "/home/*/bin/own"


def test_units_of_each_session_have_their_own_scope(tmp_path: Path) -> None:
    user = "/usr/lib/systemd/user"
    host = a_machine(
        tmp_path,
        {
            f"{user}/default.target": "[Unit]\n",
            f"{user}/pipewire.service": "[Service]\nExecStart=/usr/bin/pipewire\n",
        },
    )
    linked(
        host,
        "/etc/systemd/user/default.target.wants/pipewire.service",
        f"{user}/pipewire.service",
    )

    assert services(host)["pipewire.service"]["scope"] == "user"


def test_generated_units_of_old_init_scripts_count(tmp_path: Path) -> None:
    late = "/run/systemd/generator.late"
    host = a_machine(
        tmp_path,
        {f"{late}/olddaemon.service": "[Service]\nExecStart=/etc/init.d/olddaemon start\n"},
    )
    linked(host, f"{late}/multi-user.target.wants/olddaemon.service", "../olddaemon.service")

    assert services(host)["olddaemon.service"]["program"] == "/etc/init.d/olddaemon"


def test_where_systemd_does_not_run_nothing_is_claimed(tmp_path: Path) -> None:
    host = a_device(tmp_path, {f"{VENDOR}/cups.service": "[Service]\n"})

    (row,) = rows_of(vigie_services.tables(host), "vigie_services")

    assert (row["collected"], row["why"]) == (
        "no",
        "systemd does not run this machine: what starts is not known",
    )


def test_a_unit_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    host = a_machine(tmp_path)
    closed(host, f"{ETC}/secret.service")
    linked(host, f"{ETC}/multi-user.target.wants/secret.service", "../secret.service")

    rows = rows_of(vigie_services.tables(host), "vigie_services")

    (row,) = [row for row in rows if row["collected"] == "no"]
    assert str(row["why"]).startswith(f"{ETC}/secret.service: ")


def test_units_that_want_each_other_end(tmp_path: Path) -> None:
    host = a_machine(
        tmp_path,
        {
            f"{ETC}/a.service": "[Unit]\nWants=b.service\n",
            f"{ETC}/b.service": "[Unit]\nWants=a.service\n",
        },
    )
    linked(host, f"{ETC}/multi-user.target.wants/a.service", "../a.service")

    assert set(services(host)) == {"a.service", "b.service"}


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("/usr/sbin/sshd -D $OPTS", "/usr/sbin/sshd"),
        ("-/usr/bin/tool", "/usr/bin/tool"),
        ("@/usr/bin/tool name", "/usr/bin/tool"),
        ("!!/usr/bin/tool", "/usr/bin/tool"),
        ('"/opt/my/tool" x', "/opt/my/tool"),
        ("", ""),
        ("   ", ""),
    ],
)
def test_the_program_of_a_command_line(command: str, program: str) -> None:
    assert program_of(command) == program


def test_a_damaged_unit_file_is_a_unit_that_says_little() -> None:
    unit = read_unit("x.service", ["\x00[Unit\nDescription\n=\n[Service]\nExecStart\n"])

    assert (unit.name, unit.description, unit.program) == ("x.service", "", "")


def test_an_instance_is_made_from_its_template_with_its_own_drop_ins(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            f"{VENDOR}/getty@.service": "[Service]\nExecStart=-/sbin/agetty %I\n",
            f"{ETC}/getty@tty2.service.d/auto.conf": "[Service]\nExecStart=\n"
            "ExecStart=-/sbin/agetty -a marie %I\n",
        },
    )
    folders = UnitFolders(host, SYSTEM_FOLDERS)

    first, second = folders.unit("getty@tty1.service"), folders.unit("getty@tty2.service")

    assert first is not None
    assert second is not None
    assert (first.name, first.command) == ("getty@tty1.service", "-/sbin/agetty %I")
    assert second.command == "-/sbin/agetty -a marie %I"
