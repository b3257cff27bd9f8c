"""vigie_logging: what keeps logs, and where they go, however rsyslog and syslog-ng write it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fake_host import a_device, closed, rows_of
from vigie_agent.domain.table import TableRow
from vigie_agent.tables.host import Host
from vigie_agent.tables.log_targets import LogTarget
from vigie_agent.tables.rsyslog import read_rsyslog
from vigie_agent.tables.syslog_ng import read_syslog_ng
from vigie_agent.tables.vigie_logging import size_of, tables

UNIT = {"/usr/lib/systemd/system/systemd-journald.service": "[Unit]\n"}
JOURNALD = "/etc/systemd/journald.conf"
DEBIAN = (
    'module(load="imuxsock") # provides support for local system logging\n'
    "$IncludeConfig /etc/rsyslog.d/*.conf\n"
    "*.*;auth,authpriv.none\t\t-/var/log/syslog\n"
    "*.emerg\t\t\t\t:omusrmsg:*\n"
)
TLS_ACTION = (
    'action(type="omfwd"\n  target="logs.example" port="6514" protocol="TCP"\n'
    '  StreamDriver="gtls" StreamDriverMode="1")\n'
)


def rows(host: Host, part: str, system: str = "linux") -> list[TableRow]:
    found = rows_of(tables(host, system), "vigie_logging")
    return [row for row in found if row["part"] == part]


# --- The journal ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "persistent"),
    [
        ({}, 0),
        ({"/var/log/journal/.keep": ""}, 1),
        ({JOURNALD: "[Journal]\nStorage=persistent\n"}, 1),
        ({JOURNALD: "[Journal]\nStorage=auto\n"}, 0),
        ({JOURNALD: "[Journal]\n#Storage=persistent\n"}, 0),
        ({JOURNALD: "[Journal]\nStorage=volatile\n", "/var/log/journal/.keep": ""}, 0),
        ({JOURNALD: "[Journal]\nStorage=none\n", "/var/log/journal/.keep": ""}, 0),
        # A drop-in beats the file, the administrator's beats one of the same name of the vendor's.
        (
            {
                JOURNALD: "[Journal]\nStorage=persistent\n",
                "/usr/lib/systemd/journald.conf.d/50-x.conf": "[Journal]\nStorage=volatile\n",
            },
            0,
        ),
        (
            {
                "/etc/systemd/journald.conf.d/50-x.conf": "[Journal]\nStorage=persistent\n",
                "/usr/lib/systemd/journald.conf.d/50-x.conf": "[Journal]\nStorage=volatile\n",
            },
            1,
        ),
        (
            {
                "/etc/systemd/journald.conf.d/50-x.conf": "[Journal]\nStorage=persistent\n",
                "/run/systemd/journald.conf.d/90-y.conf": "[Journal]\nStorage=volatile\n",
            },
            0,
        ),
    ],
)
def test_the_setting_that_wins_decides_and_the_folder_where_none_does(
    files: Mapping[str, str], persistent: int, tmp_path: Path
) -> None:
    (row,) = rows(a_device(tmp_path, {**UNIT, **files}), "storage")

    assert (row["name"], row["persistent"]) == ("systemd-journald", persistent)


def test_a_setting_that_cannot_be_read_is_no_default(tmp_path: Path) -> None:
    host = a_device(tmp_path, {**UNIT, "/var/log/journal/.keep": ""})
    closed(host, JOURNALD)

    (row,) = rows(host, "storage")

    assert (row["collected"], row.get("persistent")) == ("no", None)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("500M", 524_288_000),
        ("1G", 2**30),
        ("4096", 4096),
        ("5%", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_a_size_is_told_in_bytes_and_a_share_of_the_disk_is_none(
    written: str, size: int | None
) -> None:
    assert size_of(written) == size


# --- rsyslog --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("*.* @192.0.2.5", ("192.0.2.5:514", "udp", False)),
        ("*.* @@logs.example:10514;RSYSLOG_Fmt", ("logs.example:10514", "tcp", False)),
        ("auth,authpriv.*  @@(z9)logs.example", ("logs.example:514", "tcp", False)),
        ("*.* @[2001:db8::5]:514", ("[2001:db8::5]:514", "udp", False)),
        ("*.* :omrelp:logs.example:2514", ("logs.example:2514", "relp", False)),
        ("if $syslogseverity <= 4 then @@logs.example", ("logs.example:514", "tcp", False)),
        ("if 1 then {\n  @@logs.example:1514\n  stop\n}", ("logs.example:1514", "tcp", False)),
        ("if 1 then { @@logs.example }", ("logs.example:514", "tcp", False)),
        ('*.* {\n  action(type="omfwd" target="l")\n}', ("l:514", "udp", False)),
        (':msg, contains, "error" @logs.example', ("logs.example:514", "udp", False)),
        (
            "$ActionSendStreamDriverMode 1\n*.* @@logs.example:6514",
            ("logs.example:6514", "tcp", True),
        ),
        (
            TLS_ACTION,
            ("logs.example:6514", "tcp", True),
        ),
        ('action(type="omfwd" Target="logs.example")', ("logs.example:514", "udp", False)),
        (
            'ruleset(name="r") { if 1 then { action(type="omrelp" target="l" tls="on") } }',
            ("l:514", "relp", True),
        ),
        (
            'action(type="omelasticsearch" server="https://user:hunter2@es.example:9200")',
            ("es.example:9200", "elasticsearch", True),
        ),
    ],
)
def test_every_way_of_forwarding_is_understood(text: str, told: tuple[str, str, bool]) -> None:
    (target,) = read_rsyslog(text).targets

    assert (target.address, target.protocol, target.encrypted) == told


@pytest.mark.parametrize(
    "text",
    [
        "#*.* @@logs.example",
        '# action(type="omfwd" target="logs.example")',
        "*.* /var/log/all # @logs.example",
        '$template T,"@@logs.example"',
        'action(type="omfile" file="/var/log/a")',
        "*.emerg :omusrmsg:*",
        'action(type="omfwd"',
        "@",
        "((((((",
    ],
)
def test_what_is_commented_out_or_stays_here_is_no_forwarding(text: str) -> None:
    assert read_rsyslog(text).targets == ()


def test_several_targets_of_one_action_are_all_told() -> None:
    text = 'action(type="omfwd" target=["a.example", "b.example"] port="514")'

    assert [target.host for target in read_rsyslog(text).targets] == ["a.example", "b.example"]


def test_drop_ins_are_read_where_they_are_included_and_only_then(tmp_path: Path) -> None:
    drop_in = {"/etc/rsyslog.d/50-out.conf": "*.* @@logs.example:514\n"}
    including = a_device(tmp_path / "a", {"/etc/rsyslog.conf": DEBIAN, **drop_in})
    alone = a_device(tmp_path / "b", {"/etc/rsyslog.conf": "*.* /var/log/all\n", **drop_in})

    (target,) = rows(including, "targets")

    assert (target["target"], target["source"]) == (
        "logs.example:514",
        "/etc/rsyslog.d/50-out.conf",
    )
    assert rows(alone, "targets") == []


def test_a_local_agent_that_takes_the_logs_is_no_collector(tmp_path: Path) -> None:
    text = "*.* @127.0.0.1:5140\n*.* @@localhost\n*.* @[::1]\n"

    assert rows(a_device(tmp_path, {"/etc/rsyslog.conf": text}), "targets") == []


@pytest.mark.parametrize(("text", "kept"), [(DEBIAN, 1), ("*.* @@logs.example\n", 0)])
def test_rsyslog_keeps_what_it_writes_to_files(text: str, kept: int, tmp_path: Path) -> None:
    (row,) = rows(a_device(tmp_path, {"/etc/rsyslog.conf": text}), "storage")

    assert (row["name"], row["persistent"]) == ("rsyslog", kept)


def test_a_file_from_elsewhere_is_not_opened_and_is_told(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/rsyslog.conf": 'include(file="/home/marie/rsyslog.conf")\n',
            "/home/marie/rsyslog.conf": "*.* @@logs.example\n",
        },
    )

    (row,) = rows(host, "targets")

    assert (row["collected"], row["why"]) == (
        "no",
        "/home/marie/rsyslog.conf: not in the allow-list",
    )


def test_a_configuration_that_is_closed_is_told(tmp_path: Path) -> None:
    host = a_device(tmp_path)
    closed(host, "/etc/rsyslog.conf")

    (row,) = rows(host, "targets")

    assert row["collected"] == "no"


# --- syslog-ng ------------------------------------------------------------------------------------

SYSLOG_NG = """
@version: 3.38
@include "/etc/syslog-ng/conf.d/*.conf"
source s_src { system(); internal(); };
destination d_all { file("/var/log/all"); };
destination d_out { network("logs.example" port(6514) transport("tls") tls(ca-dir("/etc/ca"))); };
destination d_idle { tcp("idle.example"); };
# destination d_old { udp("old.example"); };
log { source(s_src); destination(d_all); };
"""


def test_a_destination_counts_once_a_log_path_names_it() -> None:
    unused = read_syslog_ng(SYSLOG_NG)
    used = read_syslog_ng(SYSLOG_NG + "log { source(s_src); destination(d_out); };")

    assert (unused.targets, unused.writes_files) == ((), True)
    assert used.targets == (LogTarget("logs.example", "6514", "tls", encrypted=True),)


def test_a_destination_inside_the_log_path_counts() -> None:
    text = 'log { source(s); destination { syslog("logs.example" transport("udp")); }; };'

    assert read_syslog_ng(text).targets == (
        LogTarget("logs.example", "514", "udp", encrypted=False),
    )


@pytest.mark.parametrize("text", ["destination d {", "log {{{", 'log { destination("', "\0"])
def test_damaged_text_is_no_destination(text: str) -> None:
    assert read_syslog_ng(text).targets == ()


# --- The journal's own sender, macOS --------------------------------------------------------------


def test_the_journals_own_sender_names_its_collector_without_credentials(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {
            "/etc/systemd/journal-upload.conf": "[Upload]\nURL=https://u:hunter2@logs.example:19532\n"
        },
    )

    (row,) = rows(host, "targets")

    assert (row["target"], row["encrypted"]) == ("logs.example:19532", 1)
    assert "hunter2" not in str(row)


def test_the_unified_log_of_a_mac_lasts_and_syslogds_old_file_still_sends(tmp_path: Path) -> None:
    host = a_device(
        tmp_path,
        {"/private/var/db/diagnostics/.keep": "", "/etc/syslog.conf": "*.*\t@logs.example\n"},
    )

    (kept,) = rows(host, "storage", "darwin")
    (sent,) = rows(host, "targets", "darwin")

    assert (kept["name"], kept["persistent"]) == ("unified log", 1)
    assert (sent["name"], sent["target"]) == ("syslogd", "logs.example:514")
