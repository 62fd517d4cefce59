"""Routes as they are configured, and what is said about wrong ones."""

import pytest

from smpp_esme.daemon import config
from smpp_esme.errors import ConfigError

LINKS = """
[links.main]
url = "smpp://me@h"
profile = "smsc-centre"
[links.backup]
url = "smpp://me@other"
[links.in]
url = "smpp://me@h"
bind = "receiver"
"""


@pytest.fixture
def load(tmp_path):
    def loaded(text, **environment):
        path = tmp_path / "daemon.toml"
        path.write_text(LINKS + text)
        return config.load(path, environment)

    return loaded


def test_a_route_needs_links_and_nothing_else(load):
    route = load('[routes.all]\nlinks = ["main", "backup"]').routes["all"]
    assert (route.links, route.prefixes, route.kinds, route.failover_after) == (("main", "backup"), (), (), 300.0)


def test_a_route_can_come_from_the_environment(load):
    settings = load(
        "",
        SMPP_ESME_ROUTES__RUSSIA__LINKS="backup main",
        SMPP_ESME_ROUTES__RUSSIA__PREFIXES="7916 7",
        SMPP_ESME_ROUTES__RUSSIA__FAILOVER_AFTER="30",
        SMPP_ESME_ROUTING__UNMATCHED="refuse",
    )
    route = settings.routes["russia"]
    assert (route.links, route.prefixes, route.failover_after) == (("backup", "main"), ("7916", "7"), 30.0)
    assert settings.routing.unmatched == "refuse"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('links = ["mains"]', "routes.r.links: there is no link 'mains'; did you mean main?"),
        ('links = ["x"]', "routes.r.links: there is no link 'x'; one of main, backup, in"),
        ('links = ["main", "main"]', "routes.r.links: main is there twice; once, at its place"),
        ('links = ["main", "in"]', "routes.r.links: in is bound as a receiver, which submits nothing; bind = "),
        (
            'links = ["backup"]\nkinds = ["mail"]',
            "routes.r.links: backup has the profile standard, which takes no mail",
        ),
        ('links = ["main"]\nkinds = ["mails"]', "routes.r.kinds.0: 'mails' is no kind of message; did you mean mail?"),
        ('links = ["main"]\nprefixes = ["+7"]', "routes.r.prefixes.0: '+7' is not how an international number begins"),
        ('links = ["main"]\nprefixes = ["07"]', "routes.r.prefixes.0: '07' is not how"),
        ('links = ["main"]\nprefixes = ["7", "49", "7"]', "routes.r.prefixes: 7 is there twice; once"),
        ('links = ["main"]\nkinds = ["sms", "sms"]', "routes.r.kinds: sms is there twice; once"),
        ('links = ["main"]\nprefix = ["7"]', "routes.r.prefix: no such key (did you mean prefixes?)"),
        ('links = ["main"]\nnamed_links = "stay"', "routes.r.named_links: "),
        ('links = ["main"]\nfailover_after = -1', "routes.r.failover_after: "),
        ("links = []", "routes.r.links: "),
        ("prefixes = []", "routes.r.links: "),
    ],
)
def test_what_is_wrong_is_told_with_table_and_key_and_the_way_out(load, text, told):
    with pytest.raises(ConfigError) as refused:
        load(f"[routes.r]\n{text}")
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("", "", "every kind to any number"),
        ('prefixes = ["7", "49"]', 'prefixes = ["49"]', "every kind to 49"),
        ('kinds = ["sms", "hlr"]', 'kinds = ["hlr"]', "hlr to any number"),
        ('kinds = ["sms"]\nprefixes = ["7"]', 'kinds = ["sms"]\nprefixes = ["7", "8"]', "sms to 7"),
    ],
)
def test_two_routes_for_the_same_are_refused(load, one, other, same):
    with pytest.raises(ConfigError) as refused:
        load(f'[routes.one]\nlinks = ["main"]\n{one}\n[routes.two]\nlinks = ["main"]\n{other}')
    assert f"routes.two.prefixes: routes.one is for the same: {same};" in str(refused.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", 'kinds = ["sms"]'),
        ("", 'prefixes = ["7"]'),
        ('prefixes = ["7"]', 'prefixes = ["79"]'),
        ('kinds = ["sms"]', 'kinds = ["hlr"]'),
    ],
)
def test_routes_of_which_one_is_closer_are_right(load, one, other):
    assert len(load(f'[routes.one]\nlinks = ["main"]\n{one}\n[routes.two]\nlinks = ["main"]\n{other}').routes) == 2


def test_all_mistakes_are_told_at_once_and_the_variable_that_made_one(load):
    with pytest.raises(ConfigError) as refused:
        load('[routes.a]\nlinks = ["x"]', SMPP_ESME_ROUTES__B__LINKS="y", SMPP_ESME_ROUTES__B__PREFIXES="7")
    assert "routes.a.links: there is no link 'x'" in str(refused.value)
    assert "routes.b.links (SMPP_ESME_ROUTES__B__LINKS): there is no link 'y'" in str(refused.value)


def test_a_mistake_in_a_link_is_told_by_itself(load):
    with pytest.raises(ConfigError) as refused:
        load('[links.wrong]\nurl = "http://h"\n[routes.r]\nlinks = ["main"]')
    assert "links.wrong.url" in str(refused.value)
    assert "routes" not in str(refused.value)
