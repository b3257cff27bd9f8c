"""The API's description (OpenAPI): what every route shares is written once, here."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from vigie_server.web.browsers import FILE_BYTES
from vigie_server.web.listing import DEFAULT_PAGE, MAX_PAGE
from vigie_server.web.repeating import HEADER, MAX_KEY
from vigie_server.web.short_ways import ListRouter, ShortLists, ShortWays

OPEN: Final = frozenset({"/healthz", "/readyz"})
"""What answers without a token."""
PROBLEM_JSON: Final = "application/problem+json"
_CHANGES: Final = frozenset({"put", "post", "delete", "patch"})
_METHODS: Final = _CHANGES | {"get"}


class Problem(BaseModel):
    """An error (RFC 9457). `detail` says what happened and what to do."""

    type: str = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["no device 7f3c"])
    errors: list[dict[str, str | int]] | None = Field(
        default=None, description="Each wrong place, where a file was sent."
    )
    changed: list[str] | None = Field(
        default=None,
        description="Fields that are others than in the state that `If-Match` names.",
    )


_SAID: Final = {
    "400": (
        "What was sent cannot be read: a damaged cursor, a body that is not JSON in UTF-8; or a "
        "parameter is not taken here, and the detail names those that are."
    ),
    "401": "No token or session, or one that is not valid.",
    "403": "The token's role or scope does not allow it.",
    "404": "There is no such thing, or it is outside the token's sites.",
    "409": "It clashes with what is there, or the same request is still under way.",
    "412": "It is not as `If-Match` or `If-None-Match` demands: nothing was changed.",
    "422": "What was sent is wrong; the detail says where and what to do.",
    "428": "The server is set to take changes with `If-Match` or `If-None-Match` alone.",
    "429": "The token or account asks too often: try again after `Retry-After` seconds.",
    "503": "The store cannot take it now: try again after `Retry-After` seconds.",
}

_ABOUT: Final = """\
A filter (`site`, `rule`, ...) keeps what it names. One that names what is not there, or is outside
the token's sites, keeps nothing: 200 and an empty list, so that nobody learns what exists
elsewhere. A value that a filter cannot take (`status=nosuch`) is 422, and a parameter that a route
does not take is 400. What a path names is 404 where it is not there, or outside the token's sites.
`/metrics?site=` is 404 then, too: it names the page that is scraped, and an empty one would pass
for a fleet at rest and end its alerts.
"""
_SITE_KEPT: Final = (
    "What is of this site alone. One that does not exist, or is outside the token's sites, keeps "
    "nothing."
)

_REPEATABLE: Final = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "The same request under the same key is done once, and answered alike.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
    "example": "4f9b1a52-0c64-4c0e-9d2e-6f6a54a3b1de",
}


class Documented(FastAPI):
    """An application that describes its errors and its tokens, and answers lists the short way."""

    def __init__(
        self, *, page_most: int = MAX_PAGE, file_most: int = FILE_BYTES, **given: Any
    ) -> None:
        super().__init__(**given)
        self.page_most = page_most
        self.file_most = file_most
        self.short = ShortLists()
        self.add_middleware(ShortWays, lists=self.short)

    def include_router(self, router: APIRouter, **given: Any) -> None:
        """Answers by the routes of `router` too; they are ready to answer from here on.

        With nothing given that changes them, they are taken as they are. FastAPI makes each once
        more when it first looks for one: as dear as the whole application, and on the event loop,
        which sessions of devices share, while the first caller waits.
        """
        if given:
            super().include_router(router, **given)
        else:
            self.router.routes.extend(router.routes)
        if isinstance(router, ListRouter):
            self.short.ways.update(router.ways)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            made = get_openapi(
                title=self.title, version=self.version, description=_ABOUT, routes=self.routes
            )
            _complete(made)
            _bound(made, self.page_most)
            self.openapi_schema = made
        return self.openapi_schema


def _complete(made: dict[str, Any]) -> None:
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    for theirs in ("HTTPValidationError", "ValidationError"):
        schemas.pop(theirs, None)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-vigie",
            "description": "A browser that signed in. Changes need the header `X-CSRF-Token` too.",
        },
    }
    for path, method, operation in _operations(made):
        if path in OPEN:
            continue
        operation["security"] = [{"token": []}, {"session": []}]
        for given in operation.get("parameters", ()):
            if method == "get" and (given["name"], given["in"]) == ("site", "query"):
                given.setdefault("description", _SITE_KEPT)
        statuses = _refusals(method, operation)
        if method == "post":
            operation.setdefault("parameters", []).append(_REPEATABLE)
        for status in sorted(statuses):
            operation["responses"][status] = {
                "description": _SAID[status],
                "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }


def _bound(made: dict[str, Any], page_most: int) -> None:
    """Lists say how many items a page holds here."""
    limits = (
        given
        for _, _, operation in _operations(made)
        for given in operation.get("parameters", ())
        if given["name"] == "limit" and {"type": "null"} in given["schema"].get("anyOf", ())
    )
    for given in limits:
        given["schema"] = {
            "type": "integer",
            "minimum": 1,
            "maximum": page_most,
            "default": min(DEFAULT_PAGE, page_most),
        }


def _refusals(method: str, operation: dict[str, Any]) -> set[str]:
    named = {given["name"]: given["in"] for given in operation.get("parameters", ())}
    statuses = {"400", "401", "403", "429", "503"}
    if named or "requestBody" in operation:
        statuses.add("422")
    if "path" in named.values() or (method in _CHANGES and "site" in named):
        statuses.add("404")
    if method in _CHANGES:
        statuses.update(("409", "412"))
    if "428" in operation["responses"]:
        statuses.add("428")
    return statuses


def _operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            if method in _METHODS:
                yield path, method, operation
