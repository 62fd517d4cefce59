from __future__ import annotations

import string
from pathlib import Path
from typing import get_args, get_origin

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError
from sqlalchemy.engine import make_url

from smpp_esme.daemon import config
from smpp_esme.daemon.table import Table
from smpp_esme.errors import ConfigError
from smpp_esme.session.guards import Guards
from smpp_esme.session.pacing import Adaptation
from smpp_esme.session.plan import Waiting
from smpp_esme.session.tls import Tls

LINK = '[links.main]\nurl = "smpp://me@smsc.example:2776"\n'


@pytest.fixture
def load(tmp_path):
    """Loads a configuration from text, with nothing of this process's own environment."""

    def loaded(text: str | bytes, **environment: str):
        path = tmp_path / "daemon.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return config.load(path, environment)

    return loaded


def told(load, text, **environment):
    """What is said about a wrong configuration."""
    with pytest.raises(ConfigError) as refused:
        load(text, **environment)
    return str(refused.value)


def test_a_file_with_one_link_is_enough(load):
    link = load(LINK).links["main"]
    assert (link.endpoint().host, link.endpoint().port, link.endpoint().system_id) == ("smsc.example", 2776, "me")
    assert link.bound_profile().name == "standard"
    assert (link.timers().enquire_link, link.timers().response) == (30.0, 10.0)


def test_the_demo_configuration_is_one():
    path = Path(__file__).parents[2] / "examples" / "demo.toml"
    demo = config.load(path, {})
    assert demo.links["main"].profile == "smsc-centre"
    assert demo.store.synchronous == "full"


KEY = f'[http.keys.shop]\ndigest = "sha256:{"0" * 64}"\nscopes = ["submit"]\n'


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_without_keys_the_api_stays_on_loopback(load, host):
    assert load(f'{LINK}[http]\nhost = "{host}"\n').http.keys == {}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "esme.example"])
def test_beyond_loopback_the_api_needs_keys_or_to_be_declared_open(load, host):
    http = f'{LINK}[http]\nhost = "{host}"\n'
    assert "smpp-esme key" in told(load, http)
    assert load(http + "open = true\n").http.open
    assert load(http + KEY).http.keys["shop"].scopes == {"submit"}


@pytest.mark.parametrize(
    ("written", "field"),
    [
        (KEY.replace("submit", "everything"), "http.keys.shop.scopes"),
        (KEY.replace("sha256:", "md5:"), "http.keys.shop.digest"),
        (KEY + "rate = -1\n", "http.keys.shop.rate"),
        (KEY + 'networks = ["192.0.2.1/24"]\n', "http.keys.shop.networks"),
        (KEY + "scope = []\n", "http.keys.shop.scope: no such key (did you mean scopes?)"),
    ],
)
def test_a_wrong_key_of_the_api_is_refused_by_its_path(load, written, field):
    assert field in told(load, LINK + written)


def test_the_environment_goes_over_the_file(load):
    loaded = load(
        LINK + "[http]\nport = 8080\n[store]\nurl = 'sqlite:///here'\n",
        SMPP_ESME_HTTP__PORT="8081",
        SMPP_ESME_LINKS__MAIN__PASSWORD="secret",
        SMPP_ESME_LINKS__MAIN__THROUGHPUT="2.5",
        SMPP_ESME_STORE__SYNCHRONOUS="normal",
        SMPP_ESME_LOG__LEVEL="debug",
    )
    assert loaded.http.port == 8081
    assert loaded.links["main"].endpoint().password == "secret"
    assert loaded.links["main"].throughput == 2.5
    assert (loaded.store.url, loaded.store.synchronous) == ("sqlite:///here", "normal")
    assert loaded.log.level == "debug"


def test_the_environment_can_bring_a_whole_link(load):
    loaded = load("", SMPP_ESME_LINKS__BACKUP__URL="smpp://me@other.example")
    assert loaded.links["backup"].endpoint().host == "other.example"


def test_the_environment_of_this_process_is_the_default(tmp_path, monkeypatch):
    path = tmp_path / "daemon.toml"
    path.write_text(LINK)
    monkeypatch.setenv("SMPP_ESME_HTTP__PORT", "9090")
    assert config.load(path).http.port == 9090


