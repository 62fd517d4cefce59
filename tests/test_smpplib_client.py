from __future__ import annotations

import asyncio
import re
import sys
import threading
import time
import types
from importlib.metadata import metadata

import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import smpplib_client
from smpp_esme.blocking import Thread
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.smpplib_client import Client, make_parts
from smpp_esme.sms.coding import coding_of
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.received import body_of

NUMBER = "79161234567"
SEND = {
    "source_addr_ton": smpplib.consts.SMPP_TON_ALNUM,
    "source_addr": "ACME",
    "dest_addr_ton": smpplib.consts.SMPP_TON_INTL,
    "dest_addr_npi": smpplib.consts.SMPP_NPI_ISDN,
    "destination_addr": NUMBER,
    "registered_delivery": True,
}


@pytest.fixture
def thread():
    with Thread() as running:
        yield running


@pytest.fixture
def smsc(thread):
    made = Smsc(accounts={"login": "secret"}, seed=1, receipt_delay=0.01)
    thread.wait(made.__aenter__())
    yield made
    thread.wait(made.__aexit__(None, None, None))


def made(smsc, **options):
    return Client("127.0.0.1", int(smsc.url.rpartition(":")[2]), allow_unknown_opt_params=True, **options)


@pytest.fixture
def client(smsc):
    one = made(smsc)
    one.connect()
    one.bind_transceiver(system_id="login", password="secret")
    yield one
    one.unbind()
    one.disconnect()


def noting(found):
    """A handler that notes what it gets."""

    def handler(pdu):
        found.append(pdu)

    return handler


class Noted:
    """A handler that notes what it gets in whatever thread, for another to wait for."""

    def __init__(self):
        self.found = []
        self._came = threading.Condition()

    def __call__(self, pdu, *_):
        with self._came:
            self.found.append(pdu)
            self._came.notify_all()

    def until(self, count):
        with self._came:
            assert self._came.wait_for(lambda: len(self.found) >= count, 20), self.found


async def soon(awaitable):
    """What this gives, or a failure instead of a hang."""
    async with asyncio.timeout(20):
        return await awaitable


def listen(client, until):
    """Read until this holds."""
    deadline = time.monotonic() + 20
    while not until():
        assert time.monotonic() < deadline
        client.read_once()


def test_it_has_all_that_smpplib_s_client_has():
    ours, theirs = vars(Client), vars(smpplib.client.Client)
    assert issubclass(Client, smpplib.client.Client)
    missing = {"_create_socket", "_recv_exact"}  # there is no socket of its own to read
    overridden = {name for name in ours if name in theirs and callable(theirs[name])}
    assert {"connect", "disconnect", "_bind", "unbind", "send_pdu", "read_pdu", "poll"} <= overridden
    assert not missing & set(ours)


def test_the_example_of_smpplib_s_readme_runs_with_its_import_changed(smsc, thread, capsys):
    example, *_ = examples_of_smpplib_s_readme()
    changed = example.replace("import smpplib.client", "import smpp_esme.smpplib_client")
    changed = changed.replace("smpplib.client.Client(", "smpp_esme.smpplib_client.Client(")
    assert changed.count("smpp_esme.smpplib_client") == 2
    filled = changed.replace("'example.com', SOMEPORTNUMBER", f"'127.0.0.1', {smsc.url.rpartition(':')[2]}")
    filled = filled.replace("SENDERPHONENUM", "79160000000").replace("PHONENUMBER", NUMBER)
    filled = filled.replace("logging.basicConfig(level='DEBUG')", "")
    namespace = {}

    def run():
        with pytest.raises(smpplib.exceptions.ConnectionError):
            exec(filled, namespace)

    running = threading.Thread(target=run)
    running.start()
    thread.wait(soon(smsc.until(lambda smsc: smsc.counts.receipts >= 2)))
    namespace["client"].unbind()
    running.join(20)
    namespace["client"].disconnect()
    assert not running.is_alive()
    printed = capsys.readouterr().out
    assert len(re.findall(r"^sent \d+ \S+$", printed, re.MULTILINE)) == 2
    assert len(re.findall(r"^delivered \S+$", printed, re.MULTILINE)) == 2
    assert smsc.inbox(NUMBER)[0].text == "Привет мир!\n" * 10


def examples_of_smpplib_s_readme():
    readme = metadata("smpplib").get_payload() or metadata("smpplib")["Description"]
    return re.findall(r"```python\n(.*?)```", readme, re.DOTALL)


