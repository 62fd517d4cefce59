from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.cli.decode import conversation as module
from smpp_esme.cli.decode.conversation import Asked, Conversation, Mention, Relations
from smpp_esme.cli.decode.streams import Place
from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import (
    AlertNotification,
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    SubmitSm,
    SubmitSmResp,
)
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.sms.coding import Coding, coding_of
from smpp_esme.sms.profile import Profile

STANDARD = Profile.named("standard")
ESME, SMSC = Place(1, 0, "esme", "smsc"), Place(1, 1, "smsc", "esme")
SECOND = 10**9


class Talk:
    """A conversation that numbers its PDUs and takes a second for each."""

    def __init__(self, profile: Profile = STANDARD):
        self.conversation = Conversation(profile)
        self.pdus = 0

    def __call__(self, place, pdu, *, time=...):
        self.pdus += 1
        octets = pdu if isinstance(pdu, bytes) else encode(pdu)
        moment = self.pdus * SECOND if time is ... else time
        return self.conversation.relations(self.pdus, octets, place, moment)

    def unanswered(self):
        return [request.pdu for request in self.conversation.unanswered()]


def receipt_of(text_id="", tlv_id="", number=9):
    tlvs = (TLVS.tlv(Tag.RECEIPTED_MESSAGE_ID, tlv_id),) if tlv_id else ()
    text = f"id:{text_id} sub:001 dlvrd:001 submit date:2611211139 done date:2611211139 stat:DELIVRD err:000 text:"
    return DeliverSm(number, esm_class=4, short_message=text.encode() if text_id else b"", tlvs=tlvs)


def test_a_response_answers_its_request_and_says_how_long_it_took():
    talk = Talk()
    assert talk(ESME, SubmitSm(7)) == Relations()
    assert talk.unanswered() == [1]
    assert talk(SMSC, SubmitSmResp(7, message_id="a")).answers == Mention(1, 1.0)
    assert talk.unanswered() == []


def test_without_a_time_there_is_no_duration():
    talk = Talk()
    talk(ESME, EnquireLink(1), time=None)
    assert talk(SMSC, EnquireLinkResp(1)).answers == Mention(1, None)


@pytest.mark.parametrize(
    ("place", "response"),
    [
        (ESME, EnquireLinkResp(7)),
        (Place(2, 1), EnquireLinkResp(7)),
        (SMSC, EnquireLinkResp(8)),
        (SMSC, SubmitSmResp(7)),
    ],
    ids=["own side", "other stream", "other number", "other operation"],
)
def test_only_the_peers_response_with_this_number_answers(place, response):
    talk = Talk()
    talk(ESME, EnquireLink(7))
    assert talk(place, response).answers is None
    assert talk.unanswered() == [1]


def test_both_sides_number_their_requests_from_one():
    talk = Talk()
    talk(ESME, EnquireLink(1))
    talk(SMSC, EnquireLink(1))
    assert talk(ESME, EnquireLinkResp(1)).answers == Mention(2, 1.0)
    assert talk(SMSC, EnquireLinkResp(1)).answers == Mention(1, 3.0)


def test_where_nobody_knows_the_sides_requests_are_answered_all_the_same():
    talk, file = Talk(), Place(1, None, "file")
    talk(file, SubmitSm(1))
    talk(file, DeliverSm(1))
    assert talk(file, SubmitSmResp(1)).answers == Mention(1, 2.0)
    assert talk.unanswered() == []


def test_generic_nack_answers_whatever_has_its_number():
    talk = Talk()
    talk(ESME, SubmitSm(7))
    assert talk(SMSC, GenericNack(7, 3)).answers == Mention(1, 1.0)
    assert talk(SMSC, GenericNack(0, 3)) == Relations()


def test_a_response_that_is_seen_first_finds_its_request():
    talk = Talk()
    assert talk(SMSC, EnquireLinkResp(7)) == Relations()
    assert talk(ESME, EnquireLink(7)).answered_by == Mention(1, 1.0)
    assert talk.unanswered() == []


def test_what_needs_no_response_waits_for_none():
    talk = Talk()
    talk(SMSC, AlertNotification(7))
    assert talk.unanswered() == []


