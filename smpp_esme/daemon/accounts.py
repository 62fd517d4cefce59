"""One account at one SMSC, as it is configured: where it is, how it is bound, how fast, and what the provider wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import msgspec
from pydantic import Field, SecretStr, field_validator, model_validator

from smpp_esme.daemon.table import Seconds, Table
from smpp_esme.errors import ConfigError, InvalidValue
from smpp_esme.message.doubt import Resubmit
from smpp_esme.protocol import codec
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.endpoint import Endpoint, parse_url
from smpp_esme.session.guards import Rules
from smpp_esme.session.pacing import Adaptation
from smpp_esme.session.plan import Backoff, Plan, Waiting
from smpp_esme.sms import address
from smpp_esme.sms.profile import Profile

if TYPE_CHECKING:
    from smpp_esme.session.tls import Tls


class LinkTlsSettings(Table):
    """How a link with a ``smpp+tls://`` URL is encrypted.

    Attributes:
        ca: a PEM file, or a folder of them, with the authorities to trust instead of the system's.
        certificate: a PEM file with our certificate, for an SMSC that asks for one.
        key: a PEM file with its private key; by default it is in the same file.
        key_password: what the private key is encrypted with, if it is.
        key_password_file: a file that holds the same.
        server_name: the name that must be in the SMSC's certificate; by default the host.
        verify: whether the SMSC must prove who it is; without that anybody between can read and change everything.
    """

    ca: str = ""
    certificate: str = ""
    key: str = ""
    key_password: SecretStr = SecretStr("")
    key_password_file: str = ""
    server_name: str = ""
    verify: bool = True

    def given(self) -> dict[str, Any]:
        """What is said here, and not left to its default, in the words of `Tls`."""
        said = self.model_dump(exclude_unset=True, exclude={"key_password", "key_password_file"})
        password = self.key_password.get_secret_value()
        return said | ({"key_password": password} if password else {})


class PacingSettings(Table):
    """How a link's rate follows what the SMSC says.

    Attributes:
        slower: what is left of the rate after ESME_RTHROTTLED, ESME_RMSGQFUL or a congestion_state of 100.
        regain: which part of the throughput is regained in a second without any of these.
        hold: seconds in which nothing leaves after a refusal.
        least: submit_sm a second, however often it is refused.
    """

    slower: Annotated[float, Field(gt=0, le=1)] = 0.5
    regain: Annotated[float, Field(gt=0, le=1)] = 0.02
    hold: Annotated[float, Field(ge=0, le=60)] = 1.0
    least: Annotated[float, Field(gt=0, le=1_000)] = 1.0


class OutbindSettings(Table):
    """Where a link waits for its SMSC to call and say outbind (SMPP 3.4, 2.2.1), to bind with its account then.

    Attributes:
        host: the address to listen on.
        port: likewise; 0 for not at all.
        bind: what to bind as then.
        system_id: what the SMSC calls itself in outbind; "" believes any name.
        password: what it must say; "" believes anything. One of the two must be set, for whoever is
            believed gets our password.
        password_file: a file that holds the password.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    bind: Literal["receiver", "transceiver"] = "receiver"
    system_id: str = ""
    password: SecretStr = SecretStr("")
    password_file: str = ""

    @model_validator(mode="after")
    def _believing_somebody(self) -> Self:
        if self.port and not (self.system_id or self.password.get_secret_value()):
            raise ValueError("system_id or password must say whom to believe: whoever calls is sent our account")
        return self

    def waiting(self) -> Waiting | None:
        """The same for a plan; None for not at all."""
        if not self.port:
            return None
        password = self.password.get_secret_value()
        return Waiting(host=self.host, port=self.port, how=self.bind, system_id=self.system_id, password=password)


class RuleSettings(Table):
    """What happens to a message that breaks one of the provider's rules, which are in its profile.

    Attributes:
        repeat: the same text to the same number within the profile's `duplicates_refused_for`.
        flood: more than its `flood_limit` messages to one number with gaps below its `flood_gap`.
        segments: segments that cannot all leave within its `segments_within`.
    """

    repeat: Literal["refuse", "delay", "pass"] = "pass"
    flood: Literal["refuse", "delay", "pass"] = "pass"
    segments: Literal["refuse", "delay", "pass"] = "refuse"


