"""docker-compose.yml and the Dockerfile, checked as far as that goes without a container engine."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from time import monotonic

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
DOCKERFILE = [
    line.split(maxsplit=1)
    for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]

# Until a process answers its own healthcheck; loaded machines start Python slowly.
HEALTHY_WITHIN = 60.0


def _last(instruction: str) -> list[str]:
    """The last `instruction` of the Dockerfile, which is the one that counts, in its exec form."""
    return json.loads([rest for name, rest in DOCKERFILE if name == instruction][-1])


def _program(words: list[str]) -> list[str]:
    """`words` with the programs that the image has on its PATH taken from where these tests run."""
    programs = {"python": sys.executable, "smpp-esme": str(Path(sys.executable).with_name("smpp-esme"))}
    return [programs[words[0]], *words[1:]]


def _seconds(duration: str) -> float:
    """A Compose duration, of which we use only the form in whole seconds."""
    return float(duration.removesuffix("s"))


def _interpolated(value: str) -> str:
    """`value` as Compose reads it where none of its variables is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def _ends(volume: str) -> tuple[str, str]:
    """What a volume is taken from, and where a container sees it."""
    source, place, *_ = volume.split(":")
    return source, place


def _is_named(volume: str) -> bool:
    """Whether Compose keeps this volume under a name, rather than taking a file of this repository."""
    return not volume.startswith(".")


class Machine:
    """One machine in the place of the containers: their folders in `folder`, their ports on loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        smpp_port = _free_port()
        self._places = {
            "0.0.0.0": "127.0.0.1",
            "simulator:2775": f"127.0.0.1:{smpp_port}",
            "2775": smpp_port,
            "8080": _free_port(),
        }
        volumes = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]
        for _, place in map(_ends, volumes):
            self._places[place] = str(folder / place.lstrip("/"))
        for volume in volumes:
            self._mount(volume)

    def _mount(self, volume: str) -> None:
        """Make the folder, or the file with its text remapped, that a container sees."""
        source, place = _ends(volume)
        target = Path(self._places[place])
        if _is_named(volume):
            target.mkdir(parents=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.remapped((ROOT / source).read_text(encoding="utf-8")), encoding="utf-8")

    def remapped(self, text: str) -> str:
        """`text` with the containers' places turned into this machine's, the longest first and each once."""
        places = sorted(self._places, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, places)), lambda place: self._places[place[0]], text)

    def environment(self, service: dict) -> dict[str, str]:
        """The service's own variables, over ours without any that would configure it behind its back."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("SMPP_ESME_")}
        return ours | {name: _interpolated(value) for name, value in service.get("environment", {}).items()}

    def words(self, words: list[str]) -> list[str]:
        """A container's command as it is run here."""
        program, *arguments = _program(words)
        return [program, *map(self.remapped, arguments)]