def test_a_password_of_its_own_goes_before_that_in_the_url(load):
    text = '[links.main]\nurl = "smpp://me:inurl@h"\npassword = "%s"\n'
    assert load(text % "").links["main"].endpoint().password == "inurl"
    assert load(text % "other").links["main"].endpoint().password == "other"


def test_a_misspelt_variable_is_refused_with_the_nearest_name(load):
    said = told(load, LINK, SMPP_ESME_HTPP__PORT="1", SMPP_ESME_STROE__URL="x", SMPP_ESME_DISPACH__LEASE="1")
    assert "SMPP_ESME_HTPP__PORT: no such setting (did you mean SMPP_ESME_HTTP__PORT?)" in said
    assert "SMPP_ESME_STROE__URL: no such setting (did you mean SMPP_ESME_STORE__URL?)" in said
    assert "did you mean SMPP_ESME_DISPATCH__LEASE?" in said


@pytest.mark.parametrize("name", ["SMPP_ESME_", "SMPP_ESME___", "SMPP_ESME_QQQQ"])
def test_a_variable_like_nothing_is_refused_with_what_there_is(load, name):
    there_is = "links, routes, routing, store, http, webhooks, dispatch, retention, log, tracing"
    assert f"{name}: no such setting (one of {there_is})" in told(load, LINK, **{name: "1"})


def test_a_variable_below_a_value_is_refused(load):
    said = told(load, LINK, SMPP_ESME_LINKS__MAIN__URL__HOST="x")
    assert said == "environment: SMPP_ESME_LINKS__MAIN__URL__HOST: url is not a table, so nothing in it can be set"


def test_a_wrong_key_from_the_environment_is_named(load):
    said = told(load, LINK, SMPP_ESME_HTTP__PROT="1", SMPP_ESME_LINKS__MAIN__TLS__CERT="x")
    assert "SMPP_ESME_HTTP__PROT: no such setting (did you mean SMPP_ESME_HTTP__PORT?)" in said
    assert "SMPP_ESME_LINKS__MAIN__TLS__CERT: no such setting (one of ca, certificate, key" in said
    assert "SMPP_ESME_LINKS__MAIN: is a table" in told(load, LINK, SMPP_ESME_LINKS__MAIN="x")


def test_a_wrong_value_from_the_environment_is_told_with_its_variable(load):
    text = LINK + '[links.smsc-2]\nurl = "smpp://me@h"\n'
    said = told(load, text, SMPP_ESME_HTTP__PORT="many", SMPP_ESME_LINKS__SMSC_2__WINDOW="0")
    assert "http.port (SMPP_ESME_HTTP__PORT): Input should be a valid integer" in said
    assert "links.smsc-2.window (SMPP_ESME_LINKS__SMSC_2__WINDOW): Input should be greater" in said


def test_a_variable_finds_a_table_whose_name_it_cannot_spell(load):
    text = '[links.SMSC-2]\nurl = "smpp://me@h"\n'
    assert load(text, SMPP_ESME_LINKS__SMSC_2__WINDOW="7").links["SMSC-2"].window == 7


def test_a_list_stands_in_a_variable_with_spaces(load):
    loaded = load(
        LINK,
        SMPP_ESME_LINKS__MAIN__HOSTS="a.example  b.example:2776",
        SMPP_ESME_HTTP__PROXIES="192.0.2.1",
        SMPP_ESME_HTTP__KEYS__SHOP__DIGEST="sha256:" + "0" * 64,
        SMPP_ESME_HTTP__KEYS__SHOP__SCOPES="submit read",
        SMPP_ESME_HTTP__KEYS__SHOP__NETWORKS="192.0.2.0/24 2001:db8::/32",
    )
    assert loaded.links["main"].hosts == ("a.example", "b.example:2776")
    assert [str(one) for one in loaded.http.proxies] == ["192.0.2.1"]
    shop = loaded.http.keys["shop"]
    assert (shop.scopes, len(shop.networks)) == ({"submit", "read"}, 2)


def test_variables_that_are_no_settings_are_let_be(load):
    assert load(LINK, SMPP_ESME_REQUIRE_SERVICES="1", PATH="/bin", smpp_esme_http__port="x").http.port == 8080


