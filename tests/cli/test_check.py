from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import trustme
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


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def certified(authority, tmp_path):
    """A configuration with a certificate that is good for so many days."""

    def written(days):
        certificate = authority.issue_cert("esme.example", not_after=datetime.now(UTC) + timedelta(days=days, hours=1))
        path = tmp_path / "esme.pem"
        certificate.private_key_and_cert_chain_pem.write_to_path(path)
        return f"[links.main]\nurl = 'smpp://me@h'\n[http]\ncertificate = '{path}'\n"

    return written


@pytest.mark.parametrize(
    ("days", "warning"),
    [(365, ""), (5, "http.certificate: it expires in 5 days"), (-2, "it expires already; no client will trust it")],
)
def test_the_certificate_is_read_and_one_that_soon_expires_is_told_of(check, certified, days, warning):
    told = check(certified(days))
    until = datetime.now(UTC) + timedelta(days=days, hours=1)
    assert told.exit_code == 0
    assert f"esme.pem, until {until:%Y-%m-%d}" in told.stdout
    assert warning in told.stderr
    assert bool(told.stderr) is bool(warning)


def test_a_certificate_that_cannot_be_used_is_refused_as_the_daemon_would(check, certified, tmp_path):
    good = certified(100)
    with pytest.raises(ConfigError, match=r"http\.certificate: .*No such file"):
        check(good.replace("esme.pem", "none.pem"))
    (tmp_path / "esme.pem").write_text("nonsense")
    with pytest.raises(ConfigError, match="no certificate and key"):
        check(good)