# The thread ends as it does with smpplib: by an error.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_readme_s_thread_listens_while_another_submits(client, smsc):
    _, listening, _ = examples_of_smpplib_s_readme()
    sent, received = Noted(), Noted()
    client.set_message_sent_handler(sent)
    client.set_message_received_handler(received)
    namespace = {"client": client}
    exec(listening, namespace)
    for number in range(20):
        client.send_message(**SEND, short_message=b"number %d" % number)
    for noted in (sent, received):
        noted.until(20)
        assert len(noted.found) == 20
    client.unbind()
    namespace["t"].join(20)
    assert not namespace["t"].is_alive()


@pytest.mark.filterwarnings("ignore:Unknown optional parameters:DeprecationWarning")  # the README leaves it open
def test_the_readme_s_sequence_generator_numbers_the_pdus(smsc, monkeypatch):
    class PersistentSequenceGenerator(smpplib.client.SimpleSequenceGenerator):
        def __init__(self):
            super().__init__()
            self._sequence = 4_000

    module = types.ModuleType("mymodule")
    module.PersistentSequenceGenerator = PersistentSequenceGenerator
    monkeypatch.setitem(sys.modules, "mymodule", module)
    *_, numbered = examples_of_smpplib_s_readme()
    port = smsc.url.rpartition(":")[2]
    changed = numbered.replace("'example.com', SOMEPORTNUMBER", f"'127.0.0.1', {port}").replace(
        "smpplib.client", "smpp_esme.smpplib_client"
    )
    namespace = {}
    exec(changed, namespace)
    client, sent = namespace["client"], []
    client.set_message_sent_handler(noting(sent))
    client.connect()
    client.bind_transceiver(system_id="login", password="secret")
    pdu = client.send_message(**SEND, short_message=b"hello")
    listen(client, lambda: sent)
    assert sent[0].sequence == pdu.sequence > 4_000
    client.unbind()
    client.disconnect()


def test_handlers_get_smpplib_s_own_pdus_with_the_caller_s_sequence_numbers(smsc, client):
    sent, received = [], []
    client.set_message_sent_handler(noting(sent))
    client.set_message_received_handler(noting(received))
    pdus = [client.send_message(short_message=b"hello", **SEND) for _ in range(3)]
    listen(client, lambda: len(sent) == len(received) == 3)
    assert [one.sequence for one in sent] == [one.sequence for one in pdus]
    assert {type(one) for one in sent} == {smpplib.command.SubmitSMResp}
    assert {type(one) for one in received} == {smpplib.command.DeliverSM}
    assert {one.receipted_message_id for one in received} == {one.message_id for one in sent}
    assert smsc.count("hello") == 3


def test_what_a_handler_gives_back_is_the_answer(smsc, client):
    answers = iter([smpplib.consts.SMPP_ESME_RX_T_APPN, None])
    received = []

    def take(pdu):
        received.append(pdu)
        return next(answers)

    client.set_message_sent_handler(lambda pdu: None)
    client.set_message_received_handler(take)
    client.send_message(short_message=b"hello", **SEND)
    listen(client, lambda: len(received) == 2)
    assert smsc.counts.receipts_repeated == 1


def test_more_than_a_window_is_sent_without_reading(smsc, client):
    sent = []
    client.set_message_sent_handler(noting(sent))
    client.set_message_received_handler(lambda pdu: None)
    for number in range(300):
        client.send_message(short_message=f"{number}".encode(), **SEND)
    listen(client, lambda: len(sent) == 300)
    assert len(smsc.inbox(NUMBER)) == 300


def test_a_program_that_never_reads_is_stopped_before_its_memory_is_full(smsc, client, monkeypatch):
    monkeypatch.setattr(smpplib_client, "_UNREAD", 20)
    client.set_message_sent_handler(lambda pdu: None)
    client.set_message_received_handler(lambda pdu: None)
    client.timeout = 0.2
    sent = 0

    def send_for_ever():
        nonlocal sent
        while sent < 10 * smpplib_client.WINDOW:
            client.send_message(short_message=b"hello", **SEND)
            sent += 1

    with pytest.raises(smpplib.exceptions.ConnectionError, match="wait to be read"):
        send_for_ever()
    assert sent <= smpplib_client.WINDOW + 20
    client.timeout = 5
    client.poll()
    client.send_message(short_message=b"hello", **SEND)  # what was read makes room


