"""Events over HTTP: page by page as JSON, or as they happen as Server-Sent Events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Header, HTTPException, Query, Request, Response

from smpp_esme.errors import InvalidValue, SmppError
from smpp_esme.message.notice import Selection
from smpp_esme.web import problems
from smpp_esme.web.auth import Scope, needs
from smpp_esme.web.bodies import Problem
from smpp_esme.web.event_schema import CONTENT, MEDIA_TYPE, EventPage
from smpp_esme.web.routes import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.types import Receive, Send
    from starlette.types import Scope as Connection

    from smpp_esme.daemon.gateway import Gateway
    from smpp_esme.message.notice import Notice
    from smpp_esme.store.feed import Page

_log = logging.getLogger(__name__)

#: Seconds of silence on a stream.
HEARTBEAT: Final = 15.0
#: Milliseconds after which a browser connects again.
_RETRY: Final = 2_000
#: The greatest id that a database can give out.
_LAST: Final = (1 << 63) - 1
_encode: Final = msgspec.json.Encoder().encode

_NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Problem, "description": "No such reference"}}

routes = APIRouter(responses=PROBLEMS)


@routes.get(
    "/v1/events",
    dependencies=[needs(Scope.READ)],
    response_class=Response,
    responses={200: {"description": "A page, or a stream", "content": CONTENT}, **_NOT_FOUND},
    summary="Read events, or follow them",
)
async def events(
    request: Request,
    *,
    types: Annotated[
        list[Annotated[str, Query(max_length=64)]] | None,
        Query(
            alias="type", max_length=100, description="only these types; message.*, segment.*, link.* and * are several"
        ),
    ] = None,
    reference: Annotated[str | None, Query(max_length=64, description="only of this message")] = None,
    link: Annotated[str | None, Query(max_length=64, description="only of this link, and of messages on it")] = None,
    after: Annotated[int | None, Query(ge=0, le=_LAST, description="the id of the last event that was read")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="of a page")] = 100,
    last: Annotated[
        str | None, Header(alias="Last-Event-ID", max_length=20, description="with a stream, instead of `after`")
    ] = None,
) -> Response:
    """What happened to messages and links, in order: a page of it, or with `Accept: text/event-stream` as it happens.

    A page begins with the oldest event that is kept, a stream with what happens from now on, unless `after` or
    `Last-Event-ID` says where.
    """
    gateway: Gateway = request.app.state.gateway
    selection = Selection.of(types or (), reference=reference, link=link)
    if MEDIA_TYPE not in request.headers.get("accept", ""):
        page = await gateway.events.page(after or 0, selection, limit=limit)
        return Response(_encode(EventPage(page.events, page.after, page.more)), media_type="application/json")
    streams: Streams = request.app.state.streams
    streams.check(stopping=gateway.events.has_stopped)
    begin = await gateway.events.begin(after if last is None else _id(last), selection)
    return EventStream(gateway.events.follow(begin, selection, heartbeat=streams.heartbeat), begin, streams)


class Streams:
    """The streams that are open.

    Args:
        limit: how many may be at a time.
        heartbeat: seconds of silence after which each says that it is there.
    """

    def __init__(self, limit: int, heartbeat: float) -> None:
        self.heartbeat = heartbeat
        self._limit = limit
        self._open = 0

    def check(self, *, stopping: bool) -> None:
        """See that one more may be opened.

        Raises:
            HTTPException: 503 if the daemon is stopping, 429 if there are as many as may be.
        """
        if stopping:
            raise HTTPException(503, "the daemon is stopping", {"retry-after": "5"})
        self._see_room()

    def _see_room(self) -> None:
        if self._open >= self._limit:
            raise HTTPException(429, f"{self._limit} streams of events are open already", {"retry-after": "5"})

    @contextlib.contextmanager
    def one_more(self) -> Iterator[None]:
        """While one is open.

        Raises:
            HTTPException: 429 if there are as many as may be: others may have been opened since `check`.
        """
        self._see_room()
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1


class EventStream(Response):
    """Pages of events as Server-Sent Events, until the client leaves or the daemon stops.

    A page is asked for only when the one before has gone out, so a slow reader reads from the store and holds no
    memory; the server cuts off one that reads nothing at all.

    Args:
        pages: the events; a page without any is a sign of life.
        begin: where they begin.
        streams: where this one is counted.
    """

    media_type = MEDIA_TYPE

    def __init__(self, pages: AsyncIterator[Page], begin: int, streams: Streams) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._pages = pages
        self._begin = begin
        self._streams = streams

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Serve it, or say that there are too many by now."""
        try:
            with self._streams.one_more():
                await self._serve(receive, send)
        except HTTPException as error:
            await problems.refusal(error)(scope, receive, send)

    async def _serve(self, receive: Receive, send: Send) -> None:
        streaming = asyncio.create_task(self._stream(send), name="event stream")
        leaving = asyncio.create_task(_left(receive), name="event stream's client")
        try:
            await asyncio.wait([streaming, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            streaming.cancel()
            leaving.cancel()
            await asyncio.wait([streaming, leaving])
        if not streaming.cancelled():
            streaming.result()

    async def _stream(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        # An id without data is no event, but a client that is cut off before the first one begins again from here.
        await _send(send, b"retry: %d\nid: %d\n\n" % (_RETRY, self._begin))
        try:
            async for page in self._pages:
                await _send(send, b"".join(map(_frame, page.events)) or b": \nid: %d\n\n" % page.after)
        except SmppError as error:
            _log.warning("events.stream_ended", extra={"error": str(error)})
        await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, octets: bytes) -> None:
    await send({"type": "http.response.body", "body": octets, "more_body": True})


def _frame(event: Notice) -> bytes:
    """One event as the stream has it; JSON is a line."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.type.encode(), _encode(event))


def _id(last: str) -> int:
    if not (last.isascii() and last.isdigit()) or int(last) > _LAST:
        raise InvalidValue("Last-Event-ID", "is no id of an event", "what `id` said with the last one")
    return int(last)
