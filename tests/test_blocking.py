from __future__ import annotations

import inspect
import threading

import pytest

import smpp_esme
from smpp_esme import InDoubt, InvalidValue, MtMessage, Profile, Refused, SessionClosed, SubmitRefused, blocking
from smpp_esme.client import Deliveries, Esme, Submission
from smpp_esme.protocol.pdus import EnquireLink, EnquireLinkResp

NUMBER, SILENT = "79161234567", "79161234007"


@pytest.fixture
def smsc():
    """A simulator in another thread, for this one blocks."""
    from smpp_esme.simulator.smsc import Smsc

    with blocking.Thread() as thread:
        made = Smsc("smsc-centre", seed=1, receipt_delay=0.01)
        thread.wait(made.__aenter__())
        yield made
        thread.wait(made.__aexit__(None, None, None))


@pytest.fixture
def esme(smsc):
    with blocking.connect(smsc.url, profile="smsc-centre") as bound:
        yield bound


def public(kind):
    return {
        name: value
        for name, value in inspect.getmembers(kind)
        if name[0] != "_" and (inspect.isfunction(value) or isinstance(value, property))
    }


@pytest.mark.parametrize(
    ("twin", "original", "own"),
    [
        (blocking.Esme, Esme, {"profile"}),
        (blocking.Submission, Submission, {"message", "destination_addr", "message_ids", "receipts"}),
        (blocking.Deliveries, Deliveries, {"next"}),
    ],
)
def test_the_twins_have_the_same_methods_with_the_same_parameters(twin, original, own):
    inner = {"receive", "take", "lose", "put", "end"}  # for the client's own modules
    assert set(public(twin)) - own == set(public(original)) - inner
    for name, method in public(original).items():
        if name not in inner and inspect.isfunction(method):
            theirs, ours = inspect.signature(method), inspect.signature(getattr(twin, name))
            assert list(theirs.parameters) == list(ours.parameters), name


def test_a_message_is_submitted_and_its_receipt_waited_for(esme):
    submission = esme.submit(NUMBER, "Привет", source="ACME")
    assert submission.receipt(timeout=10).stat == "DELIVRD"
    assert submission.is_final
    assert (submission.destination_addr, len(submission.message_ids)) == (NUMBER, 1)
    assert submission.message.content == "Привет"
    assert list(submission.receipts) == [0]
    assert "1/1" in repr(submission)
    assert esme.profile is Profile.named("smsc-centre")
    assert "smsc-centre" in repr(esme)
    assert (esme.window, esme.is_bound) == (100, True)
    assert esme.message_ids is not None


def test_errors_are_those_of_the_original(smsc, esme):
    smsc.script.refuse("ESME_RTHROTTLED", times=1)
    with pytest.raises(SubmitRefused, match="THROTTLED"):
        esme.submit(NUMBER, "hello")
    with pytest.raises(InvalidValue):
        esme.submit("nobody", "hello")
    with pytest.raises(TimeoutError):
        esme.submit(SILENT, "hello").receipt(timeout=0.01)


def test_after_the_body_it_is_closed(smsc):
    with blocking.connect(smsc.url) as esme:
        submission = esme.submit(SILENT, "hello")
    with pytest.raises(SessionClosed):
        esme.submit(NUMBER, "too late")
    with pytest.raises(SessionClosed):
        submission.receipt()
    assert [one.name for one in threading.enumerate()].count("smpp_esme.blocking") == 1  # the simulator's


def test_what_is_wrong_at_once_leaves_no_thread(unused_tcp_port):
    before = threading.active_count()
    with pytest.raises(smpp_esme.ConnectFailed), blocking.connect(f"smpp://a:b@127.0.0.1:{unused_tcp_port}"):
        pytest.fail("connected to nobody")
    assert threading.active_count() == before


def test_an_error_in_the_body_comes_out_as_it_is(smsc):
    def body():
        with blocking.connect(smsc.url):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()


def test_many_messages_have_an_outcome_each_and_are_read_in_this_thread(smsc, esme):
    read_in = set()

    def messages():
        for number in range(350):
            read_in.add(threading.current_thread())
            yield MtMessage(NUMBER if number else "nobody", f"number {number}")

    outcomes = list(esme.submit_many(messages()))
    assert len(outcomes) == 350
    assert sum(isinstance(one, blocking.Submitted) for one in outcomes) == 349
    assert [type(one.error) for one in outcomes if isinstance(one, Refused)] == [InvalidValue]
    assert read_in == {threading.current_thread()}
    submitted = next(one for one in outcomes if isinstance(one, blocking.Submitted))
    assert submitted.receipt(timeout=10).stat == "DELIVRD"
    assert not [one for one in outcomes if isinstance(one, InDoubt)]


def test_what_the_messages_raise_comes_out_after_the_outcomes(esme):
    def failing():
        yield MtMessage(NUMBER, "one")
        raise ZeroDivisionError

    outcomes = esme.submit_many(failing())
    assert isinstance(next(outcomes), blocking.Submitted)
    with pytest.raises(ZeroDivisionError):
        next(outcomes)


def test_leaving_many_early_stops_them(smsc, esme):
    outcomes = esme.submit_many(MtMessage(NUMBER, f"number {number}") for number in range(10_000))
    next(outcomes)
    outcomes.close()
    assert esme.submit(NUMBER, "the session goes on").message_ids
    assert smsc.counts.submits <= 400


def test_no_messages_have_no_outcomes(esme):
    assert list(esme.submit_many([])) == []


def test_receipts_are_answered_when_the_body_is_done_with_them(smsc, esme):
    with esme.receipts() as receipts:
        esme.submit(NUMBER, "one")
        esme.submit(NUMBER, "two")
        seen = []
        for receipt in receipts:
            seen.append(receipt.stat)
            if len(seen) == 2:
                break
    assert seen == ["DELIVRD", "DELIVRD"]
    esme.request(EnquireLink())
    assert smsc.counts.receipts_answered == 2


def test_the_next_delivery_may_be_waited_for_so_long_and_no_longer(esme):
    with esme.deliveries() as deliveries:
        with pytest.raises(TimeoutError):
            deliveries.next(timeout=0.01)
        esme.submit(NUMBER, "one")
        assert deliveries.next(timeout=10).stat == "DELIVRD"


def test_numbers_are_looked_up_one_by_one_or_many(esme):
    assert esme.lookup(NUMBER, timeout=10).reachable
    found = {one.msisdn: one for one in esme.lookup_many([NUMBER, "nobody"], timeout=10)}
    assert found[NUMBER].record.reachable
    assert isinstance(found["nobody"].error, InvalidValue)
    assert NUMBER not in repr(found[NUMBER])


def test_the_pace_is_told(esme):
    assert (esme.pace.rate, esme.pace.reason) == (0.0, "")


def test_any_request_may_be_sent(esme):
    assert isinstance(esme.request(EnquireLink()), EnquireLinkResp)


def test_who_watches_sees_the_end(smsc):
    with blocking.connect(smsc.url) as esme:
        events = esme.events()
        topics = []
        thread = threading.Thread(target=lambda: topics.extend(event.topic for event in events))
        thread.start()
        esme.request(EnquireLink())
    thread.join(10)
    assert not thread.is_alive()
    assert "link.draining" in topics


def test_threads_may_share_one_esme(smsc, esme):
    def submit(number):
        for count in range(20):
            esme.submit(NUMBER, f"{number} {count}")

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert smsc.counts.messages == 100
