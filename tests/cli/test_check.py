from __future__ import annotations

import pytest
from typer.testing import CliRunner

from smpp_esme.cli.main import commands
from smpp_esme.errors import ConfigError

GOOD = """
[store]
url = "postgresql+asyncpg://esme:hunter22@db.example/messages"
[links.main]
url = "smpp://acme:secret@smsc.example"
profile = "smsc-centre"
throughput = 50
[links.spare]
url = "smpp+tls://acme@[2001:db8::1]"
bind = "receiver"
[links.backup]
url = "smpp://acme@backup.example"
[routes.russia]
prefixes = ["7", "8"]
links = ["main", "backup"]
[routes.mail]
kinds = ["mail"]
links = ["main"]
"""


TOLD = """\
link main: smpp://acme@smsc.example:2775 as transceiver, profile smsc-centre, window 100, 50 submit_sm a second
link spare: smpp+tls://acme@[2001:db8::1]:3550 as receiver, profile standard, window 100, as fast as the window allows
link backup: smpp://acme@backup.example:2775 as transceiver, profile standard, window 100, as fast as the window allows
route russia: every kind to numbers that begin with 7 or 8 by main, else backup, failover after 300 s
route mail: mail to any number by main
store: postgresql+asyncpg://esme:***@db.example/messages
http: http://127.0.0.1:8080, anybody may ask
"""


@pytest.fixture
def check(tmp_path):
    def checked(text):
        path = tmp_path / "daemon.toml"
        path.write_text(text)
        return CliRunner().invoke(commands, ["check", "-c", str(path)], catch_exceptions=False)

    return checked


def test_a_good_configuration_is_told_without_its_secrets(check):
    told = check(GOOD)
    assert told.exit_code == 0
    assert told.stdout == TOLD


def test_every_wrong_key_is_named(check):
    with pytest.raises(ConfigError) as refused:
        check("[links.main]\nurl = 'http://smsc'\nwindw = 1\n[http]\nport = 1000000\n")
    assert [key for key in ("links.main.url", "links.main.windw", "http.port") if key not in str(refused.value)] == []
