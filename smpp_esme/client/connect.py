"""From a URL to a bound ESME."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack, cast

from msgspec.structs import replace

from smpp_esme.client.esme import Esme
from smpp_esme.client.guarded import Actions, Guarded, rules_of
from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.endpoint import DEFAULT_PORTS, Endpoint, parse_url
from smpp_esme.session.link import Link
from smpp_esme.session.pacing import Pacing
from smpp_esme.session.plan import Backoff, Plan
from smpp_esme.session.tls import Tls
from smpp_esme.sms.profile import Profile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: Seconds that the end of the body waits for answers that are outstanding.
_DRAIN: Final = 5.0
#: Options that say the same as parts of a URL.
_ACCOUNT: Final = ("system_id", "password", "system_type")
#: Options that are the plan's own.
_PLAN: Final = ("how", "binds", "timers", "backoff", "return_after", "peer_version")


#: What the value of each option may be, as types and in words.
_KINDS: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    **dict.fromkeys(("host", "system_id", "password", "system_type", "how", "name"), ((str,), "a str")),
    **dict.fromkeys(("port", "binds", "window"), ((int,), "a whole number, 1 or more")),
    **dict.fromkeys(("attempts", "peer_version"), ((int,), "a whole number, 0 or more")),
    **dict.fromkeys(("throughput", "return_after", "patience", "drain"), ((int, float), "a number, 0 or more")),
    "hosts": ((Sequence,), "a list of names or addresses, each with its port or without"),
    "tls": ((bool, Tls, ssl.SSLContext), "True, a Tls, or an ssl.SSLContext"),
    "profile": ((str, Profile), "the name of one, or a Profile"),
    "rules": ((dict,), 'a dict such as {"repeat": "delay"}'),
    "timers": ((Timers,), "a Timers"),
    "backoff": ((Backoff,), "a Backoff"),
}
_LEAST: Final = {"port": 1, "binds": 1, "window": 1}


class Options(TypedDict, total=False):
    """What `connect` takes by name; see there."""

    host: str
    port: int
    hosts: Sequence[str]
    system_id: str
    password: str
    system_type: str
    tls: bool | Tls | ssl.SSLContext
    profile: str | Profile
    how: str
    binds: int
    window: int
    throughput: float
    rules: Actions
    timers: Timers
    backoff: Backoff
    return_after: float
    peer_version: int
    attempts: int
    patience: float
    drain: float
    name: str


@contextlib.asynccontextmanager
async def connect(*urls: str | Endpoint, **options: Unpack[Options]) -> AsyncIterator[Esme]:
    """An ESME that stays bound for the length of the `async with` body; the end of the body unbinds.

    Args:
        *urls: ``smpp://system_id:password@host:port``, ``smpp+tls://...``, or an `Endpoint`; several in order of
            preference.
        **options: each may be left out.

            - host, port, hosts: where to, instead of a URL; `hosts` are several, as ``"host"`` or ``"host:port"``.
            - system_id, password, system_type: the account, where the URL does not say it.
            - tls: True, or a `Tls`, or a context of your own, to encrypt where the URL does not say it.
            - profile: how this SMSC differs from the book: the name of a shipped one ("standard"), the path of
              a file that ends in ``.toml``, or a `Profile`.
            - how: "transceiver", "transmitter", "receiver", or "pair" for one of each of the latter.
            - binds: how many sessions of that kind (1).
            - window: how many requests may be outstanding on each (100).
            - throughput: submit_sm a second over all of them; 0 for as fast as it goes (0).
            - rules: what is done about messages that break one of the profile's rules, such as ``{"repeat": "delay"}``;
              see `Actions`.
            - timers: each session's four timers, seconds.
            - backoff: how long to wait between attempts to bind again.
            - return_after: seconds between attempts to get back to a preferred URL (60); 0 for never.
            - peer_version: the interface_version to hold the SMSC to, such as 0x33, whatever it says.
            - attempts: how often the first bind may fail before that is an error (1); 0 for as often as it does.
            - patience: seconds that one request waits for its turn: for a bound session, room in its window, and the
              pace; then it is a `TimeoutError`, and nothing was sent. 0 for as long as it takes (0).
            - drain: seconds that the end of the body waits for answers that are outstanding (5).
            - name: what logs and events call it.

    Raises:
        InvalidValue: a URL or an option is wrong.
        ConfigError: there is no such profile.
        ConnectFailed: the SMSC cannot be reached.
        BindRefused, ResponseTimeout: it does not let us in. If later it refuses the account for good, what is awaited
            raises `SessionClosed`, and the end of the body `BindRefused`. Cancelling leaves nothing open.
    """
    plan = plan_of(urls, options)
    profile = options.get("profile", "standard")
    chosen = Profile.of(profile) if isinstance(profile, str) else profile
    tls = options.get("tls")
    link = Link(
        options.get("name", "esme"),
        plan,
        pacing=Pacing(options.get("throughput", 0.0), asyncio.get_running_loop().time()),
        tls=tls if isinstance(tls, ssl.SSLContext) else None,
    )
    bound = chosen.bound_with(plan.endpoints[0].system_type)
    guarded = Guarded.of(link, rules_of(bound, options.get("rules", {})))
    esme = Esme(link, bound, guarded, patience=options.get("patience", 0.0))
    async with link.serving(attempts=options.get("attempts", 1), drain=options.get("drain", _DRAIN)):
        reader = asyncio.create_task(esme.receive(), name="smpp_esme.receive")
        try:
            yield esme
        finally:
            if not link.has_ended:
                await link.drain(options.get("drain", _DRAIN))
            await reader  # it ends with the link


def plan_of(urls: Sequence[str | Endpoint], options: Options) -> Plan:
    """How the link is to be bound.

    Raises:
        InvalidValue: names the URL's part or the option.
    """
    if unknown := options.keys() - Options.__annotations__.keys():
        raise InvalidValue(min(unknown), "is no option of connect", f"one of {', '.join(Options.__annotations__)}")
    for name, value in options.items():
        _check(name, value)
    given = [_endpoint(one) for one in (*urls, *_hosts(options))]
    if not given:
        raise InvalidValue("url", "is missing", "smpp://system_id:password@host:port, or host=")
    changed: dict[str, Any] = {name: value for name, value in options.items() if name in _ACCOUNT}
    tls = options.get("tls", False)
    if tls:
        changed["tls"] = tls if isinstance(tls, Tls) else Tls()
    return Plan(
        endpoints=tuple(replace(one, **(changed | ({"tls": one.tls} if tls and one.tls else {}))) for one in given),
        window=options.get("window", 100),
        **{name: value for name, value in options.items() if name in _PLAN},  # type: ignore[arg-type]
    )


def _check(name: str, value: object) -> None:
    """See that an option's value is one.

    Raises:
        InvalidValue: it is of another type, or too small.
    """
    types, allowed = _KINDS[name]
    fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    if fits and isinstance(value, int | float):
        fits = value >= _LEAST.get(name, 0)
    if fits and name == "hosts":
        fits = not isinstance(value, str) and all(isinstance(one, str) for one in cast("Sequence[object]", value))
    if not fits:
        raise InvalidValue(name, f"is {value!r}" if isinstance(value, int | float) else "is none", allowed)


def _endpoint(given: str | Endpoint) -> Endpoint:
    if isinstance(given, str):
        return parse_url(given)
    if not isinstance(given, Endpoint):
        raise InvalidValue("url", "is none", "a str such as smpp://system_id:password@host:port, or an Endpoint")
    return given


def _hosts(options: Options) -> list[Endpoint]:
    """The endpoints that are named by host and port."""
    hosts = [*([options["host"]] if "host" in options else []), *options.get("hosts", ())]
    scheme = "smpp+tls" if options.get("tls") else "smpp"
    port = options.get("port", DEFAULT_PORTS[scheme])
    found = []
    for host in hosts:
        bare = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
        parsed = parse_url(f"smpp://{bare}")
        has_port = bare.rpartition("]")[2].count(":") == 1
        found.append(parsed if has_port else replace(parsed, port=port))
    return found
