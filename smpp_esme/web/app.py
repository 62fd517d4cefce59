"""The web application: routes, errors as problem+json, and a bound on every body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from smpp_esme.errors import InvalidValue, SmppError, StoreUnusable, UnknownReference
from smpp_esme.web.bodies import Problem
from smpp_esme.web.routes import routes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from smpp_esme.daemon.gateway import Gateway

_STATUS: Final[dict[type[SmppError], tuple[int, str]]] = {
    InvalidValue: (422, "A value cannot be used"),
    UnknownReference: (404, "Not found"),
    StoreUnusable: (503, "The store cannot be used"),
}

_PROBLEM: Final = "application/problem+json"
#: A body of more octets than so many digits can count is not measured, but refused.
_DIGITS: Final = 18
#: So much of a key that nobody knows is told back.
_LONGEST_NAME: Final = 64


def create_app(gateway: Gateway, *, body_limit: int) -> FastAPI:
    """The application for one gateway.

    Args:
        gateway: what does the work.
        body_limit: octets that a request's body may have.
    """
    # The interactive pages load scripts from elsewhere; the description itself is at /openapi.json.
    app = _Application(title="smpp_esme", version="1", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.gateway = gateway
    app.include_router(routes)
    for error in _STATUS:
        app.add_exception_handler(error, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_middleware(BodyLimit, limit=body_limit)
    return app


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The description, with every error in the form in which it really comes."""
        if self.openapi_schema is None:
            for operations in super().openapi()["paths"].values():
                for operation in operations.values():
                    for status, answer in operation["responses"].items():
                        if status >= "400":
                            answer["content"] = {_PROBLEM: answer["content"].pop("application/json")}
        return super().openapi()


class BodyLimit:
    """Refuses a body beyond a limit, announced or not, before it is in memory."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and count its octets."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        left = self._limit

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, f"the body is larger than {self._limit} octets")
            return message

        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and (len(announced) > _DIGITS or int(announced) > self._limit):
            answer = _problem(Problem(title="Too large", status=413, detail=f"at most {self._limit} octets"))
            await answer(scope, receive, send)
            return
        await self._app(scope, counted, send)


def _problem(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    # In ASCII: a field may be named by the request, and half a surrogate pair cannot be written in UTF-8.
    content = json.dumps(problem.model_dump(exclude_none=True))
    return Response(content, status_code=problem.status, headers=headers, media_type=_PROBLEM)


async def _told(_: Request, error: Exception) -> Response:
    status, title = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    if isinstance(error, InvalidValue):
        return _problem(
            Problem(title=title, status=status, detail=str(error), field=error.field, allowed=error.allowed or None)
        )
    # Whoever asked knows what he asked for, and it may be a number.
    detail = "no message has this reference" if isinstance(error, UnknownReference) else str(error)
    return _problem(Problem(title=title, status=status, detail=detail))


async def _invalid(_: Request, error: Exception) -> Response:
    """The first field that is wrong; what stood in it is not repeated, it may be a text or a number."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    first = error.errors()[0]
    # Where JSON ends to be JSON is a number of octets, and no field.
    path = [] if first["type"] == "json_invalid" else first["loc"][1:]
    field = ".".join(str(part)[:_LONGEST_NAME] for part in path) or "body"
    return _problem(
        Problem(title="The request cannot be read", status=422, detail=f"{field}: {first['msg']}", field=field)
    )


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    return _problem(Problem(title=error.detail, status=error.status_code, detail=error.detail), error.headers)
