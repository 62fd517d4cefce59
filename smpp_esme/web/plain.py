"""The short way for plain texts, which is what nearly every request brings, one or five hundred at a time.

`PlainTexts` stands before FastAPI and looks at a request's body first. If it is nothing but plain texts, msgspec reads
it, the gateway keeps it, and msgspec writes the answer; the long way, through FastAPI and pydantic, takes several times
as long. Whatever else a request brings, and whatever may be wrong with it, goes the long way: there is one place where
errors are told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.responses import Response

from smpp_esme.daemon.gateway import BATCH_LIMIT
from smpp_esme.daemon.orders import Order
from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.message.status import aggregates
from smpp_esme.sms.envelope import Sms
from smpp_esme.web import problems
from smpp_esme.web.auth import Scope
from smpp_esme.web.bodies import TEXT_LIMIT

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Connection

    from smpp_esme.daemon.gateway import Gateway
    from smpp_esme.message.message import Message as Kept
    from smpp_esme.web.auth import Caller

#: As the routes have it.
_LONGEST_KEY: Final = 120


class _Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What a plain text may bring; bounds as in `bodies.Submit`, and what is not here goes the long way."""

    to: Annotated[str, Meta(min_length=1, max_length=64)]
    text: Annotated[str, Meta(min_length=1, max_length=TEXT_LIMIT)]
    source: Annotated[str, Meta(max_length=20)] | None = None
    client_reference: Annotated[str, Meta(max_length=128)] | None = None
    priority: Annotated[int, Meta(ge=0, le=3)] = 0
    link: Annotated[str, Meta(max_length=64)] | None = None
    pinned: bool | None = None

    def to_order(self) -> Order:
        """The gateway's form of it."""
        return Order(
            to=self.to,
            content=Sms(self.text),
            source=self.source,
            client_reference=self.client_reference,
            priority=self.priority,
            link=self.link,
            pinned=self.pinned,
        )


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    messages: Annotated[list[_Plain], Meta(min_length=1, max_length=BATCH_LIMIT)]


_one: Final = msgspec.json.Decoder(_Plain)
_several: Final = msgspec.json.Decoder(_Batch)
_written: Final = msgspec.json.Encoder()


class PlainTexts:
    """Answers plain texts itself, before FastAPI looks at them; everything else is its application's.

    Args:
        app: what the other requests are for.
        gateway: what does the work.
    """

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through as it came."""
        way = _WAYS.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        asked = _asked(scope) if way else None
        if way is None or asked is None:
            await self._app(scope, receive, send)
            return
        taken = _Taken(receive)
        orders = way.read(await taken.body())
        answer = await self._answer(way, orders, asked) if orders else None
        if answer is None:
            await self._app(scope, taken.again, send)
            return
        scope["route"] = way
        await answer(scope, receive, send)

    async def _answer(self, way: _Way, orders: Sequence[Order], asked: _Asked) -> Response | None:
        """The answer, unless it is one that the long way knows better."""
        try:
            kept = await self._gateway.submit_batch(orders, key=asked.key, caller=asked.caller)
        except (InvalidValue, EncodingError):
            return None  # nothing was kept; the long way says what is wrong in the caller's words
        except problems.TOLD as error:
            return problems.told(error)
        return Response(way.written([stored(one) for one in kept]), status_code=202, media_type="application/json")


class _Taken:
    """What came of a request, for whoever wants to take it again."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._came: deque[Message] = deque()
        self._error: HTTPException | None = None

    async def body(self) -> bytes:
        """The whole body; what there is of it, where the rest does not come."""
        while True:
            try:
                message = await self._receive()
            except HTTPException as error:  # it is too large, or too slow
                self._error = error
                return b""
            self._came.append(message)
            if message["type"] != "http.request":  # the client has left in the middle
                return b""
            if not message.get("more_body", False):
                return b"".join([one.get("body", b"") for one in self._came])

    async def again(self) -> Message:
        """All of it once more, and then what else comes."""
        if self._came:
            return self._came.popleft()
        if self._error:
            raise self._error
        return await self._receive()


class _Asked(msgspec.Struct, frozen=True):
    """What a request's head says that matters here."""

    key: str | None
    caller: str


def _asked(scope: Connection) -> _Asked | None:
    """The same, if nothing but the body is left to be looked at."""
    caller: Caller = scope["state"]["caller"]
    keys = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    if Scope.SUBMIT not in caller.scopes or types != [b"application/json"] or len(keys) > 1:
        return None
    key = keys[0].decode("latin-1") if keys else None
    return _Asked(key, caller.name) if len(key or "") <= _LONGEST_KEY else None


class _Way(msgspec.Struct, frozen=True):
    """How one of the two routes is read and written."""

    path: str
    read: Callable[[bytes], Sequence[Order] | None]
    written: Callable[[list[dict[str, Any]]], bytes]


def stored(message: Kept) -> dict[str, Any]:
    """The same as `bodies.Stored.of`, ready to be written."""
    statuses = [segment.status for segment in message.segments]
    return {
        "reference": message.reference,
        "client_reference": message.client_reference,
        "kind": message.kind,
        "to": message.destination_addr,
        "source": message.source_addr,
        "link": message.link,
        "pinned": message.pinned,
        "data_coding": message.data_coding,
        "segments": len(message.segments),
        "message_ids": [segment.message_id for segment in message.segments],
        "vendor": [segment.vendor for segment in message.segments],
        "status": message.status,
        "segment_statuses": statuses,
        "aggregate": aggregates(statuses),
        "duplicates": message.duplicates,
        "error": message.error,
        "error_meaning": message.error_meaning,
        "created_at": message.created_at,
        "submitted_at": message.submitted_at,
        "final_at": message.final_at,
    }


def _read_one(body: bytes) -> Sequence[Order] | None:
    try:
        return [_one.decode(body).to_order()]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _read_batch(body: bytes) -> Sequence[Order] | None:
    try:
        return [one.to_order() for one in _several.decode(body).messages]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


_WAYS: Final = {
    "/v1/messages": _Way("/v1/messages", _read_one, lambda told: _written.encode(told[0])),
    "/v1/batches": _Way("/v1/batches", _read_batch, lambda told: _written.encode({"messages": told})),
}
