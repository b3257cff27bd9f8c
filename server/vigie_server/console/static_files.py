"""The console's own files: they hold nothing of anybody, and need no token."""

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from vigie_server.console.shell import Shell

FOR_EVER: Final = "public, max-age=31536000, immutable"
"""Their address changes with their content."""


def static_files(shell: Shell) -> APIRouter:
    """The routes of style sheet, script and icon."""
    router = shell.router()

    @router.get("/static/{name}")
    async def file(name: str) -> Response:
        """A file by its name."""
        found = shell.assets.get(name)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"no file {name}")
        headers = {"Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff"}
        return Response(found.content, media_type=found.kind, headers=headers)

    return router
