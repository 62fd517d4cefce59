"""README.md and docs/ against the code: what they name exists, what exists is named, and what they show runs."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib.util
import inspect
import io
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
import tomllib
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest
import typer.main
from typer.testing import CliRunner

import smpp_esme
from smpp_esme import errors
from smpp_esme.cli.main import commands
from smpp_esme.daemon import config
from smpp_esme.message.retry import Retry
from smpp_esme.message.status import AGGREGATE_ORDER, VERDICTS, MessageStatus
from smpp_esme.simulator.personality import Personality
from smpp_esme.simulator.script import Script
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.sms.binary import Octets
from smpp_esme.sms.compose import compose
from smpp_esme.sms.content import KINDS
from smpp_esme.sms.profile import Profile
from smpp_esme.web.app import create_app
from smpp_esme.web.bodies import Submit, SubmitBatch
from smpp_esme.web.event_schema import EXAMPLES as EXAMPLES_OF_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {page.name: page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *sorted(DOCS.glob("*.md")))}
#: Where the pages say that the simulator is.
URL = "smpp://demo:secret@127.0.0.1:2775"


def _load_generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _load_generator()
GROUP = typer.main.get_command(commands)


class Fence(NamedTuple):
    """A fenced block of a page."""

    page: str
    line: int
    info: str
    body: str


def _fences(page: str) -> list[Fence]:
    found = re.finditer(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)
    return [
        Fence(page, PAGES[page].count("\n", 0, one.start("body")) + 1, one["info"].strip(), one["body"])
        for one in found
    ]


FENCES = [fence for page in PAGES for fence in _fences(page)]


def _of(info: str) -> list[Fence]:
    return [fence for fence in FENCES if fence.info == info]


def _name(fence: Fence) -> str:
    return f"{fence.page}:{fence.line}"


def _is_test(fence: Fence) -> bool:
    return "def test_" in fence.body


# What exists is named


@pytest.mark.parametrize("page", PAGES)
def test_the_generated_parts_are_current(page):
    assert generate.renewed(PAGES[page]) == PAGES[page], "run `python docs/generate.py`"


def test_every_generated_part_stands_on_a_page():
    marked = set(re.findall(r"<!-- generated: (\S+) -->", "".join(PAGES.values())))
    assert marked == set(generate.PARTS)


def _parameters(command: str) -> list[Any]:
    """What a command takes; of a group of commands, what any of them takes."""
    found = GROUP.commands[command]
    return [parameter for one in (found, *getattr(found, "commands", {}).values()) for parameter in one.params]


@pytest.mark.parametrize("command", sorted(GROUP.commands))
def test_every_command_and_option_is_documented(command):
    section = PAGES["cli.md"].partition(f"\n## {command}\n")[2].partition("\n## ")[0]
    missing = [
        option
        for parameter in _parameters(command)
        for option in parameter.opts
        if parameter.param_type_name == "option" and option not in section
    ]
    assert section
    assert not missing


def _keys(model: Any, prefix: str = "SMPP_ESME_") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if getattr(inner, "__origin__", None) is dict:
            yield from _keys(inner.__args__[1], f"{prefix}{name.upper()}__NAME__")
        elif isinstance(inner, type) and hasattr(inner, "model_fields"):
            yield from _keys(inner, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}"


def test_every_key_of_the_configuration_is_documented():
    keys = list(_keys(config.Settings))
    assert "SMPP_ESME_LINKS__NAME__THROUGHPUT" in keys
    assert [key for key in keys if f"`{key}`" not in PAGES["configuration.md"]] == []
    example = (ROOT / "examples" / "daemon.toml").read_text(encoding="utf-8")
    names = [key.rpartition("__")[2].lower() for key in keys]
    assert [name for name in names if not re.search(rf"^#?{name} = ", example, re.MULTILINE)] == []


def test_every_route_is_documented_and_no_other():
    described = create_app(None, body_limit=1024).openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    text = "".join(text for page, text in PAGES.items() if page != "simulator.md")
    assert routes == set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /\S+?)`", text))
    used = {path.partition("?")[0] for path in re.findall(r"127\.0\.0\.1:8080(/[\w/?&=-]+)", text)}
    patterns = [re.compile(re.sub(r"\{\w+\}", r"[A-Z0-9]{26}", path)) for path in described]
    assert [path for path in used if not any(pattern.fullmatch(path) for pattern in patterns)] == []


def test_every_route_of_the_simulator_is_documented_and_no_other():
    routes = {f"{method} {path}" for method, path in generate.control_routes()}
    assert routes == set(re.findall(r"`((?:GET|POST|DELETE) /\S+?)`", PAGES["simulator.md"]))


def test_every_exception_is_documented():
    names = [name for name, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, errors.SmppError)]
    table = PAGES["library.md"].partition("## Errors")[2]
    assert [name for name in names if not re.search(rf"\b{name}\b", table)] == []


def test_every_public_name_is_documented():
    assert [name for name in smpp_esme.__all__ if not re.search(rf"\b{name}\b", PAGES["library.md"])] == []


def test_every_status_is_documented():
    assert [status for status in MessageStatus if f"| `{status}` |" not in PAGES["messages.md"]] == []


def test_every_verb_of_the_script_is_documented():
    verbs = [rule.__struct_config__.tag for rule in generate.rules()]
    assert [verb for verb in verbs if f"| `{verb}` |" not in PAGES["simulator.md"]] == []
    assert [verb for verb in verbs if not callable(getattr(Script, str(verb), None))] == []


def test_every_event_of_the_log_is_documented():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "smpp_esme").rglob("*.py"))
    events = set(re.findall(r'(?:_log\.\w+\(\s*|\btopic = )"([a-z_.]+)"', source))
    assert events == set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", PAGES["daemon.md"], re.MULTILINE))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_content_is_shown(kind):
    assert KINDS[kind].__name__ in PAGES["library.md"]
    assert f'"kind": "{kind}"' in PAGES["http.md"]
    fields = ", ".join(f"`{field}`" for field in KINDS[kind].__struct_fields__)
    row = rf"^\| `{kind}` \| `{KINDS[kind].__name__}` \| [^|]+ \| {fields} ?\|"
    assert re.search(row, PAGES["kinds.md"], re.MULTILINE)


PARTS = {"<message>": "Hello", "<subject>": "News", "<voice>": "m3", "<bot_name>": "acme_bot", "<code>": "4815"}


ENVELOPES = [kind for kind, content in KINDS.items() if kind != "sms" and not issubclass(content, Octets)]


@pytest.mark.parametrize("kind", ENVELOPES)
def test_the_text_of_an_envelope_is_the_one_that_is_documented(kind):
    template = re.search(rf"^\| `{kind}` \| `(_.*?)` \|", PAGES["kinds.md"], re.MULTILINE)[1]
    fields = [PARTS[name] for name in re.findall(r"<\w+>", template)]
    assert KINDS[kind](*fields).text() == re.sub(r"<\w+>", lambda name: PARTS[name[0]], template.replace("⏎", "\n"))


def test_the_order_in_which_segments_decide_is_documented():
    order = [status for status in AGGREGATE_ORDER if status not in VERDICTS]
    told = PAGES["messages.md"].partition("When segments differ")[2].partition("then the worst verdict")[0]
    assert re.findall(r"\b[A-Z_]{5,}\b", told) == order


def test_how_often_a_refused_message_is_tried_again_is_documented():
    throttled, passing = Retry().throttled, Retry().passing
    assert (throttled.shortest, throttled.longest, throttled.attempts) == (1, 30, 200)
    assert (passing.shortest, passing.longest, passing.attempts) == (2, 300, 6)
    told = " ".join(PAGES["messages.md"].split())
    assert "after 1, 2, 4 ... 30 seconds, up to 200 times" in told
    assert "after 2, 4, 8 ... 300 seconds, six times in all" in told


# What is named exists


def _anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_resolve(page):
    folder = ROOT if page == "README.md" else DOCS
    broken = []
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", PAGES[page]):
        path = folder / target if target else folder / page
        if not path.exists() or (anchor and anchor not in _anchors(path.read_text(encoding="utf-8"))):
            broken.append(f"{target}#{anchor}")
    assert broken == []


def test_every_page_can_be_found_from_the_index():
    assert [
        page for page in PAGES if f"]({page}" not in PAGES["index.md"] and page not in {"index.md", "README.md"}
    ] == []


def _command_lines() -> Iterator[tuple[str, list[str]]]:
    for fence in FENCES:
        prompt = r"^\$ " if fence.info == "console" else r"^"
        if fence.info in {"console", "sh"}:
            for line in re.findall(prompt + r"((?:\S+=\S+ )*smpp-esme .*)$", fence.body, re.MULTILINE):
                words = shlex.split(line, comments=True)
                yield _name(fence), words[words.index("smpp-esme") + 1 :]


def test_every_command_line_that_is_shown_can_be_given():
    lines = list(_command_lines())
    wrong = []
    for place, (command, *words) in lines:
        options = {option for parameter in _parameters(command) for option in parameter.opts}
        wrong += [f"{place}: {command} {word}" for word in words if re.match(r"--?[a-z]", word) and word not in options]
    assert len(lines) > 5
    assert wrong == []


def test_every_option_that_is_named_exists():
    options = {option for command in GROUP.commands.values() for one in command.params for option in one.opts}
    named = {option for text in PAGES.values() for option in re.findall(r"`[^`\n]*?(--[a-z-]+)", text)}
    assert named - options == set()


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_the_marks_of_a_merge(page):
    assert not re.findall(r"^(?:<{7} |={7}$|>{7} ).*", PAGES[page], re.MULTILINE)


def test_no_page_names_this_machine():
    assert [page for page, text in PAGES.items() if re.search(r"/(root|home|tmp|work)/|\.pyenv", text)] == []


# What is shown runs


class Simulator:
    """An SMSC in a thread of its own, so that an example may own the main one."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulator")

    def __enter__(self) -> str:
        """Its URL."""
        self._thread.start()
        assert self._ready.wait(10)
        return self._url

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with Smsc("smsc-centre", accounts={"demo": "secret"}, seed=1, receipt_delay=0.02) as smsc:
            self._url = smsc.url
            self._ready.set()
            await self._over.wait()


