"""examples/daemon.toml, docs/configuration.md and the configuration itself, held against one another."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import pytest
from pydantic import SecretStr, TypeAdapter
from pydantic_core import PydanticUndefined

from smpp_esme.daemon import changes, config
from smpp_esme.daemon.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "daemon.toml"
WRITTEN = EXAMPLE.read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
#: What the example calls its tables; the page calls each NAME.
NAMES = {"links": "main", "routes": "lookups", "http.keys": "shop", "webhooks": "shop"}


def fields(model: type[Table] = config.Settings, path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Path and field of every key, with NAME for what a user may call."""
    for key, field in model.model_fields.items():
        many = get_origin(field.annotation) is dict
        kind: Any = get_args(field.annotation)[1] if many else field.annotation
        if isinstance(kind, type) and issubclass(kind, Table):
            yield from fields(kind, f"{path}{key}.NAME." if many else f"{path}{key}.")
        else:
            yield f"{path}{key}", field


FIELDS = dict(fields())


def values(table: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Path and value of every key of a file, with NAME for what the example calls its tables."""
    for key, value in table.items():
        where = f"{path}NAME" if NAMES.get(path.removesuffix(".")) == key else f"{path}{key}"
        if isinstance(value, dict):
            yield from values(value, f"{where}.")
        else:
            yield where, value


#: The example with nothing commented out.
SAID = dict(values(tomllib.loads(re.sub(r"^#(?=[\w\[])", "", WRITTEN, flags=re.MULTILINE))))


def test_the_example_is_a_configuration_and_says_only_what_it_must():
    loaded = config.load(EXAMPLE, {})
    assert loaded.links["main"].endpoint().system_id == "acme"
    assert loaded == config.Settings.model_validate({"links": {"main": {"url": "smpp://acme@smsc.example:2775"}}})


def test_the_example_has_every_key():
    assert sorted(SAID) == sorted(FIELDS)


@pytest.mark.parametrize("path", FIELDS)
def test_what_the_example_says_is_allowed_and_is_the_default_where_there_is_one(path):
    field = FIELDS[path]
    kind = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    allowed = TypeAdapter(kind).validate_python(SAID[path])
    default = field.get_default(call_default_factory=True)
    if default in (PydanticUndefined, None) or path == "webhooks.NAME.secret_file":
        return
    assert allowed == default


def rows() -> dict[str, list[str]]:
    """The cells of every key on the page, by its path."""
    found = {}
    for section in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]:
        table = section.partition("\n")[0].strip("[]")
        for row in re.findall(r"^\| `\w+` \|.*\|$", section, re.MULTILINE):
            cells = [cell.strip() for cell in row.strip("|").split(" | ")]
            found[f"{table}.{cells[0].strip('`')}"] = cells
    return found


ROWS = rows()


def test_the_page_has_every_key_and_no_other_in_the_order_of_the_example():
    assert sorted(ROWS) == sorted(FIELDS)
    assert list(ROWS) == list(SAID)


@pytest.mark.parametrize("path", FIELDS)
def test_a_key_is_told_with_value_default_change_variable_and_meaning(path):
    _, value, default, changed_by, variable, meaning = ROWS[path]
    assert value
    assert default
    assert changed_by in {"reload", "restart"}
    assert variable == f"`SMPP_ESME_{path.upper().replace('.', '__')}`"
    assert len(meaning) > 10
    assert (default == "required") == FIELDS[path].is_required()


def otherwise(value: Any) -> Any:
    """Another value of the same type."""
    return not value if isinstance(value, bool) else value + 1 if isinstance(value, int | float) else f"{value}x"


@pytest.mark.parametrize(
    "path", [path for path, one in FIELDS.items() if "NAME" not in path and isinstance(one.default, (int, float, str))]
)
def test_what_the_page_says_of_a_change_is_what_a_reload_does(path):
    table, _, key = path.partition(".")
    running = config.load(EXAMPLE, {})
    before = getattr(running, table)
    after = before.model_copy(update={key: otherwise(getattr(before, key))})
    reached = changes.reached(running, running.model_copy(update={table: after}))
    assert changes.changed(running, reached) == ([path] if ROWS[path][3] == "reload" else [])


@pytest.mark.parametrize("name", ["links", "routes", "http.keys", "webhooks"])
def test_what_the_page_says_of_tables_with_names_is_what_a_reload_does(name):
    told = {cells[3] for path, cells in ROWS.items() if path.startswith(f"{name}.NAME.")}
    assert told == {"reload" if name in changes.LIVE else "restart"}


def test_every_secret_is_on_the_page():
    secrets = [path for path, field in FIELDS.items() if field.annotation is SecretStr]
    assert [path for path in secrets if f"| `{path}` | `SMPP_ESME_" not in PAGE] == []
