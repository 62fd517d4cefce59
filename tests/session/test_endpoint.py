from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.pdus import BindReceiver, BindTransceiver, BindTransmitter
from smpp_esme.session.endpoint import Endpoint, parse_url
from smpp_esme.session.tls import Tls


def test_a_url_names_host_port_and_account():
    assert parse_url("smpp://acme:secret@smsc.example:2776") == Endpoint(
        host="smsc.example", port=2776, system_id="acme", password="secret"
    )


@pytest.mark.parametrize(("url", "port", "tls"), [("smpp://smsc", 2775, None), ("smpp+tls://smsc/", 3550, Tls())])
def test_the_port_may_be_left_out(url, port, tls):
    endpoint = parse_url(url)
    assert (endpoint.port, endpoint.tls, endpoint.system_id, endpoint.password) == (port, tls, "", "")


def test_a_url_says_how_tls_is_done():
    endpoint = parse_url("smpp+tls://smsc?ca=%2Fetc%2Fca.pem&certificate=us.pem&key=us.key&server_name=a.b&verify=no")
    assert endpoint.tls == Tls(ca="/etc/ca.pem", certificate="us.pem", key="us.key", server_name="a.b", verify=False)


def test_an_ipv6_address_stands_in_brackets():
    endpoint = parse_url("smpp://acme@[::1]:2776")
    assert (endpoint.host, endpoint.port) == ("::1", 2776)
    assert str(endpoint) == "smpp://acme@[::1]:2776"


TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=15)


@given(TEXTS, TEXTS)
def test_any_account_can_be_written_percent_encoded(system_id, password):
    endpoint = parse_url(f"smpp://{quote(system_id, safe='')}:{quote(password, safe='')}@127.0.0.1:2775")
    assert (endpoint.system_id, endpoint.password) == (system_id, password)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "scheme"),
        ("smsc.example:2775", "scheme"),
        ("http://acme:hunter2@smsc", "scheme is 'http'"),
        ("smpp://", "no host"),
        ("smpp://acme:hunter2@", "no host"),
        ("smpp://acme:hunter2@smsc:ports", "is no number; 1 to 65535"),
        ("smpp://acme:hunter2@smsc:65536", "is 65536; 1 to 65535"),
        ("smpp://acme:hunter2@[::1", "cannot be read"),
        ("smpp://acme:hunter2@smsc/path", "follows"),
        ("smpp://acme:hunter2@smsc?window=10", "follows"),
        ("smpp://acme:hunter2@smsc#1", "follows"),
        ("smpp://acme:hun/ter2@smsc", "cannot be read"),
        ("smpp://acme:99999/hunter2@smsc", "cannot be read"),
        ("smpp+tls://acme:hunter2@smsc?hunter2", "option is not known"),
        ("smpp+tls://acme:hunter2@smsc?verify=maybe", "neither yes nor no"),
        ("smpp+tls://acme:hunter2@smsc?root=/etc/ca.pem", "option is not known"),
        ("smpp://acme:1/hunter2@smsc", "follows"),
    ],
)
def test_a_wrong_url_is_refused_with_a_reason_and_without_the_password(url, problem):
    with pytest.raises(InvalidValue, match=problem) as refused:
        parse_url(url)
    assert refused.value.allowed == "1 to 65535" if refused.value.field == "port" else "smpp" in refused.value.allowed
    assert "hunter2" not in f"{refused.value} {refused.value!r}"


@given(st.text() | st.builds("smpp://{}".format, st.text()))
def test_whatever_is_written_raises_nothing_but_ours(url):
    try:
        endpoint = parse_url(url)
    except InvalidValue:
        return
    assert endpoint.host


def test_an_endpoint_never_shows_its_password():
    endpoint = parse_url("smpp+tls://acme:hunter2@smsc.example:2775")
    assert str(endpoint) == "smpp+tls://acme@smsc.example:2775"
    assert repr(endpoint) == f"Endpoint({endpoint})"


@pytest.mark.parametrize(
    ("how", "kind"),
    [("transceiver", BindTransceiver), ("transmitter", BindTransmitter), ("receiver", BindReceiver)],
)
def test_the_bind_request_introduces_the_account(how, kind):
    endpoint = Endpoint(host="smsc", port=2775, system_id="acme", password="secret", system_type="ISO")
    assert endpoint.bind_request(how) == kind(system_id="acme", password="secret", system_type="ISO")


def test_port_zero_is_not_taken_for_the_default_port():
    assert parse_url("smpp://smsc.example:0").port == 0
    assert parse_url("smpp://smsc.example").port == 2775


def test_a_bind_of_no_kind_is_refused():
    with pytest.raises(InvalidValue, match="transceiver, transmitter, receiver"):
        Endpoint(host="smsc.example", port=2775).bind_request("nonsense")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("smpp://demo:secret@127.0.0.1:99999", "is 99999"),
        ("smpp://127.0.0.1:65536/", "is 65536"),
        ("smpp+tls://demo:secret@[::1]:99999", "is 99999"),
        ("smpp://smsc.example:sms", "is no number"),
    ],
)
def test_a_port_that_is_none_is_named_with_those_that_are(url, problem):
    with pytest.raises(InvalidValue) as refused:
        parse_url(url)
    assert str(refused.value) == f"port: {problem}; 1 to 65535"
