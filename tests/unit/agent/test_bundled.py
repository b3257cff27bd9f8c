"""The shipped packs and topics load whole; what cannot be read is named."""

from pathlib import Path

import pytest

from vigie_agent import bundled
from vigie_agent.domain.errors import PackMalformed, TopicMalformed
from vigie_agent.domain.orders import ServerConfig
from vigie_agent.domain.packs import Host
from vigie_agent.domain.plan import plan


@pytest.mark.parametrize("platform", ["linux", "darwin", "windows"])
def test_the_shipped_packs_answer_every_declared_part(platform: str) -> None:
    topics = bundled.read_topics(bundled.folder("topics"))
    packs = bundled.read_packs(bundled.folder("packs"))

    made = plan(packs, topics, Host(platform, "5.23.1"), ServerConfig())

    declared = {name for name, topic in topics.items() if topic.parts_on(platform)}
    unanswered = [
        f"{topic.topic}/{part.part}"
        for topic in made.topics.values()
        for part in topic.parts
        if part.query is None
    ]
    assert made.problems == ()
    assert unanswered == []
    assert made.topics.keys() == declared


def test_a_folder_of_ones_own_is_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.conf").write_text('{"queries": {} // nothing yet\n}')
    (tmp_path / "a.json").write_text('{"queries": {}}')
    (tmp_path / "notes.txt").write_text("not a pack")

    packs = bundled.read_packs(tmp_path)

    assert [pack.name for pack in packs] == ["a", "b"]


def test_a_configuration_of_osqueryd_brings_each_of_its_packs(tmp_path: Path) -> None:
    packs = '{"fans": {"queries": {"q": {"query": "SELECT 1"}}}}'
    (tmp_path / "osquery.conf").write_text(f'{{"schedule": {{}}, "packs": {packs}}}')

    assert [pack.name for pack in bundled.read_packs(tmp_path)] == ["osquery", "osquery.fans"]


def test_packs_of_the_sites_own_stand_beside_the_shipped_ones(tmp_path: Path) -> None:
    shipped = bundled.read_packs(bundled.folder("packs"))
    (tmp_path / "House.json").write_text('{"queries": {"A b": {"query": "SELECT 1"}}}')

    packs = bundled.packs_beside(shipped, tmp_path)

    assert [pack.name for pack in packs] == [*(pack.name for pack in shipped), "House"]
    assert packs[-1].queries[0].topic == "pack.house.a_b"


def test_a_pack_of_the_sites_own_replaces_no_shipped_one(tmp_path: Path) -> None:
    shipped = bundled.read_packs(bundled.folder("packs"))
    (tmp_path / "firewall.json").write_text('{"queries": {}}')

    with pytest.raises(PackMalformed, match="pack firewall comes with the agent"):
        bundled.packs_beside(shipped, tmp_path)


def test_a_pack_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_bytes(b"\xff\xfe")

    with pytest.raises(PackMalformed, match="pack broken: "):
        bundled.read_packs(tmp_path)


@pytest.mark.parametrize("text", ["topic: [", "5", "topic: !!python/object:os.system {}"])
def test_a_topic_that_is_not_yaml_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.yaml").write_text(text)

    with pytest.raises(TopicMalformed, match=r"broken\.yaml: "):
        bundled.read_topics(tmp_path)
