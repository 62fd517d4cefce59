"""Writes the parts of these pages that the code knows best: `python docs/generate.py`.

A page marks such a part with `<!-- generated: NAME -->` and `<!-- end -->`; what stands between them is written anew.
With `--check` nothing is written, and the exit status is 1 if anything would be. tests/test_docs.py does the same.
"""  # noqa: INP001 - a script beside the pages, not a package

from __future__ import annotations

import ast
import inspect
import itertools
import json
import re
import sys
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import typer.main
from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from typer.testing import CliRunner

from smpp_esme import errors
from smpp_esme.cli.main import commands
from smpp_esme.daemon import changes, config
from smpp_esme.daemon.metrics import Metrics
from smpp_esme.daemon.table import Table
from smpp_esme.message import status
from smpp_esme.protocol import state
from smpp_esme.protocol.commands import CommandId
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.state import Role, State
from smpp_esme.simulator import handsets
from smpp_esme.simulator.control import application
from smpp_esme.simulator.forms import DIALECTS, IdForm, ReceiptForm
from smpp_esme.simulator.handsets import Condition
from smpp_esme.simulator.limits import Guards, Limits
from smpp_esme.simulator.malformed import MALFORMED
from smpp_esme.simulator.personality import Personality
from smpp_esme.simulator.rules import BindRule, Counted, Rule
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.sms import hlr, receipt
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.profile import Profile, profile_names
from smpp_esme.sms.receipt_text import STATES
from smpp_esme.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pydantic.fields import FieldInfo

    from smpp_esme.simulator.malformed import Malformed

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
    pieces = [_fenced(_help([]))]
    for name, command in typer.main.get_command(commands).commands.items():  # type: ignore[attr-defined]  # it is a group
        pieces.append(f"## {name}\n\n{_fenced(_help([name]))}")
        pieces += [_fenced(_help([name, inner])) for inner in getattr(command, "commands", ())]
    return "\n\n".join(pieces)


def _help(command: list[str]) -> str:
    answer = CliRunner().invoke(commands, [*command, "--help"], prog_name="smpp-esme", terminal_width=_WIDTH)
    return "\n".join(line.rstrip() for line in answer.output.rstrip().splitlines())


# The configuration


def configuration() -> str:
    """A table for each table of the daemon's configuration."""
    head = ("key", "value", "default", "changed by", "environment", "what it is")
    return "\n\n".join(f"### {title}\n\n{_table(head, rows)}" for title, rows in _settings())


def secrets() -> str:
    """Every secret of the configuration, and where it may come from."""
    rows = [
        (f"`{path}.{key}`", f"`{_variable(f'{path}.{key}')}`", f"`{path}.{key}_file`")
        for path, model in _models()
        for key in model.secrets()
    ]
    return _table(("secret", "from the environment", "key that names its file"), rows)


def _settings() -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """The title of each table, and its rows."""
    for path, model in _models():
        told = attributes(model)
        yield (
            f"[{path}]",
            [
                (f"`{key}`", *_setting(one), _changed_by(f"{path}.{key}"), f"`{_variable(f'{path}.{key}')}`", told[key])
                for key, one in model.model_fields.items()
                if not _holds_tables(one)
            ],
        )


def _models() -> Iterator[tuple[str, type[Table]]]:
    """The path and the model of every table, in order."""
    for name, field in config.Settings.model_fields.items():
        yield from _models_of(field, name)


def _models_of(field: FieldInfo, path: str) -> Iterator[tuple[str, type[Table]]]:
    """The table that stands at a path, and those within it."""
    model, path = _model(field, path)
    yield path, model
    for key, one in model.model_fields.items():
        if _holds_tables(one):
            yield from _models_of(one, f"{path}.{key}")


def _model(field: FieldInfo, path: str) -> tuple[type[Table], str]:
    if isinstance(field.annotation, type) and issubclass(field.annotation, Table):
        return field.annotation, path
    return get_args(field.annotation)[1], f"{path}.NAME"


def _holds_tables(field: FieldInfo) -> bool:
    kind = get_args(field.annotation)[1] if get_origin(field.annotation) is dict else field.annotation
    return isinstance(kind, type) and issubclass(kind, Table)


def _variable(path: str) -> str:
    return config.PREFIX + path.upper().replace(".", "__")


def _changed_by(path: str) -> str:
    """What it takes for a change to be gone by."""
    return "reload" if any(f"{path}.".startswith(f"{one}.") for one in changes.LIVE) else "restart"


def _setting(field: FieldInfo) -> tuple[str, str]:
    default = "required" if field.default is PydanticUndefined else _as_toml(field.default)
    return _kind(field.annotation, field.metadata), default


def _kind(annotation: Any, limits: Sequence[Any]) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{one}"`' for one in get_args(annotation))
    if get_origin(annotation) in {tuple, frozenset}:
        return f"a list of {_many(get_args(annotation)[0])}"
    if annotation is bool:
        return "`true` or `false`"
    if annotation not in {int, float}:
        return "text"
    bound = {
        name: value for one in limits for name in ("gt", "ge", "le") if (value := getattr(one, name, None)) is not None
    }
    low = f"above {bound['gt']:,}" if "gt" in bound else f"{bound['ge']:,}"
    return f"{'whole number' if annotation is int else 'number'}, {low} to {bound['le']:,}"


