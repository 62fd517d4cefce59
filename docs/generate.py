"""Writes the parts of these pages that the code knows best: `python docs/generate.py`.

A page marks such a part with `<!-- generated: NAME -->` and `<!-- end -->`; what stands between them is written anew.
With `--check` nothing is written, and the exit status is 1 if anything would be. tests/test_docs.py does the same.
"""  # noqa: INP001 - a script beside the pages, not a package

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import typer.main
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined
from typer.testing import CliRunner

from smpp_esme import errors
from smpp_esme.cli.main import commands
from smpp_esme.daemon import config
from smpp_esme.message import status
from smpp_esme.protocol import state
from smpp_esme.protocol.commands import CommandId
from smpp_esme.protocol.state import Role, State
from smpp_esme.simulator import handsets, script
from smpp_esme.simulator.control import application
from smpp_esme.simulator.handsets import Condition
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.sms import hlr
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.profile import Profile, profile_names
from smpp_esme.sms.receipt import STATES
from smpp_esme.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pydantic.fields import FieldInfo

PAGES: Final = Path(__file__).parent
_PART: Final = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
#: The width of a terminal that shows the commands' help.
_WIDTH: Final = 80


def renewed(page: str) -> str:
    """The page with its generated parts as they ought to be."""
    return _PART.sub(lambda part: f"{part[1]}{PARTS[part['name']]()}\n{part[3]}", page)


# The command line


def cli() -> str:
    """What each command says of itself when asked for help."""
    names = typer.main.get_command(commands).commands  # type: ignore[attr-defined]  # it is a group
    pieces = [_fenced(_help([]))]
    pieces += [f"## {name}\n\n{_fenced(_help([name]))}" for name in names]
    return "\n\n".join(pieces)


def _help(command: list[str]) -> str:
    answer = CliRunner().invoke(commands, [*command, "--help"], prog_name="smpp-esme", terminal_width=_WIDTH)
    return "\n".join(line.rstrip() for line in answer.output.rstrip().splitlines())


# The configuration


def configuration() -> str:
    """A table for each table of the daemon's configuration."""
    return "\n\n".join(
        f"### {title}\n\n{_table(('key', 'value', 'default', 'environment', 'what it is'), rows)}"
        for title, rows in _settings()
    )


def _settings() -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    for name, field in config.Settings.model_fields.items():
        model, title = _model(field, name)
        told = attributes(model)
        path = title.strip("[]").upper().replace(".", "__")
        yield (
            title,
            [
                (f"`{key}`", *_setting(one), f"`{config.PREFIX}{path}__{key.upper()}`", told[key])
                for key, one in model.model_fields.items()
            ],
        )


def _model(field: FieldInfo, name: str) -> tuple[type[BaseModel], str]:
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        return field.annotation, f"[{name}]"
    return get_args(field.annotation)[1], f"[{name}.NAME]"


def _setting(field: FieldInfo) -> tuple[str, str]:
    default = "required" if field.default is PydanticUndefined else _as_toml(field.default)
    return _kind(field.annotation, field.metadata), default


def _kind(annotation: Any, limits: Sequence[Any]) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{one}"`' for one in get_args(annotation))
    if annotation not in {int, float}:
        return "text"
    bound = {
        name: value for one in limits for name in ("gt", "ge", "le") if (value := getattr(one, name, None)) is not None
    }
    low = f"above {bound['gt']:,}" if "gt" in bound else f"{bound['ge']:,}"
    return f"{'whole number' if annotation is int else 'number'}, {low} to {bound['le']:,}"


def _as_toml(value: Any) -> str:
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


# The HTTP APIs


def routes() -> str:
    """The routes of the daemon's HTTP API."""
    described: dict[str, Any] = create_app(None, body_limit=1024).openapi()["paths"]  # type: ignore[arg-type]
    rows = [
        (f"`{method.upper()} {path}`", one["summary"], ", ".join(sorted(one["responses"])))
        for path, methods in described.items()
        for method, one in methods.items()
    ]
    return _table(("route", "what for", "answers"), rows)


def control_routes() -> list[tuple[str, str]]:
    """Method and path of each route of the simulator's control API."""
    return [
        (route.method, route.resource.canonical)
        for route in application(Smsc()).router.routes()
        if route.method != "HEAD" and route.resource
    ]


# What happens to a message


