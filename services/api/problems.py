"""Errors as RFC 9457 problems: the one place that turns exceptions into answers."""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from schemas.api import Problem
from schemas.errors import ErrorItem, QuireError, Refused
from services.faults import items_of, summary

MEDIA_TYPE = "application/problem+json"
_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "refused",
    404: "route_not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "payload_too_large",
    415: "unsupported_media_type",
    422: "request_invalid",
}
_log = logging.getLogger("quire.api")


def problem(
    status: int,
    code: str,
    detail: str,
    request_id: str,
    *,
    retryable: bool = False,
    errors: Sequence[ErrorItem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = Problem(
        type=f"urn:quire:error:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        retryable=retryable,
        request_id=request_id,
        errors=list(errors),
    )
    return Response(
        orjson.dumps(body.model_dump(mode="json")),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def request_id_of(request: Request) -> str:
    return str(request.scope.get("quire.request_id", ""))


def of_error(error: QuireError, request_id: str) -> Response:
    """The answer to one of our own errors; what is ours to mend goes into the log."""
    headers: dict[str, str] = {}
    if isinstance(error, Refused):
        headers |= error.headers
        if error.challenge is not None:
            headers["WWW-Authenticate"] = error.challenge
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    elif error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "2"
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("answered %s %s", error.status, error.code, exc_info=error)
    return problem(
        error.status,
        error.code,
        error.detail,
        request_id,
        retryable=error.retryable,
        errors=error.errors,
        headers=headers,
    )


async def _quire_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, QuireError)
    return of_error(error, request_id_of(request))


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    items = items_of(error.errors())
    return problem(422, "request_invalid", summary(items), request_id_of(request), errors=items)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, headers = str(error.detail), dict(error.headers or {})
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = "there is nothing at this address"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
        detail = f"{request.method} is not possible here"
    code = _CODES.get(error.status_code, "http_error")
    return problem(error.status_code, code, detail, request_id_of(request), headers=headers)


def _allowed(request: Request) -> list[str]:
    """All methods of the address: the router names only those of the first route that fits."""
    methods: set[str] = set()
    paths = request.app.openapi()["paths"]
    if request.url.path in paths:
        return sorted(method.upper() for method in paths[request.url.path])
    for template, operations in paths.items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), request.url.path):
            methods |= {method.upper() for method in operations}
    return sorted(methods)


async def _unexpected(request: Request, error: Exception) -> Response:
    del error  # the server logs it with its traceback; its text may hold what callers must not see
    return problem(500, "internal", "something went wrong on our side", request_id_of(request))


def install(app: FastAPI) -> None:
    handlers: dict[Any, Any] = {
        QuireError: _quire_error,
        RequestValidationError: _validation,
        HTTPException: _http,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
