"""What a device offers to others on its network, told by its files and by what listens."""

import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables import vigie_inbound_services
from vigie_agent.tables.host import CommandResult, Host

VENDOR = "/usr/lib/systemd/system"
BOOTED = {
    "/run/systemd/system/.keep": "",
    "/etc/systemd/system/default.target": "[Unit]\n",
    "/proc/1/comm": "systemd\n",
}
ANYWHERE, INSIDE = "0.0.0.0", "127.0.0.1"  # noqa: S104 (addresses in a list; nothing listens)


def a_machine(
    root: Path,
    files: Mapping[str, str] | None = None,
    *,
    starts: tuple[str, ...] = (),
    programs: Mapping[str, CommandResult | str] | None = None,
) -> Host:
    host = a_device(root, BOOTED | dict(files or {}), programs=programs)
    for unit in starts:
        link = host.path(f"/etc/systemd/system/default.target.wants/{unit}")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"{VENDOR}/{unit}")
        host.path(f"{VENDOR}/{unit}").parent.mkdir(parents=True, exist_ok=True)
        host.path(f"{VENDOR}/{unit}").write_text("[Unit]\nDescription=x\n")
    return host


def listening(program: str, *ports: tuple[str, int]) -> Mapping[str, str]:
    """The files of /proc for one program and the sockets that are listened on."""
    lines = ["  sl  local_address rem_address   st"]
    for n, (address, port) in enumerate(ports):
        packed = struct.unpack("=I", bytes(map(int, address.split("."))))[0]
        lines.append(f"{n}: {packed:08X}:{port:04X} 00000000:0000 0A 0:0 0:0 0 0 0 {n + 100} 1")
    return {"/proc/500/comm": f"{program[:15]}\n", "/proc/self/net/tcp": "\n".join(lines) + "\n"}


def part(host: Host, name: str) -> list[TableRow]:
    rows = rows_of(vigie_inbound_services.tables(host), "vigie_inbound_services")
    return [row for row in rows if row["part"] == name]


def offers(host: Host) -> dict[object, tuple[object, object, object]]:
    """By service: whether it is offered, by what, and how that is known."""
    return {
        row["service"]: (row.get("offered"), row["name"], row["origin"])
        for row in part(host, "services")
        if row["collected"] == "yes"
    }


def test_a_device_that_starts_nothing_offers_nothing(tmp_path: Path) -> None:
    host = a_machine(tmp_path)

    assert set(offers(host).values()) == {(0, "", "unit")}
    assert set(offers(host)) == {
        "file_sharing",
        "ssh",
        "remote_desktop",
        "vnc",
        "remote_management",
        "telnet",
    }
    assert part(host, "shares") == []


@pytest.mark.parametrize(
    ("unit", "service", "name"),
    [
        ("ssh.service", "ssh", "OpenSSH"),
        ("ssh.socket", "ssh", "OpenSSH"),
        ("dropbear.service", "ssh", "Dropbear"),
        ("xrdp.service", "remote_desktop", "xrdp"),
        ("vncserver@:1.service", "vnc", "VNC"),
        ("cockpit.socket", "remote_management", "Cockpit"),
        ("vsftpd.service", "file_sharing", "FTP"),
    ],
)
def test_a_service_that_is_set_to_start_is_offered(
    tmp_path: Path, unit: str, service: str, name: str
) -> None:
    host = a_machine(tmp_path, starts=(unit,))

    assert offers(host)[service] == (1, name, "unit")


def test_a_program_that_listens_beyond_the_device_is_offered_without_a_unit(tmp_path: Path) -> None:
    def vnc(root: str, address: str, port: int) -> object:
        return offers(a_machine(tmp_path / root, listening("x11vnc", (address, port))))["vnc"]

    assert vnc("1", ANYWHERE, 5900) == (1, "VNC", "listener")
    assert vnc("2", INSIDE, 5900) == (0, "", "unit")
    assert vnc("3", ANYWHERE, 8080) == (0, "", "unit")


def test_remote_desktop_of_the_session_counts_only_while_its_port_is_open(tmp_path: Path) -> None:
    unit = "gnome-remote-desktop.service"
    silent = a_machine(
        tmp_path / "1", listening("gnome-remote-desktop-daemon", (INSIDE, 631)), starts=(unit,)
    )
    open_port = a_machine(
        tmp_path / "2", listening("gnome-remote-desktop-daemon", (ANYWHERE, 3389)), starts=(unit,)
    )

    assert offers(silent)["remote_desktop"] == (0, "", "unit")
    assert offers(open_port)["remote_desktop"] == (1, "GNOME Remote Desktop", "listener")


@pytest.mark.parametrize(
    ("files", "offered"),
    [
        ({"/etc/ssh/sshd_config": "ListenAddress 127.0.0.1\nListenAddress ::1\n"}, 0),
        ({"/etc/ssh/sshd_config": "ListenAddress 127.0.0.1\n",
          "/etc/ssh/sshd_config.d/site.conf": "listenaddress 192.0.2.7\n"}, 1),
        ({"/etc/ssh/sshd_config": "#ListenAddress 127.0.0.1\n"}, 1),
        ({}, 1),
    ],
)  # fmt: skip
def test_ssh_that_listens_on_the_device_alone_is_not_offered(
    tmp_path: Path, files: dict[str, str], offered: int
) -> None:
    host = a_machine(tmp_path, files, starts=("sshd.service",))

    assert offers(host)["ssh"][0] == offered


