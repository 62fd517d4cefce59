from __future__ import annotations

import contextlib
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from smpp_esme.daemon import config
from smpp_esme.errors import ConfigError

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
    assert "SMPP_ESME_HTPP__PORT: no such setting (did you mean http?)" in said
    assert "SMPP_ESME_STROE__URL: no such setting (did you mean store?)" in said
    assert "did you mean dispatch?" in said


@pytest.mark.parametrize("name", ["SMPP_ESME_", "SMPP_ESME___", "SMPP_ESME_QQQQ"])
def test_a_variable_like_nothing_is_refused_with_what_there_is(load, name):
    assert f"{name}: no such setting (one of links, store, http, dispatch, log)" in told(load, LINK, **{name: "1"})


def test_a_variable_below_a_value_is_refused(load):
    said = told(load, LINK, SMPP_ESME_LINKS__MAIN__URL__HOST="x")
    assert said == "environment: SMPP_ESME_LINKS__MAIN__URL__HOST: url is not a table, so nothing in it can be set"


def test_a_wrong_key_from_the_environment_is_named(load):
    assert "http.prot: no such key (did you mean port?)" in told(load, LINK, SMPP_ESME_HTTP__PROT="1")


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
        "links.main.profile: there is none named 'nope'; one of smsc-centre, standard",
        "links.main.bind: Input should be 'transceiver', 'transmitter' or 'receiver'",
        "http.port: Input should be less than or equal to 65535",
        "store.synchronous: Input should be 'full' or 'normal'",
        "lgo: no such key (did you mean log?)",
    ):
        assert problem in said


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "links: Field required"),
        ("[links]\n", "links: Dictionary should have at least 1 item"),
        ("[links.main]\n", "links.main.url: Field required"),
        ("links = 3\n", "links: Input should be a valid dictionary"),
        ('[links.main]\nurl = "http://me@h"\n', "links.main.url: the scheme is 'http'; smpp:// or smpp+tls://"),
        ('[links.main]\nurl = "smpp://"\n', "links.main.url: it names no host; smpp://system_id:password@host:port"),
        ('[links.main]\nurl = "smpp://h:99999"\n', "links.main.url: it cannot be read"),
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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
@example({"links": {"main": {"url": '"smpp://h"', "window": "1e400"}}})
@example({"links": {"": {"url": '"smpp://h"'}}})
def test_a_hostile_table_raises_nothing_but_ours(load, tables):
    text = "\n".join(f'"{key}" = {written(value)}' for key, value in tables.items())
    with contextlib.suppress(ConfigError):
        load(text.encode("utf-8", "replace"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(string.punctuation + "ae01 \n", max_size=200).map(str.encode))
def test_hostile_octets_raise_nothing_but_ours(load, octets):
    with contextlib.suppress(ConfigError):
        load(octets)


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
    with contextlib.suppress(ConfigError):
        load(LINK, **environment)
