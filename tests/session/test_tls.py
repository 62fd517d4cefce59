"""TLS against a real listener, with certificates that are made here."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from msgspec.structs import replace

from smpp_esme.errors import ConnectFailed, InvalidValue, SessionClosed
from smpp_esme.protocol.pdus import RESPONSES, SubmitSm
from smpp_esme.protocol.state import Role
from smpp_esme.session.endpoint import Endpoint, parse_url
from smpp_esme.session.link import Link
from smpp_esme.session.plan import Plan
from smpp_esme.session.session import Session
from smpp_esme.session.tls import Tls

PATIENCE = 10.0
DAY = timedelta(days=1)
NOW = datetime.now(UTC)
SUBMIT = SubmitSm(destination_addr="79161234567", short_message=b"hello")


class Pki:
    """Authorities and certificates, as PEM files."""

    def __init__(self, folder):
        self.folder = folder
        self.ours, self.foreign = trustme.CA(), trustme.CA()
        self.ca = str(folder / "ca.pem")
        self.ours.cert_pem.write_to_path(self.ca)

    def server(self, *names, authority=None, **validity):
        """A listener's context, with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (authority or self.ours).issue_cert(*names or ("127.0.0.1",), **validity).configure_cert(context)
        return context

    def client(self, name="acme", authority=None):
        """The files of a client's certificate and key."""
        made = (authority or self.ours).issue_cert(f"{name}@esme.example")
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        made.cert_chain_pems[0].write_to_path(files[0])
        made.private_key_pem.write_to_path(files[1])
        return dict(zip(("certificate", "key"), map(str, files), strict=True))


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@contextlib.asynccontextmanager
async def listening(context):
    """An SMSC as small as can be behind this context; gives where it is."""
    loop, tasks = asyncio.get_running_loop(), []

    async def serve(session):
        with contextlib.suppress(SessionClosed):
            while True:
                for request in await session.requests():
                    session.respond(request, RESPONSES[request.command_id]())

    def made():
        return Session(Role.SMSC, on_open=lambda session: tasks.append(loop.create_task(serve(session))))

    server = await loop.create_server(made, "127.0.0.1", 0, ssl=context)
    try:
        async with asyncio.timeout(PATIENCE):
            yield Endpoint(host="127.0.0.1", port=server.sockets[0].getsockname()[1], tls=Tls(), system_id="acme")
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def submitted(endpoint, **tls):
    """Bind there, submit, and unbind; the status of the response."""
    session = await Session.connect(replace(endpoint, tls=Tls(**tls)))
    await session.bind(endpoint.bind_request())
    response = await session.request(SUBMIT)
    await session.unbind()
    return response.command_status


# Who the SMSC is


async def test_an_smsc_with_a_good_certificate_is_believed(pki):
    async with listening(pki.server()) as endpoint:
        assert await submitted(endpoint, ca=pki.ca) == 0


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"authority": "foreign"}, "nobody we trust has issued it"),
        ({"not_before": NOW - 2 * DAY, "not_after": NOW - DAY}, "it has expired"),
        ({"not_before": NOW + DAY, "not_after": NOW + 2 * DAY}, "it is not valid yet"),
        ({"names": ("10.9.8.7", "smsc.example")}, "it is not for this host"),
    ],
    ids=["unknown", "expired", "early", "wrong name"],
)
async def test_an_smsc_with_a_wrong_certificate_is_left_and_the_error_says_why(pki, made, said):
    authority = getattr(pki, made.get("authority", "ours"))
    validity = {name: value for name, value in made.items() if name.startswith("not_")}
    async with listening(pki.server(*made.get("names", ()), authority=authority, **validity)) as endpoint:
        with pytest.raises(ConnectFailed, match=f"its certificate was not accepted: {said}"):
            await submitted(endpoint, ca=pki.ca)
        assert await submitted(endpoint, verify=False) == 0


async def test_by_default_only_the_system_s_authorities_are_trusted(pki):
    async with listening(pki.server()) as endpoint:
        with pytest.raises(ConnectFailed, match="nobody we trust"):
            await submitted(endpoint)


