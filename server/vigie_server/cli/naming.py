"""Refusals name what is wrong by its field, as the API does; a command names its own option."""

import re
from collections.abc import Sequence
from typing import Final

import click

_FIELD: Final = re.compile(r"([a-z]+(?:_[a-z]+)*): ")


def by_option(text: str, parameters: Sequence[click.Parameter]) -> str:
    """The refusal with the option, or the argument, in the place of the field it begins with."""
    field = _FIELD.match(text)
    if field is None:
        return text
    name = field[1]
    # An instant is a day here, and has the name without `_at`; or that alone, where it is one.
    for wanted in (name, name.removesuffix("_at"), name.rpartition("_")[2]):
        for parameter in parameters:
            if parameter.name == wanted:
                return f"{_shown(parameter)}: {text[field.end() :]}"
    return text


def _shown(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.human_readable_name
    return max(parameter.opts, key=len)
