"""The routes for whoever runs the daemon: what became of messages, what is in limbo, how much there is of what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Query, Request
from pydantic import ConfigDict, Field

from smpp_esme.daemon.orders import Order
from smpp_esme.message.message import LimboReceipt  # noqa: TC001 - pydantic reads the annotations
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.envelope import Sms
from smpp_esme.sms.national import Language
from smpp_esme.web.auth import Scope, needs
from smpp_esme.web.bodies import TEXT_LIMIT, Body, Problem, Stored
from smpp_esme.web.routes import NOT_FOUND, PROBLEMS, gateway_of

routes = APIRouter(responses=PROBLEMS)

_SILENT: Final[dict[int | str, dict[str, Any]]] = NOT_FOUND | {
    504: {"model": Problem, "description": "The SMSC did not answer in time"}
}
#: A receipt's number in limbo: the database's own, so no larger.
_LARGEST_ID: Final = 2**63 - 1

LimboId = Annotated[int, Field(ge=1, le=_LARGEST_ID)]


class Counts(Body):
    """How many messages stand at each status, and what waits beside them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    limbo: Annotated[int, Field(description="receipts that belong to no message known, dismissed ones left out")]
    possible_duplicates: Annotated[int, Field(description="messages that were sent again in doubt")]
    stranded: Annotated[dict[str, int], Field(description="messages queued for links that are not configured, by link")]

    __pydantic_extra__: dict[str, int]


class SessionNow(Body):
    """One bound session."""

    state: str
    peer: str
    outstanding: int


class LinkNow(Body):
    """How a link is just now."""

    name: str
    endpoints: list[str]
    bind: str
    sessions: list[SessionNow]
    wanted: Annotated[int, Field(description="how many sessions should be bound; 0 for a link that has ended")]
    window: int
    pace: Annotated[float, Field(description="submit_sm a second that may leave now; 0 for no limit")]
    ceiling: float
    slowed_by: Annotated[str, Field(description="what the SMSC said that made it slower")]
    held: Annotated[float, Field(description="seconds in which nothing leaves")]
    last_error: str | None
    last_error_at: datetime | None
    bound_at: datetime | None
    unable_for: Annotated[float, Field(description="seconds for which it has not been able to submit")]
    left: Annotated[dict[str, int], Field(description="messages that could not go to another link, by why")]


class Links(Body):
    """The links."""

    links: list[LinkNow]


class Reroute(Body):
    """Where to move what is queued for a link."""

    to: Annotated[str, Field(min_length=1, max_length=64, description="a link; left out, as the routes say")] | None = (
        None
    )
    pinned: Annotated[bool, Field(strict=True, description="also messages that are to stay on their link")] = False
    after: Annotated[str, Field(max_length=64, description="the `next` of the answer before")] | None = None
    limit: Annotated[int, Field(ge=1, le=1000, strict=True, description="how many messages are looked at")] = 500


class ReroutedTo(Body):
    """What was moved, and what was not; `next` is the `after` of the call for the rest, null at the end."""

    moved: int
    left: Annotated[dict[str, int], Field(description="messages that were not moved, by why")]
    next: str | None


class Explain(Body):
    """A text that is not sent."""

    text: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]
    to: Annotated[str, Field(max_length=64, description="whom it would be for, as the routes go by numbers")] = ""
    comment: Annotated[str, Field(max_length=1000)] | None = None
    coding: Coding | None = None
    flash: Annotated[bool, Field(strict=True)] = False
    transliterate: Annotated[bool, Field(strict=True)] | None = None
    languages: Annotated[tuple[Language, ...], Field(max_length=len(Language))] | None = None
    link: Annotated[str, Field(max_length=64)] | None = None

    def to_order(self) -> Order:
        """The same as an order."""
        return Order(content=Sms(self.text), **self.model_dump(exclude={"text"}))


class Forced(Body):
    """A character that leaves no coding but UCS2, and its position from 0."""

    at: int
    character: str


class Cheaper(Body):
    """What the text would cost if it were written otherwise."""

    segments: int
    saves: int
    text: str
    languages: list[str]


class Explained(Body):
    """What a text becomes on the link that it would take."""

    link: str
    route: Annotated[str | None, Field(description="the route that chose the link; null: none did")]
    text: str
    coding: str
    data_coding: int
    languages: list[str]
    why: str
    forced: list[Forced]
    unit: str
    units: int
    room: int
    left: int
    segments: Annotated[int, Field(description="short messages that reach the subscriber")]
    submits: int
    billed: int
    transliteration: Cheaper | None
    national: Cheaper | None


class Answered(Body):
    """What the SMSC answered for one segment."""

    segment: int
    message_id: str
    command_status: Annotated[str, Field(description="ESME_ROK is yes")]
    message_state: Annotated[str | None, Field(description="what query_sm told, where it has a meaning")]


class Asked(Body):
    """A message as it stands after the SMSC was asked about it."""

    message: Stored
    answers: list[Answered]


class InLimbo(Body):
    """A receipt that belongs to no message that is known."""

    id: int
    link: str
    message_id: str
    source: str
    to: str
    status: Annotated[str, Field(description="what it tells of its message")]
    final: bool
    error: str | None
    error_meaning: str | None
    submitted_at: datetime | None
    done_at: datetime | None
    received_at: datetime
    dismissed_at: datetime | None

    @classmethod
    def of(cls, receipt: LimboReceipt) -> InLimbo:
        """The JSON form of a receipt; its text stays in the store."""
        fact = receipt.fact
        return cls(
            id=receipt.id,
            link=fact.link,
            message_id=fact.message_id,
            source=fact.source_addr,
            to=fact.destination_addr,
            status=fact.message_status,
            final=fact.final,
            error=fact.error,
            error_meaning=fact.error_meaning,
            submitted_at=fact.submitted_at,
            done_at=fact.done_at,
            received_at=fact.received_at,
            dismissed_at=receipt.dismissed_at,
        )