def test_a_request_that_cannot_be_read_is_answered_all_the_same():
    talk = Talk()
    talk(ESME, encode(SubmitSm(7))[:20])
    assert talk(SMSC, SubmitSmResp(7, 2)).answers == Mention(1, 1.0)
    talk(ESME, b"\0\0\0\x10\x0e\xee\0\0\0\0\0\0\0\0\0\1")
    assert [request.name for request in talk.conversation.unanswered()] == ["0x0EEE0000"]


def test_a_header_that_is_not_whole_says_nothing():
    assert Talk()(ESME, encode(EnquireLink(7))[:15]) == Relations()


@pytest.mark.parametrize(
    ("submitted", "receipt"),
    [
        ("123", receipt_of("123")),
        ("7B", receipt_of("123")),
        ("0000123", receipt_of("123")),
        ("123", receipt_of(tlv_id="7b")),
        ("123", receipt_of("unknown", "123")),
        ("123", receipt_of("123", "unknown")),
    ],
)
def test_a_receipt_finds_its_submission_by_any_form_of_its_message_id(submitted, receipt):
    talk = Talk()
    talk(ESME, SubmitSm(7))
    talk(SMSC, SubmitSmResp(7, message_id=submitted))
    found = talk(SMSC, receipt)
    assert found.submission == Mention(1, 2.0)
    assert found.receipt is not None


def test_a_receipt_may_come_in_another_stream():
    talk = Talk()
    talk(ESME, SubmitSm(7))
    talk(SMSC, SubmitSmResp(7, message_id="123"))
    assert talk(Place(2, 1), receipt_of("123")).submission == Mention(1, 2.0)


def test_a_receipt_that_overtook_the_response_is_told_of_with_the_response():
    talk = Talk()
    talk(ESME, SubmitSm(7))
    early = talk(SMSC, receipt_of("123"))
    assert early.submission is None
    assert early.receipt.message_state is MessageState.DELIVERED
    assert talk(SMSC, SubmitSmResp(7, message_id="7B")).receipted_by == Mention(2, 1.0)


def test_a_submission_from_before_the_capture_is_known_by_its_response():
    talk = Talk()
    talk(SMSC, SubmitSmResp(7, message_id="123"))
    assert talk(SMSC, receipt_of("123")).submission == Mention(1, 1.0)


def test_a_message_from_a_subscriber_is_no_receipt():
    talk = Talk()
    assert talk(SMSC, DeliverSm(1, short_message=b"id:123 stat:DELIVRD")) == Relations()


def test_the_system_type_of_a_bind_changes_the_profile_of_its_stream():
    talk = Talk(Profile.named("smsc-centre"))
    changing = next(iter(talk.conversation.profile(ESME).system_types))
    talk(ESME, BindTransceiver(1, system_type=changing))
    talk(SMSC, BindTransceiverResp(1))
    changed = talk.conversation.profile(SMSC)
    assert changed == Profile.named("smsc-centre").bound_with(changing)
    assert coding_of(changed.data_coding[Coding.UCS2], changed) is Coding.UCS2
    assert talk.conversation.profile(Place(2, 0)) is Profile.named("smsc-centre")


def test_what_is_remembered_is_bounded_and_what_is_forgotten_is_counted(monkeypatch):
    monkeypatch.setattr(module, "MEMORY", 10)
    monkeypatch.setattr(module, "MEMORY_OF_EARLY", 10)
    talk = Talk()
    for number in range(1, 51):
        talk(ESME, SubmitSm(number))
        talk(SMSC, SubmitSmResp(1000 + number, message_id=f"x{number}"))
        talk(SMSC, receipt_of(f"y{number}"))
    conversation = talk.conversation
    memories = (conversation._requests, conversation._early, conversation._submissions, conversation._receipts)
    assert [len(memory) for memory in memories] == [10, 10, 10, 10]
    assert conversation.forgotten == 41 + 40  # of 51 requests, for all the receipts have one number, and 50 submissions


def test_an_unanswered_request_says_what_it_was():
    talk = Talk()
    talk(ESME, SubmitSm(7))
    assert list(talk.conversation.unanswered()) == [Asked(1, SECOND, "submit_sm", 7)]


@given(st.lists(st.tuples(st.sampled_from([ESME, SMSC]), st.binary(max_size=60)), max_size=5))
def test_hostile_octets_have_relations_or_none(pieces):
    talk = Talk()
    for place, octets in pieces:
        assert isinstance(talk(place, octets), Relations)
