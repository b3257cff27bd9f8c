"""Parameters that a route does not take are refused: a misspelt one would mean nothing.

`?sites=` would be the whole fleet instead of one site, `?dryrun=true` a change in earnest. What a
route takes is what it declares, and so what the API's description tells of it.
"""

from collections.abc import Iterator
from http import HTTPStatus

from fastapi import HTTPException, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from vigie_server.domain.suggesting import meant


def refuse_unknown(request: Request) -> None:
    """Raises HTTPException (400) for a parameter of the query that the route does not take."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute):
        return
    takes = taken_by(route)
    others = [name for name in dict.fromkeys(request.query_params) if name not in takes]
    if not others:
        return
    given = ", ".join(f"`{name}`" for name in others)
    known = ", ".join(f"`{name}`" for name in takes) or "no parameters"
    raise HTTPException(
        HTTPStatus.BAD_REQUEST,
        f"{route.path} does not take {given}{meant(others[0], takes)} (it takes {known})",
    )


def taken_by(route: APIRoute) -> tuple[str, ...]:
    """The names of the parameters of the query that a route takes, each once."""
    return tuple(dict.fromkeys(_names(route.dependant)))


def _names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for inner in dependant.dependencies:
        yield from _names(inner)
