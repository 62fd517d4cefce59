"""The routes: each reads, calls the gateway, and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, Response

from smpp_esme.errors import UnknownReference
from smpp_esme.web.auth import Scope, needs
from smpp_esme.web.bodies import (
    Health,
    Inbound,
    Inbounds,
    Kept,
    LookedUp,
    Lookup,
    Lookups,
    Page,
    Problem,
    Ready,
    Resolution,
    ResolvedAll,
    ResolvedOne,
    Search,
    Stored,
    Submit,
    SubmitBatch,
    in_their_words,
)

if TYPE_CHECKING:
    from smpp_esme.daemon.gateway import Gateway
    from smpp_esme.web.auth import Caller

#: Every route may be answered so.
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": description}
    for status, description in {
        400: "The body is not to be read at all",
        401: "No API key, or one that is not known",
        403: "The API key may not be used for this, or from there",
        408: "The body did not come in time",
        413: "The body is too large",
        422: "A field is wrong; `field` names it and `allowed` says what would do",
        429: "The API key has made too many requests",
        503: "The store, or the link that it takes, cannot be used just now",
    }.items()
}
NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Problem, "description": "No such reference"}}
_LOOKUP_KINDS: Final = frozenset({"hlr", "ping"})

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", max_length=120, description="Makes a repeated request harmless: same key, same answer"
    ),
]

submitting = APIRouter(responses=PROBLEMS)
routes = APIRouter(responses=PROBLEMS)


def gateway_of(request: Request) -> Gateway:
    """What does the work."""
    gateway: Gateway = request.app.state.gateway
    return gateway


def name_of(request: Request) -> str:
    """Who asks, by name."""
    caller: Caller = request.state.caller
    return caller.name


@submitting.post("/v1/messages", dependencies=[needs(Scope.SUBMIT)], status_code=202, summary="Deliver a message")
async def submit(request: Request, body: Submit, key: Key = None) -> Stored:
    """Keep a message for delivery; once 202 is answered it is on disk and will not be lost."""
    order = body.to_order()
    with in_their_words([body]):
        return Stored.of(await gateway_of(request).submit(order, key=key, caller=name_of(request)))


@submitting.post("/v1/batches", dependencies=[needs(Scope.SUBMIT)], status_code=202, summary="Deliver several messages")
async def submit_batch(request: Request, body: SubmitBatch, key: Key = None) -> Kept:
    """Keep several messages, all of them or none."""
    orders = body.to_orders()
    with in_their_words(body.messages):
        kept = await gateway_of(request).submit_batch(orders, key=key, caller=name_of(request))
    return Kept(messages=[Stored.of(one) for one in kept])


@routes.get("/v1/messages", dependencies=[needs(Scope.READ)], responses=NOT_FOUND, summary="Look through messages")
async def messages(request: Request, query: Annotated[Search, Query()]) -> Page:
    """A page of messages in the order in which they were kept; an empty one need not be the last, `next` tells."""
    page, following = await gateway_of(request).search(query.to_wanted(), after=query.after, limit=query.limit)
    return Page(messages=[Stored.of(one) for one in page], next=following)


@routes.get(
    "/v1/messages/{reference}", dependencies=[needs(Scope.READ)], responses=NOT_FOUND, summary="Ask for a message"
)
async def message(request: Request, reference: str) -> Stored:
    """A message as it stands now."""
    return Stored.of(await gateway_of(request).message(reference))


@routes.post("/v1/lookups", dependencies=[needs(Scope.SUBMIT)], status_code=202, summary="Look numbers up")
async def lookup(request: Request, body: Lookup, key: Key = None) -> Lookups:
    """Keep an HLR lookup, or a Ping-SMS, for each number."""
    caller = name_of(request)
    kept = await gateway_of(request).lookup(body.to, ping=body.ping, link=body.link, key=key, caller=caller)
    return Lookups(lookups=[LookedUp.of(one) for one in kept])


@routes.get(
    "/v1/lookups/{reference}", dependencies=[needs(Scope.READ)], responses=NOT_FOUND, summary="Ask for a lookup"
)
async def looked_up(request: Request, reference: str) -> LookedUp:
    """A lookup as it stands now, with its HLR record once there is one."""
    found = await gateway_of(request).message(reference)
    if found.kind not in _LOOKUP_KINDS:
        raise UnknownReference(reference)
    return LookedUp.of(found)


@routes.get(
    "/v1/received",
    dependencies=[needs(Scope.READ)],
    responses=NOT_FOUND,
    summary="Look through messages from subscribers",
)
async def received(
    request: Request,
    after: Annotated[str | None, Query(max_length=64, description="the last reference of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Inbounds:
    """A page of messages from subscribers in the order in which they were kept."""
    page = await gateway_of(request).received(after=after, limit=limit)
    return Inbounds(received=[Inbound.of(one) for one in page])


@routes.get(
    "/v1/received/{reference}",
    dependencies=[needs(Scope.READ)],
    responses=NOT_FOUND,
    summary="Read a message from a subscriber",
)
async def received_message(request: Request, reference: str) -> Inbound:
    """One message from a subscriber."""
    return Inbound.of(await gateway_of(request).received_message(reference))


@routes.get(
    "/v1/possible-duplicates",
    dependencies=[needs(Scope.READ)],
    responses=NOT_FOUND,
    summary="What may have arrived twice",
)
async def duplicates(
    request: Request,
    after: Annotated[str | None, Query(max_length=64, description="the last reference of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Kept:
    """A page of the messages that were sent again while in doubt; `duplicates` says how often."""
    page = await gateway_of(request).duplicates(after=after, limit=limit)
    return Kept(messages=[Stored.of(one) for one in page])


@routes.post("/v1/in-doubt", dependencies=[needs(Scope.ADMIN)], summary="Decide about messages in doubt")
async def resolve(request: Request, body: Resolution) -> ResolvedAll:
    """End the doubt about messages; one that is not in doubt stays as it is."""
    resolved = await gateway_of(request).resolve(body.references, body.decision)
    return ResolvedAll(
        resolved=[ResolvedOne(reference=one.reference, moved=one.moved, status=one.status) for one in resolved]
    )


@routes.get("/healthz", summary="Is the daemon alive?")
async def health(request: Request) -> Health:
    """Answers 200 as long as the daemon serves at all; `links` says which are bound."""
    return Health(status="ok", links=gateway_of(request).links())


@routes.get(
    "/readyz",
    responses={503: {"model": Ready, "description": "Not ready; `reasons` say why"}},
    summary="Would a message go out?",
)
async def ready(request: Request, response: Response) -> Ready:
    """Answers 200 if a message handed in now could be kept and sent, and 503 with the reasons if not."""
    gateway = gateway_of(request)
    reasons = await gateway.readiness()
    response.status_code = 503 if reasons else 200
    return Ready(ready=not reasons, links=gateway.links(), routes=gateway.routes(), reasons=reasons)
