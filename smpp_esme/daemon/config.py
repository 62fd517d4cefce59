"""The daemon's configuration: a TOML file, and the environment over it.

``SMPP_ESME_LINKS__PRIMARY__PASSWORD`` sets ``links.primary.password``; every key can be set so. All mistakes are told
at once, each with the path of its key.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import os
import re
import tomllib
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, get_args, get_origin
from urllib.parse import quote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator

from smpp_esme.daemon import routes
from smpp_esme.daemon.accounts import LinkSettings
from smpp_esme.daemon.endpoints import WebhookSettings
from smpp_esme.daemon.routes import RouteSettings, RoutingSettings
from smpp_esme.daemon.table import Seconds, Table
from smpp_esme.errors import ConfigError, InvalidValue
from smpp_esme.store.seal import Vault
from smpp_esme.store.urls import file_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PREFIX: Final = "SMPP_ESME_"
_SEPARATOR: Final = "__"
#: Environment variables of ours that are no settings.
_NOT_SETTINGS: Final = frozenset({"SMPP_ESME_API_KEY", "SMPP_ESME_REQUIRE_SERVICES", "SMPP_ESME_VECTORS"})
_FILE_LIMIT: Final = 1 << 20

#: What something may be called that stands in addresses and metrics.
Name = Annotated[str, Field(pattern=r"^[\w-]{1,64}$")]


def _network(value: Any) -> Any:
    """Read before pydantic does, which would tell of each of the two kinds that it is not, and by no name of ours."""
    try:
        return ip_network(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"{error}; an address or a network, as in 192.0.2.0/24") from None


def _address(value: Any) -> Any:
    """Likewise."""
    try:
        return ip_address(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"{error}; an address, as in 192.0.2.1") from None


def _is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class StoreSettings(Table):
    """Where messages live.

    Attributes:
        url: ``sqlite:///path``, relative to the working directory; or ``postgresql://user@host/name``.
        password: of the PostgreSQL user; goes before one in the URL. Better from the environment or a file of its own.
        password_file: a file that holds the password.
        synchronous: "full" survives a power cut, "normal" a crash of the process only.
        patience: seconds for which a PostgreSQL server that goes away is awaited, before anybody is told.
        text: how texts are kept: "plain"; "encrypted"; or "hashed", which is encrypted until it is sent, and a keyed
            hash from then on.
        text_keys: the keys, 32 octets in base64 each, with blanks between them: the first seals, all of them open.
            Better from the environment or a file of its own.
        text_keys_file: a file that holds the same.
    """

    url: Annotated[str, Field(repr=False)] = "sqlite:///smpp-esme.sqlite3"
    password: SecretStr = SecretStr("")
    password_file: str = ""
    synchronous: Literal["full", "normal"] = "full"
    patience: Seconds = 30.0
    text: Literal["plain", "encrypted", "hashed"] = "plain"
    text_keys: SecretStr = SecretStr("")
    text_keys_file: str = ""

    @field_validator("url")
    @classmethod
    def _names_a_store(cls, url: str) -> str:
        try:
            file_of(url)
        except InvalidValue as error:
            raise ValueError(f"{error.problem}; {error.allowed}") from None
        return url

    @model_validator(mode="after")
    def _sealable(self) -> Self:
        try:
            self.vault()
        except InvalidValue as error:
            raise ValueError(str(error).removeprefix("store.")) from None
        return self

    def vault(self) -> Vault | None:
        """What seals and opens texts; None where they are plain and always were.

        Raises:
            InvalidValue: a key cannot be used, or there is none.
        """
        keys = self.text_keys.get_secret_value().split()
        if self.text == "plain" and not keys:
            return None
        try:
            return Vault(self.text, [base64.b64decode(key, validate=True) for key in keys])
        except binascii.Error:
            raise InvalidValue("store.text_keys", "is not base64", "what `openssl rand -base64 32` prints") from None

    @model_validator(mode="after")
    def _openable(self) -> Self:
        if not self.password:
            return self
        if not self.url.startswith("postgresql"):
            raise ValueError("password: only PostgreSQL takes one; the url names a file")
        if "@" not in urlsplit(self.url).netloc:
            raise ValueError("password: the url names no user to go with it; postgresql://user@host/name")
        return self

    @property
    def full_url(self) -> str:
        """The URL with the password, wherever that came from; for whoever opens the store."""
        password = self.password.get_secret_value()
        if not password:
            return self.url
        parts = urlsplit(self.url)
        account, _, place = parts.netloc.rpartition("@")
        user = account.partition(":")[0]
        return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}").geturl()

    @property
    def safe_url(self) -> str:
        """The URL without a password, for people and logs."""
        return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", self.url)


class KeySettings(Table):
    """One API key; `smpp-esme key` makes it.

    Attributes:
        digest: of the key, as `smpp-esme key` prints it; the key itself is kept nowhere.
        scopes: what it allows: "submit", "read", "admin".
        networks: where it may be used, as in "192.0.2.0/24"; by default everywhere.
        rate: requests a second; 0 for no limit.
    """

    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", repr=False)]
    scopes: Annotated[frozenset[Literal["submit", "read", "admin"]], Field(min_length=1)]
    networks: tuple[Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)], ...] = ()
    rate: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0


class HttpSettings(Table):
    """Where the HTTP API listens, and to whom it answers.

    Attributes:
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        body_limit: octets that a request's body may have.
        patience: seconds that a request may take to come in.
        connections: how many may be open at a time.
        streams: how many of them may follow the events.
        proxies: addresses of proxies whose X-Forwarded-For is believed.
        certificate: a PEM file with the certificate; with it the API speaks TLS.
        certificate_key: a PEM file with the certificate's private key; by default it is in the same file.
        certificate_key_password: what the private key is encrypted with, if it is.
        certificate_key_password_file: a file that holds the same.
        keys: who may ask, by any name; without keys anybody may, and then only on loopback.
        open: true to have no keys and listen beyond loopback all the same, where something else keeps strangers out.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    body_limit: Annotated[int, Field(ge=1024, le=1 << 30)] = 1 << 20
    patience: Seconds = 30.0
    connections: Annotated[int, Field(ge=1, le=100_000)] = 1000
    streams: Annotated[int, Field(ge=0, le=10_000)] = 100
    proxies: tuple[Annotated[IPv4Address | IPv6Address, BeforeValidator(_address)], ...] = ()
    certificate: str | None = None
    certificate_key: str | None = None
    certificate_key_password: SecretStr = SecretStr("")
    certificate_key_password_file: str = ""
    keys: dict[str, KeySettings] = Field(default_factory=dict)
    open: bool = False

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not (self.keys or self.open or _is_loopback(self.host)):
            problem = f"host {self.host} lets others in, and there are no keys"
            raise ValueError(f"{problem}; make one with smpp-esme key, or set open = true")
        return self


