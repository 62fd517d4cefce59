"""What a running daemon can go over to, and what only a start can change."""

import pytest

from smpp_esme.daemon import changes, config
from smpp_esme.daemon.config import Settings
from smpp_esme.errors import ConfigError

FILE = """
[links.main]
url = "smpp://me@h"
[http.keys.a]
digest = "sha256:{digest}"
scopes = ["read"]
"""


@pytest.fixture
def load(tmp_path):
    def loaded(more="", *, digit="0", **environment):
        path = tmp_path / "daemon.toml"
        path.write_text(FILE.format(digest=digit * 64) + more)
        return config.load(path, environment)

    return loaded


@pytest.mark.parametrize("path", changes.LIVE)
def test_every_key_that_is_live_exists(path):
    table = Settings
    *tables, key = path.split(".")
    for name in tables:
        table = table.model_fields[name].annotation
    assert key in table.model_fields


def test_what_is_live_is_taken_and_the_rest_is_left(load):
    running = load()
    read = load(
        digit="1",
        SMPP_ESME_LINKS__MAIN__WINDOW="7",
        SMPP_ESME_LINKS__NEW__URL="smpp://me@other",
        SMPP_ESME_DISPATCH__OWNER="another",
        SMPP_ESME_DISPATCH__BATCH="9",
        SMPP_ESME_HTTP__PORT="1",
        SMPP_ESME_STORE__URL="sqlite:///other.sqlite3",
    )
    reached = changes.reached(running, read)
    assert changes.changed(running, reached) == [
        "dispatch.batch",
        "http.keys.a.digest",
        "links.main.window",
        "links.new",
    ]
    assert changes.changed(reached, read) == ["dispatch.owner", "http.port", "store.url"]
    assert changes.changed(read, read) == []


def test_no_value_is_told_only_keys(load):
    told = changes.changed(load(SMPP_ESME_LINKS__MAIN__PASSWORD="hunter1"), load(SMPP_ESME_LINKS__MAIN__PASSWORD="b"))
    assert told == ["links.main.password"]


def test_a_default_stays_apart_from_what_is_written(load):
    text = '[links.tls]\nurl = "smpp+tls://me@h?verify=no"\n'
    reached = changes.reached(load(), load(text))
    assert reached.links["tls"].endpoint() == load(text).links["tls"].endpoint()


def test_two_configurations_that_are_right_each_and_wrong_together_are_refused(load, tmp_path):
    running = load(SMPP_ESME_HTTP__HOST="0.0.0.0")
    (tmp_path / "other.toml").write_text('[links.main]\nurl = "smpp://me@h"\n')
    with pytest.raises(ConfigError, match=r"http: host 0\.0\.0\.0 lets others in, and there are no keys") as refused:
        changes.reached(running, config.load(tmp_path / "other.toml", {}))
    assert "restart" in refused.value.allowed