class Limbo(Body):
    """Several receipts in limbo; `next` is the `after` of the page behind them, null at the end."""

    receipts: list[InLimbo]
    next: int | None


class Attach(Body):
    """The message that a receipt belongs to."""

    reference: Annotated[str, Field(min_length=1, max_length=64)]


class AttachedTo(Body):
    """What a receipt did to the message that it was given to; if it did not move it, it is still in limbo."""

    reference: str
    moved: bool
    status: str


class Dismiss(Body):
    """Receipts in limbo that nobody waits for any more."""

    ids: Annotated[list[LimboId], Field(min_length=1, max_length=1000)]


class Dismissed(Body):
    """Of how many receipts that is new."""

    dismissed: int


@routes.post(
    "/v1/messages/{reference}/cancel",
    dependencies=[needs(Scope.SUBMIT)],
    responses=_SILENT,
    summary="Take a message back",
)
async def cancel(request: Request, reference: str) -> Asked:
    """Cancel what is still queued, and ask the SMSC (cancel_sm) to delete what it has."""
    message, replies = await gateway_of(request).cancel(reference)
    return Asked(message=Stored.of(message), answers=[_answered(one) for one in replies])


@routes.post(
    "/v1/messages/{reference}/query",
    dependencies=[needs(Scope.SUBMIT)],
    responses=_SILENT,
    summary="Ask the SMSC about a message",
)
async def query(request: Request, reference: str) -> Asked:
    """Ask the SMSC (query_sm) about each segment that it has taken and given no verdict on, and keep what it says."""
    message, replies = await gateway_of(request).query(reference)
    return Asked(message=Stored.of(message), answers=[_answered(one) for one in replies])


@routes.get("/v1/limbo", dependencies=[needs(Scope.READ)], summary="Look through receipts of no message")
async def limbo(  # noqa: PLR0917 - a route's query is its arguments
    request: Request,
    link: Annotated[str | None, Query(max_length=64, description="only those that came in on it")] = None,
    dismissed: Annotated[bool, Query(description="also those that were dismissed")] = False,  # noqa: FBT002 - a query
    after: Annotated[int, Query(ge=0, le=_LARGEST_ID, description="the `next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Limbo:
    """A page of the receipts that belong to no message known, oldest first."""
    page = await gateway_of(request).limbo(link=link, dismissed=dismissed, after=after, limit=limit)
    return Limbo(receipts=[InLimbo.of(one) for one in page], next=page[-1].id if len(page) == limit else None)


@routes.post(
    "/v1/limbo/{id}/attach",
    dependencies=[needs(Scope.ADMIN)],
    responses=NOT_FOUND,
    summary="Give a receipt to its message",
)
async def attach(request: Request, receipt: Annotated[LimboId, Path(alias="id")], body: Attach) -> AttachedTo:
    """Apply a receipt in limbo to the message that it belongs to, as if its id had been known."""
    attached = await gateway_of(request).attach(receipt, body.reference)
    return AttachedTo(reference=attached.reference, moved=attached.moved, status=attached.status)


@routes.post("/v1/limbo/dismiss", dependencies=[needs(Scope.ADMIN)], summary="Wait for no message of these receipts")
async def dismiss(request: Request, body: Dismiss) -> Dismissed:
    """Take receipts off the list and the count; they are kept, and `dismissed=true` shows them."""
    return Dismissed(dismissed=await gateway_of(request).dismiss(body.ids))


@routes.get("/v1/stats", dependencies=[needs(Scope.READ)], summary="Count messages")
async def stats(request: Request) -> Counts:
    """How many messages stand at each status, and what waits beside them."""
    census = await gateway_of(request).census()
    return Counts(
        limbo=census.limbo,
        possible_duplicates=census.possible_duplicates,
        stranded=census.stranded,
        **{status.value: number for status, number in census.messages.items()},
    )


@routes.get("/v1/links", dependencies=[needs(Scope.READ)], summary="How are the links?")
async def links(request: Request) -> Links:
    """Each link with its bound sessions, its pace, and what went wrong last."""
    states = gateway_of(request).link_states()
    return Links(links=[LinkNow.model_validate(msgspec.to_builtins(one, builtin_types=[datetime])) for one in states])


@routes.post(
    "/v1/links/{name:path}/reroute",  # a link may be called anything
    dependencies=[needs(Scope.ADMIN)],
    responses=NOT_FOUND,
    summary="Move a link's queue to another link",
)
async def reroute(request: Request, name: Annotated[str, Path(max_length=64)], body: Reroute) -> ReroutedTo:
    """Move what is queued for a link, configured or no more, to another; only what nothing was ever submitted of."""
    done = await gateway_of(request).reroute(name, body.to, pinned=body.pinned, after=body.after, limit=body.limit)
    return ReroutedTo(moved=done.moved, left=dict(done.left), next=None if done.after is None else str(done.after))


@routes.post("/v1/explain", dependencies=[needs(Scope.SUBMIT)], summary="What would a text become?")
async def explain(request: Request, body: Explain) -> Explained:
    """Tell which link a text would take now, how it is coded and cut there, and what it costs; nothing is kept."""
    found, choice = gateway_of(request).explain(body.text, body.to_order())
    told = {"link": choice.outlet.link, "route": choice.route}
    return Explained.model_validate(msgspec.to_builtins(found) | told)


def _answered(reply: Any) -> Answered:
    return Answered(
        segment=reply.segment,
        message_id=reply.message_id,
        command_status=reply.command_status,
        message_state=reply.message_state,
    )