async def test_the_name_that_is_asked_for_and_verified_can_be_said(pki):
    context, asked = pki.server("smsc.example"), []
    context.sni_callback = lambda _, name, __: asked.append(name)
    async with listening(context) as endpoint:
        assert await submitted(endpoint, ca=pki.ca, server_name="smsc.example") == 0
        with pytest.raises(ConnectFailed, match="not for this host"):
            await submitted(endpoint, ca=pki.ca, server_name="other.example")
    assert asked == ["smsc.example", "other.example"]


async def test_an_smsc_that_speaks_no_tls_is_told_as_such(smsc):
    endpoint = Endpoint(host=smsc.host, port=smsc.port, tls=Tls())
    with pytest.raises(ConnectFailed, match=r"smpp\+tls://.*(does not speak TLS|cut during the TLS handshake)"):
        await Session.connect(endpoint)


async def test_an_smsc_that_wants_tls_is_told_as_closed(pki):
    async with listening(pki.server()) as endpoint:
        plain = replace(endpoint, tls=None)
        session = await Session.connect(plain)
        with pytest.raises(SessionClosed):
            await session.bind(plain.bind_request())


async def test_tls_older_than_1_2_is_not_spoken(pki):
    assert Tls(ca=pki.ca).context().minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_context_of_one_s_own_takes_the_place_of_the_settings(pki):
    own = ssl.create_default_context(cafile=pki.ca)
    async with listening(pki.server()) as endpoint:
        session = await Session.connect(endpoint, tls=own)
        await session.bind(endpoint.bind_request())
        assert session.is_bound
        await session.unbind()


async def test_the_end_of_a_session_is_no_fault_of_the_event_loop_s(pki):
    faults = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    async with listening(pki.server()) as endpoint:
        session = await Session.connect(replace(endpoint, tls=Tls(ca=pki.ca)))
        await session.bind(endpoint.bind_request())
        await session.unbind()
        for _ in range(20):  # who ends it once more does no harm
            session.abort()
            await asyncio.sleep(0.001)
    assert faults == []


async def test_a_link_is_told_how_by_its_url(pki):
    async with listening(pki.server("localhost")) as listener:
        url = f"smpp+tls://acme@127.0.0.1:{listener.port}?ca={pki.ca}&server_name=localhost"
        async with Link("main", Plan(endpoints=(parse_url(url),))).serving(attempts=1) as link:
            assert (await link.request(SUBMIT)).command_status == 0


# Who we are


def asking_for_certificates(pki, authority=None):
    context = pki.server()
    (authority or pki.ours).configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_an_smsc_that_asks_is_shown_our_certificate(pki):
    async with listening(asking_for_certificates(pki)) as endpoint:
        assert await submitted(endpoint, ca=pki.ca, **pki.client()) == 0


@contextlib.contextmanager
def openssl_itself(context):
    """A listener that does its handshake as programs in C do: when that fails, the alert goes out before the end."""

    def serve():
        plain, _ = listener.accept()
        plain.settimeout(PATIENCE)
        with context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as tls:
            with contextlib.suppress(ssl.SSLError):
                tls.do_handshake()
            while socket.socket.recv(tls, 65536):  # what is left unread would reset the connection
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Endpoint(host="127.0.0.1", port=listener.getsockname()[1], tls=Tls(), system_id="acme")
        finally:
            thread.join(PATIENCE)


@pytest.mark.parametrize(
    ("ours", "said"), [(False, "wants a client certificate"), (True, "does not (trust whoever issued|accept) our")]
)
async def test_an_smsc_that_says_why_it_does_not_let_us_in_is_quoted(pki, ours, said):
    shown = pki.client("stranger", pki.foreign) if ours else {}
    # TLS 1.3 says so after the handshake, in the midst of the bind.
    with openssl_itself(asking_for_certificates(pki)) as endpoint, pytest.raises(SessionClosed, match=said):
        await submitted(endpoint, ca=pki.ca, **shown)


