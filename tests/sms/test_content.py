from datetime import UTC, datetime

import pytest

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.binary import Binary, BinaryHex
from smpp_esme.sms.content import KINDS, content_from
from smpp_esme.sms.envelope import Call, Hlr, Mail, Sms
from smpp_esme.sms.wap import WapPush

TO_PORT_2948 = bytes.fromhex("06 05040b8423f0")


def test_every_kind_is_known_by_its_name():
    assert " ".join(KINDS) == "sms mail call viber soc tgm bot hlr ping binary binary-hex wap-push"
    assert all(content.__struct_config__.tag == kind for kind, content in KINDS.items())


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({"message": "a"}, Sms("a")),
        ({"kind": "mail", "message": "a", "subject": "b"}, Mail("a", "b")),
        ({"kind": "call", "message": "a", "voice": "w"}, Call("a", "w")),
        ({"kind": "hlr"}, Hlr()),
        ({"kind": "binary", "octets": "AQID", "header": "BgUEC4Qj8A=="}, Binary(b"\1\2\3", TO_PORT_2948)),
        ({"kind": "binary-hex", "digits": "00010203"}, BinaryHex("00010203")),
        (
            {"kind": "wap-push", "message": "a", "url": "https://example.com/", "expires": "2026-12-01T12:00:00+03:00"},
            WapPush("a", "https://example.com/", expires=datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ),
    ],
)
def test_content_is_made_from_fields(fields, content):
    assert content_from(fields) == content


@pytest.mark.parametrize(
    ("fields", "field", "allowed"),
    [
        ({"kind": "fax"}, "kind", "one of sms, mail"),
        ({"kind": 5}, "kind", "one of sms, mail"),
        ({"kind": "mail", "message": "a"}, "subject", "a text"),
        ({"kind": "mail", "message": 1, "subject": "b"}, "message", "a text"),
        ({"kind": "tgm", "code": "x"}, "code", "4 to 8 digits"),
        ({"kind": "sms", "message": "a", "subject": "b"}, "subject", "message"),
        ({"kind": "hlr", "message": "a"}, "message", "no field"),
        ({"kind": "mail", "message": None, "subject": "b"}, "message", "a text"),
        ({"kind": "binary", "octets": "*"}, "octets", "octets in base64"),
        ({"kind": "binary", "octets": ""}, "octets", "one octet or more"),
        ({"kind": "wap-push", "message": "a"}, "url", "a text"),
        ({"kind": "wap-push", "message": "a", "url": "x:y", "created": "today"}, "created", "2026-11-21T12:00:00Z"),
        ({"kind": "wap-push", "message": "a", "url": "x:y", "action": "shout"}, "action", "signal-medium"),
    ],
)
def test_wrong_fields_are_refused_by_name(fields, field, allowed):
    with pytest.raises(InvalidValue) as caught:
        content_from(fields)
    assert caught.value.field == field
    assert allowed in caught.value.allowed
