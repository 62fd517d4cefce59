"""Signatures, as an implementation of the scheme that is not ours reads them."""

from __future__ import annotations

import json
import time
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from smpp_esme.daemon import signing
from smpp_esme.errors import InvalidValue

BODY = b'{"type":"message.delivered"}'


def signed(*secrets, body=BODY, timestamp=None):
    return signing.headers(
        signing.keys_of(" ".join(secrets)), name="evt_1", timestamp=timestamp or int(time.time()), body=body
    )


def test_the_example_of_the_specification_has_the_signature_that_it_gives():
    headers = signing.headers(
        signing.keys_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        name="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3), st.binary(min_size=24, max_size=64))
def test_any_body_is_verified_under_any_secret(content, key):
    secret = f"whsec_{b64encode(key).decode()}"
    body = json.dumps(content).encode()
    assert Webhook(secret).verify(body, signed(secret, body=body)) == content


def test_while_one_secret_replaces_another_both_verify():
    old, new, other = (signing.new_secret() for _ in range(3))
    headers = signed(new, old)
    assert len(headers["webhook-signature"].split()) == 2
    Webhook(old).verify(BODY, headers)
    Webhook(new).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(BODY, headers)


@pytest.mark.parametrize("change", ["body", "id", "timestamp", "old"])
def test_what_was_changed_on_the_way_does_not_verify(change):
    secret = signing.new_secret()
    headers, body = signed(secret, timestamp=1_000_000_000 if change == "old" else None), BODY
    if change == "body":
        body = BODY + b" "
    elif change == "id":
        headers["webhook-id"] = "evt_2"
    elif change == "timestamp":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


@pytest.mark.parametrize(
    "wrong",
    [
        "secret",
        "whsec_",
        "whsec_MfKQ",
        "whsec_%%%%",
        "whsec_" + "A" * 100,
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_é",
    ],
)
def test_what_is_no_secret_is_refused_and_not_repeated(wrong):
    good = signing.new_secret()
    with pytest.raises(InvalidValue, match="secret: number 2 is none; whsec_ and 24 to 64 octets") as refused:
        signing.keys_of(f"{good} {wrong}")
    assert good not in str(refused.value)
    assert wrong in {"whsec_", "secret"} or wrong not in str(refused.value)
