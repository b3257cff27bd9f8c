"""Inventories as CSV: whole, told where unread, and harmless in a spreadsheet."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.v1.digest import canonical_form
from vigie_server.bundled import topics_folder
from vigie_server.domain.errors import NotFound
from vigie_server.domain.site_figures import Inventory
from vigie_server.domain.topics import Topic, load_topics
from vigie_server.ports.declaring import Act
from vigie_server.ports.maturity import DeviceAnswer, ReviewRecord, WrittenInventory
from vigie_server.services.generated_inventory import GeneratedInventory

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@cache
def topics() -> dict[str, Topic]:
    return dict(load_topics(topics_folder()))


class OneSite:
    """The answers of the one site `Les Tilleuls`."""

    def __init__(self, answers: Sequence[DeviceAnswer]) -> None:
        self._answers = answers

    def answers(self, site: str, topic: str) -> Iterator[DeviceAnswer]:  # noqa: ARG002
        if site != "Les Tilleuls":
            raise NotFound(f"no site {site}")
        return iter(self._answers)

    def reviews(self, site: str, *, days: int, now: datetime) -> Sequence[ReviewRecord]:
        raise NotImplementedError

    def review(self, site: str, inventory: Inventory, complement: str, act: Act) -> None:
        raise NotImplementedError


def an_answer(*names: str, status: int = 1, message: str = "") -> DeviceAnswer:
    values = [value for name in names for value in ("yes", name, "deb", "1.0")]
    form = canonical_form(
        topic="software",
        topic_version=1,
        status=status,
        message=message,
        columns=["collected", "name", "part", "version"] if names else [],
        values=values,
    )
    return DeviceAnswer("d1", "accueil", "linux", NOW, form)


def table_of(*answers: DeviceAnswer) -> list[dict[str, str]]:
    files = GeneratedInventory(OneSite(answers), topics())
    text = "".join(files.csv("Les Tilleuls", WrittenInventory.SOFTWARE))
    return list(csv.DictReader(StringIO(text, newline="")))


def test_each_row_names_its_device_and_the_day_it_was_seen() -> None:
    (row,) = table_of(an_answer("vlc"))

    assert row["device_name"] == "accueil"
    assert row["observed_on"] == "2026-06-01"
    assert (row["name"], row["version"]) == ("vlc", "1.0")


@pytest.mark.parametrize("what", WrittenInventory)
def test_no_column_is_there_twice(what: WrittenInventory) -> None:
    (head,) = GeneratedInventory(OneSite([]), topics()).csv("Les Tilleuls", what)

    columns = head.strip().split(",")
    assert len(set(columns)) == len(columns)


def test_a_device_whose_software_could_not_be_read_is_told() -> None:
    (row,) = table_of(an_answer(status=5, message="needs root"))

    assert (row["collected"], row["why"]) == ("no", "needs root")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1"])
def test_no_cell_is_a_formula(name: str) -> None:
    (row,) = table_of(an_answer(name))

    assert row["name"].startswith("'")
    assert row["name"][1:].strip() == name.strip()


def test_a_site_that_does_not_exist_is_refused_before_the_first_line() -> None:
    files = GeneratedInventory(OneSite([]), topics())

    with pytest.raises(NotFound):
        files.csv("Ailleurs", WrittenInventory.SOFTWARE)


@given(names=st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_names_come_through_a_spreadsheet_whatever_they_hold(names: list[str]) -> None:
    rows = table_of(an_answer(*names))

    assert len(rows) == len(names)
    assert not any(row["name"].lstrip(" ").startswith(("=", "+", "-", "@")) for row in rows)
