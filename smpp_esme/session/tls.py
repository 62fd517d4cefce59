"""TLS: whom we trust, and who we are to the other end."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

import msgspec

from smpp_esme.errors import InvalidValue

# OpenSSL's numbers (X509_V_ERR_*) of what is wrong with a certificate.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNTRUSTED: Final = frozenset({2, 18, 19, 20, 21})
_WRONG_NAME: Final = frozenset({62, 64})

#: OpenSSL's reason why a private key does not go with a certificate.
_OTHER_KEY: Final = "KEY_VALUES_MISMATCH"

#: What a failed handshake means, by OpenSSL's reason.
_REASONS: Final = {
    "WRONG_VERSION_NUMBER": "the other end does not speak TLS; is this the port for plain SMPP?",
    "UNEXPECTED_EOF_WHILE_READING": "the connection was cut during the TLS handshake",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the SMSC wants a client certificate; give tls certificate and key",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the SMSC ended the TLS handshake; it may want a client certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "the SMSC does not trust whoever issued our client certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the SMSC does not accept our client certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the SMSC does not accept our client certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "our client certificate has expired, the SMSC says",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the SMSC has no TLS version in common with us; TLS 1.2 is the oldest we speak",
    "TLSV1_UNRECOGNIZED_NAME": "the SMSC does not know the server name that it was asked for; see tls server_name",
}


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection is encrypted; by default the SMSC must prove its name to the system's certificate authorities.

    Attributes:
        ca: a PEM file, or a folder of them, with the authorities to trust instead of the system's.
        certificate: a PEM file with our certificate and what leads up to its authority, for an SMSC that asks.
        key: a PEM file with its private key; "" where the certificate's file has it too.
        key_password: what the private key is encrypted with; "" where it is not.
        server_name: the name that is asked for and must be in the SMSC's certificate; "" for the host we connect to.
        verify: whether the SMSC must prove who it is. Without that anybody between us can read and change everything.
    """

    ca: str = ""
    certificate: str = ""
    key: str = ""
    key_password: str = ""
    server_name: str = ""
    verify: bool = True

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "key_password")
        return f"Tls({', '.join(shown)})"

    def context(self) -> ssl.SSLContext:
        """What the ssl module wants to have.

        Raises:
            InvalidValue: a file cannot be read or used; names it.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.verify:
            self._trust(context)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._show(context)
        return context

    def name_for(self, host: str) -> str:
        """The name to ask for and to verify (SNI, RFC 6066)."""
        return self.server_name or host

    def _trust(self, context: ssl.SSLContext) -> None:
        if not self.ca:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
            return
        path = _readable("tls.ca", self.ca)
        try:
            if path.is_dir():
                for one in sorted(path.glob("*.pem")):
                    context.load_verify_locations(cafile=one)
            else:
                context.load_verify_locations(cafile=path)
        except ssl.SSLError:
            raise InvalidValue("tls.ca", f"{self.ca} holds no certificate", "a PEM file, or a folder of them") from None
        if not context.get_ca_certs():
            raise InvalidValue("tls.ca", f"{self.ca} holds no authority's certificate", "a PEM file with one")

    def _show(self, context: ssl.SSLContext) -> None:
        if not self.certificate:
            if self.key:
                raise InvalidValue("tls.key", "there is no certificate to go with it", "give tls.certificate too")
            return
        certificate = _readable("tls.certificate", self.certificate)
        key = _readable("tls.key", self.key) if self.key else None
        lock = _Lock("tls.key", self.key_password)
        try:
            context.load_cert_chain(certificate, key, password=lock.opened)
        except ssl.SSLError as error:
            problem = lock.problem(error) or _mismatch(error, self.certificate, self.key or self.certificate)
            raise InvalidValue(*problem) from None


class _Lock:
    """Gives OpenSSL the password of a private key, and knows whether it asked; without this it would ask the terminal.

    Args:
        field: the key's place in the configuration.
        password: "" where the key should need none.
    """

    def __init__(self, field: str, password: str) -> None:
        self._field = field
        self._password = password
        self._asked = False

    def opened(self) -> str:
        """The password.

        Raises:
            InvalidValue: it is wanted, and there is none.
        """
        self._asked = True
        if not self._password:
            raise InvalidValue(self._field, "it is encrypted", f"{self._field}_password, or a key without one")
        return self._password

    def problem(self, error: ssl.SSLError) -> tuple[str, str, str] | None:
        """Field, problem and way out, if it was the password that the key could not be loaded with."""
        if not self._asked or error.reason == _OTHER_KEY:
            return None
        return f"{self._field}_password", "it does not open the private key", "the one that the key was encrypted with"


def _mismatch(error: ssl.SSLError, certificate: str, key: str) -> tuple[str, str, str]:
    if error.reason == _OTHER_KEY:
        return "tls.key", f"{key} does not belong to the certificate in {certificate}", "the key it was made with"
    return "tls.certificate", f"no certificate and key in {certificate} and {key}", "PEM files"


def _readable(field: str, name: str) -> Path:
    path = Path(name)
    try:
        if not path.is_dir():
            with path.open("rb"):
                pass
    except OSError as error:
        raise InvalidValue(field, f"{name}: {error.strerror}", "a PEM file that can be read") from None
    return path


def explain(error: ssl.SSLError) -> str:
    """What went wrong with TLS, in a sentence that says what to do where anything can be done."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate was not accepted: {_fault(error)}"
    reason = str(error.reason or "")
    return _REASONS.get(reason, f"TLS failed: {reason.replace('_', ' ').lower() or error}")


def _fault(error: ssl.SSLCertVerificationError) -> str:
    code, message = error.verify_code, error.verify_message
    if code == _EXPIRED:
        return "it has expired"
    if code == _NOT_YET_VALID:
        return "it is not valid yet, or our clock is wrong"
    if code in _WRONG_NAME:
        return f"it is not for this host ({message.rstrip('.')}); see tls server_name"
    if code in _UNTRUSTED:
        return f"nobody we trust has issued it ({message}); see tls ca"
    return message