def test_all_mistakes_are_told_at_once_each_with_its_way_out(load, tmp_path):
    said = told(
        load,
        LINK
        + "windows = 5\nwindow = 0\nprofile = 'nope'\nbind = 'both'\n"
        + "[http]\nport = 70000\n[store]\nsynchronous = 'no'\n"
        + "[lgo]\nlevel = 'info'\n",
    )
    assert said.startswith(str(tmp_path / "daemon.toml"))
    for problem in (
        "links.main.windows: no such key (did you mean window?)",
        "links.main.window: Input should be greater than or equal to 1",
        "links.main.profile: there is none named 'nope'; one of sinch, smsc-centre, standard",
        "links.main.bind: Input should be 'transceiver', 'transmitter', 'receiver' or 'pair'",
        "http.port: Input should be less than or equal to 65535",
        "store.synchronous: Input should be 'full' or 'normal'",
        "lgo: no such key (did you mean log?)",
    ):
        assert problem in said


def test_a_link_may_have_several_hosts_and_binds(load):
    more = 'hosts = ["smsc2.example:2777", "[::1]"]\nbind = "pair"\nbinds = 2\nreturn_after = 5\nalready_bound = 7\n'
    plan = load(LINK + more).links["main"].plan()
    assert [str(one).partition("@")[2] for one in plan.endpoints] == [
        "smsc.example:2776",
        "smsc2.example:2777",
        "[::1]:2775",
    ]
    assert len({(one.system_id, one.password) for one in plan.endpoints}) == 1
    assert (plan.how, plan.binds, plan.return_after, plan.backoff.already_bound) == ("pair", 2, 5.0, 7.0)


def test_tls_is_a_table_over_what_the_url_says(load):
    text = '[links.main]\nurl = "smpp+tls://me@h?server_name=a.example&verify=no"\nhosts = ["g"]\n'
    plain, changed = load(text), load(text + '[links.main.tls]\nserver_name = "b.example"\n')
    assert plain.links["main"].endpoint().tls == Tls(server_name="a.example", verify=False)
    assert [one.tls for one in changed.links["main"].endpoints()] == [Tls(server_name="b.example", verify=False)] * 2
    over = load(text, SMPP_ESME_LINKS__MAIN__TLS__VERIFY="true")
    assert over.links["main"].endpoint().tls.verify


def test_the_rate_follows_the_smsc_as_told(load):
    text = LINK + "[links.main.pacing]\nslower = 0.25\nhold = 0\n"
    assert load(text).links["main"].adaptation() == Adaptation(slower=0.25, hold=0.0)
    assert load(LINK).links["main"].adaptation() == Adaptation()


def test_a_link_may_wait_to_be_called(load):
    text = LINK + 'binds = 0\n[links.main.outbind]\nport = 2776\nsystem_id = "smsc"\npassword = "theirs"\n'
    plan = load(text).links["main"].plan()
    assert (plan.binds, plan.sessions()) == (0, [])
    assert plan.outbind == Waiting(port=2776, system_id="smsc", password="theirs")
    assert "theirs" not in repr(load(text))
    assert load(LINK).links["main"].plan().outbind is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("binds = 0\n", "binds: is 0, and no outbind is waited for"),
        ("[links.main.outbind]\nport = 2776\n", "whoever calls is sent our account"),
    ],
)
def test_a_link_that_nobody_could_use_is_refused(load, text, problem):
    assert problem in told(load, LINK + text)


def test_the_provider_s_rules_come_from_its_profile_and_what_they_do_from_here(load):
    text = LINK + 'profile = "smsc-centre"\n[links.main.rules]\nrepeat = "delay"\nflood = "refuse"\n'
    rules = load(text).links["main"].provider_rules()
    assert (rules.repeat_within, rules.flood_limit, rules.flood_gap, rules.segments_within) == (60.0, 50, 30.0, 60.0)
    assert (rules.repeat, rules.flood, rules.segments) == ("delay", "refuse", "refuse")
    assert not Guards(load(LINK + 'profile = "standard"\n').links["main"].provider_rules())


