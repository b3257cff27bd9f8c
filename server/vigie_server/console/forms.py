"""What a form sends, and how what is wrong with it is told."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import NoReturn

from vigie_server.console.presenters.refusals import told
from vigie_server.console.words import Words
from vigie_server.domain.cards import day
from vigie_server.domain.errors import DeclarationRefused, VigieError


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a form was refused, the language that says it, and the field that is wrong."""

    text: str
    language: str
    field: str = ""


class FormRefused(Exception):
    """What was entered is not valid; the fault says what to do."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Sent:
    """The fields of a form by name."""

    fields: Mapping[str, str]
    words: Words

    def text(self, name: str) -> str:
        """A field without spaces around it; empty where it was not sent."""
        return self.fields.get(name, "").strip()

    def needed(self, name: str, label: str) -> str:
        """A field that must be filled in; `label` names its text. Raises FormRefused."""
        return self.text(name) or self.refuse("form.missing", field=name, label=self.words(label))

    def whole(self, name: str, label: str, *, least: int, most: int) -> int:
        """A whole number within bounds. Raises FormRefused."""
        text = self.text(name)
        number = int(text) if re.fullmatch("[0-9]{1,9}", text) else least - 1
        if not least <= number <= most:
            bounds = {"least": str(least), "most": str(most)}
            self.refuse("form.whole", field=name, label=self.words(label), **bounds)
        return number

    def until(
        self, name: str, label: str, *, after: datetime | None = None, by: datetime | None = None
    ) -> datetime | None:
        """The first instant of a day, in UTC; None where none was sent.

        Raises FormRefused, also for a day that does not come after `after`, or not by `by`.
        """
        text = self.text(name)
        if not text:
            return None
        try:
            found = datetime.combine(date.fromisoformat(day(text)), time(), tzinfo=UTC)
        except ValueError:
            self.refuse("form.day", field=name, label=self.words(label))
        if (after is not None and found <= after) or (by is not None and found > by):
            self.refuse(
                "form.until", field=name, label=self.words(label), by=self.words.day(by or found)
            )
        return found

    def lines(self, name: str) -> list[str]:
        """The lines of a field that are not empty, without spaces around them."""
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]

    def choice(self, name: str, label: str, of: Collection[str]) -> str:
        """One of these values. Raises FormRefused."""
        text = self.text(name)
        return (
            text if text in of else self.refuse("form.choice", field=name, label=self.words(label))
        )

    def given(self, names: tuple[str, ...]) -> Mapping[str, str]:
        """These fields, to show the form again."""
        return {name: self.fields.get(name, "") for name in names}

    def refuse(self, why: str, *, field: str = "", **values: str) -> NoReturn:
        """Raises FormRefused, in the reader's language; `field` is the one that is wrong."""
        raise FormRefused(Fault(self.words(why, **values), self.words.language, field))

    @contextmanager
    def beside(self, field: str) -> Iterator[None]:
        """Has what the domain refuses in the block told beside this field. Raises FormRefused."""
        try:
            yield
        except DeclarationRefused as error:
            fault = Fault(*told(str(error), self.words.language), field)
            raise FormRefused(fault) from error


def fault_of(error: VigieError | FormRefused, language: str, given: Collection[str] = ()) -> Fault:
    """A fault as a page shows it, in the reader's language.

    Refusals that begin with the name of a field that was `given` are told beside it.
    """
    if isinstance(error, FormRefused):
        return error.fault
    named = str(error).partition(":")[0].removesuffix("_at")
    return Fault(*told(str(error), language), named if named in given else "")
