"""An ESME on a blocking socket: the protocol without asyncio. Usage: python blocking_sockets.py smpp://..."""

import select
import socket
import sys
from time import monotonic as now

from smpp_esme.protocol import Connection, Role, State
from smpp_esme.protocol.events import RequestReceived, ResponseReceived, StateChanged
from smpp_esme.protocol.pdus import DeliverSm, DeliverSmResp, SubmitSm, SubmitSmResp
from smpp_esme.session.endpoint import parse_url

HELLO = SubmitSm(destination_addr="79161234567", registered_delivery=1, short_message=b"Hello")

endpoint = parse_url(sys.argv[1])
with socket.create_connection((endpoint.host, endpoint.port)) as wire:
    esme = Connection(Role.ESME, now())
    esme.request(endpoint.bind_request(), now())
    wire.sendall(esme.data_to_send())
    while esme.state is not State.CLOSED:
        if select.select([wire], [], [], 1)[0]:
            octets = wire.recv(65_536)
            esme.receive_data(octets, now()) if octets else esme.receive_eof()
        esme.handle_timer(now())
        for event in esme.events_received():
            match event:
                case StateChanged(State.BOUND_TRX):
                    esme.request(HELLO, now())
                case ResponseReceived(_, SubmitSmResp() as response):
                    print("submitted", response.message_id, response.status.name)
                case RequestReceived(DeliverSm() as receipt):
                    print("receipted", receipt.short_message.decode("latin-1"))
                    esme.respond(receipt, DeliverSmResp())
                    esme.unbind(now())
        wire.sendall(esme.data_to_send())
