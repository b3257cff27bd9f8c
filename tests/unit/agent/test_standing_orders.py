"""The server's orders are kept over a restart, and never cost the shipped packs."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from vigie_agent.domain.orders import Limits, ServerConfig
from vigie_agent.domain.packs import Host, Pack, read_pack
from vigie_agent.services.standing_orders import StandingOrders

SHIPPED = read_pack('{"queries": {"q": {"query": "SELECT 1", "interval": 60}}}', name="shipped")
ORDERED = '{"queries": {"q": {"query": "SELECT 2", "interval": 120, "version": "5.9"}}}'
CONFIG = ServerConfig(
    digest=b"\x01" * 16,
    packs={"ordered": ORDERED},
    topic_intervals={"pack.shipped.q": timedelta(minutes=5)},
)


def orders_in(folder: Path, *, version: Callable[[], str] = lambda: "5.23.1") -> StandingOrders:
    shipped: tuple[Pack, ...] = (SHIPPED,)
    return StandingOrders(
        folder / "config.json", shipped=shipped, topics={}, host=lambda: Host("linux", version())
    )


def test_without_orders_the_shipped_packs_are_in_force(tmp_path: Path) -> None:
    orders = orders_in(tmp_path)

    assert list(orders.plan().topics) == ["pack.shipped.q"]
    assert orders.config_digest == b""


def test_an_order_is_in_force_at_once_and_told(tmp_path: Path) -> None:
    orders, told = orders_in(tmp_path), list[str]()
    orders.on_change = lambda: told.append("changed")

    orders.follow(CONFIG)

    intervals = {name: topic.interval for name, topic in orders.plan().topics.items()}
    assert intervals == {
        "pack.ordered.q": timedelta(minutes=2),
        "pack.shipped.q": timedelta(minutes=5),
    }
    assert told == ["changed"]


def test_an_order_may_be_a_configuration_of_osqueryd(tmp_path: Path) -> None:
    orders = orders_in(tmp_path)

    orders.follow(ServerConfig(packs={"site": f'{{"packs": {{"fans": {ORDERED}}}}}'}))

    assert set(orders.plan().topics) == {"pack.shipped.q", "pack.site.fans.q"}


def test_orders_outlive_a_restart(tmp_path: Path) -> None:
    orders_in(tmp_path).follow(CONFIG)

    again = orders_in(tmp_path)

    assert again.config_digest == CONFIG.digest
    assert set(again.plan().topics) == {"pack.ordered.q", "pack.shipped.q"}


def test_disabled_topics_outlive_a_restart(tmp_path: Path) -> None:
    orders_in(tmp_path).follow(ServerConfig(disabled_topics=frozenset({"pack.shipped.q"})))

    assert orders_in(tmp_path).plan().topics == {}


def test_a_pack_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    orders = orders_in(tmp_path)

    orders.follow(ServerConfig(packs={"broken": "{", "ordered": ORDERED}))

    plan = orders.plan()
    assert set(plan.topics) == {"pack.ordered.q", "pack.shipped.q"}
    assert plan.problems[0].startswith("pack broken: line 1")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"digest": "zz"}', '{"digest": 5}'])
def test_a_damaged_file_leaves_the_shipped_packs_and_asks_for_the_orders_again(
    tmp_path: Path, damage: str
) -> None:
    (tmp_path / "config.json").write_text(damage)

    orders = orders_in(tmp_path)

    assert list(orders.plan().topics) == ["pack.shipped.q"]
    assert orders.config_digest == b""


def test_orders_that_cannot_be_kept_are_in_force_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    orders = orders_in(tmp_path / "data")

    orders.follow(CONFIG)

    assert orders.config_digest == CONFIG.digest


def test_the_plan_follows_the_version_of_the_engine_once_it_is_known(tmp_path: Path) -> None:
    version = ["5.8.1"]
    orders = orders_in(tmp_path, version=lambda: version[0])
    orders.follow(CONFIG)
    before = orders.plan().topics["pack.ordered.q"].parts[0].query

    version[0] = "5.9.0"

    assert before is None
    assert orders.plan().topics["pack.ordered.q"].parts[0].query is not None


def test_the_limits_of_the_server_are_in_force_once_told(tmp_path: Path) -> None:
    orders = orders_in(tmp_path)

    orders.limit(Limits(max_rows=7))

    assert orders.limits().max_rows == 7
