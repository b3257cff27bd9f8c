"""Our own tables, as the allow-list declares them and as they are."""

from vigie_agent.domain.safety_tables import ALLOWED_TABLES
from vigie_agent.tables.catalogue import all_tables
from vigie_agent.tables.host import Host


def test_every_table_of_ours_may_be_asked_with_all_its_columns() -> None:
    ours = {table.name: table for table in all_tables(Host()) if table.name.startswith("vigie_")}

    allowed = {name for name in ALLOWED_TABLES if name.startswith("vigie_")}

    assert allowed == set(ours)
    for name, table in ours.items():
        declared = ALLOWED_TABLES[name]
        assert declared.platforms == table.platforms
        assert [column.name for column in declared.columns] == [c.name for c in table.columns]


def test_a_table_that_is_written_here_under_osquerys_name_has_every_allowed_column() -> None:
    for table in all_tables(Host()):
        declared = ALLOWED_TABLES.get(table.name)
        names = {column.name for column in table.columns}

        assert declared is None or {column.name for column in declared.columns} <= names
