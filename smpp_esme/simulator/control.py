"""The simulator over HTTP, for people with curl and for tests in other languages; loopback only unless told otherwise.

====  ======================  ==============================================================================
GET   /healthz                where it listens and who is bound
GET   /counts                 what happened so far, as `Counts` has it
GET   /received               the texts that came, the oldest first: `?offset=0&limit=100`
GET   /inbox/{msisdn}         the texts that came for one number
GET   /submits                how often each text came: `?prefix=`
POST  /deliver                a subscriber's text: {"text", "source", "destination", "system_id" (may be left out)}
====  ======================  ==============================================================================
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web

from smpp_esme.errors import CommandRefused, InvalidValue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from smpp_esme.simulator.records import Received
    from smpp_esme.simulator.smsc import Smsc

_SMSC: Final = web.AppKey["Smsc"]("smsc")
#: So many texts are given at most in one answer, and so many seconds a delivery may take.
_MOST: Final = 10_000
_DELIVERY_TIMEOUT: Final = 30.0


class _Mo(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /deliver."""

    text: str
    source: str
    destination: str
    system_id: str | None = None


@asynccontextmanager
async def control(smsc: Smsc, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve the control API of a running SMSC; gives its URL.

    Raises:
        OSError: the port cannot be had.
    """
    runner = web.AppRunner(application(smsc), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def application(smsc: Smsc) -> web.Application:
    """The control API as an aiohttp application."""
    app = web.Application()
    app[_SMSC] = smsc
    app.add_routes(
        [
            web.get("/healthz", _healthz),
            web.get("/counts", _counts),
            web.get("/received", _received),
            web.get("/inbox/{msisdn}", _inbox),
            web.get("/submits", _submits),
            web.post("/deliver", _deliver),
        ]
    )
    return app


async def _healthz(request: web.Request) -> web.Response:
    smsc = request.app[_SMSC]
    binds = [{"system_id": bind.system_id, "how": bind.how, "peer": bind.peer} for bind in smsc.binds]
    return _json({"profile": smsc.profile.name, "port": smsc.port, "binds": binds})


async def _counts(request: web.Request) -> web.Response:
    return _json(request.app[_SMSC].counts)


async def _received(request: web.Request) -> web.Response:
    try:
        offset = int(request.query.get("offset", "0"))
        limit = int(request.query.get("limit", "100"))
    except ValueError:
        return _json({"error": "offset and limit are whole numbers"}, status=400)
    received = request.app[_SMSC].received
    return _json([_shown(one) for one in islice(received, max(offset, 0), max(offset, 0) + min(max(limit, 0), _MOST))])


async def _inbox(request: web.Request) -> web.Response:
    return _json([_shown(one) for one in request.app[_SMSC].inbox(request.match_info["msisdn"])])


async def _submits(request: web.Request) -> web.Response:
    prefix = request.query.get("prefix", "")
    submits = request.app[_SMSC].submits
    return _json({text: times for text, times in submits.items() if text.startswith(prefix)})


async def _deliver(request: web.Request) -> web.Response:
    smsc = request.app[_SMSC]
    try:
        mo = msgspec.json.decode(await request.read(), type=_Mo)
        async with asyncio.timeout(_DELIVERY_TIMEOUT):
            await smsc.deliver(mo.text, source=mo.source, destination=mo.destination, system_id=mo.system_id)
    except (msgspec.DecodeError, InvalidValue) as error:
        return _json({"error": str(error)}, status=400)
    except CommandRefused as error:
        return _json({"error": str(error)}, status=502)
    except TimeoutError:
        return _json({"error": f"nobody took it within {_DELIVERY_TIMEOUT:g} s"}, status=504)
    return _json({"delivered": True})


def _shown(received: Received) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(received)
    return shown | {"incomplete": received.incomplete}


def _json(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
