"""vigie_backups on Linux: what starts backups, where they go, when the last one ended well."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables.backup_marker import MARKERS, read_marker
from vigie_agent.tables.backup_places import is_remote, place_of
from vigie_agent.tables.backup_repositories import borg_is_encrypted, when_archived
from vigie_agent.tables.backup_tools import tool_of, tool_of_script
from vigie_agent.tables.host import Host
from vigie_agent.tables.vigie_backups import tables

NOVEMBER: int = int(datetime(2026, 11, 19, 2, 15, tzinfo=UTC).timestamp())
NUMBER = "fb001b89bbb04db46e8aced623b8d86fd7e5ca44ebd44af7f31b7be5f94dfb43"
PEOPLE = "root:x:0:0:root:/root:/bin/bash\nmarie:x:1001:1001::/home/marie:/bin/bash\n"
MOUNTS = (
    "30 1 8:2 / / rw shared:1 - ext4 /dev/sda2 rw\n"
    "31 30 8:17 / /srv/usb rw shared:2 - ext4 /dev/sdb1 rw\n"
    "32 30 8:33 / /srv/data rw shared:3 - ext4 /dev/sdc1 rw\n"
    "33 30 0:60 / /srv/nas rw shared:4 - cifs //nas/backup rw\n"
)


def backups(host: Host, part: str, system: str = "linux") -> list[TableRow]:
    return rows_of(tables(host, system), "vigie_backups", equals={"part": [part]})


def at(host: Host, path: str, time: int = NOVEMBER) -> None:
    os.utime(host.path(path), (time, time))


def enabled(host: Host, name: str, folder: str = "/etc/systemd/system") -> None:
    target = host.path(f"{folder.replace('/etc/', '/usr/lib/')}/timers.target")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("[Unit]\nDescription=Timer Units\n")
    link = host.path(f"{folder}/timers.target.wants/{name}")
    link.parent.mkdir(parents=True, exist_ok=True)
    unit = name if "@" not in name else f"{name.partition('@')[0]}@.timer"
    link.symlink_to(f"{folder.replace('/etc/', '/usr/lib/')}/{unit}")


# --- Schedules ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "mechanism"),
    [
        ("/usr/bin/restic -r sftp:nas:/r backup /home", "restic"),
        ("/usr/bin/borg create ssh://b@nas/./repo::now /home", "borg"),
        ("/bin/sh -c 'borg create r::a /home && borg prune r'", "borg"),
        ("/usr/bin/borgmatic --verbosity -1", "borgmatic"),
        ("/usr/bin/duply home backup", "duplicity"),
        ("nice rsync -a /home/ /mnt/nas/", "rsync"),
        ("/usr/local/sbin/sauvegarde-nas.sh", "own script"),
        ("/usr/bin/snapper --config root create", "snapper"),
    ],
)
def test_a_command_is_known_by_the_program_it_starts(command: str, mechanism: str) -> None:
    tool = tool_of(command)

    assert tool
    assert tool.name == mechanism


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/borg prune --keep-daily 7 /srv/usb/repo",
        "/usr/bin/restic forget --keep-last 3",
        "cp /etc/passwd /var/backups/passwd.bak",
        "/usr/bin/apt-get clean",
        "/usr/bin/cyborg-player --restics",
        "",
    ],
)
def test_what_only_looks_after_backups_or_names_their_folder_makes_none(command: str) -> None:
    assert tool_of(command) is None


def test_debians_own_copy_of_the_package_database_is_no_backup() -> None:
    assert tool_of("/usr/libexec/dpkg/dpkg-db-backup", name="dpkg-db-backup") is None


def test_a_comment_in_a_script_starts_nothing() -> None:
    assert tool_of_script("#!/bin/sh\n# restic backup /home\nexit 0\n", name="cleanup") is None


def test_an_enabled_timer_tells_its_program_and_when_it_last_ran(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/usr/lib/systemd/system/nightly.timer": "[Timer]\nOnCalendar=daily\nPersistent=yes\n",
            "/usr/lib/systemd/system/nightly.service": (
                "[Service]\nExecStart=/usr/bin/restic backup /home\n"
            ),
            "/var/lib/systemd/timers/stamp-nightly.timer": "",
        },
    )
    enabled(host, "nightly.timer")
    at(host, "/var/lib/systemd/timers/stamp-nightly.timer")

    (row,) = backups(host, "schedules")

    assert (row["mechanism"], row["identifier"], row["scheduled"]) == ("restic", "nightly.timer", 1)
    assert (row["last_run_time"], row.get("last_success_time")) == (NOVEMBER, None)


def test_a_timer_that_is_there_and_not_enabled_starts_nothing(tmp_path: Path) -> None:
    unit = "/usr/lib/systemd/system/borgmatic"
    host = a_device(
        tmp_path,
        {
            f"{unit}.timer": "[Timer]\nOnCalendar=daily\n",
            f"{unit}.service": "[Service]\nExecStart=borgmatic\n",
        },
    )

    assert backups(host, "schedules") == []


def test_a_masked_timer_starts_nothing_though_a_link_wants_it(tmp_path: Path) -> None:
    host = a_device(
        tmp_path, {"/usr/lib/systemd/system/borgmatic.timer": "[Timer]\nOnCalendar=daily\n"}
    )
    enabled(host, "borgmatic.timer")
    host.path("/etc/systemd/system/borgmatic.timer").symlink_to("/dev/null")

    assert backups(host, "schedules") == []


def test_an_instance_of_a_template_is_read_from_its_template(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/usr/lib/systemd/system/save@.timer": "[Timer]\nOnCalendar=daily\n",
            "/usr/lib/systemd/system/save@.service": "[Service]\nExecStart=borg create ::%i\n",
        },
    )
    enabled(host, "save@home.timer")

    (row,) = backups(host, "schedules")

    assert (row["mechanism"], row["identifier"]) == ("borg", "save@home.timer")


def test_a_timer_of_a_person_is_theirs(tmp_path: Path) -> None:
    own = "/home/marie/.config/systemd/user"
    host = a_device(
        tmp_path,
        {
            "/etc/passwd": PEOPLE,
            f"{own}/b.timer": "[Timer]\nOnCalendar=daily\n",
            f"{own}/b.service": "[Service]\nExecStart=/usr/bin/restic backup %h\n",
        },
    )
    enabled(host, "b.timer", own)

    (row,) = backups(host, "schedules")

    assert (row["mechanism"], row["account"]) == ("restic", "marie")


def test_cron_is_told_by_table_and_script_without_the_command(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/crontab": "17 3 * * * root RESTIC_PASSWORD=hunter2 restic backup /home\n",
            "/etc/cron.d/rsnapshot": "# 0 */4 * * * root /usr/bin/rsnapshot alpha\n",
            "/etc/cron.daily/copies": "#!/bin/sh\nduplicity /home sftp://nas//b\n",
            "/var/spool/cron/crontabs/marie": "0 4 * * * /home/marie/bin/sauvegarde.sh\n",
        },
    )

    rows = backups(host, "schedules")

    assert [(row["mechanism"], row["account"], row["identifier"]) for row in rows] == [
        ("restic", "", "/etc/crontab"),
        ("own script", "marie", "/var/spool/cron/crontabs/marie"),
        ("duplicity", "", "/etc/cron.daily/copies"),
    ]
    assert "hunter2" not in str(rows)


def test_a_timer_of_snapshots_is_a_snapshot_not_a_backup(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/usr/lib/systemd/system/snapper-timeline.timer": "[Timer]\nOnCalendar=hourly\n",
            "/usr/lib/systemd/system/snapper-timeline.service": (
                "[Service]\nExecStart=/usr/lib/snapper/systemd-helper --timeline\n"
            ),
        },
    )
    enabled(host, "snapper-timeline.timer")

    assert backups(host, "schedules") == []


# --- Repositories ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "cache"),
    [
        ("linux", "/var/cache/restic"),
        ("linux", "/root/.cache/restic"),
        ("darwin", "/var/root/Library/Caches/restic"),
        ("darwin", "/Users/marie/Library/Caches/restic"),
        ("windows", "C:/Users/marie/AppData/Local/restic"),
        ("windows", "C:/Windows/System32/config/systemprofile/AppData/Local/restic"),
    ],
)
def test_restics_cache_is_found_where_each_system_keeps_it(
    system: str, cache: str, tmp_path: Path
) -> None:
    host = a_device(tmp_path, {f"{cache}/{NUMBER}/snapshots/d4/d477": ""})
    at(host, f"{cache}/{NUMBER}/snapshots/d4/d477")

    told = [row for row in backups(host, "repositories", system) if row["collected"] == "yes"]

    assert [(row["mechanism"], row["last_success_time"]) for row in told] == [("restic", NOVEMBER)]


def test_restics_newest_snapshot_says_when_it_ended_well(tmp_path: Path) -> None:
    cache = f"/home/marie/.cache/restic/{NUMBER}/snapshots"
    host = a_device(tmp_path, {f"{cache}/d4/d477": "", f"{cache}/0a/0a11": ""})
    at(host, f"{cache}/d4/d477", NOVEMBER - 86_400)
    at(host, f"{cache}/0a/0a11")

    (row,) = backups(host, "repositories")

    assert (row["mechanism"], row["account"], row["identifier"]) == ("restic", "marie", NUMBER[:12])
    assert (row["encrypted"], row["last_success_time"]) == (1, NOVEMBER)


@pytest.mark.parametrize(
    ("digests", "last"),
    [('chunks = {"final": "98d9"}\nfiles = {"final": "1584"}', NOVEMBER), ("chunks = {}", None)],
)
def test_a_borg_repository_that_was_only_created_holds_no_backup(
    digests: str, last: int | None, tmp_path: Path
) -> None:
    security = f"/home/marie/.config/borg/security/{NUMBER}"
    cache = f"/home/marie/.cache/borg/{NUMBER}"
    host = a_device(
        tmp_path,
        {
            f"{security}/location": "ssh://b@nas.exemple.fr/./repo\n",
            f"{security}/key-type": "3",
            f"{security}/manifest-timestamp": "2026-11-19T02:15:00.000000",
            f"{cache}/files": "",
            f"{cache}/config": f"[cache]\nversion = 1\n\n[integrity]\n{digests}\n",
        },
    )
    at(host, f"{cache}/files")

    (row,) = backups(host, "repositories")

    assert (row["destination"], row["encrypted"]) == ("network", 1)
    assert row["last_success_time"] == last
    assert "nas" not in str(row)


@pytest.mark.parametrize(
    ("key_type", "encrypted"), [("2", 0), ("3", 1), ("4\n", 1), ("7", 0), ("", None), ("x", None)]
)
def test_a_borg_key_that_only_authenticates_does_not_encrypt(
    key_type: str, encrypted: int | None
) -> None:
    assert borg_is_encrypted(key_type) == encrypted


def test_a_manifest_of_duplicity_that_is_still_written_is_no_backup() -> None:
    names = [
        "duplicity-full.20261101T021500Z.manifest",
        "duplicity-inc.20261101T021500Z.to.20261119T021500Z.manifest",
        "duplicity-inc.20261119T021500Z.to.20261120T021500Z.manifest.part",
        "duplicity-new-signatures.20261101T021500Z.to.20261119T021500Z.sigtar.gz",
        "duplicity-full.20269999T999999Z.manifest",
    ]

    assert when_archived(names) == NOVEMBER
    assert when_archived(names[2:]) is None


def test_rsnapshots_shortest_interval_counts_and_one_that_never_ran_is_none(tmp_path: Path) -> None:
    settings = (
        "snapshot_root\t/srv/usb/rs/\nretain\talpha\t6\nretain\tbeta\t7\n# retain\tgamma\t4\n"
    )
    host = a_device(tmp_path, {"/etc/rsnapshot.conf": settings, "/proc/self/mountinfo": MOUNTS})
    before = backups(host, "repositories")
    host.path("/srv/usb/rs/alpha.0").mkdir(parents=True)
    at(host, "/srv/usb/rs/alpha.0")

    (row,) = backups(host, "repositories")

    assert before == []
    assert (row["mechanism"], row["last_success_time"], row["encrypted"]) == (
        "rsnapshot", NOVEMBER, 0,
    )  # fmt: skip


def test_a_damaged_dconf_database_is_told_not_taken_for_no_backup(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/home/marie/.config/dconf/user": b"GVariant but torn"})

    (row,) = backups(host, "repositories")

    assert (row["collected"], row["account"]) == ("no", "marie")


# --- Places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("ssh://b@nas/./repo", "network"),
        ("b@nas:repo", "network"),
        ("/srv/nas/repo", "network"),
        ("/srv/usb/repo", "external"),
        ("/srv/data/repo", "disk"),
        ("/var/backups/repo", "internal"),
        ("file:///var/backups/repo", "internal"),
        ("/media/marie/USB/repo", "external"),
        ("/mnt/usb/repo", ""),  # nothing is mounted there now
    ],
)
def test_a_place_is_told_by_what_is_mounted_not_by_its_name(
    location: str, place: str, tmp_path: Path
) -> None:
    host = a_device(tmp_path, {"/proc/self/mountinfo": MOUNTS})
    blocks = host.path("/sys/dev/block")
    blocks.mkdir(parents=True)
    (blocks / "8:17").symlink_to("../../devices/pci0000:00/usb2/2-1/host6/block/sdb/sdb1")

    assert place_of(host, location) == place


def test_a_path_with_a_colon_is_no_address() -> None:
    assert not is_remote("/srv/a:b")
    assert is_remote("sftp://nas//b")


# --- Snapshots ------------------------------------------------------------------------------------


def test_snapshots_are_told_by_day_and_apart_from_backups(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/snapper/configs/root": 'SUBVOLUME="/"\nTIMELINE_CREATE="yes"\n',
            "/.snapshots/9/info.xml": "<snapshot><date>2026-11-18 03:00:00</date></snapshot>",
            "/.snapshots/10/info.xml": "<snapshot><date>2026-11-19 02:15:00</date></snapshot>",
            "/etc/timeshift/timeshift.json": (
                '{"backup_device_uuid": "u", "schedule_daily": "true"}'
            ),
            "/timeshift/snapshots/2026-11-17_10-00-01/info.json": "{}",
        },
    )

    rows = backups(host, "snapshots")

    day = NOVEMBER // 86_400 * 86_400
    assert [(row["mechanism"], row["kind"], row["last_success_time"]) for row in rows] == [
        ("snapper", "snapshot", day),
        ("timeshift", "snapshot", day - 2 * 86_400),
    ]
    assert backups(host, "repositories") == []


def test_timeshift_that_was_installed_and_never_set_up_makes_none(tmp_path: Path) -> None:
    host = a_device(tmp_path, {"/etc/timeshift/timeshift.json": '{"backup_device_uuid": ""}'})

    assert backups(host, "snapshots") == []


# --- The marker -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("", None),
        ("1795054500", NOVEMBER),
        ("2026-11-19T03:15:00+01:00\n", NOVEMBER),
        ("2026-11-19T02:15:00Z", NOVEMBER),
        ("time=2026-11-19T02:15:00+00:00\nname=NAS\n", NOVEMBER),
        ("name=NAS\nencrypted=yes", None),
    ],
)
def test_a_marker_says_when_in_either_way_or_leaves_it_to_its_own_time(
    text: str, time: int | None
) -> None:
    said = read_marker(text)

    assert said
    assert said.time == time


@pytest.mark.parametrize("text", ["hier soir", "2026-11-19T02:15:00", "time=99999999999999999"])
def test_a_time_that_nobody_can_place_is_no_time(text: str) -> None:
    assert read_marker(text) is None


@pytest.mark.parametrize("system", sorted(MARKERS))
def test_a_marker_is_found_on_each_system(system: str, tmp_path: Path) -> None:
    text = "2026-11-19T02:15:00Z\ndestination=network\nencrypted=yes\nname=NAS\n"
    host = a_device(tmp_path, {MARKERS[system]: text})

    (row,) = backups(host, "marker", system)

    assert (row["mechanism"], row["last_success_time"], row["time_source"]) == (
        "NAS", NOVEMBER, "marker file",
    )  # fmt: skip
    assert (row["destination"], row["encrypted"]) == ("network", 1)


def test_an_empty_marker_is_dated_by_the_file(tmp_path: Path) -> None:
    host = a_device(tmp_path, {MARKERS["linux"]: ""})
    at(host, MARKERS["linux"])

    (row,) = backups(host, "marker")

    assert (row["last_success_time"], row["mechanism"]) == (NOVEMBER, "marker file")


def test_a_marker_that_anyone_may_write_proves_nothing(tmp_path: Path) -> None:
    host = a_device(tmp_path, {MARKERS["linux"]: "2026-11-19T02:15:00Z"})
    host.path(MARKERS["linux"]).chmod(0o666)

    (row,) = backups(host, "marker")

    assert (row["collected"], row.get("last_success_time")) == ("no", None)


def test_no_marker_is_no_row_and_one_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    host = a_device(tmp_path)
    before = backups(host, "marker")
    closed(host, MARKERS["linux"])

    (row,) = backups(host, "marker")

    assert before == []
    assert row["collected"] == "no"


# --- Documents on the device ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "holds"),
    [
        ({"/home/marie/Documents/.hidden": ""}, 0),
        ({"/home/marie/Desktop/app.desktop": ""}, 0),
        ({"/home/marie/Documents/Projet personnalisé.odt": ""}, 1),
        (
            {
                "/home/marie/.config/user-dirs.dirs": 'XDG_DESKTOP_DIR="$HOME/Bureau"\n',
                "/home/marie/Bureau/notes.txt": "",
            },
            1,
        ),
    ],
)
def test_documents_are_told_as_yes_or_no_without_a_name(
    files: Mapping[str, str], holds: int, tmp_path: Path
) -> None:
    host = a_device(tmp_path, {"/etc/passwd": PEOPLE, **files})

    (row,) = backups(host, "local_data")

    assert row["holds_data"] == holds
    assert "Projet" not in str(row)
    assert "marie" not in str(row)


def test_homes_on_a_server_are_not_on_this_device(tmp_path: Path) -> None:
    mounts = MOUNTS + "40 30 0:61 / /home rw shared:5 - nfs4 srv:/home rw\n"
    files = {"/proc/self/mountinfo": mounts, "/home/marie/Documents/a.odt": ""}
    host = a_device(tmp_path, files)

    (row,) = backups(host, "local_data")

    assert row["holds_data"] == 0
