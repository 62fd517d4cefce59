import pytest

from smpp_esme.client.correlation import Correlation
from smpp_esme.client.outgoing import MtMessage
from smpp_esme.client.submission import Submission
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.sms.message_id import ENOUGH, Form, Learner
from smpp_esme.sms.receipt import Receipt

NUMBER, ANOTHER = "79161234567", "79161234568"


def submission(message_id, number=NUMBER):
    return Submission(MtMessage(number, "hello"), number, (message_id,))


def receipt(message_id, number=NUMBER):
    return Receipt(message_id, message_state=MessageState.DELIVERED, source_addr=number)


@pytest.fixture
def learned():
    """What has seen enough receipts in decimal of messages in hexadecimal."""
    correlation = Correlation(Learner())
    for number in range(1000, 1000 + ENOUGH):
        one = submission(f"{number:x}")
        correlation.add(one)
        correlation.match(receipt(str(number)))
        assert one.is_final
    return correlation


def test_a_literal_id_comes_first_while_nobody_knows_the_form():
    correlation = Correlation(Learner())
    literal, converted = submission("16"), submission("10")
    for one in (literal, converted):
        correlation.add(one)
    correlation.match(receipt("16"))
    assert (literal.is_final, converted.is_final) == (True, False)


def test_the_form_is_learned_and_then_comes_first(learned):
    assert learned.message_ids.form is Form.HEX_DECIMAL
    literal, converted = submission("16"), submission("10")
    for one in (literal, converted):
        learned.add(one)
    learned.match(receipt("16"))
    assert (literal.is_final, converted.is_final) == (False, True)


def test_a_learned_form_still_finds_what_is_written_otherwise(learned):
    one = submission("855469")
    learned.add(one)
    learned.match(receipt("855469", ANOTHER))
    assert not one.is_final
    learned.match(receipt("855469"))
    assert one.is_final
    assert learned.message_ids.form is None


def test_a_form_that_the_profile_names_is_the_only_one():
    correlation = Correlation(Learner.of("hex-decimal"))
    literal, converted = submission("16"), submission("10", ANOTHER)
    for one in (literal, converted):
        correlation.add(one)
    correlation.match(receipt("16"))
    assert (literal.is_final, converted.is_final) == (False, True)


def test_a_receipt_that_overtakes_its_response_is_found_in_the_form_that_is_known(learned):
    learned.expect()
    learned.match(receipt("16"))
    literal, converted = submission("16", ANOTHER), submission("10")
    for one in (literal, converted):
        learned.add(one)
    assert (literal.is_final, converted.is_final) == (False, True)


def test_another_subscribers_receipt_teaches_nothing():
    correlation = Correlation(Learner())
    correlation.add(submission("1000"))
    correlation.match(receipt("1000", ANOTHER))
    assert correlation.message_ids == Learner()


def test_what_nobody_keeps_is_forgotten_and_what_somebody_keeps_is_not(monkeypatch):
    monkeypatch.setattr("smpp_esme.client.correlation.REMEMBERED", 100)
    monkeypatch.setattr("smpp_esme.client.correlation._STEP", 10)
    correlation = Correlation(Learner())
    kept = [submission(f"kept-{number}") for number in range(50)]
    for one in kept:
        correlation.add(one)
    for number in range(5000):
        correlation.add(submission(f"dropped-{number}"))
    assert len(correlation) == 50
    assert len(correlation._submissions) <= 200
    for number, one in enumerate(kept):
        correlation.match(receipt(f"kept-{number}"))
        assert one.is_final


def test_what_has_its_receipt_is_forgotten_too(monkeypatch):
    monkeypatch.setattr("smpp_esme.client.correlation.REMEMBERED", 100)
    monkeypatch.setattr("smpp_esme.client.correlation._STEP", 10)
    correlation = Correlation(Learner())
    kept = []
    for number in range(1000):
        kept.append(submission(f"{number}x"))
        correlation.add(kept[-1])
        correlation.match(receipt(f"{number}x"))
    assert len(correlation) == 0
    assert len(correlation._order) <= 110


def test_segments_of_one_message_id_each_get_a_receipt():
    correlation = Correlation(Learner())
    both = Submission(MtMessage(NUMBER, "hello"), NUMBER, ("7x", "7x"))
    correlation.add(both)
    correlation.match(receipt("7x"))
    assert not both.is_final
    correlation.match(receipt("7x"))
    assert both.is_final
