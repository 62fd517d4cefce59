"""The daemon's configuration: a TOML file, and the environment over it.

``SMPP_ESME_LINKS__PRIMARY__PASSWORD`` sets ``links.primary.password``; every key can be set so. All mistakes are told
at once, each with the path of its key.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from smpp_esme.errors import ConfigError, InvalidValue
from smpp_esme.protocol import codec
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.endpoint import Endpoint, parse_url
from smpp_esme.sms import address
from smpp_esme.sms.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PREFIX: Final = "SMPP_ESME_"
_SEPARATOR: Final = "__"
#: Environment variables of ours that are no settings.
_NOT_SETTINGS: Final = frozenset({"SMPP_ESME_REQUIRE_SERVICES"})
_FILE_LIMIT: Final = 1 << 20

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class StoreSettings(_Table):
    """Where messages live.

    Attributes:
        url: ``sqlite:///path``; a relative path is relative to the working directory.
        synchronous: "full" survives a power cut, "normal" a crash of the process only.
    """

    url: str = "sqlite:///smpp-esme.sqlite3"
    synchronous: Literal["full", "normal"] = "full"


class HttpSettings(_Table):
    """Where the HTTP API listens.

    Attributes:
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        body_limit: octets that a request's body may have.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    body_limit: Annotated[int, Field(ge=1024, le=1 << 30)] = 1 << 20


class LinkSettings(_Table):
    """One account at one SMSC.

    Attributes:
        url: ``smpp://system_id@host:port`` or ``smpp+tls://...``.
        password: at most 8 characters; better from the environment than from the file.
        system_type: sent in the bind; "ISO" has a meaning at SMSC-centre.
        profile: how this SMSC differs from the book: the name of a shipped one, or a path that ends in .toml.
        bind: transceiver; transmitter and receiver bring no receipts, or no messages.
        window: how many requests may be outstanding.
        throughput: submit_sm a second, segments counted; 0 for no limit.
        enquire_link: seconds of silence before the SMSC is probed.
        response_timeout: seconds to wait for a response before the message is in doubt.
        source_addr: who sends, where the caller does not say.
    """

    url: Annotated[str, Field(repr=False)]  # it may hold the password
    password: SecretStr = SecretStr("")
    system_type: str = ""
    profile: str = "standard"
    bind: Literal["transceiver", "transmitter", "receiver"] = "transceiver"
    window: Annotated[int, Field(ge=1, le=10_000)] = 100
    throughput: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0
    enquire_link: Seconds = 30.0
    response_timeout: Seconds = 10.0
    source_addr: str = ""

    @field_validator("url")
    @classmethod
    def _readable(cls, url: str) -> str:
        try:
            parse_url(url)
        except InvalidValue as error:
            raise ValueError(f"{error.problem}; {error.allowed}") from None
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
            _profile(name)
        except ConfigError as error:
            where = "" if error.field == "profile" else f"{error.field}: "
            raise ValueError(f"{where}{error.problem}; {error.allowed}") from None
        return name

    @model_validator(mode="after")
    def _bindable(self) -> Self:
        """Let no account through whose bind could not even be written: now is when somebody is looking."""
        try:
            codec.encode(self.endpoint().bind_request(self.bind), 1)
        except InvalidValue as error:
            # The problem may quote the value, and that may be the password.
            raise ValueError(f"{error.field.rpartition('.')[2]}: {error.allowed}") from None
        return self

    def endpoint(self) -> Endpoint:
        """Where the SMSC is, and who we are there."""
        named = parse_url(self.url)
        return Endpoint(
            host=named.host,
            port=named.port,
            tls=named.tls,
            system_id=named.system_id,
            password=self.password.get_secret_value() or named.password,
            system_type=self.system_type,
        )

    def timers(self) -> Timers:
        """The session's timers."""
        return Timers(enquire_link=self.enquire_link, response=self.response_timeout)

    def bound_profile(self) -> Profile:
        """The profile as it is once bound."""
        return _profile(self.profile).bound_with(self.system_type)


class DispatchSettings(_Table):
    """How messages are handed to the links.

    Attributes:
        lease: seconds for which a claimed message is this daemon's to submit; a daemon that starts puts in doubt what
            another left claimed beyond that, and whatever it had claimed itself.
        batch: how many messages are claimed in one transaction at most.
        drain: seconds that a stop waits for outstanding responses.
    """

    lease: Seconds = 60.0
    batch: Annotated[int, Field(ge=1, le=5_000)] = 500
    drain: Seconds = 15.0


class LogSettings(_Table):
    """What is logged, and how.

    Attributes:
        level: the least urgent level that is shown.
        format: "json" for machines, "text" for people.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


class Settings(_Table):
    """All of it."""

    links: Annotated[dict[str, LinkSettings], Field(min_length=1)]
    store: StoreSettings = StoreSettings()
    http: HttpSettings = HttpSettings()
    dispatch: DispatchSettings = DispatchSettings()
    log: LogSettings = LogSettings()


def load(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a file, with the environment's over them.

    Args:
        path: the TOML file.
        environment: variables to look at; by default the process's own.

    Raises:
        ConfigError: the file cannot be read, or keys are wrong: names the file and every key.
    """
    values = _read(path)
    _override(values, os.environ if environment is None else environment)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(str(path), "; ".join(_told(error))) from None


def _profile(name: str) -> Profile:
    return Profile.load(name) if name.endswith(".toml") else Profile.named(name)


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
    if keys[0] not in Settings.model_fields:
        return f"no such setting ({_nearest(keys[0], list(Settings.model_fields))})"
    for key in keys[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            return f"{key} is not a table, so nothing in it can be set"
    values[keys[-1]] = value
    return None


def _told(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_input=False):
        path = ".".join(str(part) for part in one["loc"])
        if one["type"] == "extra_forbidden":
            yield f"{path}: no such key ({_nearest(str(one['loc'][-1]), _keys_beside(one['loc']))})"
        else:
            yield f"{path}: {one['msg'].removeprefix('Value error, ')}"


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """The keys that would have been allowed where a wrong one stands."""
    if len(location) == 1:
        return list(Settings.model_fields)
    if location[0] == "links":
        return list(LinkSettings.model_fields)
    table = Settings.model_fields[str(location[0])].annotation
    return list(table.model_fields) if isinstance(table, type) and issubclass(table, BaseModel) else []


def _nearest(key: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(key, allowed, n=1)
    return f"did you mean {close[0]}?" if close else f"one of {', '.join(allowed)}"