def test_a_lost_session_is_bound_again_and_what_was_in_doubt_is_told(smsc, thread):
    client, doubtful, sent = made(smsc), Noted(), []
    client.set_in_doubt_handler(doubtful)
    client.set_message_sent_handler(noting(sent))
    client.set_message_received_handler(lambda pdu: None)
    with client:
        client.connect()
        client.bind_transceiver(system_id="login", password="secret")
        smsc.script.delay(3600.0, times=1)
        lost = client.send_message(short_message=b"lost", **SEND)
        thread.wait(soon(smsc.until(lambda smsc: smsc.counts.submits)))
        thread.call(smsc.disconnect)
        doubtful.until(1)
        client.send_message(short_message=b"after", **SEND)
        listen(client, lambda: sent)
    assert doubtful.found == [lost.sequence]
    assert smsc.count("after") == 1


def test_a_wrong_password_is_smpplib_s_own_error(smsc):
    client = made(smsc)
    client.connect()
    with pytest.raises(smpplib.exceptions.PDUError, match="bind_transceiver_resp: Invalid Password") as refused:
        client.bind_transceiver(system_id="login", password="wrong")
    assert refused.value.args[1] == smpplib.consts.SMPP_ESME_RINVPASWD
    client.disconnect()


def test_where_nobody_listens_is_smpplib_s_own_error(unused_tcp_port):
    client = Client("127.0.0.1", unused_tcp_port, allow_unknown_opt_params=True)
    with pytest.raises(smpplib.exceptions.ConnectionError, match="refused"):
        client.connect()


@pytest.mark.parametrize("bind", ["bind_transmitter", "bind_receiver", "bind_transceiver"])
def test_each_bind_moves_the_state_as_in_smpplib(smsc, bind):
    client = made(smsc)
    assert client.state == smpplib.consts.SMPP_CLIENT_STATE_CLOSED
    client.connect()
    assert client.state == smpplib.consts.SMPP_CLIENT_STATE_OPEN
    answer = getattr(client, bind)(system_id="login", password="secret")
    assert answer.command == f"{bind}_resp"
    assert client.state == smpplib.consts.STATE_SETTERS[f"{bind}_resp"]
    assert client.unbind().command == "unbind_resp"
    client.disconnect()
    assert client.state == smpplib.consts.SMPP_CLIENT_STATE_CLOSED


def test_sending_before_the_bind_is_smpplib_s_own_error(smsc):
    client = made(smsc)
    client.connect()
    with pytest.raises(smpplib.exceptions.PDUError, match="submit_sm failed"):
        client.send_message(short_message=b"hello", **SEND)
    client.disconnect()
    with pytest.raises(smpplib.exceptions.ConnectionError):
        client.read_pdu()


def test_poll_reads_what_there_is_and_comes_back(smsc, client):
    sent = []
    client.set_message_sent_handler(noting(sent))
    client.set_message_received_handler(lambda pdu: None)
    client.poll()
    assert sent == []
    client.send_message(short_message=b"hello", **SEND)
    deadline = time.monotonic() + 20
    while not sent and time.monotonic() < deadline:
        client.poll()
    assert len(sent) == 1


def test_a_refused_message_goes_to_the_error_handler(smsc, client):
    smsc.script.refuse("ESME_RTHROTTLED")
    errors = []
    client.set_error_pdu_handler(noting(errors))
    client.set_message_sent_handler(lambda pdu: None)
    client.send_message(short_message=b"hello", **SEND)
    listen(client, lambda: errors)
    assert errors[0].status == smpplib.consts.SMPP_ESME_RTHROTTLED


def test_silence_is_a_timeout_only_for_those_who_ask(smsc):
    client = made(smsc, timeout=0.05)
    client.connect()
    client.bind_transceiver(system_id="login", password="secret")
    client.read_once()  # the session keeps itself alive
    with pytest.raises(TimeoutError):
        client.read_once(auto_send_enquire_link=False)
    client.unbind()
    client.disconnect()


def joined(parts, coding, esm_class):
    octets = b"".join(body_of(part, esm_class)[0] for part in parts)
    from smpp_esme.sms.coding import decode

    return decode(octets, coding_of(coding, Profile.named("standard")))


@given(st.text(st.sampled_from("abc€^`§é Ж😀"), min_size=1, max_size=600))
def test_the_parts_of_any_text_make_it_again(text):
    parts, coding, esm_class = make_parts(text)
    assert joined(parts, coding, esm_class) == text
    assert max(map(len, parts)) <= (140 if coding == 8 else 160)


def test_where_smpplib_s_parts_are_right_ours_are_the_same():
    assert make_parts("hello") == tuple(smpplib.gsm.make_parts("hello"))
    assert make_parts("Привет") == tuple(smpplib.gsm.make_parts("Привет"))
    assert smpplib_client.WINDOW == 100