@pytest.mark.parametrize(
    ("profile", "enquire_link", "probed"), [("smsc-centre", 300, 60), ("smsc-centre", 30, 30), ("standard", 300, 300)]
)
def test_an_smsc_that_ends_silent_sessions_hears_from_us_before(load, profile, enquire_link, probed):
    link = load(LINK + f'profile = "{profile}"\nenquire_link = {enquire_link}\n').links["main"]
    assert link.timers().enquire_link == probed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LINK + 'hosts = ["me:secret@h"]\n', "links.main.hosts: 'me:secret@h' is more than a host; HOST or HOST:PORT"),
        (
            LINK + 'hosts = ["h:ports"]\n',
            "links.main.hosts: 'h:ports': port is no number; HOST:PORT, a port from 1 to 65535",
        ),
        (LINK + '[links.main.tls]\nca = "ca.pem"\n', "links.main: tls: the url is smpp://, which is not encrypted"),
        (
            '[links.main]\nurl = "smpp+tls://me@h"\n[links.main.tls]\nca = "missing.pem"\n',
            "links.main: tls.ca: missing.pem: No such file or directory; a PEM file that can be read",
        ),
        (LINK + "[links.main.tls]\ncert = 1\n", "links.main.tls.cert: no such key (one of ca, certificate"),
        (LINK + '[links.main.rules]\nflood = "hold"\n', "Input should be 'refuse', 'delay' or 'pass'"),
        ("", "links: Field required"),
        ("[links]\n", "links: Dictionary should have at least 1 item"),
        ("[links.main]\n", "links.main.url: Field required"),
        ("links = 3\n", "links: Input should be a valid dictionary"),
        ('[links.main]\nurl = "http://me@h"\n', "links.main.url: the scheme is 'http'; smpp:// or smpp+tls://"),
        ('[links.main]\nurl = "smpp://"\n', "links.main.url: it names no host; smpp://system_id:password@host:port"),
        ('[links.main]\nurl = "smpp://h:99999"\n', "links.main.url: port is 99999; 1 to 65535"),
        (f'[links.main]\nurl = "smpp://{"x" * 16}@h"\n', "links.main: system_id: at most 15"),
        (LINK + f'system_type = "{"x" * 13}"\n', "links.main: system_type: at most 12"),
        (LINK + 'source_addr = "Отправитель"\n', "at 0; a name of ASCII letters"),
        (LINK + 'profile = "missing.toml"\n', "links.main.profile: missing.toml: No such file or directory"),
        (LINK + "throughput = nan\n", "links.main.throughput"),
        (LINK + "throughput = inf\n", "links.main.throughput"),
        (LINK + "response_timeout = 0\n", "links.main.response_timeout: Input should be greater than 0"),
        (LINK + "window = 9999999999999999999999999999\n", "links.main.window"),
        ("[links.main\n", "it is not TOML"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"#" * ((1 << 20) + 1), "the file is too large; at most 1048576 octets"),
        ("x = " + "[" * 50_000, "nested too deeply"),
        ("x = " + "9" * 5_000, "a number too long"),
    ],
)
def test_a_wrong_file_is_refused_by_file_key_and_way_out(load, tmp_path, text, problem):
    said = told(load, text)
    assert said.startswith(str(tmp_path / "daemon.toml"))
    assert problem in said


@pytest.mark.parametrize(("name", "problem"), [("missing.toml", "No such file or directory"), (".", "directory")])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, problem):
    with pytest.raises(ConfigError) as refused:
        config.load(tmp_path / name, {})
    assert str(refused.value).startswith(str(tmp_path / name))
    assert problem in str(refused.value)
    assert refused.value.allowed == "the path of a TOML file"


SECRET = "hunter22"


@pytest.mark.parametrize(
    "text",
    [
        f'[links.main]\nurl = "smpp://me:{SECRET}@h"\n',
        f'[links.main]\nurl = "smpp://me@h"\npassword = "{SECRET}"\n',
    ],
)
def test_a_password_is_in_no_repr(load, text):
    loaded = load(text)
    assert loaded.links["main"].endpoint().password == SECRET
    for shown in (repr(loaded), str(loaded), f"{loaded.links!r}", repr(loaded.links["main"].endpoint())):
        assert SECRET not in shown


@pytest.mark.parametrize(
    "text",
    [
        f'[links.main]\nurl = "smpp://me:{SECRET}too-long@h"\n',
        f'[links.main]\nurl = "smpp://me@h"\npassword = "{SECRET}too-long"\n',
        f'[links.main]\nurl = "smpp://me@h"\npassword = "{SECRET}é"\n',
        f'[links.main]\nurl = "smpp://me:{SECRET}@h/path"\n',
        f'[links.main]\nurl = "http://me:{SECRET}@h"\n',
        f'[links.main]\nurl = "smpp://me:{SECRET}@h:port"\n',
        f'[links.main]\nurl = "smpp://me:{SECRET}@[h"\n',
        f'[links.main]\nurl = ["smpp://me:{SECRET}@h"]\n',
        f'[links.main]\nurl = "smpp://h"\npassword = ["{SECRET}"]\nwindow = "{SECRET}"\n',
    ],
)
def test_a_password_is_in_no_error(load, text):
    said = told(load, text)
    assert "links.main" in said
    assert SECRET not in said