def status_table() -> str:
    """Every status, its meaning, and where it may go."""
    told = _docstrings_of_members(status.MessageStatus)
    rows = [
        (
            f"`{one}`",
            told[one],
            "yes" if status.is_final(one) else "",
            _named(to for to in status.MessageStatus if to in status.MOVES[one]),
        )
        for one in status.MessageStatus
    ]
    return _table(("status", "what we know", "final", "may become"), rows)


def status_diagram() -> str:
    """The moves of a message; the verdicts, which only climb, are drawn as one."""
    verdicts = list(status.VERDICTS)
    climbing = all(status.MOVES[one] == frozenset(verdicts[rank + 1 :]) for rank, one in enumerate(verdicts))
    if not climbing:
        raise AssertionError("the verdicts no longer only climb: draw them one by one")
    lines = [f"[*] --> {status.MessageStatus.QUEUED}"]
    for one in status.MessageStatus:
        if one not in verdicts:
            lines += [f"{one} --> {to}" for to in _drawn(status.MOVES[one], verdicts)]
    lines += ["state VERDICT {", "    direction LR"]
    lines += [f"    {one} --> {better}" for one, better in itertools.pairwise(verdicts)]
    return _mermaid([*lines, "}"])


def _drawn(targets: frozenset[status.MessageStatus], verdicts: list[status.MessageStatus]) -> list[str]:
    reached = targets.intersection(verdicts)
    if reached and len(reached) != len(verdicts):
        raise AssertionError("a status may reach some verdicts only: draw them one by one")
    return [str(one) for one in status.MessageStatus if one in targets - reached] + (["VERDICT"] if reached else [])


# The protocol


def session_diagram() -> str:
    """What moves a session."""
    lines = [f"[*] --> {State.OPEN.value}: TCP connection"]
    lines += [
        f"{one.value} --> {to.value}: {CommandId(command_id).name.lower()}"
        for (one, command_id), to in state.ON_SUCCESS.items()
    ]
    lines += [f"{one.value} --> {State.CLOSED.value}: connection lost" for one in State if one is not State.CLOSED]
    return _mermaid(lines)


def operations() -> str:
    """Who may request what in which state."""
    rows = [
        (f"`{CommandId(command_id).name.lower()}`", role.value, _named(one.value for one in State if one in allowed))
        for role in Role
        for command_id, allowed in state.REQUESTS[role].items()
    ]
    return _table(("request", "made by", "in states"), rows)


def blocking_sockets() -> str:
    """The example on blocking sockets, without its docstring."""
    source = (PAGES.parent / "examples" / "blocking_sockets.py").read_text(encoding="utf-8")
    return _fenced(source.partition('"""\n\n')[2].rstrip(), "python example")


def error_tree() -> str:
    """Every exception, as its module draws them."""
    drawn = str(errors.__doc__).partition("::\n\n")[2]
    return _fenced("\n".join(line.removeprefix("    ") for line in drawn.rstrip().splitlines()))


# The simulator


def handset_table() -> str:
    """What becomes of what is sent to a number, by how it ends."""
    rows = [(f"`{suffix}`", *_handset(condition)) for suffix, condition in handsets.SUFFIXES.items()]
    return _table(
        ("number ends with", "handset", "a text", "a lookup"), [*rows, ("anything else", *_handset(Condition.PRESENT))]
    )


def _handset(condition: Condition) -> tuple[str, str, str]:
    behaviour = handsets.BEHAVIOURS[condition]
    late = f", {behaviour.slowness:g} times as late" if behaviour.slowness != 1 else ""
    return condition.value, f"{_verdict(behaviour.text)}{late}", f"{_verdict(behaviour.lookup)}{late}"


def _verdict(verdict: handsets.Verdict | None) -> str:
    if verdict is None:
        return "no receipt, ever"
    word = next(word for word, one in STATES.items() if one is verdict.state)
    return f"`{word}`, error {verdict.error}" if verdict.error else f"`{word}`"


def rules() -> list[type[script.Rule]]:
    """The script's rules."""
    return [rule for rule in script.Rule.__subclasses__() if rule.__module__ == script.__name__]


def verbs() -> str:
    """Each rule's verb, and what it takes beside what all take."""
    rows = [(f"`{rule.__struct_config__.tag}`", _own_keys(rule), str(rule.__doc__)) for rule in rules()]
    return _table(("verb", "its own keys", "what the SMSC does"), rows)


def rule_keys() -> str:
    """The keys that all rules take."""
    defaults = {one.name: _absent(one) for one in msgspec.structs.fields(script.Rule)}
    rows = [(f"`{key}`", defaults[key], told) for key, told in attributes(script.Rule).items()]
    return _table(("key", "default", "which submits the rule takes"), rows)


