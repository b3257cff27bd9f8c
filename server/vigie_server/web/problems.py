"""Errors as `application/problem+json` (RFC 9457): what happened, and what to do."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from vigie_server.domain.errors import (
    AccountEnded,
    ActRefused,
    BackupRefused,
    ConditionFailed,
    ConditionMissing,
    CursorRefused,
    DeclarationRefused,
    DeviceCloned,
    DeviceRetired,
    FleetNotRead,
    InUse,
    KeyUsedOtherwise,
    MalformedRequest,
    NotFound,
    ProviderRefused,
    RateLimited,
    ReportNotMade,
    ReportsBusy,
    RequestUnderWay,
    RulesMalformed,
    SecretUnreadable,
    SettingsMalformed,
    SignInRefused,
    StoreBusy,
    StoreMisused,
    StoreRefused,
    TokenRefused,
    UnknownDevice,
    VigieError,
)

STATUS_OF: Final[Mapping[type[VigieError], HTTPStatus]] = {
    AccountEnded: HTTPStatus.FORBIDDEN,
    ActRefused: HTTPStatus.CONFLICT,
    BackupRefused: HTTPStatus.INTERNAL_SERVER_ERROR,
    ConditionFailed: HTTPStatus.PRECONDITION_FAILED,
    ConditionMissing: HTTPStatus.PRECONDITION_REQUIRED,
    CursorRefused: HTTPStatus.BAD_REQUEST,
    DeclarationRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    DeviceCloned: HTTPStatus.CONFLICT,
    DeviceRetired: HTTPStatus.GONE,
    FleetNotRead: HTTPStatus.SERVICE_UNAVAILABLE,
    InUse: HTTPStatus.CONFLICT,
    KeyUsedOtherwise: HTTPStatus.UNPROCESSABLE_ENTITY,
    MalformedRequest: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    ProviderRefused: HTTPStatus.BAD_GATEWAY,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    ReportNotMade: HTTPStatus.INTERNAL_SERVER_ERROR,
    ReportsBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    RequestUnderWay: HTTPStatus.CONFLICT,
    RulesMalformed: HTTPStatus.INTERNAL_SERVER_ERROR,
    SecretUnreadable: HTTPStatus.INTERNAL_SERVER_ERROR,
    SettingsMalformed: HTTPStatus.INTERNAL_SERVER_ERROR,
    SignInRefused: HTTPStatus.UNAUTHORIZED,
    StoreBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreMisused: HTTPStatus.INTERNAL_SERVER_ERROR,
    StoreRefused: HTTPStatus.CONFLICT,
    TokenRefused: HTTPStatus.UNAUTHORIZED,
    UnknownDevice: HTTPStatus.NOT_FOUND,
}

RETRY_AFTER_SECONDS: Final = 5


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    faults: Sequence[Mapping[str, str | int]] = (),
    changed: Sequence[str] = (),
) -> JSONResponse:
    """One problem document; `detail` is for people and says what to do.

    `faults` become its member `errors`: each wrong place of what was sent. `changed`: fields that
    are others than the sender of a condition has read.
    """
    told: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
    }
    if faults:
        told["errors"] = [dict(fault) for fault in faults]
    if changed:
        told["changed"] = list(changed)
    return JSONResponse(
        told,
        status_code=status.value,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def retry_after(error: VigieError) -> int:
    """Seconds after which to try again what can be tried again."""
    after = error.after if isinstance(error, RateLimited) else None
    return RETRY_AFTER_SECONDS if after is None else max(1, ceil(after))


def install(app: FastAPI) -> None:
    """Makes every error of the application a problem document."""
    app.add_exception_handler(VigieError, _raised)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)


async def _raised(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001 (FastAPI's shape)
    assert isinstance(error, VigieError)  # noqa: S101 (narrows for the type checker)
    return raised(error)


def raised(error: VigieError) -> JSONResponse:
    """The problem document of an error of ours."""
    status = STATUS_OF[type(error)]
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retryable:
        headers["Retry-After"] = str(retry_after(error))
    if isinstance(error, ConditionFailed):
        if error.tag is not None:
            headers["ETag"] = error.tag
        return problem(status, str(error), headers=headers, changed=error.fields)
    faults = error.faults if isinstance(error, DeclarationRefused) else ()
    return problem(status, str(error), headers=headers, faults=faults)


async def _refused(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001 (FastAPI's shape)
    assert isinstance(error, HTTPException)  # noqa: S101 (narrows for the type checker)
    detail = str(error.detail)
    if isinstance(error.__cause__, UnicodeDecodeError):  # FastAPI names no cause and no cure
        detail = "the body is not UTF-8: send JSON in UTF-8"
    return problem(HTTPStatus(error.status_code), detail, headers=error.headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001 (FastAPI's shape)
    assert isinstance(error, RequestValidationError)  # noqa: S101 (narrows for the type checker)
    told = "; ".join(
        f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}"
        for fault in error.errors()
    )
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, told)
