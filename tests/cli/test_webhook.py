"""`smpp-esme webhook` against a daemon's HTTP interface, and as the application that is told."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from standardwebhooks import Webhook

from smpp_esme.daemon import signing

SHOP = {
    "name": "shop", "url": "https://shop.example", "behind": 3, "dead_letters": 1, "disabled_at": None, "failures": 0,
    "failure": "",
}  # fmt: skip


@pytest.fixture
def daemon():
    """A stand-in that answers what it is told to, and remembers what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(None)

        def do_POST(self):
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body):
            self.asked.append((self.path, body, self.headers["Authorization"]))
            octets = json.dumps(self.answers[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_):
            """Say nothing."""

    Handler.asked, Handler.answers = [], {}
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        Handler.url = f"http://127.0.0.1:{server.server_port}"
        yield Handler
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("differs", "status", "told"),
    [
        ({}, 0, ""),
        ({"failures": 2, "failure": "HTTP 503"}, 1, "  failed 2 times in a row: HTTP 503"),
        ({"disabled_at": "2026-01-01T00:00:00Z"}, 1, "  disabled since 2026-01-01T00:00:00Z"),
    ],
)
def test_how_webhooks_stand_is_told_and_is_the_exit_status(command, daemon, differs, status, told):
    daemon.answers = {"/v1/webhooks": {"webhooks": [SHOP | differs]}}
    outcome = command("webhook", "list", "--url", daemon.url, "--key", "k")
    assert outcome == (status, f"shop  https://shop.example  behind 3  dead 1{told}\n", "")
    assert daemon.asked[0][2] == "Bearer k"


def test_every_dead_letter_is_listed(command, daemon):
    event = {"id": 9, "type": "message.delivered", "data": {"reference": "R"}}
    letter = {"id": 1, "at": "2026-01-01T00:00:00Z", "attempts": 12, "reason": "HTTP 500", "event": event}
    path = "/v1/webhooks/shop/dead-letters?limit=1000&after="
    daemon.answers = {f"{path}0": {"dead_letters": [letter]}, f"{path}1": {"dead_letters": []}}
    outcome = command("webhook", "dead-letters", "shop", "--url", daemon.url)
    assert outcome[1] == "1  2026-01-01T00:00:00Z  12 attempts  HTTP 500  9 message.delivered  R\n"


def test_dead_letters_are_replayed_all_or_by_name(command, daemon):
    daemon.answers = {"/v1/webhooks/shop/replay": {"replayed": 2}}
    assert command("webhook", "replay", "shop", "--url", daemon.url)[1] == "2 to be tried again\n"
    command("webhook", "replay", "shop", "4", "5", "--url", daemon.url)
    assert [body for _, body, _ in daemon.asked] == [{}, {"dead_letters": [4, 5]}]


def test_a_test_says_what_came_of_it(command, daemon):
    daemon.answers = {"/v1/webhooks/shop/test": {"delivered": False, "status": 500, "reason": "HTTP 500"}}
    assert command("webhook", "test", "shop", "--url", daemon.url)[:2] == (1, "not delivered: HTTP 500\n")
    daemon.answers = {"/v1/webhooks/shop/test": {"delivered": True, "status": 204, "reason": "HTTP 204"}}
    assert command("webhook", "test", "shop", "--url", daemon.url)[:2] == (0, "delivered: HTTP 204\n")


def test_a_webhook_is_enabled(command, daemon):
    daemon.answers = {"/v1/webhooks/shop/enable": {"webhooks": [SHOP]}}
    assert command("webhook", "enable", "shop", "--url", daemon.url)[:2] == (0, "shop is enabled\n")


def test_a_secret_is_one(command):
    first, second = (command("webhook", "secret")[1].strip() for _ in range(2))
    assert first != second
    assert len(signing.keys_of(f"{first} {second}")) == 2


# The application


@pytest.fixture
def configuration(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    path = tmp_path / "daemon.toml"
    secret = signing.new_secret()
    path.write_text(
        f'[links.main]\nurl = "smpp://me@smsc.example"\n[webhooks.shop]\nurl = "http://127.0.0.1:{port}/hook"\n'
        f'secret = "{secret}"\n'
    )
    return path, port, secret


@pytest.fixture
def listening(configuration):
    path, _, _ = configuration
    words = [sys.executable, "-m", "smpp_esme", "webhook", "listen", "-c", str(path), "--answer", "202"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("listening on http://127.0.0.1:")
        yield process
        process.kill()


def test_what_is_signed_is_taken_and_what_is_not_is_refused(configuration, listening):
    _, port, secret = configuration
    body = '{"id":1}'

    def post(signature, timestamp):
        headers = {"webhook-id": "evt_1", "webhook-timestamp": str(timestamp), "webhook-signature": signature}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("POST", "/hook", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status, listening.stdout.readline()

    def sign(moment):
        from datetime import UTC, datetime

        return Webhook(secret).sign("evt_1", datetime.fromtimestamp(moment, UTC), body)

    now = int(time.time())
    assert post(sign(now), now) == (202, f"verified  evt_1  {body}\n")
    assert post(f"v1,other {sign(now)}", now)[0] == 202
    for signature, timestamp in (("v1,é", now), ("", now), (sign(now), now + 1), (sign(now - 999), now - 999)):
        status, told = post(signature.encode().decode("latin-1"), timestamp)
        assert (status, told) == (401, f"NOT VERIFIED  evt_1  {body}\n")


def test_whom_to_stand_in_for_must_be_known(command, configuration):
    path, _, _ = configuration
    outcome = command("webhook", "listen", "-c", str(path), "other")
    assert (outcome[0], "'other' is no webhook; one of shop" in outcome[2]) == (1, True)


def test_an_address_that_is_taken_or_not_ours_is_refused(command, configuration):
    path, port, _ = configuration
    with socket.create_server(("127.0.0.1", port)):
        assert "nothing can listen there" in command("webhook", "listen", "-c", str(path))[2]
    path.write_text(path.read_text().replace("http:", "https:"))
    assert "is https" in command("webhook", "listen", "-c", str(path))[2]
