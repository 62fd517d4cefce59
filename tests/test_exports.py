from __future__ import annotations

import ast
import inspect
import subprocess
import sys

import pytest

import smpp_esme

NAMES = smpp_esme.__all__


def test_the_public_names_are_sorted_and_unique():
    assert list(NAMES) == sorted(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there_and_says_what_it_is(name):
    documented = getattr(smpp_esme, name)
    assert documented.__doc__, f"{name} has no docstring"
    assert not documented.__doc__.startswith(f"{name}("), f"{name} has a generated docstring only"
    assert documented.__module__.startswith("smpp_esme.")


def test_the_names_their_homes_and_what_type_checkers_read_agree():
    source = inspect.getsource(smpp_esme)
    imported = {
        alias.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert (
        imported - {"import_module", "TYPE_CHECKING", "Any"}
        == set(NAMES)
        == set(smpp_esme._HOME)
        == set(dir(smpp_esme))
    )


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = smpp_esme.Nonsense


def test_importing_the_protocol_imports_the_protocol_alone():
    loaded = "import sys, smpp_esme.protocol.codec; print(*sys.modules, sep='\\n')"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=60, check=True)
    ours = {name for name in ran.stdout.split() if name.startswith("smpp_esme.")}
    assert ours
    assert all(name.startswith(("smpp_esme.protocol", "smpp_esme.errors")) for name in ours)


def test_a_star_import_gives_them_all():
    namespace = {}
    exec("from smpp_esme import *", namespace)
    assert set(NAMES) <= set(namespace)


@pytest.mark.parametrize("name", [name for name in NAMES if inspect.isclass(getattr(smpp_esme, name))])
def test_every_public_method_says_what_it_does(name):
    for method, value in vars(getattr(smpp_esme, name)).items():
        if method[0] != "_" and (inspect.isfunction(value) or isinstance(value, property | staticmethod | classmethod)):
            assert inspect.getdoc(getattr(getattr(smpp_esme, name), method)), f"{name}.{method}"


def test_every_error_is_one_of_ours():
    errors = [getattr(smpp_esme, name) for name in NAMES]
    errors = [error for error in errors if inspect.isclass(error) and issubclass(error, Exception)]
    assert len(errors) > 10
    assert all(issubclass(error, smpp_esme.SmppError) for error in errors)


def test_the_library_alone_needs_nothing_of_the_daemon_or_the_command_line():
    loaded = "import sys, smpp_esme.client; print(*sys.modules, sep='\\n')"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=60, check=True)
    extras = {"typer", "rich", "sqlalchemy", "asyncpg", "fastapi", "uvicorn", "aiohttp", "structlog", "pydantic"}
    assert not extras & set(ran.stdout.split())