KEYS = ["links", "main", "url", "store", "http", "port", "window", "password", "log", "level", "dispatch", "", "a.b"]
VALUES = st.recursive(
    st.none()
    | st.integers()
    | st.sampled_from([10**30, -(10**30), "nan", "inf", "true", '"smpp://me:pw@h"', '""', "2020-01-01", "1e400"])
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)


def written(value: object) -> str:
    match value:
        case None:
            return "false"
        case dict():
            return "{" + ", ".join(f'"{key}" = {written(one)}' for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(written(one) for one in value) + "]"
        case _:
            return str(value)


def loaded_or_refused(load, *given, **environment):
    """Whether what is loaded has links, or the refusal says what is wrong."""
    try:
        return bool(load(*given, **environment).links)
    except ConfigError as error:
        return bool(error.problem)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
@example({"links": {"main": {"url": '"smpp://h"', "window": "1e400"}}})
@example({"links": {"": {"url": '"smpp://h"'}}})
def test_a_hostile_table_raises_nothing_but_ours(load, tables):
    text = "\n".join(f'"{key}" = {written(value)}' for key, value in tables.items())
    assert loaded_or_refused(load, text.encode("utf-8", "replace"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(string.punctuation + "ae01 \n", max_size=200).map(str.encode))
def test_hostile_octets_raise_nothing_but_ours(load, octets):
    assert loaded_or_refused(load, octets)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.lists(st.sampled_from([key.upper() for key in KEYS]), min_size=1, max_size=4).map(
            lambda keys: "SMPP_ESME_" + "__".join(keys)
        ),
        st.text(max_size=20),
        max_size=4,
    )
)
def test_a_hostile_environment_raises_nothing_but_ours(load, environment):
    assert loaded_or_refused(load, LINK, **environment)


SIGNING = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
SHOP = f'{LINK}[webhooks.shop]\nurl = "https://shop.example/t0k3n"\n'


def test_a_webhook_has_its_secrets_from_the_file_the_environment_or_a_file_of_its_own(load, tmp_path):
    (tmp_path / "secrets").write_text(f"{SIGNING}\n")
    by_all = [
        load(f'{SHOP}secret = "{SIGNING}"\n', SMPP_ESME_WEBHOOKS__SHOP__EVENTS="message.received segment.*"),
        load(SHOP, SMPP_ESME_WEBHOOKS__SHOP__SECRET=f"{SIGNING} {SIGNING}"),
        load(f'{SHOP}secret_file = "{tmp_path}/secrets"\n'),
    ]
    assert [len(one.webhooks["shop"].keys()) for one in by_all] == [1, 2, 1]
    assert by_all[0].webhooks["shop"].events == ("message.received", "segment.*")
    for loaded in by_all:
        shown = repr(loaded)
        assert "C2FVs" not in shown
        assert "t0k3n" not in shown


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("", "webhooks.shop: secret: there is none; `smpp-esme webhook secret` makes one"),
        ('secret = "hunter22"', "webhooks.shop: secret: number 1 is none; whsec_ and 24 to 64 octets"),
        ('secret_file = "nothing"', "webhooks.shop: secret_file: 'nothing': No such file or directory; a file with"),
        ('evnets = ["*"]', "webhooks.shop.evnets: no such key (did you mean events?)"),
        ('events = ["message.gone"]', "webhooks.shop.events: is no type of event; one of message.queued"),
    ],
)
def test_a_webhook_that_could_not_be_delivered_to_is_refused(load, lines, says):
    said = told(load, f"{SHOP}{lines}\n")
    assert says in said
    assert "hunter22" not in said
    assert "t0k3n" not in said


