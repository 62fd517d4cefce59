"""The simulator over HTTP, for people with curl and for tests in other languages; loopback only unless told otherwise.

====== ======================  ==============================================================================
GET    /healthz                where it listens and who is bound
GET    /counts                 what happened so far, as `Counts` has it
GET    /received               the texts that came, the oldest first: `?offset=0&limit=100`
GET    /pdus                   the submit_sm and data_sm that came, the oldest first: likewise
GET    /inbox/{msisdn}         the texts that came for one number
GET    /submits                how often each text came: `?prefix=`
GET    /wait                   waits until counts are reached: `?messages=3&receipts_answered=3&timeout=10`
POST   /rules                  adds a rule to the script: {"verb", ...}
DELETE /rules                  forgets all rules
POST   /handsets               how single handsets are from now on: {"79161234567": "absent"}
POST   /deliver                a subscriber's text: {"text", "source", "destination", "system_id", "carriage"}
POST   /disconnect             cuts connections: {"system_id"}, or {} for all
POST   /unbind                 unbinds: likewise
POST   /outbind                connects to an ESME that listens: {"host", "port", "system_id", "password"}
POST   /forget                 forgets what was seen, and counts from 0
====== ======================  ==============================================================================
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from smpp_esme.errors import CommandRefused, InvalidValue
from smpp_esme.simulator import bodies
from smpp_esme.simulator.handsets import Condition
from smpp_esme.simulator.records import Counts
from smpp_esme.simulator.rules import AnyRule
from smpp_esme.simulator.subscribers import Carriage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from aiohttp.typedefs import Handler

    from smpp_esme.protocol.pdus import DataSm, SubmitSm
    from smpp_esme.simulator.records import Received
    from smpp_esme.simulator.smsc import Smsc

_SMSC: Final = web.AppKey["Smsc"]("smsc")
#: So many texts are given at most in one answer, and so many seconds a delivery may take.
_MOST: Final = 10_000
_DELIVERY_TIMEOUT: Final = 30.0
_LONGEST_WAIT: Final = 600

T = TypeVar("T")


class _Mo(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /deliver."""

    text: str
    source: str
    destination: str
    system_id: str | None = None
    carriage: Carriage = "udh8"