class Running:
    """A service's own command as a process, with what it said in a file."""

    def __init__(self, process: subprocess.Popen, healthcheck: list[str], output: Path) -> None:
        self.process = process
        self._healthcheck = healthcheck
        self._output = output

    def wait_until_healthy(self) -> None:
        deadline = monotonic() + HEALTHY_WITHIN
        while subprocess.run(self._healthcheck, capture_output=True, timeout=30, check=False).returncode:
            # The pause between two checks ends at once when there is nothing left to check.
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=0.2)
            assert self.process.returncode is None, f"it left with {self.process.returncode}:\n{self.said()}"
            assert monotonic() < deadline, f"not healthy after {HEALTHY_WITHIN} s:\n{self.said()}"

    def said(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")[-4000:]


@contextmanager
def _running(name: str, machine: Machine) -> Iterator[Running]:
    service = SERVICES[name]
    output = machine.folder / f"{name}.log"
    kind, *healthcheck = service["healthcheck"]["test"]
    assert kind == "CMD"
    with (
        output.open("wb") as file,
        subprocess.Popen(
            machine.words(service.get("entrypoint", _last("ENTRYPOINT")) + service["command"]),
            cwd=machine.folder,
            env=machine.environment(service),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield Running(process, machine.words(healthcheck), output)
        finally:
            process.kill()


def _in_order_of_start() -> list[str]:
    """The services, each after those it depends on."""
    order: list[str] = []
    while len(order) < len(SERVICES):
        waiting = {name: set(SERVICES[name].get("depends_on", {})) for name in SERVICES if name not in order}
        ready = [name for name, needed in waiting.items() if needed <= set(order)]
        assert ready, f"services wait for one another: {waiting}"
        order += ready
    return order


def test_the_compose_file_is_valid_against_the_compose_specification() -> None:
    schema = json.loads((ROOT / "tests/schemas/compose-spec.json").read_text(encoding="utf-8"))
    errors = jsonschema.Draft7Validator(schema).iter_errors(COMPOSE)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_the_schema_refuses_what_compose_would_refuse() -> None:
    schema = json.loads((ROOT / "tests/schemas/compose-spec.json").read_text(encoding="utf-8"))
    misspelt = {"services": {"daemon": SERVICES["daemon"] | {"healthchek": {}}}}
    assert not jsonschema.Draft7Validator(schema).is_valid(misspelt)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_health_and_so_has_a_healthcheck(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] == "service_healthy"
        assert "healthcheck" in SERVICES[needed]


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_mounts_is_there_or_is_a_declared_volume(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source, _ = _ends(volume)
        assert source in COMPOSE["volumes"] if _is_named(volume) else (ROOT / source).is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_published_ports_stay_on_loopback(name: str) -> None:
    assert [port for port in SERVICES[name].get("ports", []) if not port.startswith("127.0.0.1:")] == []


def test_no_password_is_written_into_the_mounted_configuration() -> None:
    configuration = tomllib.loads((ROOT / "examples/compose/daemon.toml").read_text(encoding="utf-8"))
    assert all("password" not in link for link in configuration["links"].values())
    assert all(re.fullmatch(r"smpp(\+tls)?://[^:@]+@.+", link["url"]) for link in configuration["links"].values())


def test_the_image_does_not_run_as_root_and_owns_the_folder_of_its_volume() -> None:
    user = [rest for name, rest in DOCKERFILE if name == "USER"][-1]
    created = next(rest for name, rest in DOCKERFILE if name == "RUN" and rest.startswith("useradd"))
    home = re.search(r"--create-home --home-dir (\S+)", created)[1]
    assert user not in {"root", "0"}
    assert created.endswith(user)
    assert home in {place for _, place in map(_ends, SERVICES["daemon"]["volumes"])}


def test_all_that_the_dockerfile_copies_is_there_and_let_through() -> None:
    sources = [
        source
        for name, rest in DOCKERFILE
        if name == "COPY" and not rest.startswith("--from")
        for source in shlex.split(rest)[:-1]
    ]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = [line[1:] for line in ignored if line.startswith("!")]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [s for s in sources if not any(fnmatch(s.removeprefix("./"), line) for line in let_through)] == []


@pytest.mark.acceptance
def test_the_image_run_without_a_command_tells_how_it_is_used() -> None:
    entrypoint = _program(_last("ENTRYPOINT") + _last("CMD"))
    told = subprocess.run(entrypoint, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    for service in SERVICES.values():
        assert service["command"][0] in told.stdout


@pytest.fixture
def services(tmp_path: Path) -> Iterator[dict[str, Running]]:
    """Every service of the file, started in its turn and healthy, in the order of their start."""
    machine = Machine(tmp_path)
    with ExitStack() as stack:
        running: dict[str, Running] = {}
        for name in _in_order_of_start():
            running[name] = stack.enter_context(_running(name, machine))
            running[name].wait_until_healthy()
        yield running


@pytest.mark.acceptance
def test_the_services_get_healthy_one_after_the_other_and_leave_with_0_when_told_to(
    services: dict[str, Running],
) -> None:
    for name, service in reversed(services.items()):
        service.process.send_signal(signal.SIGTERM)
        returncode = service.process.wait(timeout=_seconds(SERVICES[name]["stop_grace_period"]))
        assert returncode == 0, f"{name} left with {returncode}:\n{service.said()}"


@pytest.mark.acceptance
def test_the_daemon_keeps_its_database_on_its_volume(services: dict[str, Running], tmp_path: Path) -> None:
    _, place = next(map(_ends, filter(_is_named, SERVICES["daemon"]["volumes"])))
    assert list((tmp_path / place.lstrip("/")).glob("*.sqlite3")) != [], services["daemon"].said()