@pytest.mark.parametrize(
    "url", ["shop.example", "ftp://shop.example", "https://", "https://me:hunter22@shop.example", "https://shop:x/"]
)
def test_an_address_that_is_none_is_refused_and_not_repeated(load, url):
    said = told(load, f'{LINK}[webhooks.shop]\nsecret = "{SIGNING}"\nurl = "{url}"\n')
    assert "webhooks.shop.url: " in said
    assert "hunter22" not in said
    assert "C2FVs" not in said


def test_the_name_of_a_webhook_is_one_for_addresses(load):
    assert "webhooks" in told(load, f'{LINK}[webhooks."a/b"]\nsecret = "{SIGNING}"\nurl = "https://shop.example"\n')


# Secrets in files

POSTGRES = '[store]\nurl = "postgresql://me@db.example/sms"\n'
TLS_LINK = '[links.main]\nurl = "smpp+tls://me@h"\n[links.main.tls]\n'
OUTBIND = LINK + "[links.main.outbind]\nport = 2776\n"
#: Where each secret of the configuration is found once it is loaded.
IN_FILES = {
    "links.main.password": (LINK, lambda found: found.links["main"].endpoint().password),
    "links.main.tls.key_password": (TLS_LINK, lambda found: found.links["main"].endpoint().tls.key_password),
    "links.main.outbind.password": (OUTBIND, lambda found: found.links["main"].plan().outbind.password),
    "store.password": (
        LINK + POSTGRES,
        lambda found: found.store.full_url.removeprefix("postgresql://me:").partition("@")[0],
    ),
    "http.certificate_key_password": (
        LINK + "[http]\n",
        lambda found: found.http.certificate_key_password.get_secret_value(),
    ),
}


def secrets_of(model, path=""):
    """The table and the path of every secret of the configuration."""
    for key, field in model.model_fields.items():
        kind = get_args(field.annotation)[1] if get_origin(field.annotation) is dict else field.annotation
        if kind is SecretStr:
            yield model, f"{path}{key}"
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from secrets_of(kind, f"{path}{key}.")


SECRETS = list(secrets_of(config.Settings))


@pytest.mark.parametrize(("model", "path"), SECRETS, ids=[path for _, path in SECRETS])
def test_every_secret_may_stand_in_a_file_of_its_own(model, path):
    assert len(SECRETS) >= 6
    assert path.rpartition(".")[2] in model.secrets()


@pytest.mark.parametrize("path", IN_FILES)
def test_a_secret_is_read_from_its_file_which_the_file_or_the_environment_names(load, tmp_path, path):
    text, found = IN_FILES[path]
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    key = f"{path.rpartition('.')[2]}_file"
    variable = f"SMPP_ESME_{path.replace('.', '__').upper()}_FILE"
    named, told_by_environment = (
        load(f'{text}{key} = "{tmp_path}/secret"\n'),
        load(text, **{variable: f"{tmp_path}/secret"}),
    )
    assert found(named) == found(told_by_environment) == SECRET
    assert SECRET not in repr(named)


def test_a_secret_that_is_given_itself_goes_before_its_file(load, tmp_path):
    (tmp_path / "secret").write_text("other")
    text = f'{LINK}password_file = "{tmp_path}/secret"\n'
    assert load(text, SMPP_ESME_LINKS__MAIN__PASSWORD=SECRET).links["main"].endpoint().password == SECRET


@pytest.mark.parametrize(
    ("octets", "problem"),
    [(b"\n", "is empty"), (b"\xff", "is not UTF-8"), (b"x" * 20_000, "is too large"), (None, "No such file")],
)
def test_a_file_without_a_secret_is_refused(load, tmp_path, octets, problem):
    if octets is not None:
        (tmp_path / "secret").write_bytes(octets)
    said = told(load, f'{LINK}password_file = "{tmp_path}/secret"\n')
    assert "links.main: password_file: " in said
    assert problem in said
    assert "x" * 20 not in said


def test_a_path_that_no_system_has_is_refused(load):
    assert "links.main: password_file: " in told(load, LINK + 'password_file = "a\\u0000b"\n')


def test_the_password_of_the_store_is_put_in_its_url(load):
    text = LINK + '[store]\nurl = "postgresql://me:old@db.example:5433/sms?sslmode=require"\npassword = "p@ss:w/rd é"\n'
    store = load(text).store
    url = make_url(store.full_url)
    assert (url.username, url.password, url.host, url.port) == ("me", "p@ss:w/rd é", "db.example", 5433)
    assert (url.database, dict(url.query)) == ("sms", {"sslmode": "require"})
    assert store.safe_url == "postgresql://me:***@db.example:5433/sms?sslmode=require"


