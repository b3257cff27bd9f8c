"""Single resources with an entity tag: who holds the newest is told so, without the body."""

from hashlib import blake2b
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

_TAG_BYTES: Final = 16

TAGGED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "What `If-None-Match` names is still the newest: no body."}
}
"""What the documentation says of such a resource's answers."""


def tagged(request: Request, resource: BaseModel) -> Response:
    """The resource with its `ETag`; 304 where `If-None-Match` names it."""
    content = resource.model_dump_json().encode()
    tag = f'"{blake2b(content, digest_size=_TAG_BYTES).hexdigest()}"'
    given = request.headers.get("if-none-match", "").split(",")
    known = {held.strip().removeprefix("W/") for held in given}
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if not known.isdisjoint({tag, "*"}):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(content, media_type="application/json", headers=headers)
