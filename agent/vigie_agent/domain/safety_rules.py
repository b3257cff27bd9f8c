"""What holds in one proof: the tables there are, the places of the driven ones, and their links."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto

from vigie_agent.domain.safety_links import Instance
from vigie_agent.domain.safety_places import NOWHERE, Places
from vigie_agent.domain.safety_prepare import StandIn
from vigie_agent.domain.safety_tables import ALLOWED_TABLES

PlacesOf = Mapping[str, Mapping[str, Places]]
"""By table and driving column."""


class Linked(StrEnum):
    """What has become of the joins of a driven table with another one."""

    NOT = auto()  # there are none
    IN_PLACE = auto()
    TAKEN_AWAY = auto()


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one proof. An instance of a linked table goes by a name of its own."""

    platform: str
    places: PlacesOf
    instances: Mapping[str, Instance] = field(default_factory=dict)
    links: Linked = Linked.NOT

    def with_links(self, instances: Mapping[str, Instance], links: Linked) -> "Rules":
        """The same rules, for a statement in which `instances` are linked."""
        of_instances = {name: self.places[each.table] for name, each in instances.items()}
        return Rules(self.platform, {**self.places, **of_instances}, instances, links)

    def table_of(self, name: str) -> str:
        """The table behind an instance's name, or the name itself."""
        return self.instances[name].table if name in self.instances else name

    def links_of(self, name: str) -> Linked:
        """What has become of the links of the table or instance `name`."""
        return self.links if name in self.instances else Linked.NOT

    def places_for(self, name: str, column: str) -> tuple[Places, ...]:
        """The places of a driving column; for an instance, those of every linked table."""
        if name not in self.instances:
            return (self.places[name][column],)
        tables = sorted({instance.table for instance in self.instances.values()})
        return tuple(self.places[table].get(column, NOWHERE) for table in tables)

    def stand_ins(self, statement: str) -> Iterator[StandIn]:
        """Stand-ins for the tables and instances whose names occur in the text at all."""
        text = statement.lower()
        for name in (*ALLOWED_TABLES, *self.instances):
            table = ALLOWED_TABLES[self.table_of(name)]
            if name in text and self.platform in table.platforms:
                columns = ((each.name, self.platform in each.shown_on) for each in table.columns)
                yield StandIn(name, tuple(columns))