def test_a_socket_unit_listens_whatever_sshds_file_says(tmp_path: Path) -> None:
    files = {"/etc/ssh/sshd_config": "ListenAddress 127.0.0.1\n"}

    assert offers(a_machine(tmp_path, files, starts=("ssh.socket",)))["ssh"][0] == 1


def test_addresses_of_ssh_that_cannot_be_read_hide_nothing(tmp_path: Path) -> None:
    files = {"/etc/ssh/sshd_config": "ListenAddress 127.0.0.1\n"}
    host = a_machine(tmp_path, files, starts=("sshd.service",))
    closed(host, "/etc/ssh/sshd_config.d/site.conf")

    assert offers(host)["ssh"][0] == 1


def test_samba_that_starts_shares_what_its_file_and_its_users_share(tmp_path: Path) -> None:
    host = a_machine(
        tmp_path,
        {
            "/etc/samba/smb.conf": "[global]\n[Animation]\npath=/srv\nguest ok=yes\n",
            "/var/lib/samba/usershares/photos": "#VERSION 2\npath=/home/m/p\nguest_ok=n\n",
        },
        starts=("smbd.service",),
        programs={"smbd": "Version 4.17.12-Debian\n"},
    )

    assert offers(host)["file_sharing"] == (1, "Samba", "unit")
    assert [(row["name"], row["guarded"]) for row in part(host, "shares")] == [
        ("Animation", 0),
        ("photos", 1),
    ]
    assert [row["offered"] for row in part(host, "smb1")] == [0]


def test_samba_without_a_share_or_without_a_start_shares_nothing(tmp_path: Path) -> None:
    prints = {"/etc/samba/smb.conf": "[global]\n[printers]\nprintable=yes\n"}
    shares = {"/etc/samba/smb.conf": "[global]\nserver min protocol=NT1\n[A]\npath=/a\n"}
    empty = a_machine(tmp_path / "1", prints, starts=("smbd.service",))
    idle = a_machine(tmp_path / "2", shares)

    assert offers(empty)["file_sharing"][0] == 0
    assert offers(idle)["file_sharing"][0] == 0
    assert [row["offered"] for row in part(idle, "smb1")] == [0]


def test_samba_that_runs_without_a_unit_counts(tmp_path: Path) -> None:
    files = {"/etc/samba/smb.conf": "[global]\nmin protocol=NT1\n[A]\npath=/a\n"}
    host = a_machine(tmp_path, {**files, **listening("smbd", (ANYWHERE, 445))})

    assert offers(host)["file_sharing"][0] == 1
    assert [row["offered"] for row in part(host, "smb1")] == [1]


def test_what_smb_conf_takes_from_another_place_is_not_read_and_told(tmp_path: Path) -> None:
    files = {"/etc/samba/smb.conf": "[global]\ninclude = /etc/samba/more.conf\n"}
    host = a_machine(tmp_path, files, starts=("smbd.service",))

    (share,) = part(host, "shares")
    (smb1,) = part(host, "smb1")

    assert (share["collected"], smb1["collected"]) == ("no", "no")
    assert "/etc/samba/more.conf" in str(share["why"])
    assert "file_sharing" not in offers(host)


def test_a_closed_smb_conf_is_no_absence(tmp_path: Path) -> None:
    host = a_machine(tmp_path, starts=("smbd.service",))
    closed(host, "/etc/samba/smb.conf")

    assert {row["collected"] for row in part(host, "shares")} == {"no"}
    assert {row["collected"] for row in part(host, "smb1")} == {"no"}
    assert "file_sharing" not in offers(host)


def test_smb1_is_not_told_where_samba_does_not_say_its_release(tmp_path: Path) -> None:
    files = {"/etc/samba/smb.conf": "[A]\npath=/a\n"}

    (row,) = part(a_machine(tmp_path, files, starts=("smbd.service",)), "smb1")

    assert (row["collected"], row["why"]) == ("no", "Samba does not say which release it is")


def test_nfs_shares_its_exports_and_names_no_persons_home(tmp_path: Path) -> None:
    files = {
        "/etc/exports": "# none here\n/srv/partage 192.0.2.0/24(rw) \\\n  198.51.100.0/24(ro)\n",
        "/etc/exports.d/more.exports": '"/home/marie/photos" *(ro)\n',
        "/etc/exports.d/not.this": "/x *(rw)\n",
    }
    host = a_machine(tmp_path, files, starts=("nfs-server.service",))

    assert offers(host)["file_sharing"] == (1, "NFS", "unit")
    assert [(row["name"], row["guarded"]) for row in part(host, "shares")] == [
        ("/srv/partage", None),
        ("/home/*/photos", None),
    ]


def test_without_systemd_what_runs_is_all_that_is_known(tmp_path: Path) -> None:
    files = {"/proc/1/comm": "init\n", **listening("sshd", (ANYWHERE, 22))}

    host = a_device(tmp_path, files)

    assert offers(host)["ssh"] == (1, "OpenSSH", "listener")
    assert offers(host)["vnc"] == (0, "", "process")
    assert [(row["offered"], row["origin"]) for row in part(host, "smb1")] == [(0, "process")]


def test_without_systemd_hidden_programs_are_not_an_absence(tmp_path: Path) -> None:
    host = a_device(tmp_path, listening("syncthing", (ANYWHERE, 22000)))

    assert offers(host) == {}
    assert {row["collected"] for row in part(host, "smb1")} == {"no"}
