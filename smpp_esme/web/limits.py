"""Bounds on what one request may bring, and on the time it may take to bring it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException

from smpp_esme.web import problems
from smpp_esme.web.bodies import Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: A body of more octets than so many digits can count is not measured, but refused.
_DIGITS: Final = 18


class BodyLimit:
    """Refuses a body beyond a limit, announced or not, before it is in memory, and one that does not come to its end.

    Args:
        app: what the request is for.
        limit: octets that a body may have.
        patience: seconds that it may take.
    """

    def __init__(self, app: ASGIApp, limit: int, patience: float) -> None:
        self._app = app
        self._limit = limit
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and count its octets."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and (len(announced) > _DIGITS or int(announced) > self._limit):
            answer = problems.answer(Problem(title="Too large", status=413, detail=f"at most {self._limit} octets"))
            await answer(scope, receive, send)
            return
        await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        left = self._limit
        deadline = asyncio.get_running_loop().time() + self._patience
        whole = False

        async def counted() -> Message:
            nonlocal left, whole
            if whole:  # what comes now is word of the connection's end, and that has time
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the body did not come within {self._patience:g} seconds") from None
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, f"the body is larger than {self._limit} octets")
            whole = not message.get("more_body", False)
            return message

        return counted
