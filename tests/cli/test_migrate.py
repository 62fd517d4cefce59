"""`smpp-esme migrate`: what it says it did, it did."""

import socketserver
import sqlite3
import struct
import threading
from contextlib import closing

import pytest

from smpp_esme.store import schema

CONFIG = """
[store]
url = "{url}"

[links.main]
url = "smpp://acme@127.0.0.1:2775"
"""


@pytest.fixture
def config(tmp_path):
    def written(url):
        path = tmp_path / "esme.toml"
        path.write_text(CONFIG.format(url=url))
        return str(path)

    return written


def test_a_new_database_is_made_and_the_second_time_there_is_nothing_to_do(command, config, tmp_path):
    url = f"sqlite:///{tmp_path}/new/messages.sqlite3"
    assert command("migrate", "-c", config(url)) == (0, f"{url}: schema {schema.newest()}, was empty\n", "")
    assert command("migrate", "-c", config(url)) == (0, f"{url}: has schema {schema.newest()}, nothing to do\n", "")


def test_a_newer_database_is_refused(command, config, tmp_path):
    path = tmp_path / "messages.sqlite3"
    command("migrate", "-c", config(f"sqlite:///{path}"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE {schema.REVISION_TABLE} SET version_num = '9999'")
    refused = command("migrate", "-c", config(f"sqlite:///{path}"))
    assert (refused.code, refused.out) == (1, "")
    assert "9999" in refused.err


def test_the_password_of_a_server_is_not_shown(command, config, postgres_url):
    url = postgres_url.replace("postgres@", "postgres:secret@")
    outcome = command("migrate", "-c", config(url))
    assert outcome.code == 0
    assert "nothing to do" in outcome.out
    assert "secret" not in outcome.out + outcome.err


class _Postgres(socketserver.BaseRequestHandler):
    """A server that asks for the password in the clear, keeps it, and lets nobody in (PostgreSQL 53.2.1)."""

    def handle(self):
        octets = self.request.recv(4096)
        if octets[4:8] == (80877103).to_bytes(4, "big"):  # SSLRequest
            self.request.sendall(b"N")
            octets = self.request.recv(4096)
        self.request.sendall(b"R" + struct.pack(">ii", 8, 3))
        self.server.told.append((octets, self.request.recv(4096)))
        fields = b"SFATAL\0C28P01\0Mnot today\0\0"
        self.request.sendall(b"E" + struct.pack(">i", 4 + len(fields)) + fields)


def test_postgresql_is_told_the_password_that_stands_in_a_file(command, config, tmp_path):
    (tmp_path / "secret").write_text("p@ss w/rd\n")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Postgres) as server:
        server.told = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = config(f"postgresql://esme@127.0.0.1:{server.server_address[1]}/sms")
        ended = command("migrate", "-c", path, SMPP_ESME_STORE__PASSWORD_FILE=str(tmp_path / "secret"))
        server.shutdown()
    assert ended.code == 1
    assert "w/rd" not in ended.err
    startup, answer = server.told[0]
    assert b"user\0esme\0" in startup
    assert answer == b"p" + struct.pack(">i", 4 + 10) + b"p@ss w/rd\0"
