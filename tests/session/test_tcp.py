from __future__ import annotations

import asyncio
import socket

import pytest

from smpp_esme.errors import ConnectFailed
from smpp_esme.protocol.timers import Timers
from smpp_esme.session import tcp
from smpp_esme.session.endpoint import Endpoint, parse_url


async def connected(smsc, timers):
    """The socket of a connection that is made with these timers."""
    protocol = await tcp.connect(Kept, parse_url(smsc.url), timers)
    return protocol.transport, protocol.transport.get_extra_info("socket")


class Kept(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the platform has no TCP_USER_TIMEOUT")
@pytest.mark.parametrize(("response", "milliseconds"), [(60.0, 60_000), (10.0, 10_000), (0.1, 5_000), (0.0, 0)])
async def test_octets_that_nobody_acknowledges_end_the_connection_with_the_response_timer(smsc, response, milliseconds):
    transport, connection = await connected(smsc, Timers(response=response))
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == milliseconds
    transport.close()


async def test_nothing_waits_for_a_delayed_acknowledgement_and_a_dead_peer_is_probed(smsc):
    transport, connection = await connected(smsc, Timers())
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if hasattr(socket, "TCP_KEEPIDLE"):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    transport.close()


async def test_what_a_platform_does_not_have_is_left_out(smsc, monkeypatch):
    for name in ("TCP_USER_TIMEOUT", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"):
        monkeypatch.delattr(socket, name, raising=False)
    transport, connection = await connected(smsc, Timers())
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    transport.close()


def test_what_is_no_tcp_connection_is_left_as_it_is():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        tcp.tune(ours, Timers())
        assert not ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    tcp.tune(None, Timers())


async def test_a_port_where_nobody_listens_is_told_with_the_address(unused_tcp_port):
    with pytest.raises(
        ConnectFailed, match=rf"smpp://acme@127\.0\.0\.1:{unused_tcp_port}: .*refused|Connect call failed"
    ):
        await tcp.connect(
            Kept, Endpoint(host="127.0.0.1", port=unused_tcp_port, system_id="acme", password="hunter2"), Timers()
        )


async def test_a_host_that_does_not_answer_is_left_when_session_init_is_over(monkeypatch):
    async def never(*_, **__):
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never, raising=False)
    with pytest.raises(ConnectFailed, match=r"no connection within 0\.01 s"):
        await tcp.connect(Kept, Endpoint(host="127.0.0.1", port=9), Timers(session_init=0.01))


# Several addresses


@pytest.fixture
def named(monkeypatch):
    """Gives the name smsc.example these addresses."""

    def name(*addresses):
        async def known(host, port, **_):
            assert host == "smsc.example"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", known, raising=False)

    return name


async def test_the_addresses_of_a_name_are_tried_in_turn_though_one_does_not_answer(smsc, named, monkeypatch):
    loop, tried = asyncio.get_running_loop(), []
    create_connection = loop.create_connection

    async def connection(protocol, host, port, **options):
        tried.append(host)
        if host == "192.0.2.1":
            await asyncio.Event().wait()
        return await create_connection(protocol, "127.0.0.1" if host == "192.0.2.3" else host, port, **options)

    monkeypatch.setattr(loop, "create_connection", connection, raising=False)
    named("192.0.2.1", "192.0.2.1", "192.0.2.3")
    endpoint = Endpoint(host="smsc.example", port=smsc.port)
    made = await tcp.connect(Kept, endpoint, Timers(session_init=0.2))
    assert tried == ["192.0.2.1", "192.0.2.3"]
    made.transport.close()


async def test_where_no_address_of_a_name_answers_the_last_error_is_told(named, unused_tcp_port):
    named("127.0.0.1", "127.0.0.2")
    with pytest.raises(ConnectFailed, match=r"smpp://@smsc\.example:\d+: Connection refused$"):
        await tcp.connect(Kept, Endpoint(host="smsc.example", port=unused_tcp_port), Timers())


async def test_a_name_that_nobody_knows_is_told():
    with pytest.raises(ConnectFailed, match=r"smpp://@nowhere\.invalid:2775: \w+"):
        await tcp.connect(Kept, Endpoint(host="nowhere.invalid", port=2775), Timers())
