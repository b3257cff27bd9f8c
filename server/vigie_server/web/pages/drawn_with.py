"""`/static`: the files that pages are drawn with, from this package alone, and the icon."""

from collections.abc import Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

_TYPES: Final[Mapping[str, str]] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
_DRAWN: Final = files("vigie_server.web.pages") / "static"
ICON: Final = _DRAWN / "vigie.svg"
"""The icon of every page, the console's too."""
_KEPT: Final = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}


def static_router() -> APIRouter:
    """Serves each file by its name; they are read once, at the start."""
    router = APIRouter(include_in_schema=False)
    held = {
        one.name: (one.read_bytes(), _TYPES[one.name.rpartition(".")[2]])
        for one in _DRAWN.iterdir()
        if one.is_file()
    }

    @router.get("/static/{name}")
    async def show_file(name: str) -> Response:
        if name not in held:
            raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such file")
        content, kind = held[name]
        return Response(content, media_type=kind, headers=_KEPT)

    @router.get("/favicon.ico")
    async def show_icon() -> Response:
        """Where browsers look for it beside what names none, such as an answer in JSON."""
        return await show_file(ICON.name)

    return router