def _own_keys(rule: type[script.Rule]) -> str:
    hints = get_type_hints(rule)
    own = [key for key in rule.__struct_fields__ if key not in script.Rule.__struct_fields__]
    return ", ".join(f"`{key}`: {_spoken(hints[key])}" for key in own)


def _spoken(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(f'`"{one}"`' for one in get_args(hint))
    if get_origin(hint) in {Union, UnionType}:
        return " or ".join(_spoken(one) for one in get_args(hint))
    return {int: "a number", float: "seconds", str: "a name"}[hint]


# Texts and profiles


def codings() -> str:
    """The data_coding of each coding under each shipped profile, also as bound with a special system_type."""
    columns: dict[str, Profile] = {}
    for name in profile_names():
        profile = columns[name] = Profile.named(name)
        columns |= {f"{name}, system_type {one}": profile.bound_with(one) for one in profile.system_types}
    rows = [(f"`{coding}`", *(_octets(profile, coding) for profile in columns.values())) for coding in Coding]
    return _table(("coding", *columns), rows)


def _octets(profile: Profile, coding: Coding) -> str:
    found = [table.get(coding) for table in (profile.data_coding, profile.flash)]
    return " / ".join("—" if one is None else f"`0x{one:02X}`" for one in found)


def delivery_errors() -> str:
    """smsc-centre's delivery error codes."""
    return _table(("error", "meaning"), [(f"{code:03}", meaning) for code, meaning in hlr.ERRORS.items()])


def profile_keys() -> str:
    """The keys of a profile file."""
    hints = get_type_hints(Profile, include_extras=True)
    told = attributes(Profile)
    defaults = {one.name: _absent(one) for one in msgspec.structs.fields(Profile)}
    rows = [(f"`{key}`", _description(hints[key]), defaults[key], told[key]) for key in Profile.__struct_fields__]
    return _table(("key", "value", "default", "what it is"), rows)


def _description(hint: Any) -> str:
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.description:
            return meta.description
    return next((found for one in get_args(hint) if (found := _description(one))), "")


# Markdown


def attributes(described: type) -> dict[str, str]:
    """The `Attributes:` of a class's docstring, each on one line."""
    text = inspect.cleandoc(str(described.__doc__)).partition("Attributes:\n")[2]
    return {name: re.sub(r"``(.*?)``", r"`\1`", " ".join(told.split())) for name, told in _ATTRIBUTE.findall(text)}


def _docstrings_of_members(enumeration: type) -> dict[str, str]:
    """The strings that stand under an enumeration's members; Python itself forgets them."""
    tree = ast.parse(inspect.getsource(enumeration)).body[0]
    told: dict[str, str] = {}
    name = ""
    for node in getattr(tree, "body", []):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            told[name] = str(node.value.value)
    return told


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"`{one}`" for one in names)


def _absent(field: msgspec.structs.FieldInfo) -> str:
    """What a key that is left out stands for, as TOML would write it."""
    if field.required:
        return "required"
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    if value is None:
        return "none"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else _as_toml(value)


def _fenced(text: str, language: str = "text") -> str:
    return f"```{language}\n{text}\n```"


def _mermaid(lines: Sequence[str]) -> str:
    return _fenced("\n".join(["stateDiagram-v2", *(f"    {line}" for line in lines)]), "mermaid")


PARTS: Final[dict[str, Callable[[], str]]] = {
    "cli": cli,
    "configuration": configuration,
    "routes": routes,
    "status-table": status_table,
    "status-diagram": status_diagram,
    "session-diagram": session_diagram,
    "operations": operations,
    "blocking-sockets": blocking_sockets,
    "error-tree": error_tree,
    "handsets": handset_table,
    "verbs": verbs,
    "rule-keys": rule_keys,
    "codings": codings,
    "delivery-errors": delivery_errors,
    "profile-keys": profile_keys,
}


def main(*, check: bool) -> int:
    """Renew every page, or tell which are not current; how many those are."""
    stale = 0
    for path in sorted(PAGES.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if (new := renewed(page)) != page:
            stale += 1
            sys.stdout.write(f"{path.name}: {'not current' if check else 'renewed'}\n")
            if not check:
                path.write_text(new, encoding="utf-8")
    return stale


if __name__ == "__main__":
    stale_pages = main(check="--check" in sys.argv[1:])
    sys.exit(1 if stale_pages and "--check" in sys.argv[1:] else 0)
