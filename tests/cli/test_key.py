from __future__ import annotations

import tomllib

import pytest
from typer.testing import CliRunner

from smpp_esme.cli.main import commands
from smpp_esme.errors import InvalidValue
from smpp_esme.web.auth import PREFIX, digest


def made(*arguments):
    """The key that is printed, and the configuration that is printed beneath it."""
    result = CliRunner().invoke(commands, ["key", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    key, _, configuration = result.stdout.partition("\n")
    return key, tomllib.loads(configuration)["http"]["keys"]


@pytest.mark.parametrize(
    ("arguments", "scopes"), [((), ["submit", "read"]), (("--scope", "admin", "--scope", "read"), ["admin", "read"])]
)
def test_a_key_comes_with_the_lines_that_let_the_daemon_know_it(arguments, scopes):
    key, configuration = made("shop", *arguments)
    assert key.startswith(PREFIX)
    assert configuration == {"shop": {"digest": digest(key), "scopes": scopes}}


@pytest.mark.parametrize(
    ("arguments", "field"), [(("shop", "--scope", "everything"), "scope"), (("a.b",), "name"), (("",), "name")]
)
def test_a_wrong_scope_or_name_is_told(arguments, field):
    with pytest.raises(InvalidValue) as refused:
        made(*arguments)
    assert refused.value.field == field