class DispatchSettings(Table):
    """How messages are handed to the links.

    Attributes:
        owner: whose claims these are. Daemons that share a PostgreSQL database need a name each, the same after a
            restart.
        lease: seconds for which a claimed message is this daemon's: the first half to submit it, the rest for the
            response. What is claimed beyond that is put in doubt by any daemon, and by one that starts whatever it had
            claimed itself.
        batch: how many messages are claimed in one transaction at most.
        drain: seconds that a stop waits for outstanding responses.
    """

    owner: Annotated[str, Field(min_length=1, max_length=64)] = "smpp-esme"
    lease: Seconds = 60.0
    batch: Annotated[int, Field(ge=1, le=5_000)] = 500
    drain: Seconds = 15.0


class RetentionSettings(Table):
    """How long what is kept, in days from when a message is final, or from when it came in; 0 keeps it for ever.

    Attributes:
        texts: what messages said; their statuses and numbers stay.
        events: their histories, and what subscribers wrote as an event; what they came to stays.
        messages: messages as a whole, with their histories.
        received: what subscribers wrote, as a whole.
        limbo: receipts that belong to no message of ours. One that is deleted can end no doubt any more.
    """

    texts: Annotated[float, Field(ge=0, le=36_500)] = 0.0
    events: Annotated[float, Field(ge=0, le=36_500)] = 0.0
    messages: Annotated[float, Field(ge=0, le=36_500)] = 0.0
    received: Annotated[float, Field(ge=0, le=36_500)] = 0.0
    limbo: Annotated[float, Field(ge=0, le=36_500)] = 0.0


class LogSettings(Table):
    """What is logged, and how.

    Attributes:
        level: the least urgent level that is shown.
        format: "json" for machines, "text" for people.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


class TracingSettings(Table):
    """Traces for OpenTelemetry.

    Attributes:
        enabled: whether messages are traced.
        endpoint: the URL that spans are posted to by OTLP/HTTP; by default what OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
            OTEL_EXPORTER_OTLP_ENDPOINT says, and else http://localhost:4318/v1/traces.
        service_name: what we are called in traces; by default what OTEL_SERVICE_NAME says, and else smpp-esme.
        sample_ratio: the share of messages that is traced.
    """

    enabled: bool = False
    endpoint: str | None = None
    service_name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    sample_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0

    @field_validator("endpoint")
    @classmethod
    def _without_password(cls, endpoint: str | None) -> str | None:
        parts = urlsplit(endpoint or "http://localhost")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("it is no URL; write it as in http://localhost:4318/v1/traces")
        if "@" in parts.netloc:
            raise ValueError("a password does not belong here; set OTEL_EXPORTER_OTLP_HEADERS in the environment")
        return endpoint


class Settings(Table):
    """All of it."""

    links: Annotated[dict[str, LinkSettings], Field(min_length=1)]
    routes: dict[Name, RouteSettings] = Field(default_factory=dict)
    routing: RoutingSettings = RoutingSettings()
    store: StoreSettings = StoreSettings()
    http: HttpSettings = HttpSettings()
    webhooks: dict[Name, WebhookSettings] = Field(default_factory=dict)
    dispatch: DispatchSettings = DispatchSettings()
    retention: RetentionSettings = RetentionSettings()
    log: LogSettings = LogSettings()
    tracing: TracingSettings = TracingSettings()

    @model_validator(mode="after")
    def _leading_somewhere(self) -> Self:
        routes.check(self.routes, self.links)
        return self


def load(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a file, with the environment's over them.

    Args:
        path: the TOML file.
        environment: variables to look at; by default the process's own.

    Raises:
        ConfigError: the file cannot be read, or keys are wrong: names the file and every key.
    """
    environment = os.environ if environment is None else environment
    values = _read(path)
    _override(values, environment)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(str(path), "; ".join(_told(error, environment))) from None


