"""Webhooks over HTTP: how the endpoints stand, their dead letters, and what an operator does about them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from smpp_esme.web.auth import Scope, needs
from smpp_esme.web.bodies import Problem
from smpp_esme.web.event_schema import EVENT
from smpp_esme.web.routes import PROBLEMS

if TYPE_CHECKING:
    from smpp_esme.daemon.webhooks import Webhooks

_NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Problem, "description": "No such webhook"}}
_LAST: Final = (1 << 63) - 1

Name = Annotated[str, Path(max_length=64)]

routes = APIRouter(responses=PROBLEMS)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, from_attributes=True)


class EndpointState(_Body):
    """How an endpoint stands."""

    name: str
    url: Annotated[str, Field(description="without path and query; empty if it is no longer configured")]
    events: tuple[str, ...]
    event: Annotated[int, Field(description="the last event that it is done with")]
    behind: Annotated[int, Field(description="how many events there are after that, wanted or not")]
    disabled_at: Annotated[datetime | None, Field(description="when it answered 410; null if it did not")]
    dead_letters: int
    failures: Annotated[int, Field(description="attempts in a row that failed")]
    failure: Annotated[str, Field(description="why the last of them did")]


class EndpointStates(_Body):
    """The endpoints, by name."""

    webhooks: list[EndpointState]


class DeadLetter(_Body):
    """An event that an endpoint could not be told."""

    id: int
    at: Annotated[datetime, Field(description="when it was given up")]
    attempts: int
    reason: Annotated[str, Field(description="why the last attempt failed")]
    replay_at: Annotated[datetime | None, Field(description="since when it is to be tried again")]
    event: Annotated[dict[str, Any], WithJsonSchema(EVENT)]


class DeadLetters(_Body):
    """A page of dead letters, oldest first."""

    dead_letters: list[DeadLetter]


class Replay(_Body):
    """Which dead letters are to be tried again."""

    dead_letters: Annotated[
        list[Annotated[int, Field(ge=0, le=_LAST, strict=True)]] | None,
        Field(min_length=1, max_length=10_000, description="their ids; left out, all of them"),
    ] = None


class Replayed(_Body):
    """What is tried again."""

    replayed: int


class Tested(_Body):
    """What came of a test."""

    delivered: bool
    status: int | None
    reason: str


def _webhooks(request: Request) -> Webhooks:
    webhooks: Webhooks = request.app.state.gateway.webhooks
    return webhooks


@routes.get("/v1/webhooks", dependencies=[needs(Scope.READ)], summary="See how the webhooks stand")
async def endpoints(request: Request) -> EndpointStates:
    """Every endpoint that is told of events, and those that once were."""
    found = await _webhooks(request).endpoints()
    return EndpointStates(webhooks=[EndpointState.model_validate(one) for one in found])


@routes.get(
    "/v1/webhooks/{name}/dead-letters",
    dependencies=[needs(Scope.READ)],
    responses=_NOT_FOUND,
    summary="Look through dead letters",
)
async def dead_letters(
    request: Request,
    name: Name,
    *,
    after: Annotated[int, Query(ge=0, le=_LAST, description="the last id of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DeadLetters:
    """A page of what an endpoint could not be told."""
    page = await _webhooks(request).dead_letters(name, after=after, limit=limit)
    return DeadLetters(dead_letters=[DeadLetter.model_validate(msgspec.to_builtins(one)) for one in page])


@routes.post(
    "/v1/webhooks/{name}/replay", dependencies=[needs(Scope.ADMIN)], responses=_NOT_FOUND, summary="Replay dead letters"
)
async def replay(request: Request, name: Name, body: Replay) -> Replayed:
    """Have dead letters tried once more, soon; one that fails again stays a dead letter."""
    return Replayed(replayed=await _webhooks(request).replay(name, body.dead_letters))


@routes.post(
    "/v1/webhooks/{name}/enable", dependencies=[needs(Scope.ADMIN)], responses=_NOT_FOUND, summary="Enable a webhook"
)
async def enable(request: Request, name: Name) -> EndpointStates:
    """Tell an endpoint again that answered 410, from where it was."""
    await _webhooks(request).enable(name)
    return await endpoints(request)


@routes.post(
    "/v1/webhooks/{name}/test", dependencies=[needs(Scope.ADMIN)], responses=_NOT_FOUND, summary="Test a webhook"
)
async def test(request: Request, name: Name) -> Tested:
    """Post an event of type `webhook.test` to an endpoint now, once, and tell what came of it."""
    return Tested.model_validate(await _webhooks(request).test(name))
