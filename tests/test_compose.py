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
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import jsonschema
import pytest
import yaml
from sqlalchemy.engine import make_url

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
#: Those that run our own image; the others are images of other projects.
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "smpp-esme"}
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
    if words[:3] == ["wget", "-q", "--spider"]:  # not everywhere; what it would ask is asked all the same
        return [sys.executable, "-c", f"import urllib.request; urllib.request.urlopen({words[3]!r}, timeout=2)"]
    return [programs.get(words[0], words[0]), *words[1:]]


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

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        smpp_port = _free_port()
        self._places = {
            "0.0.0.0": "127.0.0.1",
            "simulator:2775": f"127.0.0.1:{smpp_port}",
            "2775": smpp_port,
            "daemon:8080": f"127.0.0.1:{(http_port := _free_port())}",
            "8080": http_port,
            "9090": _free_port(),
        }
        run = [*OURS.values(), SERVICES["prometheus"]]
        volumes = [volume for service in run for volume in service.get("volumes", [])]
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
        theirs = {name: _interpolated(value) for name, value in service.get("environment", {}).items()}
        if "SMPP_ESME_STORE__URL" in theirs:
            theirs["SMPP_ESME_STORE__URL"] = self.database
        return ours | theirs

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
            machine.words((_last("ENTRYPOINT") if name in OURS else [name]) + service["command"]),
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
    while len(order) < len(OURS):
        waiting = {name: OURS.keys() & OURS[name].get("depends_on", {}) for name in OURS if name not in order}
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
        assert source in COMPOSE["volumes"] if _is_named(volume) else (ROOT / source).exists()


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
    assert [rest for name, rest in DOCKERFILE if name == "WORKDIR"][-1] == home


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
    for service in OURS.values():
        assert service["command"][0] in told.stdout


@pytest.fixture
def machine(tmp_path: Path, postgres_url: str) -> Machine:
    """Has a PostgreSQL database in the place of the file's."""
    return Machine(tmp_path, postgres_url)


@pytest.fixture
def services(machine: Machine) -> Iterator[dict[str, Running]]:
    """Every service of our own, started in its turn and healthy, in the order of their start."""
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
def test_the_daemon_keeps_its_messages_in_the_database(services: dict[str, Running]) -> None:
    assert '"store": "postgresql' in services["daemon"].said()


@pytest.mark.acceptance
def test_prometheus_measures_the_daemon_and_knows_the_alerts(
    services: dict[str, Running], machine: Machine, foreign_program: Callable[[str], str]
) -> None:
    foreign_program("prometheus")
    with _running("prometheus", machine) as prometheus:
        prometheus.wait_until_healthy()
        url = machine.remapped("http://127.0.0.1:9090/api/v1")
        deadline = monotonic() + HEALTHY_WITHIN
        while not (found := _asked(f"{url}/query?query=smpp_esme_ready")["result"]):
            assert monotonic() < deadline, prometheus.said()
            sleep(0.2)
        assert found[0]["metric"]["job"] == "smpp_esme"
        assert found[0]["value"][1] == "1"
        (group,) = _asked(f"{url}/rules")["groups"]
        assert {rule["health"] for rule in group["rules"]} <= {"ok", "unknown"}
        assert "SmppLinkDown" in {rule["name"] for rule in group["rules"]}


def _asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]


def test_the_address_of_the_database_names_its_service_its_user_and_its_password() -> None:
    url = make_url(SERVICES["daemon"]["environment"]["SMPP_ESME_STORE__URL"])
    database = SERVICES["postgresql"]["environment"]
    assert (url.host, url.username, url.database) == ("postgresql", database["POSTGRES_USER"], database["POSTGRES_DB"])
    assert url.password == database["POSTGRES_PASSWORD"]


def test_grafana_finds_its_dashboard_and_prometheus() -> None:
    places = dict(map(reversed, map(_ends, SERVICES["grafana"]["volumes"])))
    provisioning = ROOT / places["/etc/grafana/provisioning"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/smpp-esme.yml").read_text())["providers"]
    assert list((ROOT / places[provider["options"]["path"]]).glob("*.json"))
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    board = json.loads((ROOT / "examples/compose/grafana/dashboards/smpp-esme.json").read_text())
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["uid"]}