async def test_an_smsc_that_cuts_without_a_word_is_told_with_what_it_may_want(pki):
    async with listening(asking_for_certificates(pki)) as endpoint:
        with pytest.raises(SessionClosed, match="may want a client certificate"):
            await submitted(endpoint, ca=pki.ca)


# The files


def test_a_folder_of_authorities_is_read(pki, tmp_path):
    pki.ours.cert_pem.write_to_path(str(tmp_path / "one.pem"))
    pki.foreign.cert_pem.write_to_path(str(tmp_path / "two.pem"))
    assert len(Tls(ca=str(tmp_path)).context().get_ca_certs()) == 2


def test_one_file_may_hold_certificate_and_key(pki, tmp_path):
    both = tmp_path / "both.pem"
    pki.ours.issue_cert("acme@esme.example").private_key_and_cert_chain_pem.write_to_path(str(both))
    assert Tls(ca=pki.ca, certificate=str(both)).context().verify_mode is ssl.CERT_REQUIRED


def encrypted(pki, folder):
    made = pki.ours.issue_cert("acme@esme.example")
    key = serialization.load_pem_private_key(made.private_key_pem.bytes(), None)
    secret = serialization.BestAvailableEncryption(b"hunter2")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    (folder / "locked.key").write_bytes(pem)
    made.cert_chain_pems[0].write_to_path(str(folder / "locked.pem"))
    return {"certificate": str(folder / "locked.pem"), "key": str(folder / "locked.key")}


WRONG_FILES = {
    "no such authority": (lambda pki, folder: {"ca": str(folder / "nowhere.pem")}, "tls.ca", "No such file"),
    "no certificate in it": (lambda pki, folder: {"ca": pki.client()["key"]}, "tls.ca", "holds no"),
    "an empty folder": (lambda pki, folder: {"ca": str(folder)}, "tls.ca", "holds no authority's certificate"),
    "no such certificate": (
        lambda pki, folder: {"certificate": str(folder / "nowhere.pem")},
        "tls.certificate",
        "No such file",
    ),
    "no such key": (
        lambda pki, folder: pki.client() | {"key": str(folder / "nowhere.key")},
        "tls.key",
        "No such file",
    ),
    "a key alone": (lambda pki, folder: {"key": pki.client()["key"]}, "tls.key", "there is no certificate"),
    "another's key": (
        lambda pki, folder: {"certificate": pki.client()["certificate"], "key": pki.client("other")["key"]},
        "tls.key",
        "does not belong to the certificate",
    ),
    "no key": (
        lambda pki, folder: {"certificate": pki.client()["certificate"]},
        "tls.certificate",
        "no certificate and key",
    ),
    "a key with a password": (encrypted, "tls.key", "is encrypted"),
    "a key with another password": (
        lambda pki, folder: encrypted(pki, folder) | {"key_password": "hunter3"},
        "tls.key_password",
        "does not open",
    ),
    "another's key with a password": (
        lambda pki, folder: (
            encrypted(pki, folder) | {"certificate": pki.client()["certificate"], "key_password": "hunter2"}
        ),
        "tls.key",
        "does not belong",
    ),
}


async def test_a_key_with_a_password_is_opened_with_it(pki, tmp_path):
    settings = Tls(**encrypted(pki, tmp_path), key_password="hunter2", ca=pki.ca)
    assert settings.context().verify_mode is ssl.CERT_REQUIRED
    assert "hunter2" not in repr(settings)
    assert "locked.key" in repr(settings)


@pytest.mark.parametrize(("made", "field", "problem"), WRONG_FILES.values(), ids=WRONG_FILES)
async def test_a_file_that_cannot_be_used_is_named_before_anything_is_sent(pki, tmp_path, made, field, problem):
    settings = Tls(**made(pki, tmp_path))
    with pytest.raises(InvalidValue) as refused:
        await Session.connect(Endpoint(host="127.0.0.1", port=9, tls=settings))
    assert refused.value.field == field
    assert problem in refused.value.problem