@pytest.mark.parametrize(
    ("url", "problem"),
    [("sqlite:///a", "only PostgreSQL takes one"), ("postgresql://db.example/sms", "the url names no user")],
)
def test_a_password_that_nobody_would_ask_for_is_refused(load, url, problem):
    said = told(load, f'{LINK}[store]\nurl = "{url}"\npassword = "{SECRET}"\n')
    assert f"store: password: {problem}" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ("localhost:4318", "it is no URL"),
        ("grpc://localhost:4317", "it is no URL"),
        ("http://", "it is no URL"),
        ("http://[", "tracing.endpoint"),
        ("http://localhost:99999", "tracing.endpoint"),
        ("http://me:secret@localhost:4318", "OTEL_EXPORTER_OTLP_HEADERS"),
    ],
)
def test_where_traces_go_is_a_url_without_a_password(load, endpoint, problem):
    refusal = told(load, f'{LINK}[tracing]\nendpoint = "{endpoint}"\n')
    assert problem in refusal
    assert "tracing.endpoint" in refusal
    assert "secret" not in refusal


def test_nothing_is_traced_unless_that_is_wanted(load):
    assert not load(LINK).tracing.enabled
    wanted = load(LINK, SMPP_ESME_TRACING__ENABLED="true", SMPP_ESME_TRACING__SAMPLE_RATIO="0.1").tracing
    assert (wanted.enabled, wanted.sample_ratio, wanted.endpoint) == (True, 0.1, None)


@pytest.mark.parametrize("url", ["mysql://user@host/name", "messages.sqlite3", "sqlite://", "sqlite:///:memory:"])
def test_a_store_that_cannot_be_one_is_told_before_anything_is_opened(load, url):
    message = told(load, f'{LINK}[store]\nurl = "{url}"\n')
    assert "store.url: " in message
    assert "sqlite:///relative/path" in message


@pytest.mark.parametrize("network", ["1.2.3", "shop.example", "192.0.2.1/24", "2001:db8::/129"])
def test_a_network_that_is_none_is_told_in_a_persons_words(load, network):
    keys = f'[http.keys.a]\ndigest = "sha256:{"0" * 64}"\nscopes = ["read"]\nnetworks = ["192.0.2.0/24", "{network}"]\n'
    message = told(load, LINK + keys)
    assert "http.keys.a.networks.1: " in message
    assert network in message
    assert message.endswith("; an address or a network, as in 192.0.2.0/24")


def test_a_proxy_whose_address_is_none_is_told_in_a_persons_words(load):
    message = told(load, LINK + '[http]\nproxies = ["proxy.example"]\n')
    assert "http.proxies.0: 'proxy.example' " in message
    assert message.endswith("; an address, as in 192.0.2.1")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("binds = true", "links.main.binds: is true; a number"),
        ("throughput = false", "links.main.throughput: is false; a number"),
        ("[links.main.pacing]\nhold = true", "links.main.pacing.hold: is true; a number"),
        ("[http]\nport = true", "http.port: is true; a number"),
        ("[retention]\ntexts = true", "retention.texts: is true; a number"),
        ("[links.other]\nurl = 'smpp://me@h:99999'", "links.other.url: port is 99999; 1 to 65535"),
        ("hosts = ['spare:99999']", "'spare:99999'"),
    ],
)
def test_neither_a_truth_nor_a_port_beyond_the_last_is_a_number(tmp_path, keys, said):
    path = tmp_path / "daemon.toml"
    path.write_text(f"[links.main]\nurl = 'smpp://me@h'\n{keys}\n")
    with pytest.raises(ConfigError) as refused:
        config.load(path, {})
    assert said in str(refused.value)


def test_no_number_of_the_configuration_takes_a_truth():
    """Every key of every table, those to come as well."""
    for table in (Table, *_below(Table)):
        for name, field in table.model_fields.items():
            if field.annotation in {int, float}:
                with pytest.raises(ValidationError) as refused:
                    table.model_validate({name: True})
                assert any(one["loc"] == (name,) and "true" in one["msg"] for one in refused.value.errors())


def _below(table):
    return [one for below in table.__subclasses__() for one in (below, *_below(below))]
