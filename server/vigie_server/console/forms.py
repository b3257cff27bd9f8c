"""What a form sends: `application/x-www-form-urlencoded`, bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

from fastapi import HTTPException, Request

LONGEST: Final = 64 * 1024
"""Bytes of a form."""
MOST_FIELDS: Final = 500
URLENCODED: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Sent:
    """The fields of a form by name."""

    fields: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        """A field without spaces around it; empty where it was not sent."""
        return next(iter(self.fields.get(name, ())), "").strip()

    def texts(self, name: str) -> Sequence[str]:
        """Every value of a field that may be chosen several times."""
        return [text.strip() for text in self.fields.get(name, ()) if text.strip()]


NOTHING: Final = Sent({})


async def sent_form(request: Request) -> Sent:
    """The form of a request; 413, 415 or 400 where it is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != URLENCODED:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send the form as {URLENCODED}")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a form has at most {LONGEST} bytes"
            )
    try:
        return Sent(
            parse_qs(
                body.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=MOST_FIELDS,
            )
        )
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the form cannot be read") from error
