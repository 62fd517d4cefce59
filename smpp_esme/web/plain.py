"""The short way for plain texts, which is what nearly every request brings, one or five hundred at a time.

A route of this class looks at a request's body first. If it is nothing but plain texts, msgspec reads it, the gateway
keeps it, and msgspec writes the answer; the long way, through FastAPI and pydantic, takes several times as long.
Whatever else a request brings, and whatever may be wrong with it, goes the long way: there is one place where errors
are told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from fastapi import Response
from fastapi.routing import APIRoute
from msgspec import Meta

from smpp_esme.daemon.gateway import BATCH_LIMIT, Order
from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.sms.envelope import Sms
from smpp_esme.web.auth import Scope
from smpp_esme.web.bodies import TEXT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from fastapi import Request

    from smpp_esme.daemon.gateway import Gateway
    from smpp_esme.message.message import Message
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

    def to_order(self) -> Order:
        """The gateway's form of it."""
        return Order(
            to=self.to,
            content=Sms(self.text),
            source=self.source,
            client_reference=self.client_reference,
            priority=self.priority,
            link=self.link,
        )


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    messages: Annotated[list[_Plain], Meta(min_length=1, max_length=BATCH_LIMIT)]


_one: Final = msgspec.json.Decoder(_Plain)
_several: Final = msgspec.json.Decoder(_Batch)
_written: Final = msgspec.json.Encoder()


class PlainTexts(APIRoute):
    """A route that takes one message or a batch, and knows a short way for plain texts."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The short way before the long one."""
        long_way = super().get_route_handler()
        read = _read_batch if self.path.endswith("/batches") else _read_one

        async def handle(request: Request) -> Response:
            orders = read(await request.body()) if _is_simple(request) else None
            if orders is None:
                return await long_way(request)
            gateway: Gateway = request.app.state.gateway
            try:
                key = request.headers.get("idempotency-key")
                kept = await gateway.submit_batch(orders, key=key, caller=request.state.caller.name)
            except (InvalidValue, EncodingError):
                return await long_way(request)  # nothing was kept; it says what is wrong in the caller's words
            told = [stored(one) for one in kept]
            body = {"messages": told} if read is _read_batch else told[0]
            return Response(_written.encode(body), status_code=202, media_type="application/json")

        return handle


def stored(message: Message) -> dict[str, Any]:
    """The same as `bodies.Stored.of`, ready to be written."""
    return {
        "reference": message.reference,
        "client_reference": message.client_reference,
        "kind": message.kind,
        "to": message.destination_addr,
        "source": message.source_addr,
        "link": message.link,
        "data_coding": message.data_coding,
        "segments": len(message.segments),
        "message_ids": [segment.message_id for segment in message.segments],
        "vendor": [segment.vendor for segment in message.segments],
        "status": message.status,
        "duplicates": message.duplicates,
        "error": message.error,
        "error_meaning": message.error_meaning,
        "created_at": message.created_at,
        "submitted_at": message.submitted_at,
        "final_at": message.final_at,
    }


def _is_simple(request: Request) -> bool:
    """Whether nothing but the body is left to be looked at."""
    caller: Caller = request.state.caller
    return (
        Scope.SUBMIT in caller.scopes
        and request.headers.get("content-type") == "application/json"
        and len(request.headers.get("idempotency-key", "")) <= _LONGEST_KEY
    )


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
