"""Who may ask: API keys with scopes, addresses they may come from, and how often.

A key is kept as its SHA-256: it is long and random, so nothing can be guessed from the digest. With no keys configured
anybody may ask, which the configuration allows on loopback alone.
"""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from aiolimiter import AsyncLimiter
from fastapi import HTTPException, Request, Security
from fastapi.security import HTTPBearer, SecurityScopes

from smpp_esme.web import problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    from fastapi.params import Depends
    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as Connection

    Network = IPv4Network | IPv6Network

#: What every key begins with, so that one that has leaked can be found.
PREFIX: Final = "smppesme_"
_KEY_OCTETS: Final = 32
_BEARER: Final = b"bearer "
#: Paths that are answered to anybody: they tell no more than whether the daemon works.
_OPEN: Final = frozenset({"/healthz", "/readyz"})


class Scope(StrEnum):
    """What a key allows."""

    SUBMIT = "submit"
    READ = "read"
    ADMIN = "admin"


def new_key() -> str:
    """A key that nobody has yet."""
    return PREFIX + secrets.token_urlsafe(_KEY_OCTETS)


def digest(key: str) -> str:
    """What is kept of a key: ``sha256:`` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


class Caller:
    """A key as it is configured, and how much of its rate is left.

    Args:
        name: what the configuration calls it; messages are kept under it, and so are their keys.
        scopes: what it allows.
        networks: where it may be used; none for everywhere.
        rate: requests a second; 0 for no limit. A second's worth may come at once.
    """

    def __init__(
        self, name: str, *, scopes: Iterable[Scope], networks: Sequence[Network] = (), rate: float = 0.0
    ) -> None:
        self.name = name
        self.scopes = frozenset(scopes)
        self._networks = networks
        self._limiter = AsyncLimiter(max(rate, 1.0), max(rate, 1.0) / rate) if rate else None

    def comes_from(self, host: str) -> bool:
        """Whether the key may be used from there."""
        if not self._networks:
            return True
        address = _address(host)
        return address is not None and any(address in network for network in self._networks)

    async def has_room(self) -> bool:
        """Count one request; False if it is one too many."""
        if self._limiter is None:
            return True
        if not self._limiter.has_capacity():
            return False
        await self._limiter.acquire()
        return True


#: Who asks where no keys are configured.
ANYBODY: Final = Caller("", scopes=Scope)


class Auth:
    """Lets through who has a key, before anything of the body is read."""

    def __init__(self, app: ASGIApp, callers: Mapping[str, Caller]) -> None:
        """`callers` by the digest of their key; with none of them everybody is let through."""
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Say who asks, or refuse."""
        if scope["type"] == "http" and scope["path"] not in _OPEN:
            try:
                scope.setdefault("state", {})["caller"] = await self._caller(scope)
            except HTTPException as error:
                await problems.refusal(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _caller(self, scope: Connection) -> Caller:
        if not self._callers:
            return ANYBODY
        shown = dict(scope["headers"]).get(b"authorization", b"")
        key = shown[len(_BEARER) :].decode("latin-1") if shown[: len(_BEARER)].lower() == _BEARER else ""
        caller = self._callers.get(digest(key))
        if caller is None:
            raise HTTPException(401, "an API key is needed, as Authorization: Bearer", {"www-authenticate": "Bearer"})
        host, _ = scope["client"] or ("", 0)
        if not caller.comes_from(host):
            raise HTTPException(403, "this key may not be used from this address")
        if not await caller.has_room():
            raise HTTPException(429, "this key has made too many requests in a second", {"retry-after": "1"})
        return caller


# For the OpenAPI description; `Auth` has looked at the header already.
_bearer: Final = HTTPBearer(auto_error=False, description="An API key made by `smpp-esme key`")


def _allowed(request: Request, needed: SecurityScopes, _: object = Security(_bearer)) -> None:
    caller: Caller = request.state.caller
    if missing := [scope for scope in needed.scopes if scope not in caller.scopes]:
        raise HTTPException(403, f"this key does not have the scope {missing[0]}")


def needs(scope: Scope) -> Depends:
    """What a route depends on that only keys with this scope may use."""
    dependency: Depends = Security(_allowed, scopes=[scope.value])
    return dependency


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None  # a Unix socket, or nothing known: in no network
    # On a socket of both families an IPv4 peer shows as ::ffff:192.0.2.1.
    return getattr(address, "ipv4_mapped", None) or address
