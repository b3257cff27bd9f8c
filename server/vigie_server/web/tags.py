"""Single resources with an entity tag: who holds the newest is told so, without the body.

A tag is strong (RFC 9110, 8.8.3): it covers the whole representation. Behind that digest stands a
short one of each field. It decides nothing: by it, who sends an older tag can be told which fields
are others now, though nobody keeps what they were.
"""

import json
from collections.abc import Sequence
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

_TAG_BYTES: Final = 16
_FIELD_BYTES: Final = 2
_BETWEEN: Final = "."

_HEADER: Final = {
    "ETag": {
        "description": "Names this state. `If-Match` binds a change to it.",
        "schema": {"type": "string"},
    }
}
TAGGED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"headers": _HEADER},
    304: {
        "description": "What `If-None-Match` names is still the newest: no body.",
        "headers": _HEADER,
    },
}
"""What the documentation says of such a resource's answers."""


def tagged(request: Request, resource: BaseModel) -> Response:
    """The resource with its `ETag`; 304 where `If-None-Match` names it."""
    tag = tag_of(resource)
    given = request.headers.get("if-none-match", "").split(",")
    known = {held.strip().removeprefix("W/") for held in given}
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if not known.isdisjoint({tag, "*"}):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(
        resource.model_dump_json().encode(), media_type="application/json", headers=headers
    )


def tag_of(resource: BaseModel) -> str:
    """The tag of a resource as it is shown, in its quotation marks."""
    whole = _digest(resource.model_dump_json(), _TAG_BYTES)
    return f'"{whole}{_BETWEEN}{"".join(_digests(resource).values())}"'


def changed_since(tag: str, resource: BaseModel) -> Sequence[str]:
    """The fields that are others than in the state of this tag; none: it does not tell."""
    _, _, before = tag.strip('"').partition(_BETWEEN)
    fields = _digests(resource)
    if len(before) != len("".join(fields.values())):
        return ()
    size = 2 * _FIELD_BYTES
    return [
        name
        for place, (name, digest) in enumerate(fields.items())
        if before[place * size : (place + 1) * size] != digest
    ]


def _digests(resource: BaseModel) -> dict[str, str]:
    return {
        name: _digest(json.dumps(value), _FIELD_BYTES)
        for name, value in resource.model_dump(mode="json").items()
    }


def _digest(text: str, size: int) -> str:
    return blake2b(text.encode(), digest_size=size).hexdigest()
