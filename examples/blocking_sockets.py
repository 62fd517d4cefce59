"""An ESME on a blocking socket: the protocol without asyncio. Usage: python blocking_sockets.py smpp://..."""

import socket
import sys
import time

from smpp_esme.protocol.connection import Connection
from smpp_esme.protocol.events import RequestReceived, ResponseReceived, StateChanged
from smpp_esme.protocol.pdus import DeliverSm, DeliverSmResp, SubmitSm, SubmitSmResp
from smpp_esme.protocol.state import Role, State
from smpp_esme.session.endpoint import parse_url

MESSAGE = SubmitSm(destination_addr="79161234567", registered_delivery=1, short_message=b"Hello")

endpoint = parse_url(sys.argv[1])
with socket.create_connection((endpoint.host, endpoint.port)) as wire:
    connection = Connection(Role.ESME, time.monotonic())
    connection.request(endpoint.bind_request(), time.monotonic())
    while connection.state is not State.CLOSED:
        wire.sendall(connection.data_to_send())
        deadline = connection.next_deadline()
        wire.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))
        try:
            octets = wire.recv(65_536)
        except TimeoutError:
            connection.handle_timer(time.monotonic())
        else:
            connection.receive_data(octets, time.monotonic()) if octets else connection.receive_eof()
        for event in connection.events_received():
            match event:
                case StateChanged(State.BOUND_TRX):
                    connection.request(MESSAGE, time.monotonic())
                case ResponseReceived(_, SubmitSmResp() as response):
                    print("submitted", response.message_id, response.status.name)
                case RequestReceived(DeliverSm() as receipt):
                    print("receipted", receipt.short_message.decode("latin-1"))
                    connection.respond(receipt, DeliverSmResp())
                    connection.unbind(time.monotonic())
