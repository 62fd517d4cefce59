from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from smpp_esme.daemon.gateway import BATCH_LIMIT
from smpp_esme.errors import InvalidValue
from smpp_esme.message.message import Message, Segment
from smpp_esme.message.status import MessageStatus
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.envelope import Hlr, Mail, Sms
from smpp_esme.sms.national import Language
from smpp_esme.web.bodies import LookedUp, Lookup, Problem, Stored, Submit, SubmitBatch

TO = "+79161234567"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_text_is_a_plain_message():
    assert Submit(to=TO, text="hello").to_order().content == Sms("hello")


def test_an_empty_text_is_nothing_to_deliver():
    with pytest.raises(ValidationError, match="at least 1 character"):
        Submit(to=TO, text="")


def test_a_content_is_what_its_kind_says():
    submit = Submit(to=TO, content={"kind": "mail", "message": "a", "subject": "b"})
    assert submit.to_order().content == Mail("a", "b")
    assert Submit(to=TO, content={"kind": "hlr"}).to_order().content == Hlr()


def test_every_field_reaches_the_order():
    order = Submit(
        to=TO,
        text="hello",
        source="ACME",
        comment="for us",
        client_reference="order 1057",
        coding="ucs2",
        flash=True,
        transliterate=True,
        languages=["turkish", "urdu"],
        priority=3,
        link="main",
    ).to_order()
    assert (order.to, order.source, order.comment, order.client_reference) == (TO, "ACME", "for us", "order 1057")
    assert (order.coding, order.flash, order.priority, order.link) == (Coding.UCS2, True, 3, "main")
    assert order.transliterate is True
    assert order.languages == (Language.TURKISH, Language.URDU)


def test_no_source_is_not_the_empty_source():
    assert Submit(to=TO, text="x").to_order().source is None
    assert Submit(to=TO, text="x", source="").to_order().source == ""


@pytest.mark.parametrize("what", [{}, {"text": "x", "content": {"kind": "hlr"}}])
def test_either_text_or_content_says_what_to_deliver(what):
    with pytest.raises(InvalidValue) as refused:
        Submit(to=TO, **what).to_order()
    assert (refused.value.field, refused.value.allowed) == ("text", "one of the two")


def test_a_wrong_message_of_a_batch_is_named_by_its_place():
    batch = SubmitBatch(messages=[Submit(to=TO, text="x"), Submit(to=TO, content={"kind": "tgm", "code": "1"})])
    with pytest.raises(InvalidValue) as refused:
        batch.to_orders()
    assert refused.value.field == "messages.1.content.code"
    assert len(SubmitBatch(messages=[Submit(to=TO, text=str(n)) for n in range(3)]).to_orders()) == 3


@pytest.mark.parametrize(
    ("body", "values"),
    [(SubmitBatch, {"messages": [{"to": TO, "text": "x"}]}), (Lookup, {"to": [TO]})],
)
def test_nothing_is_endless(body, values):
    ((name, (value,)),) = values.items()
    assert body(**{name: [value] * 3})
    for size in (0, BATCH_LIMIT + 1):
        with pytest.raises(ValidationError):
            body(**{name: [value] * size})


def test_what_is_handed_in_is_in_no_error_of_pydantics():
    with pytest.raises(ValidationError) as refused:
        Submit.model_validate({"to": [TO], "text": {"a": "secret text"}, "priority": "secret"})
    assert "secret" not in str(refused.value)
    assert "7916" not in str(refused.value)


COST = {"cost": "1.05", "parts": 1}


def message(**fields):
    return Message(
        **{
            "reference": "R",
            "destination_addr": "79161234567",
            "source_addr": "DEMO",
            "text": "a secret",
            "link": "main",
            "created_at": NOW,
            "segments": [
                Segment(
                    number=1, short_message=b"a secret", message_id="855", status=MessageStatus.DELIVERED, vendor=COST
                ),
                Segment(number=2, short_message=b"a secret"),
            ],
        }
        | fields
    )


def test_a_message_is_told_without_its_text():
    told = Stored.of(message()).model_dump(mode="json")
    assert (told["message_ids"], told["segments"], told["created_at"]) == (["855", None], 2, "2026-01-01T00:00:00Z")
    assert told["vendor"] == [COST, None]
    assert "a secret" not in str(told)


def test_a_lookup_is_told_with_its_record():
    record = {"imsi": "250011234567890"}
    assert LookedUp.of(message(kind="hlr")).record is None
    assert LookedUp.of(message(kind="hlr", hlr=record)).record == record


def test_a_problem_is_of_no_special_type():
    assert Problem(title="x", status=422, detail="y").model_dump(exclude_none=True) == {
        "type": "about:blank",
        "title": "x",
        "status": 422,
        "detail": "y",
    }
