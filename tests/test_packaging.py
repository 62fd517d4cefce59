"""What a user gets: the wheel, its entry points, what importing it costs, and the set-up that `make` does."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "smpp_esme"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def _requirements(lines: list[str]) -> set[Requirement]:
    """The requirements in `lines`, but for those that name another extra of our own."""
    return {read for line in lines if (read := Requirement(line)).name != PROJECT["name"]}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        yield archive


def test_the_wheel_carries_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in wheel.namelist() if name.startswith("smpp_esme/")} == ours


def test_the_wheel_says_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    assert "smpp_esme/py.typed" in wheel.namelist()


def test_the_wheel_carries_the_profiles(wheel: zipfile.ZipFile) -> None:
    profiles = {Path(name).stem for name in wheel.namelist() if re.fullmatch(r"smpp_esme/sms/profiles/.+\.toml", name)}
    assert profiles >= {"standard", "smsc-centre"}


def test_the_wheel_carries_nothing_but_the_package_and_its_metadata(wheel: zipfile.ZipFile) -> None:
    top_folders = {name.split("/")[0] for name in wheel.namelist()}
    assert top_folders == {"smpp_esme", f"smpp_esme-{PROJECT['version']}.dist-info"}


def test_the_wheel_carries_the_licence(wheel: zipfile.ZipFile) -> None:
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())


def test_importing_the_library_loads_nothing_that_an_extra_brings() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, smpp_esme; print(*{name.split('.')[0] for name in sys.modules})"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.split()
    assert "smpp_esme" in loaded
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    optional = {canonicalize_name(requirement.name) for requirement in _requirements(extras)}
    packages = importlib.metadata.packages_distributions()
    brought = {module: optional.intersection(map(canonicalize_name, packages.get(module, []))) for module in loaded}
    assert {module: names for module, names in brought.items() if names} == {}


@pytest.mark.parametrize(
    "entry_point", importlib.metadata.distribution("smpp-esme").entry_points, ids=lambda point: point.value
)
def test_every_entry_point_resolves(entry_point: importlib.metadata.EntryPoint) -> None:
    assert entry_point.load() is not None


def test_the_installed_entry_points_are_those_of_pyproject() -> None:
    installed = {
        (point.group, point.name, point.value) for point in importlib.metadata.distribution("smpp-esme").entry_points
    }
    scripts = {("console_scripts", name, value) for name, value in PROJECT["scripts"].items()}
    plugins = {
        (group, name, value) for group, points in PROJECT["entry-points"].items() for name, value in points.items()
    }
    assert installed == scripts | plugins


def test_every_requirement_is_pinned_to_a_version_that_satisfies_it() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    asked = _requirements(
        [
            *PYPROJECT["build-system"]["requires"],
            *PROJECT["dependencies"],
            *(line for extra in PROJECT["optional-dependencies"].values() for line in extra),
            *PYPROJECT["dependency-groups"]["dev"],
        ]
    )
    found = {str(one): pinned.get(canonicalize_name(one.name)) for one in asked}
    assert {line: pin for line, pin in found.items() if pin is None or pin not in Requirement(line).specifier} == {}


def test_the_constraints_hold_no_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"#.*|[\w.-]+==[\w.+!]+", line)] == []


def test_the_changelog_is_in_the_form_of_keep_a_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert releases[0] == "[Unreleased]"
    assert [line for line in releases[1:] if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", line)] == []
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds


def test_the_version_is_the_newest_release_of_the_changelog_or_one_to_come() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = [Version(number) for number in re.findall(r"^## \[(\d[^]]*)\]", text, re.MULTILINE)]
    assert all(newer > older for newer, older in pairwise(released))
    assert all(Version(PROJECT["version"]) >= one for one in released)
    assert importlib.metadata.version("smpp-esme") == PROJECT["version"]


def _make(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What `make` did, told nothing of the `make` that may be running these tests."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    command = ["make", "--no-print-directory", *words]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _program(path: Path, *lines: str) -> Path:
    """A shell script at `path` that can be run."""
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    path.chmod(0o755)
    return path


@needs_make
@pytest.mark.parametrize(
    ("pretence", "told"),
    [
        ("sys.version_info = (3, 9, 18)", "needs Python 3.11 or newer, and {python} is 3.9."),
        ("sys.modules['ensurepip'] = None", "{python} has no venv module with pip in it."),
    ],
)
def test_a_python_that_cannot_run_us_is_refused_in_a_sentence(tmp_path: Path, pretence: str, told: str) -> None:
    python = _program(
        tmp_path / "python", f'exec "{sys.executable}" -c "import sys; {pretence}; exec(sys.argv[2])" "$@"'
    )
    refusal = _make("demo", f"PYTHON={python}", f"VENV={tmp_path}/venv")
    assert refusal.returncode != 0
    assert told.format(python=python) in refusal.stderr
    assert not (tmp_path / "venv").exists()


@needs_make
def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    refusal = _make("demo", f"PYTHON={tmp_path}/python", f"VENV={tmp_path}/venv")
    assert refusal.returncode != 0
    assert f"There is no {tmp_path}/python." in refusal.stderr


@needs_make
def test_a_python_on_the_path_that_does_not_run_is_not_taken_for_installed(tmp_path: Path) -> None:
    _program(tmp_path / "python3.98", "exit 127")
    _program(tmp_path / "python3.97", f'exec "{sys.executable}" "$@"')
    listed = _make("pythons", "VERSIONS=3.98 3.97", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert listed.stdout.splitlines() == ["CPython 3.98: not installed", "CPython 3.97: not installed"]


@needs_make
def test_pythons_are_found_on_the_path_and_where_pyenv_keeps_them(tmp_path: Path) -> None:
    here = "{}.{}".format(*sys.version_info[:2])
    kept = tmp_path / "root" / "versions" / f"{here}.99" / "bin"
    kept.mkdir(parents=True)
    _program(kept / "python", f'exec "{sys.executable}" "$@"')
    shims = tmp_path / "shims"
    shims.mkdir()
    _program(shims / f"python{here}", "exit 127")
    _program(shims / "pyenv", f'[ "$1" = root ] && echo "{tmp_path}/root"')
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "make"):
        (tools / tool).symlink_to(shutil.which(tool))
    searched = _make("pythons", f"VERSIONS={here}", PATH=f"{shims}:{tools}")
    assert searched.stdout == f"CPython {here}: {kept / 'python'}\n"
    _program(tools / f"python{here}", f'exec "{sys.executable}" "$@"')
    searched = _make("pythons", f"VERSIONS={here}", PATH=f"{shims}:{tools}")
    assert searched.stdout == f"CPython {here}: {tools}/python{here}\n"


@needs_make
def test_test_all_covers_every_python_that_the_package_claims() -> None:
    claimed = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line}
    versions = re.search(r"^VERSIONS \?= (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(versions[1].split()) == claimed
    assert min(map(Version, claimed)) == Version(PROJECT["requires-python"].removeprefix(">="))
