import jsonschema
import msgspec
import pytest

from smpp_esme.sms.binary import Binary, BinaryHex
from smpp_esme.sms.content import KINDS
from smpp_esme.sms.envelope import Bot, Call, Hlr, Mail, Ping, Sms, Soc, Telegram, Viber
from smpp_esme.sms.wap import WapPush
from smpp_esme.web.app import create_app
from smpp_esme.web.contents import content_schema

SCHEMA = content_schema()
CONTENTS = [
    Sms("a"),
    Mail("a", "b"),
    Call("a", language="en", param="22,20,5"),
    Viber("a"),
    Soc("a"),
    Telegram("4815"),
    Bot("a", "acme_bot"),
    Hlr(),
    Ping(),
    Binary(b"a", b"\0"),
    BinaryHex("0001"),
    WapPush("a", "https://example.com/", "delete", "n7"),
]


def test_every_kind_is_in_the_schema_with_all_its_fields():
    found = {one["properties"]["kind"]["enum"][0]: set(one["properties"]) - {"kind"} for one in SCHEMA["oneOf"]}
    assert found == {kind: set(content.__struct_fields__) for kind, content in KINDS.items()}
    assert {content.kind for content in CONTENTS} == set(KINDS)


def test_every_field_of_the_more_intricate_kinds_is_described():
    told = {
        one["title"]: [name for name, said in one["properties"].items() if "description" not in said]
        for one in SCHEMA["oneOf"]
        if one["title"] in {"Call", "Binary", "BinaryHex", "WapPush"}
    }
    assert set(map(tuple, told.values())) == {("kind",)}


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: content.kind)
def test_each_content_is_one_of_the_kinds_and_no_other(content):
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(msgspec.to_builtins(content))


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "fax"}, {"kind": "mail", "message": "a"}, {"kind": "hlr", "message": "a"}, {"message": "a"}],
)
def test_what_is_no_kind_is_none_of_them(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_the_api_describes_its_content_so():
    submit = create_app(None, body_limit=1000).openapi()["components"]["schemas"]["Submit"]
    described, null = submit["properties"]["content"]["anyOf"]
    assert null == {"type": "null"}
    jsonschema.validate({"kind": "mail", "message": "a", "subject": "b"}, described)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"kind": "mail", "message": "a"}, described)
