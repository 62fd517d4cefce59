"""uvicorn inside our own event loop and under our own signals."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import ssl
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import uvicorn

from smpp_esme.errors import ConfigError
from smpp_esme.web.certificate import expiry
from smpp_esme.web.connections import Patient, PatientH11

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from starlette.types import ASGIApp

#: Seconds that open requests get when we stop; without a bound one idle client would hold us up for ever.
_GRACE: Final = 2
#: Seconds for which a connection may stand idle between two requests, where patience is no shorter.
_IDLE: Final = 5


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process that embeds us."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; we bind it ourselves, since uvicorn would end the process over a port in use.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        problem = str(error.strerror or error).partition(" (while")[0]  # Python repeats the address there
        raise ConfigError("http", f"{host}:{port}: {problem}", "another host or port") from error


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a server serves.

    Attributes:
        patience: seconds that a request's head may take to come.
        connections: how many may be open; beyond them a request is answered 503.
        proxies: addresses whose X-Forwarded-For is believed.
        certificate: a PEM file with the certificate and those that vouch for it; None for no TLS.
        key: a PEM file with its private key; None if it is in the same file.
        key_password: what the private key is encrypted with; "" where it is not.
    """

    patience: float = 30.0
    connections: int = 1000
    proxies: tuple[str, ...] = ()
    certificate: str | None = None
    key: str | None = None
    key_password: str = ""

    def __repr__(self) -> str:
        """Nothing of the password."""
        return f"Options(certificate={self.certificate!r}, key={self.key!r})"


class Server:
    """Serves an application.

    Args:
        app: what answers.
        listener: where it is asked.
        options: how it is served.

    Raises:
        ConfigError: certificate or key cannot be used.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket, options: Options | None = None) -> None:
        self._options = options or Options()
        self._config = _configured(app, self._options)
        self._listener = listener

    async def run(self) -> None:
        """Serve until cancelled; open requests get a moment to end."""
        server = _Server(self._config)
        serving = asyncio.create_task(server.serve(sockets=[self._listener]), name="http")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise

    def renew(self) -> None:
        """Read certificate and key anew, for the connections to come.

        Raises:
            ConfigError: they cannot be used; those that were read before go on.
        """
        if self._config.ssl is None:
            return
        for context in (_trial(), self._config.ssl):
            _show(context, self._options)


def examine(options: Options) -> datetime | None:
    """See that certificate and key can be used, and until when the certificate is good; None: there is none.

    Raises:
        ConfigError: they cannot be.
    """
    _show(_trial(), options)
    return expiry(Path(options.certificate)) if options.certificate else None


async def serve(app: ASGIApp, listener: socket.socket, options: Options | None = None) -> None:
    """As `Server.run`."""
    await Server(app, listener, options).run()


def _trial() -> ssl.SSLContext:
    """What may go wrong without harm."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def _show(context: ssl.SSLContext, options: Options) -> None:
    """Have a context show our certificate, if we have one.

    Raises:
        ConfigError: certificate, key or its password cannot be used.
    """
    if options.certificate is None:
        return
    asked = False

    def password() -> str:
        nonlocal asked
        asked = True
        if not options.key_password:  # without an answer OpenSSL would ask the terminal, and wait
            raise ConfigError("http.certificate_key", "it is encrypted", "http.certificate_key_password")
        return options.key_password

    certificate = _pem("certificate", options.certificate)
    key = _pem("certificate_key", options.key) if options.key else None
    try:
        context.load_cert_chain(certificate, key, password)
    except ssl.SSLError as error:
        raise _unusable(error, options, asked=asked) from error


def _pem(key: str, path: str) -> str:
    """The path of a file that can be read."""
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise ConfigError(f"http.{key}", f"{path}: {error.strerror}", "a PEM file that can be read") from error
    return path


def _unusable(error: ssl.SSLError, options: Options, *, asked: bool) -> ConfigError:
    """What is wrong with a certificate or its key; `asked`: OpenSSL wanted the key's password."""
    key = options.key or options.certificate
    if error.reason == "KEY_VALUES_MISMATCH":
        problem = f"{key} does not belong to the certificate in {options.certificate}"
        return ConfigError("http.certificate_key", problem, "the key it was made with")
    if asked:
        problem = f"it does not open {key}"
        return ConfigError("http.certificate_key_password", problem, "what the key was encrypted with")
    return ConfigError("http.certificate", f"no certificate and key in {options.certificate} and {key}", "PEM files")


def _configured(app: ASGIApp, options: Options) -> uvicorn.Config:
    _show(_trial(), options)
    config = uvicorn.Config(
        app,
        http=_patient(options.patience),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=min(_IDLE, math.ceil(options.patience)),
        limit_concurrency=options.connections,
        server_header=False,
        lifespan="off",
        proxy_headers=bool(options.proxies),
        forwarded_allow_ips=list(options.proxies),
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        ssl_keyfile_password=options.key_password or None,
    )
    config.load()
    return config


def _patient(patience: float) -> type[Patient]:
    """Such connections, read by what is installed; `patience` in seconds."""
    read: type[Patient] = PatientH11
    if find_spec("httptools"):
        from smpp_esme.web.fast_connections import PatientHttpTools  # noqa: PLC0415 - an extra

        read = PatientHttpTools
    return type(read.__name__, (read,), {"patience": patience})