class _Whom(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /disconnect and /unbind."""

    system_id: str | None = None


class _Outbind(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /outbind."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)]
    system_id: Annotated[str, Meta(max_length=15)] = "smsc-simulator"
    password: Annotated[str, Meta(max_length=8)] = ""


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
    app = web.Application(middlewares=[_refuse_what_is_wrong])
    app[_SMSC] = smsc
    app.add_routes(
        [
            web.get("/healthz", _healthz),
            web.get("/counts", _counts),
            web.get("/received", _received),
            web.get("/inbox/{msisdn}", _inbox),
            web.get("/pdus", _pdus),
            web.get("/submits", _submits),
            web.get("/wait", _wait),
            web.post("/rules", _add_rule),
            web.delete("/rules", _clear_rules),
            web.post("/handsets", _set_handsets),
            web.post("/deliver", _deliver),
            web.post("/disconnect", _disconnect),
            web.post("/unbind", _unbind),
            web.post("/outbind", _outbind),
            web.post("/forget", _forget),
        ]
    )
    return app


@web.middleware
async def _refuse_what_is_wrong(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say what is wrong with a body or a query, as {"error"}."""
    try:
        return await handler(request)
    except (msgspec.DecodeError, InvalidValue) as error:
        return _json({"error": str(error)}, status=400)


async def _healthz(request: web.Request) -> web.Response:
    smsc = request.app[_SMSC]
    binds = [{"system_id": bind.system_id, "how": bind.how, "peer": bind.peer} for bind in smsc.binds]
    return _json({"profile": smsc.profile.name, "port": smsc.port, "binds": binds})


async def _counts(request: web.Request) -> web.Response:
    return _json(request.app[_SMSC].counts)


async def _received(request: web.Request) -> web.Response:
    return _json([_shown(one) for one in _page(request, request.app[_SMSC].received)])


async def _pdus(request: web.Request) -> web.Response:
    return _json([_parameters(one) for one in _page(request, request.app[_SMSC].submit_sms)])


async def _inbox(request: web.Request) -> web.Response:
    return _json([_shown(one) for one in request.app[_SMSC].inbox(request.match_info["msisdn"])])


async def _submits(request: web.Request) -> web.Response:
    prefix = request.query.get("prefix", "")
    submits = request.app[_SMSC].submits
    return _json({text: times for text, times in submits.items() if text.startswith(prefix)})


async def _wait(request: web.Request) -> web.Response:
    """Wait until every count that is named is reached, or the number of `bound` sessions is."""
    smsc = request.app[_SMSC]
    asked = {name: _number(request, name) for name in request.query if name != "timeout"}
    countable = ("bound", *Counts.__struct_fields__)
    if unknown := sorted(set(asked) - set(countable)):
        raise InvalidValue("wait", f"nothing is counted as {unknown[0]}", bodies.instead(unknown[0], countable))
    bound = asked.pop("bound", None)

    def reached(smsc: Smsc) -> bool:
        return all(getattr(smsc.counts, name) >= least for name, least in asked.items()) and (
            bound is None or len(smsc.binds) == bound
        )

    try:
        async with asyncio.timeout(min(_number(request, "timeout", 10), _LONGEST_WAIT)):
            await smsc.until(reached)
    except TimeoutError:
        return _json({"error": "it did not come to that", "counts": smsc.counts}, status=504)
    return _json(smsc.counts)


async def _add_rule(request: web.Request) -> web.Response:
    request.app[_SMSC].script.add(bodies.read(await request.read(), AnyRule))
    return _json({"added": True})


async def _clear_rules(request: web.Request) -> web.Response:
    request.app[_SMSC].script.clear()
    return _json({"cleared": True})


async def _set_handsets(request: web.Request) -> web.Response:
    conditions = bodies.read(await request.read(), dict[str, Condition])
    request.app[_SMSC].handsets.numbers.update(conditions)
    return _json({"set": len(conditions)})


async def _deliver(request: web.Request) -> web.Response:
    mo = bodies.read(await request.read(), _Mo)
    try:
        async with asyncio.timeout(_DELIVERY_TIMEOUT):
            await request.app[_SMSC].deliver(**msgspec.structs.asdict(mo))
    except CommandRefused as error:
        return _json({"error": str(error)}, status=502)
    except TimeoutError:
        return _json({"error": f"nobody took it within {_DELIVERY_TIMEOUT:g} s"}, status=504)
    return _json({"delivered": True})


async def _disconnect(request: web.Request) -> web.Response:
    request.app[_SMSC].disconnect(bodies.read(await request.read(), _Whom).system_id)
    return _json({"disconnected": True})


async def _unbind(request: web.Request) -> web.Response:
    await request.app[_SMSC].unbind(bodies.read(await request.read(), _Whom).system_id)
    return _json({"unbound": True})


async def _outbind(request: web.Request) -> web.Response:
    asked = bodies.read(await request.read(), _Outbind)
    try:
        await request.app[_SMSC].outbind(**msgspec.structs.asdict(asked))
    except OSError as error:
        return _json({"error": error.strerror or str(error)}, status=502)
    return _json({"asked": True})


async def _forget(request: web.Request) -> web.Response:
    request.app[_SMSC].forget()
    return _json({"forgotten": True})


def _page(request: web.Request, kept: Iterable[T]) -> Iterable[T]:
    """The part of what was kept that `offset` and `limit` ask for."""
    offset, limit = _number(request, "offset", 0), _number(request, "limit", 100)
    return islice(kept, offset, offset + min(limit, _MOST))


def _number(request: web.Request, name: str, default: int = 0) -> int:
    try:
        return max(int(request.query.get(name, default)), 0)
    except ValueError:
        raise InvalidValue(name, "is no number", "a whole number") from None


def _shown(received: Received) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(received)
    return shown | {"incomplete": received.incomplete}


def _parameters(pdu: SubmitSm | DataSm) -> dict[str, Any]:
    """A PDU's parameters by name, octets in hexadecimal and TLVs by tag."""
    shown = {name: value.hex() if isinstance(value := getattr(pdu, name), bytes) else value for name in _named(pdu)}
    return {"command": type(pdu).__name__, **shown, "tlvs": {f"0x{tlv.tag:04X}": tlv.octets.hex() for tlv in pdu.tlvs}}


def _named(pdu: SubmitSm | DataSm) -> list[str]:
    return ["sequence_number", *[name for name, _ in pdu.layout.fields]]


def _json(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