def _many(kind: Any) -> str:
    """What is in a list."""
    if get_origin(kind) is Annotated:
        return _many(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return _kind(kind, ())
    if kind is str:
        return "texts"
    return {(IPv4Address, IPv6Address): "addresses", (IPv4Network, IPv6Network): "networks"}[get_args(kind)]


def _as_toml(value: Any) -> str:
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    if value is None:
        return "none"
    return f"`{json.dumps(value)}`"


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


def rules() -> list[type[Rule | BindRule]]:
    """The script's rules, those about submits first."""
    return [*Rule.__subclasses__(), *BindRule.__subclasses__()]


def verbs() -> str:
    """Each verb about submits, and what it takes beside what all take."""
    return _verbs(Rule)


def bind_verbs() -> str:
    """Each verb about binds, likewise."""
    return _verbs(BindRule)


def rule_keys() -> str:
    """The keys that all rules take."""
    told = {**attributes(Counted), **attributes(Rule)}
    defaults = {one.name: _absent(one) for one in msgspec.structs.fields(Rule)}
    return _table(
        ("key", "default", "which submits or binds the rule takes"),
        [(f"`{key}`", defaults[key], about) for key, about in told.items()],
    )


def malformed_kinds() -> str:
    """The malformed PDUs."""
    rows = [(f"`{name}`", kind.about, _followed(kind)) for name, kind in MALFORMED.items()]
    return _table(("kind", "what is sent", "and then"), rows)


def dialects() -> str:
    """The names of the dialects."""
    return ", ".join(f"`{name}`" for name in DIALECTS)


def limit_keys() -> str:
    """The keys of a personality's limits."""
    return _keys_of(Limits)


def guard_keys() -> str:
    """The keys of a personality's guards."""
    return _keys_of(Guards)


def receipt_keys() -> str:
    """The keys of a personality's receipts."""
    return _keys_of(ReceiptForm)


def personality_keys() -> str:
    """The keys of a personality."""
    return _table(("key", "what it says"), [(f"`{key}`", about) for key, about in attributes(Personality).items()])


def _followed(kind: Malformed) -> str:
    if kind.is_fatal:
        return "the right response, which nobody can find any more"
    return "nothing: it is the answer" if kind.instead else "the right response"


def _keys_of(record: type[msgspec.Struct]) -> str:
    defaults = {one.name: _absent(one) for one in msgspec.structs.fields(record)}
    rows = [(f"`{key}`", defaults[key], about) for key, about in attributes(record).items()]
    return _table(("key", "default", "what it says"), rows)


def _verbs(root: type[Rule | BindRule]) -> str:
    rows = [
        (f"`{rule.__struct_config__.tag}`", _own_keys(rule, root), str(rule.__doc__)) for rule in root.__subclasses__()
    ]
    return _table(("verb", "its own keys", "what the SMSC does"), rows)


def _own_keys(rule: type[Rule | BindRule], root: type[Rule | BindRule]) -> str:
    hints = get_type_hints(rule)
    own = [key for key in rule.__struct_fields__ if key not in root.__struct_fields__]
    return ", ".join(f"`{key}`: {_spoken(hints[key])}" for key in own)


def _spoken(hint: Any) -> str:
    if hint == IdForm:
        return "a form"
    if get_origin(hint) is Literal:
        return " or ".join(f'`"{one}"`' for one in get_args(hint))
    if get_origin(hint) in {Union, UnionType}:
        return " or ".join(_spoken(one) for one in get_args(hint) if one is not NoneType)
    return {int: "a number", float: "seconds", str: "a string", bool: "true or false"}[hint]


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


def receipt_states() -> str:
    """The words of receipts, by what they mean, and whether another state may follow."""
    words: dict[MessageState, list[str]] = {}
    for word, one in STATES.items():
        words.setdefault(one, []).append(word)
    rows = [
        (f"`{one.name}`", _named(words[one]), "yes" if one in receipt.FINAL else "")
        for one in MessageState
        if one in words
    ]
    return _table(("`message_state`", "`stat`", "final"), rows)


def delivery_errors() -> str:
    """smsc-centre's delivery error codes."""
    return _table(("error", "meaning"), [(f"{code:03}", meaning) for code, meaning in hlr.ERRORS.items()])


def profiles() -> str:
    """The profiles that ship with the package."""
    return _table(("profile", "what it is"), [(f"`{name}`", Profile.named(name).title) for name in profile_names()])


def profile_keys() -> str:
    """The keys of a profile file."""
    hints = get_type_hints(Profile, include_extras=True)
    told = attributes(Profile)
    defaults = {one.name: _absent(one) for one in msgspec.structs.fields(Profile)}
    rows = [(f"`{key}`", _description(hints[key]), defaults[key], told[key]) for key in Profile.__struct_fields__]
    return _table(("key", "value", "default", "what it is"), rows)


def metric_table() -> str:
    """What the daemon measures, beside what any process has."""
    rows = [
        (f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), told)
        for name, kind, labels, told in Metrics().described()
    ]
    return _table(("metric", "type", "labels", "what it is"), rows)


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
    "secrets": secrets,
    "routes": routes,
    "status-table": status_table,
    "status-diagram": status_diagram,
    "session-diagram": session_diagram,
    "operations": operations,
    "blocking-sockets": blocking_sockets,
    "error-tree": error_tree,
    "handsets": handset_table,
    "verbs": verbs,
    "bind-verbs": bind_verbs,
    "malformed-kinds": malformed_kinds,
    "dialects": dialects,
    "limit-keys": limit_keys,
    "personality-keys": personality_keys,
    "guard-keys": guard_keys,
    "receipt-keys": receipt_keys,
    "rule-keys": rule_keys,
    "codings": codings,
    "delivery-errors": delivery_errors,
    "profile-keys": profile_keys,
    "receipt-states": receipt_states,
    "metrics": metric_table,
    "profiles": profiles,
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