@pytest.fixture
def url() -> Iterator[str]:
    """A simulator whose message_ids are those of the pages."""
    with Simulator() as running:
        yield running


def _run(block: Fence, namespace: dict[str, Any], url: str) -> str:
    """What a block prints; it may await at its top, as in `python -m asyncio`."""
    source = block.body.replace(URL, url).replace("127.0.0.1:2775", url.rpartition("@")[2])
    source = source.replace("port=2775", f"port={url.rpartition(':')[2]}")
    # Its lines count from where they stand on the page, so that a traceback points there.
    tree = ast.parse("\n" * (block.line - 1) + source)
    code = compile(tree, block.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(types.FunctionType(code, namespace)())
        else:
            exec(code, namespace)
    return printed.getvalue()


def _expected(block: Fence) -> str | None:
    """The output that a page shows right behind a block."""
    rest = PAGES[block.page].split("\n", block.line + block.body.count("\n"))[-1]
    shown = re.match(r"\s*```text\n(.*?)^```$", rest, re.MULTILINE | re.DOTALL)
    return shown[1] if shown else None


@pytest.mark.parametrize("page", sorted({fence.page for fence in _of("python") if not _is_test(fence)}))
def test_the_python_of_a_page_prints_what_it_shows(page, url):
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in _of("python"):
        if block.page == page and not _is_test(block):
            printed = _run(block, namespace, url)
            assert printed == (_expected(block) or printed), _name(block)


@pytest.mark.parametrize("fence", [one for one in FENCES if one.info.startswith("python ")], ids=_name)
def test_python_that_is_not_run_compiles(fence):
    assert fence.info in {"python no-run", "python example"}
    compile(fence.body, fence.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.acceptance
def test_the_tests_that_are_shown_pass(tmp_path):
    blocks = [block for block in _of("python") if _is_test(block)]
    for number, block in enumerate(blocks):
        (tmp_path / f"test_{number}_{Path(block.page).stem}.py").write_text(block.body, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    shown = sum(block.body.count("def test_") for block in blocks)
    assert f"{shown} passed" in ended.stdout, ended.stdout + ended.stderr


class Newcomer:
    """Who types the README's five commands, on ports of his own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(("2775", "8080", "9090"), _free_ports(3), strict=True))
        simulator, http, application = self.ports.values()
        self._environment = os.environ | {
            "SMPP_ESME_LINKS__MAIN__URL": f"smpp://demo@127.0.0.1:{simulator}",
            "SMPP_ESME_HTTP__PORT": http,
            "SMPP_ESME_WEBHOOKS__SHOP__URL": f"http://127.0.0.1:{application}/sms-events",
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def types(self, command: str) -> Path:
        """Runs a command beside the others, and gives the file with what it prints."""
        printed = self.folder / f"{len(self.running)}.txt"
        with printed.open("wb") as output:
            started = subprocess.Popen(
                self._words(command), cwd=self.folder, env=self._environment, stdout=output, stderr=output
            )
        self.running.append(started)
        return printed

    def sees(self, printed: Path, words: str) -> str:
        """What it has printed, once that has these words."""
        ends = time.monotonic() + 60
        while words not in (text := printed.read_text(encoding="utf-8")):
            assert time.monotonic() < ends, text
            time.sleep(0.05)
        return text

    def _words(self, command: str) -> list[str]:
        """The same command for this environment: what make would run, on these ports."""
        words = shlex.split(command.removesuffix("&"))
        if words[0] == "make":
            target, *variables = words[1:]
            recipe = re.search(
                rf"^{target}: .*\n\t@(.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
            )
            line = re.sub(
                r"\$\((\w+)\)", lambda name: dict(one.split("=") for one in variables).get(name[1], name[0]), recipe[1]
            )
            words = [*shlex.split(line), *(("--port", self.ports["2775"]) if target == "simulate" else ())]
        if words[0].endswith("/smpp-esme"):
            words = [sys.executable, "-m", "smpp_esme", *words[1:]]
        words = [re.sub(r":8080\b", f":{self.ports['8080']}", word) for word in words]
        return [str(ROOT / word) if word.startswith("examples/") else word for word in words]


def _free_ports(count: int) -> list[str]:
    with contextlib.ExitStack() as bound:
        sockets = [bound.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [str(one.getsockname()[1]) for one in sockets]


def _alike(text: str) -> str:
    """A text without what differs from one run to the next."""
    for pattern in (
        r"\d{4}-\d\d-\d\dT[\d:.]+Z", r"(?<=evt_)\d+_\d+", r"(?<=127\.0\.0\.1:)\d+", r"01[0-9A-Z]{24}",
        r'(?<="message_id":")\d+', r'(?<="cost":")[\d.]+',
    ):  # fmt: skip
        text = re.sub(pattern, "-", text)
    return text


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    (tmp_path / "demo-data").mkdir()
    begun = Newcomer(tmp_path)
    yield begun
    for one in reversed(begun.running):
        one.kill()
        one.wait()


@pytest.mark.acceptance
def test_the_newcomers_five_commands_print_what_the_readme_shows(newcomer, foreign_program):
    foreign_program("curl")
    (fence,) = _of("console newcomer")
    commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", fence.body, re.MULTILINE)
    until = ["listens on", "link.bound", "listening on", "id: 1\n\n", '"reference"']
    assert len(commands) == len(until) == 5
    files = []
    for (command, _), words in zip(commands, until, strict=True):
        files.append(newcomer.types(command))
        newcomer.sees(files[-1], words)
    newcomer.sees(files[2], "verified")
    newcomer.sees(files[3], "message.delivered")
    for (command, shown), printed in zip(commands, files, strict=True):
        lines = [line for line in shown.splitlines() if not line.startswith("Setting up")]
        found = printed.read_text(encoding="utf-8").splitlines()[: len(lines)]
        assert _alike("\n".join(found)) == _alike("\n".join(lines)), command


EXAMPLES = {
    "blocking_sockets.py": ([], ["submitted 244272509 ESME_ROK", "receipted id:244272509 "]),
    "submit.py": (["+7 916 123-45-67", "Hello"], ["submitted 244272509", "DELIVRD 000"]),
    "keep_receipts.py": (
        ["receipts.sqlite3"],
        ["244272509 DELIVRD 000", "244272510 EXPIRED 006", "244272511 UNDELIV 001"],
    ),
    "lookup.py": (
        ["79161230004", "79161230002"],
        ["79161230004 True Mobile TeleSystems (MTS) Germany", "79161230002 False"],
    ),
}


def test_every_example_has_its_test():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


@pytest.mark.acceptance
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_does_what_it_says(name, url, tmp_path):
    arguments, printed = EXAMPLES[name]
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / name), url, *arguments]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert len(lines) == len(printed)
    assert [line for line, begins in zip(lines, printed, strict=True) if not line.startswith(begins)] == []


@pytest.mark.parametrize("fence", [one for one in _of("console") if "$ smpp-esme decode" in one.body], ids=_name)
def test_a_dump_is_what_decode_prints(fence):
    line, _, shown = fence.body.removeprefix("$ smpp-esme ").partition("\n")
    answer = CliRunner().invoke(commands, shlex.split(line))
    assert answer.exit_code == 0
    assert answer.output == shown


@pytest.mark.parametrize("line", [line for fence in _of("json") for line in fence.body.splitlines() if '"to"' in line])
def test_a_body_that_is_shown_is_accepted(line):
    order = Submit.model_validate_json(line).to_order()
    profile = Profile.named("smsc-centre")
    assert compose(order.content, order.to, source="ACME", profile=profile, reference=1).kind == order.content.kind


@pytest.mark.parametrize("fence", _of("json batch"), ids=_name)
def test_a_batch_that_is_shown_is_accepted(fence):
    assert len(SubmitBatch.model_validate_json(fence.body).to_orders()) == len(json.loads(fence.body)["messages"])


def test_the_events_that_are_shown_are_those_of_the_description():
    shown = [json.loads(fence.body) for fence in _of("json event")]
    described = [EXAMPLES_OF_EVENTS[name] for name in ("a receipt", "a link that was lost")]
    assert shown == [json.loads(msgspec.json.encode(one)) for one in described]


def _load_profile(path: Path) -> None:
    profile = Profile.load(path)
    assert path.name == f"{profile.name}.toml"


LOADED = {
    "toml daemon": ("daemon.toml", lambda path: config.load(path, {})),
    "toml script": ("script.toml", Script.load),
    "toml personality": ("acme.toml", lambda path: Personality.load(path).options()),
    "toml profile": ("acme.toml", _load_profile),
}


@pytest.mark.parametrize("fence", [one for one in FENCES if one.info.startswith("toml")], ids=_name)
def test_a_file_that_is_shown_can_be_loaded(fence, tmp_path):
    name, load = LOADED[fence.info]
    (tmp_path / name).write_text(fence.body, encoding="utf-8")
    load(tmp_path / name)
    assert tomllib.loads(fence.body)
