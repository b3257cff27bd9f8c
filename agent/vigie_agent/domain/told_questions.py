"""Approved live questions, as far as the register tells them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToldQuestion:
    """A question that a server may ask directly, by language; `personal` is empty for none."""

    title: Mapping[str, str]
    personal: Mapping[str, str]
