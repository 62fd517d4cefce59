"""The routes: each reads, calls the gateway, and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request

from smpp_esme.errors import UnknownReference
from smpp_esme.message.status import MessageStatus  # noqa: TC001 - FastAPI reads the annotations
from smpp_esme.web.bodies import Health, Kept, LookedUp, Lookup, Lookups, Problem, Stored, Submit, SubmitBatch

if TYPE_CHECKING:
    from smpp_esme.daemon.gateway import Gateway

_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": description}
    for status, description in {
        400: "The body is not to be read at all",
        413: "The body is too large",
        422: "A field is wrong; `field` names it and `allowed` says what would do",
        503: "The store cannot be used just now",
    }.items()
}
_NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Problem, "description": "No such reference"}}
_LOOKUP_KINDS: Final = frozenset({"hlr", "ping"})

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", max_length=120, description="Makes a repeated request harmless: same key, same answer"
    ),
]

routes = APIRouter(responses=_PROBLEMS)


def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


@routes.post("/v1/messages", status_code=202, summary="Deliver a message")
async def submit(request: Request, body: Submit, key: Key = None) -> Stored:
    """Keep a message for delivery; once 202 is answered it is on disk and will not be lost."""
    return Stored.of(await _gateway(request).submit(body.to_order(), key=key))


@routes.post("/v1/batches", status_code=202, summary="Deliver several messages")
async def submit_batch(request: Request, body: SubmitBatch, key: Key = None) -> Kept:
    """Keep several messages, all of them or none."""
    kept = await _gateway(request).submit_batch(body.to_orders(), key=key)
    return Kept(messages=[Stored.of(one) for one in kept])


@routes.get("/v1/messages", responses=_NOT_FOUND, summary="Look through messages")
async def messages(
    request: Request,
    status: MessageStatus | None = None,
    after: Annotated[str | None, Query(max_length=64, description="the last reference of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Kept:
    """A page of messages in the order in which they were kept."""
    page = await _gateway(request).messages(status=status, after=after, limit=limit)
    return Kept(messages=[Stored.of(one) for one in page])


@routes.get("/v1/messages/{reference}", responses=_NOT_FOUND, summary="Ask for a message")
async def message(request: Request, reference: str) -> Stored:
    """A message as it stands now."""
    return Stored.of(await _gateway(request).message(reference))


@routes.post("/v1/lookups", status_code=202, summary="Look numbers up")
async def lookup(request: Request, body: Lookup, key: Key = None) -> Lookups:
    """Keep an HLR lookup, or a Ping-SMS, for each number."""
    kept = await _gateway(request).lookup(body.to, ping=body.ping, link=body.link, key=key)
    return Lookups(lookups=[LookedUp.of(one) for one in kept])


@routes.get("/v1/lookups/{reference}", responses=_NOT_FOUND, summary="Ask for a lookup")
async def looked_up(request: Request, reference: str) -> LookedUp:
    """A lookup as it stands now, with its HLR record once there is one."""
    found = await _gateway(request).message(reference)
    if found.kind not in _LOOKUP_KINDS:
        raise UnknownReference(reference)
    return LookedUp.of(found)


@routes.get("/v1/stats", summary="Count messages")
async def stats(request: Request) -> dict[str, int]:
    """How many messages stand at each status."""
    return {status: count for status, count in (await _gateway(request).counts()).items()}  # noqa: C416 - Mapping to dict


@routes.get("/healthz", summary="Is the daemon alive?")
async def health(request: Request) -> Health:
    """Answers 200 as long as the daemon serves at all; `links` says which are bound."""
    return Health(status="ok", links=_gateway(request).links())