def _read(path: Path) -> dict[str, Any]:
    octets = _octets(path)
    try:
        return tomllib.loads(octets.decode())
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "it is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"it is not TOML: {error}") from error
    except (
        RecursionError,
        ValueError,
    ) as error:  # tomllib lets through what arrays too deep and numbers too long raise
        raise ConfigError(str(path), "a value is nested too deeply, or a number too long") from error


def _octets(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            octets = file.read(_FILE_LIMIT + 1)
    except OSError as error:
        raise ConfigError(str(path), error.strerror or "it cannot be read", "the path of a TOML file") from error
    if len(octets) > _FILE_LIMIT:
        raise ConfigError(str(path), "the file is too large", f"at most {_FILE_LIMIT} octets")
    return octets


def _override(values: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Set what the environment says.

    Raises:
        ConfigError: names each variable that sets nothing; a misspelt one must not pass in silence.
    """
    names = [name for name in environment if name.startswith(PREFIX) and name not in _NOT_SETTINGS]
    if wrong := [f"{name}: {problem}" for name in names if (problem := _set(values, name, environment[name]))]:
        raise ConfigError("environment", "; ".join(wrong))


def _set(values: dict[str, Any], name: str, value: str) -> str | None:
    """Set what one variable says; what is wrong with it, if anything is."""
    keys = name.removeprefix(PREFIX).lower().split(_SEPARATOR)
    kind: Any = Settings
    for position, key in enumerate(keys):
        if not _is_table(kind):
            return f"{keys[position - 1]} is not a table, so nothing in it can be set"
        if key not in (allowed := _keys_of(kind) or [key]):
            close = [_variable([*keys[:position], one, *keys[position + 1 :]]) for one in _close(key, allowed)]
            return f"no such setting ({_instead(close, allowed)})"
        kind = _inner(kind, key)
    if _is_table(kind):
        return "is a table; what can be set is in it"
    for key in keys[:-1]:
        values = values.setdefault(_written(values, key), {})
        if not isinstance(values, dict):
            return f"{key} is not a table, so nothing in it can be set"
    # A variable holds no list, so there it stands with spaces between what is in it.
    values[keys[-1]] = value.split() if get_origin(kind) in {tuple, frozenset} else value
    return None


def _written(values: dict[str, Any], key: str) -> str:
    """A table's name as the file has it: no variable can tell `SMSC-2` from `smsc_2`."""
    if key in values:
        return key
    return next((name for name in values if re.sub(r"\W", "_", name).lower() == key), key)


def _variable(keys: Sequence[str]) -> str:
    """What the variable of a key is called."""
    return PREFIX + _SEPARATOR.join(re.sub(r"\W", "_", key).upper() for key in keys)


def _told(error: ValidationError, environment: Mapping[str, str]) -> Iterator[str]:
    for one in error.errors(include_url=False, include_input=False):
        keys = [str(part) for part in one["loc"]]
        path = ".".join(keys)
        if (variable := _variable(keys)) in environment:
            path += f" ({variable})"
        if one["type"] == "extra_forbidden":
            allowed = _keys_beside(keys)
            yield f"{path}: no such key ({_instead(_close(keys[-1], allowed), allowed)})"
        else:
            yield f"{path}: {one['msg'].removeprefix('Value error, ')}"


def _keys_beside(keys: Sequence[str]) -> list[str]:
    """The keys that would have been allowed where a wrong one stands."""
    kind: Any = Settings
    for key in keys[:-1]:
        kind = _inner(kind, key)
    return _keys_of(kind)


def _inner(kind: Any, key: str) -> Any:
    """What a key of a table holds, or a name of a table of tables."""
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    field = kind.model_fields.get(key)
    return field.annotation if field else None


def _is_table(kind: Any) -> bool:
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, Table))


def _keys_of(kind: Any) -> list[str]:
    """What may stand in a table; nothing where any name may."""
    return [] if get_origin(kind) is dict else list(kind.model_fields)


def _close(key: str, allowed: list[str]) -> list[str]:
    """The key that is nearest, if one is near."""
    return difflib.get_close_matches(key, allowed, n=1)


def _instead(close: list[str], allowed: list[str]) -> str:
    return f"did you mean {close[0]}?" if close else f"one of {', '.join(allowed)}"
