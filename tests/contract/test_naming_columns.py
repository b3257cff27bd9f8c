"""Columns that name people are known of every topic that holds any."""

from vigie_server.bundled import bundled_catalogue
from vigie_server.domain.personal import NAMING, naming_columns
from vigie_server.domain.topics import ColumnType

CATALOGUE = bundled_catalogue()


def test_every_topic_with_personal_data_says_which_columns_they_are() -> None:
    personal = {name for name, topic in CATALOGUE.topics.items() if topic.personal_data}

    assert set(NAMING) == personal
    for name, columns in NAMING.items():
        declared = CATALOGUE.topics[name].columns
        assert columns <= set(declared)
        assert {declared[column].type for column in columns} == {ColumnType.TEXT}


def test_every_column_that_is_an_account_by_its_name_counts() -> None:
    named = {"username", "account", "account_id", "owner", "user"}

    for name, topic in CATALOGUE.topics.items():
        assert named & set(topic.columns) <= NAMING.get(name, frozenset()), name


def test_rules_that_read_no_names_are_left_alone() -> None:
    columns = naming_columns(CATALOGUE)

    assert "Q06-firewall-enabled" not in columns
    assert {"username"} <= frozenset().union(*columns.values())
