"""A message for people, and its two forms: plain text and simple HTML.

What devices and people wrote is data: control characters become spaces, long values are cut,
nothing of it is markup.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from vigie_server.domain.french import spaced

MOST: Final = 300
"""Characters of a text that others wrote."""


@dataclass(frozen=True, slots=True)
class Part:
    """A heading, and lines below it."""

    heading: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Message:
    """What a person reads. `subject` is one line."""

    language: str
    subject: str
    opening: str
    parts: Sequence[Part]
    closing: str


def plain(text: str, most: int = MOST) -> str:
    """One line of text, whatever was written."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    line = " ".join(line.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def in_type(message: Message) -> Message:
    """The message with the spaces that its language wants. A subject breaks nowhere."""
    if message.language != "fr":
        return message
    return Message(
        message.language,
        message.subject,
        spaced(message.opening),
        [Part(spaced(part.heading), list(map(spaced, part.lines))) for part in message.parts],
        spaced(message.closing),
    )


def as_text(message: Message) -> str:
    """The message as plain text."""
    blocks = [message.opening]
    blocks += (
        "\n".join((part.heading, *(f"- {at}" for at in part.lines))) for part in message.parts
    )
    return "\n\n".join((*blocks, f"-- \n{message.closing}")) + "\n"


def as_html(message: Message) -> str:
    """The message as a page without styles, pictures or links."""
    parts = "".join(
        f"<h2>{escape(part.heading)}</h2>"
        + ("<ul>" + "".join(f"<li>{escape(line)}</li>" for line in part.lines) + "</ul>")
        for part in message.parts
    )
    return (
        f'<!DOCTYPE html><html lang="{message.language}"><head><meta charset="utf-8">'
        f"<title>{escape(message.subject)}</title></head><body><p>{escape(message.opening)}</p>"
        f"{parts}<hr><p>{escape(message.closing)}</p></body></html>\n"
    )
