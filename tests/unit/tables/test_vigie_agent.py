"""What the agent tells of itself."""

import pytest

from fake_host import rows_of
from vigie_agent.tables import vigie_agent
from vigie_agent.tables.about_agent import AboutAgent, StartedBy, TopicInForce, started_by


def test_the_agent_tells_its_version_its_rights_and_who_started_it() -> None:
    about = AboutAgent("1.2.3", privileged=True, started_by=StartedBy.SYSTEMD)

    assert rows_of(vigie_agent.tables(about), "vigie_agent") == [
        {
            "version": "1.2.3",
            "privileged": 1,
            "started_by": "systemd",
            "collected": "yes",
            "why": "",
        }
    ]


def test_topics_are_those_in_force_when_asked() -> None:
    about = AboutAgent("1.2.3", privileged=False, started_by=StartedBy.SOMEBODY)
    tables = vigie_agent.tables(about)
    before = rows_of(tables, "vigie_agent_topics")

    about.topics = lambda: [TopicInForce("vpn", 1, "ab"), TopicInForce("accounts", 2, "cd")]

    assert [row["collected"] for row in before] == ["no"]
    assert [
        (row["topic"], row["version"], row["digest"])
        for row in rows_of(tables, "vigie_agent_topics")
    ] == [("accounts", 2, "cd"), ("vpn", 1, "ab")]


def test_a_version_that_may_not_be_read_is_told_to_be_missing() -> None:
    about = AboutAgent("", privileged=False, started_by=StartedBy.SOMEBODY)

    (row,) = rows_of(vigie_agent.tables(about), "vigie_agent")

    assert (row["collected"], row["privileged"]) == ("no", 0)


def test_an_engine_that_was_told_nothing_claims_nothing() -> None:
    tables = vigie_agent.tables(None)

    assert [row["collected"] for row in rows_of(tables, "vigie_agent")] == ["no"]
    assert [row["collected"] for row in rows_of(tables, "vigie_agent_topics")] == ["no"]


@pytest.mark.parametrize(
    ("platform", "cgroups", "parent", "starter"),
    [
        ("linux", "0::/system.slice/vigie-agent.service\n", "", StartedBy.SYSTEMD),
        ("linux", "0::/system.slice/vigie-agent.service/child\n", "", StartedBy.SYSTEMD),
        ("linux", "12:cpu:/\n1:name=systemd:/system.slice/vigie-agent.service\n", "",
         StartedBy.SYSTEMD),
        ("linux", "0::/system.slice/ssh.service\n", "", StartedBy.SOMEBODY),
        ("linux", "0::/user.slice/user-1000.slice/session-2.scope\n", "", StartedBy.SOMEBODY),
        ("linux", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n", "",
         StartedBy.SOMEBODY),
        ("linux", "0::/\n", "", StartedBy.SOMEBODY),
        ("linux", "", "", StartedBy.SOMEBODY),
        ("darwin", "", "launchd", StartedBy.LAUNCHD),
        ("darwin", "", "zsh", StartedBy.SOMEBODY),
        ("windows", "", "services.exe", StartedBy.WINDOWS_SERVICES),
        ("windows", "", "cmd.exe", StartedBy.SOMEBODY),
    ],
)  # fmt: skip
def test_who_started_a_process(
    platform: str, cgroups: str, parent: str, starter: StartedBy
) -> None:
    assert started_by(platform, cgroups=cgroups, parent=parent) is starter
