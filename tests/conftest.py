"""What every test shares: how hard hypothesis tries, the PDUs under fixtures/, and what must be installed."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collector import Collector

# No deadline: the machine is shared, and one slow example says nothing about the code.
settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci", deadline=None, max_examples=500, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
# `make hostile`: this many inputs for each of its tests.
settings.register_profile(
    "hostile", deadline=None, max_examples=100_000, print_blob=True, suppress_health_check=list(HealthCheck)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture(scope="session")
def read_hex() -> Callable[[str], bytes]:
    """Gives the octets of fixtures/pdus/NAME.hex: hexadecimal in any grouping, # begins a comment."""

    def octets(name: str) -> bytes:
        text = (FIXTURES / "pdus" / f"{name}.hex").read_text()
        return bytes.fromhex(re.sub(r"#.*", "", text))

    return octets


@pytest.fixture(scope="session")
def foreign_program() -> Callable[[str], str]:
    """Gives the path of a program of another project; without it the test is skipped, or fails where it is required."""

    def path(name: str) -> str:
        # Debian keeps daemons such as bearerbox where only root's PATH leads.
        if found := shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))):
            return found
        if os.environ.get("SMPP_ESME_REQUIRE_SERVICES") == "1":
            pytest.fail(f"{name} is not installed, and SMPP_ESME_REQUIRE_SERVICES=1 asks for it")
        pytest.skip(f"{name} is not installed")

    return path


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector of traces, which takes them over OTLP/HTTP."""
    from collector import Collector

    with Collector() as running:
        yield running


#: The server on which tests make databases of their own, and drop them.
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


def _ask_postgres(*statements: str) -> None:
    import asyncpg

    async def ask() -> None:
        connection = await asyncpg.connect(POSTGRES, timeout=5)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(ask())


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """The name of a database with our tables in it, from which each test's own is cloned."""
    from smpp_esme.store import Store

    name = f"smpp_esme_test_{os.getpid()}"
    try:
        _ask_postgres(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    except (OSError, TimeoutError) as error:
        if os.environ.get("SMPP_ESME_REQUIRE_SERVICES") == "1":
            pytest.fail(f"no PostgreSQL at {POSTGRES} ({error}), and SMPP_ESME_REQUIRE_SERVICES=1 asks for it")
        pytest.skip(f"no PostgreSQL at {POSTGRES} ({error}); TEST_POSTGRES_URL names another")

    async def migrate() -> None:
        await (await Store.open(_postgres(name))).close()

    asyncio.run(migrate())
    yield name
    _ask_postgres(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_template: str) -> Iterator[str]:
    """A PostgreSQL database of the test's own, empty but for our tables."""
    name = f"{postgres_template}_clone"
    _ask_postgres(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield _postgres(name)
    _ask_postgres(f"DROP DATABASE {name} WITH (FORCE)")


def _postgres(name: str) -> str:
    return POSTGRES.rpartition("/")[0] + f"/{name}"
