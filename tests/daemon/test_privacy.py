"""Texts that are sealed at rest go out as they were written; a wrong key is one clear error."""

from __future__ import annotations

import base64

import pytest
from pydantic import ValidationError

from smpp_esme.daemon.config import StoreSettings, load
from smpp_esme.errors import ConfigError
from smpp_esme.message.status import MessageStatus as Status
from smpp_esme.store import seal

KEY = base64.b64encode(b"\1" * 32).decode()
OTHER = base64.b64encode(b"\2" * 32).decode()
LONG = "secret " * 60


@pytest.mark.parametrize("kind", ["encrypted", "hashed"])
async def test_a_sealed_text_goes_out_as_it_was_written(start, smsc, store, kind):
    store._seal(StoreSettings(text=kind, text_keys=KEY).vault())
    daemon = await start()
    for text in ("secret", LONG):
        await daemon.submit("+79161234567", text)
    await store.until_final()
    assert {one.status for one in await store.messages()} == {Status.DELIVERED}
    assert [smsc.count("secret"), smsc.count(LONG)] == [1, 1]
    forgotten = [one.text.startswith("hmac-sha256:") for one in await store.messages()]
    assert forgotten == [kind == "hashed"] * 2


def test_plain_without_keys_needs_nothing():
    assert StoreSettings().vault() is None
    assert StoreSettings(text_keys=KEY).vault().kind == "plain"


def test_keys_come_from_a_file_or_the_environment(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"{KEY}\n{OTHER}\n")
    from_file = StoreSettings(text="encrypted", text_keys_file=str(path)).vault()
    config = tmp_path / "daemon.toml"
    config.write_text("[links.main]\nurl = 'smpp://acme@127.0.0.1'\n[store]\ntext = 'encrypted'\n")
    settings = load(config, {"SMPP_ESME_STORE__TEXT_KEYS": f"{KEY} {OTHER}"})
    assert from_file.names == settings.store.vault().names
    assert len(from_file.names) == 2
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, "text_keys: no key is given"),
        ({"text_keys": "short"}, "text_keys: is not base64"),
        ({"text_keys": base64.b64encode(b"short").decode()}, "32 octets; what `openssl rand"),
        ({"text_keys_file": "/nowhere"}, "text_keys_file: '/nowhere': No such file"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_without_it(tmp_path, keys, told):
    with pytest.raises(ValidationError, match=told):
        StoreSettings(text="encrypted", **keys)
    config = tmp_path / "daemon.toml"
    lines = "".join(f"{name} = '{value}'\n" for name, value in keys.items())
    config.write_text(f"[links.main]\nurl = 'smpp://acme@127.0.0.1'\n[store]\ntext = 'hashed'\n{lines}")
    with pytest.raises(ConfigError, match=told) as error:
        load(config, {})
    assert "short" not in str(error.value)


def test_what_is_missing_is_said_with_the_way_out(monkeypatch):
    monkeypatch.setattr(seal, "find_spec", lambda _: None)
    with pytest.raises(ValidationError, match=r"pip install 'smpp-esme\[privacy\]'"):
        StoreSettings(text="encrypted", text_keys=KEY)
