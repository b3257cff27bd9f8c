"""Settings of the threads that answer the lists of devices and of changes."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from vigie_server.setting_values import Group, Span


class ListsSettings(Group):
    """How lists that wait are answered together.

    `threads` answer them, and more, up to `threads_most`, while one of them is at a turn for longer
    than `held_up`. A turn takes `together` requests at most, and after `slow` no further one.
    """

    threads: int = Field(2, ge=1, le=32)
    threads_most: int = Field(4, ge=1, le=64)
    held_up: Span = Field(timedelta(milliseconds=200), gt=timedelta(0))
    together: int = Field(8, ge=1, le=100)
    slow: Span = Field(timedelta(milliseconds=50), gt=timedelta(0))

    @model_validator(mode="after")
    def _most_is_most(self) -> Self:
        if self.threads_most < self.threads:
            raise ValueError("threads_most is less than threads")
        return self
