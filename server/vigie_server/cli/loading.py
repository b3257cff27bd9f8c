"""A group of commands each of which loads when it is called, or when its own help is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from vigie_server.garbage import not_looked_for


@dataclass(frozen=True, slots=True)
class Later:
    """Where a command is in this package, and the first sentence of its help.

    Raises TypeError when something else than a command is there.
    """

    module: str
    name: str
    brief: str

    def load(self) -> click.Command:
        """The command itself, with all that it uses."""
        with not_looked_for():
            found = getattr(import_module(f"vigie_server.{self.module}"), self.name)
        if not isinstance(found, click.Command):
            raise TypeError(f"{self.name} of {self.module} is no command")
        return found


class LoadedWhenCalled(click.Group):
    """A group that knows its commands by name, and loads the one that is asked for."""

    def __init__(self, *args: Any, later: Mapping[str, Later], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.later = later

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.later])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        later = self.later.get(cmd_name)
        return super().get_command(ctx, cmd_name) if later is None else later.load()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's own form)
        briefs = {name: command.get_short_help_str() for name, command in self.commands.items()}
        briefs |= {name: command.brief for name, command in self.later.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(briefs.items()))
