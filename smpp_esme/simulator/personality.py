"""A whole SMSC as data: a TOML file of all that `Smsc` can be told, and the personalities that ship with us.

::

    async with simulator.run("smsc-centre") as smsc: ...            # a shipped one, with that provider's own rules
    async with simulator.run("acme.toml", port=2775) as smsc: ...   # a file; what is given here goes before it
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
from msgspec import Meta

from smpp_esme.errors import ConfigError
from smpp_esme.protocol.timers import Timers
from smpp_esme.simulator.forms import IdForm, ReceiptForm
from smpp_esme.simulator.handsets import Condition, Handsets
from smpp_esme.simulator.limits import Guards, Limits
from smpp_esme.simulator.rules import AnyRule
from smpp_esme.simulator.script import Script
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.sms.profile import Profile

if TYPE_CHECKING:
    import ssl
    from importlib.resources.abc import Traversable

_Seconds = Annotated[float, Meta(ge=0)]
_Port = Annotated[int, Meta(ge=0, le=65535)]
_Count = Annotated[int, Meta(ge=1)]


class Population(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The handsets.

    Attributes:
        suffixes: the condition of the numbers that end so; replaces the usual table.
        numbers: the condition of single numbers.
    """

    suffixes: dict[str, Condition] | None = None
    numbers: dict[str, Condition] = {}


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a TLS listener needs; files of PEM.

    Attributes:
        certificate: the server's, with what is between it and the authority.
        key: its private key; by default in the same file.
        clients: the authority whose certificates clients must show; by default they need none.
    """

    certificate: str
    key: str | None = None
    clients: str | None = None

    def context(self) -> ssl.SSLContext:
        """The server's context.

        Raises:
            ConfigError: a file cannot be used.
        """
        import ssl  # noqa: PLC0415 - most simulators are plain and ssl is slow to import

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.clients:
                context.load_verify_locations(self.clients)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ssl.SSLError) as error:
            raise ConfigError("tls", str(error), "files of PEM: certificate, key, clients") from error
        return context


class Personality(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole SMSC; what is left out is as `Smsc` has it.

    Attributes:
        profile: what it is like: the name of a shipped profile, or a profile's file.
        host: where it listens.
        port: likewise; 0 takes a free one.
        accounts: passwords by system_id; without it anybody may bind.
        receipt_delay: seconds from a response to its receipt, on the average.
        latency: seconds from a submit to its response.
        seed: decides message_ids, jitter and chance.
        window: how many deliver_sm may be outstanding on a session.
        retry_delay: seconds until a delivery that was not taken goes out again.
        keep: how many texts, PDUs and messages are remembered.
        response_ids: how a response writes the message_id.
        timers: session_init, enquire_link, inactivity and response of its sessions, seconds.
        limits: what an account may ask for at a time.
        guards: what is refused to protect users.
        receipts: how receipts are written.
        handsets: suffixes and numbers, and the condition of those handsets.
        tls: certificate, key and clients; it then listens with TLS only.
        control_port: where the control API listens, on loopback.
        rule: the script.
    """

    profile: str | None = None
    host: str | None = None
    port: _Port | None = None
    accounts: dict[str, str] | None = None
    receipt_delay: _Seconds | None = None
    latency: _Seconds | None = None
    seed: int | None = None
    window: _Count | None = None
    retry_delay: _Seconds | None = None
    keep: _Count | None = None
    response_ids: IdForm | None = None
    timers: Timers | None = None
    limits: Limits | None = None
    guards: Guards | None = None
    receipts: ReceiptForm | None = None
    handsets: Population | None = None
    tls: Tls | None = None
    control_port: _Port | None = None
    rule: list[AnyRule] = []

    @classmethod
    def load(cls, name: str | Path) -> Personality:
        """The personality that ships under this name, or that is in this file.

        Raises:
            ConfigError: there is none such, or a key is wrong; says which.
        """
        source: Path | Traversable = Path(name)
        if str(name) in personality_names():
            source = _directory() / f"{name}.toml"
        try:
            return msgspec.toml.decode(source.read_bytes(), type=cls)
        except OSError as error:
            shipped = ", ".join(personality_names())
            raise ConfigError(str(name), error.strerror or "cannot be read", f"a TOML file, or {shipped}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(str(name), str(error).replace("`", ""), "see docs/simulator.md") from None

    def options(self) -> dict[str, Any]:
        """What it gives to `Smsc`.

        Raises:
            ConfigError: there is no such profile, or a file of `tls` cannot be used.
        """
        names = ("host", "port", "accounts", "receipt_delay", "latency", "seed", "window", "retry_delay", "keep")
        given = {name: getattr(self, name) for name in (*names, "response_ids", "timers", "limits", "guards")}
        given["form"] = self.receipts
        given["profile"] = Profile.of(self.profile) if self.profile else None
        given["handsets"] = Handsets(self.handsets.suffixes, self.handsets.numbers) if self.handsets else None
        given["tls"] = self.tls.context() if self.tls else None
        given["script"] = Script(cast("list[Any]", self.rule)) if self.rule else None
        return {name: value for name, value in given.items() if value is not None}


def run(personality: str | Path | Personality | None = None, **options: Any) -> Smsc:
    """A simulated SMSC, for ``async with simulator.run("smsc-centre") as smsc``.

    Args:
        personality: the name of a shipped one, a file, or one made by hand; none is as `Smsc` is by itself.
        options: as `Smsc` has them; they go before the personality's.

    Raises:
        ConfigError: the personality cannot be used.
    """
    if personality is not None:
        chosen = personality if isinstance(personality, Personality) else Personality.load(personality)
        options = chosen.options() | options
    return Smsc(**options)


def personality_names() -> tuple[str, ...]:
    """The names of the personalities that ship with the package."""
    names = [file.name for file in _directory().iterdir()]
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def _directory() -> Traversable:
    return resources.files("smpp_esme.simulator") / "personalities"
