"""Errors as problem+json (RFC 9457): what was wrong, where, and the way out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from smpp_esme.errors import (
    InvalidValue,
    ResponseTimeout,
    SessionClosed,
    SmppError,
    StoreOutage,
    StoreUnusable,
    UnknownEndpoint,
    UnknownLink,
    UnknownReference,
)
from smpp_esme.web.bodies import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

MEDIA_TYPE: Final = "application/problem+json"

_STATUS: Final[dict[type[SmppError], tuple[int, str]]] = {
    InvalidValue: (422, "A value cannot be used"),
    UnknownReference: (404, "Not found"),
    UnknownEndpoint: (404, "Not found"),
    UnknownLink: (404, "Not found"),
    StoreUnusable: (503, "The store cannot be used"),
    SessionClosed: (503, "The link cannot be used"),
    ResponseTimeout: (504, "The SMSC did not answer"),
}

#: The errors that are told by what they are.
TOLD: Final = tuple(_STATUS)
#: Seconds after which the store may be usable again.
_LATER: Final = "5"
_UNREADABLE: Final = "The request cannot be read"
#: What curl's -d says by itself is that a form comes, and then no body is found at all.
_NO_JSON: Final = Problem(
    title=_UNREADABLE,
    status=422,
    detail="Content-Type: the body is not said to be JSON; application/json",
    field="Content-Type",
    allowed="application/json",
)
#: So much of a key that nobody knows is told back.
_LONGEST_NAME: Final = 64


def tell_errors(app: FastAPI) -> None:
    """Have every error answered as a problem."""
    for error in _STATUS:
        app.add_exception_handler(error, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The response that tells a problem."""
    # In ASCII: a field may be named by the request, and half a surrogate pair cannot be written in UTF-8.
    content = json.dumps(problem.model_dump(exclude_none=True))
    return Response(content, status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)


def refusal(error: HTTPException) -> Response:
    """The same for an error that has its status already."""
    return answer(Problem(title=error.detail, status=error.status_code, detail=error.detail), error.headers)


async def _told(_: Request, error: Exception) -> Response:
    return told(error)


def told(error: Exception) -> Response:
    """The response that tells one of the errors in `TOLD`."""
    status, title = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    if isinstance(error, InvalidValue):
        return answer(
            Problem(title=title, status=status, detail=str(error), field=error.field, allowed=error.allowed or None)
        )
    # Whoever asked knows what he asked for, and it may be a number.
    detail = "no message has this reference" if isinstance(error, UnknownReference) else str(error)
    headers = {"Retry-After": _LATER} if isinstance(error, StoreOutage) else None
    return answer(Problem(title=title, status=status, detail=detail), headers)


async def _invalid(request: Request, error: Exception) -> Response:
    """The first field that is wrong; what stood in it is not repeated, it may be a text or a number."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    first = error.errors()[0]
    if first["loc"] == ("body",) and "json" not in request.headers.get("content-type", ""):
        return answer(_NO_JSON)
    # Where JSON ends to be JSON is a number of octets, and no field.
    path = [] if first["type"] == "json_invalid" else first["loc"][1:]
    field = ".".join(str(part)[:_LONGEST_NAME] for part in path) or "body"
    wrong = "there is no such field" if first["type"] == "extra_forbidden" else first["msg"]
    return answer(Problem(title=_UNREADABLE, status=422, detail=f"{field}: {wrong}", field=field))


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    return refusal(error)