class LinkSettings(Table):
    """One account at one SMSC.

    Attributes:
        url: ``smpp://system_id@host:port`` or ``smpp+tls://...``.
        password: at most 8 characters; goes before one in the URL. Better from the environment or a file of its own.
        password_file: a file that holds the password.
        system_type: sent in the bind; "ISO" has a meaning at SMSC-centre.
        profile: how this SMSC differs from the book: the name of a shipped one, or a path that ends in .toml.
        hosts: further hosts of the same account as HOST or HOST:PORT, to fail over to, in order of preference.
        bind: transceiver; pair is a transmitter and a receiver; one of these alone brings no receipts or no messages.
        binds: how many of that; all share the throughput. 0 where the SMSC calls us, by `outbind`.
        return_after: seconds between attempts to get back from a further host to a preferred one; 0 for never.
        already_bound: seconds to wait, at most, while the SMSC still holds our former session (ESME_RALYBND).
        window: how many requests may be outstanding on each bind.
        throughput: submit_sm a second, segments counted; 0 for no limit.
        enquire_link: seconds of silence before the SMSC is probed.
        response_timeout: seconds to wait for a response before the message is in doubt.
        source_addr: who sends, where the caller does not say.
        in_doubt: what becomes of a message in doubt: "hold" leaves it to a person; "resend" sends it again, once, as a
            possible duplicate, and "resend_safely" only where the SMSC refuses repetitions; "query" asks the SMSC about
            segments whose ids are known; "receipt" believes a receipt that fits; "profile" does what the profile says.
        in_doubt_receipt: whether a receipt of an unknown id ends a doubt that it fits, where nothing else explains it,
            besides what `in_doubt` says.
        query_after: seconds without a verdict after which the SMSC is asked, once, by query_sm; 0 for never.
        tls: for ``smpp+tls://``.
        pacing: how the rate follows what the SMSC says.
        rules: what happens to messages that the provider does not want.
        outbind: where to wait for an SMSC that calls us.
    """

    url: Annotated[str, Field(repr=False)]  # it may hold the password
    password: SecretStr = SecretStr("")
    password_file: str = ""
    system_type: str = ""
    profile: str = "standard"
    hosts: tuple[str, ...] = ()
    bind: Literal["transceiver", "transmitter", "receiver", "pair"] = "transceiver"
    binds: Annotated[int, Field(ge=0, le=100)] = 1
    return_after: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    already_bound: Seconds = 30.0
    window: Annotated[int, Field(ge=1, le=10_000)] = 100
    throughput: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0
    enquire_link: Seconds = 30.0
    response_timeout: Seconds = 10.0
    source_addr: str = ""
    in_doubt: Literal["hold", "resend", "resend_safely", "query", "receipt", "profile"] = "hold"
    in_doubt_receipt: bool = True
    query_after: Annotated[float, Field(ge=0, le=259_200)] = 0.0
    tls: LinkTlsSettings = LinkTlsSettings()
    pacing: PacingSettings = PacingSettings()
    rules: RuleSettings = RuleSettings()
    outbind: OutbindSettings = OutbindSettings()

    @field_validator("url")
    @classmethod
    def _readable(cls, url: str) -> str:
        try:
            parse_url(url)
        except InvalidValue as error:
            raise ValueError(f"{_part(error)}{error.problem}; {error.allowed}") from None
        return url

    @field_validator("source_addr")
    @classmethod
    def _sendable(cls, source_addr: str) -> str:
        try:
            address.source(source_addr)
        except InvalidValue as error:
            raise ValueError(f"{error.problem}; {error.allowed}") from None
        return source_addr

    @field_validator("profile")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            Profile.of(name)
        except ConfigError as error:
            where = "" if error.field == "profile" else f"{error.field}: "
            raise ValueError(f"{where}{error.problem}; {error.allowed}") from None
        return name

    @field_validator("hosts")
    @classmethod
    def _reachable(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if set(host) & set("/@?#"):
                raise ValueError(f"{host!r} is more than a host; HOST or HOST:PORT")
            try:
                parse_url(f"smpp://{host}")
            except InvalidValue as error:
                allowed = f"HOST:PORT, a port from {error.allowed}" if error.field == "port" else "HOST or HOST:PORT"
                raise ValueError(f"{host!r}: {_part(error)}{error.problem}; {allowed}") from None
        return hosts

    @model_validator(mode="after")
    def _bindable(self) -> Self:
        """Let no account through whose bind could not even be written: now is when somebody is looking."""
        endpoint = self.endpoint()
        if not (self.binds or self.outbind.port):
            raise ValueError("binds: is 0, and no outbind is waited for; 1 or more")
        try:
            codec.encode(endpoint.bind_request(), 1)
        except InvalidValue as error:
            # The problem may quote the value, and that may be the password.
            raise ValueError(f"{error.field.rpartition('.')[2]}: {error.allowed}") from None
        if endpoint.tls:
            _checked(endpoint.tls)
        elif self.tls != LinkTlsSettings():
            raise ValueError("tls: the url is smpp://, which is not encrypted; smpp+tls://")
        return self

    def endpoint(self) -> Endpoint:
        """Where the SMSC is preferably, and who we are there."""
        return self.endpoints()[0]

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where the SMSC is, in order of preference, and who we are there."""
        named = parse_url(self.url)
        scheme = "smpp+tls" if named.tls else "smpp"
        places = [named, *(parse_url(f"{scheme}://{host}") for host in self.hosts)]
        return tuple(
            Endpoint(
                host=place.host,
                port=place.port,
                tls=self._tls(named),
                system_id=named.system_id,
                password=self.password.get_secret_value() or named.password,
                system_type=self.system_type,
            )
            for place in places
        )

    def timers(self) -> Timers:
        """The session's timers; an SMSC that leaves a silent ESME hears from us twice before it would."""
        silence = self.bound_profile().inactivity / 2 or self.enquire_link
        return Timers(enquire_link=min(self.enquire_link, silence), response=self.response_timeout)

    def plan(self) -> Plan:
        """How the link is to be bound."""
        return Plan(
            endpoints=self.endpoints(),
            how=self.bind,
            binds=self.binds,
            window=self.window,
            timers=self.timers(),
            backoff=Backoff(already_bound=self.already_bound),
            return_after=self.return_after,
            outbind=self.outbind.waiting(),
        )

    def adaptation(self) -> Adaptation:
        """How the rate follows what the SMSC says."""
        return Adaptation(**self.pacing.model_dump())

    def provider_rules(self) -> Rules:
        """What the provider does not want, and what to do about it."""
        profile = self.bound_profile()
        return Rules(
            repeat_within=profile.duplicates_refused_for,
            flood_limit=profile.flood_limit,
            flood_gap=profile.flood_gap,
            segments_within=profile.segments_within,
            **self.rules.model_dump(),
        )

    def _tls(self, named: Endpoint) -> Tls | None:
        """What the table says, over what the URL says."""
        if named.tls is None:
            return None
        return msgspec.structs.replace(named.tls, **self.tls.given())

    def resubmit(self) -> Resubmit:
        """What becomes of a message that comes in doubt."""
        profile = self.bound_profile()
        policy = profile.resubmit if self.in_doubt == "profile" else self.in_doubt
        return Resubmit(policy=policy, within=profile.duplicates_refused_for, receipts=self.in_doubt_receipt)

    def bound_profile(self) -> Profile:
        """The profile as it is once bound."""
        return Profile.of(self.profile).bound_with(self.system_type)


def _part(error: InvalidValue) -> str:
    """What of a URL is wrong, if it is not all of it."""
    return "port " if error.field == "port" else ""


def _checked(tls: Tls) -> None:
    """See that the files can be used, now that somebody is looking."""
    try:
        tls.context()
    except InvalidValue as error:
        raise ValueError(str(error)) from None
