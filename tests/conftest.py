"""What every test shares: how hard hypothesis tries, the PDUs under fixtures/, and what must be installed."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

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
# CI, on the Pythons beside the first: every test, and enough inputs to see that the language is the same.
settings.register_profile("brief", deadline=None, max_examples=25)
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


#: What makes a database as good as new, unless somebody has changed its shape. TRUNCATE takes a while for each table,
#: and a test uses few.
_EMPTY = """
DO $$
DECLARE used text;
BEGIN
    SELECT string_agg(oid::regclass::text, ', ') INTO used FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'schema_revision'
        AND pg_relation_size(oid) > 0;
    IF used IS NOT NULL THEN EXECUTE 'TRUNCATE ' || used || ' CASCADE'; END IF;
    PERFORM setval(sequencename::regclass, 1, false) FROM pg_sequences WHERE last_value IS NOT NULL;
END
$$
"""
_SHAPE = """
SELECT string_agg(part, E'\\n' ORDER BY part) FROM (
    SELECT concat_ws(' ', table_schema, table_name, column_name, data_type, is_nullable, column_default) AS part
    FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger
    UNION ALL SELECT revision FROM schema_revision
) AS parts
"""
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def _connected(name: str, ask: Callable[[Any], Awaitable[Any]]) -> Any:
    """What comes of asking a database."""
    import asyncpg

    connection = await asyncpg.connect(_postgres(name), timeout=5)
    try:
        return await ask(connection)
    finally:
        await connection.close()


def _ask_postgres(*statements: str) -> None:
    async def ask(connection: Any) -> None:
        for statement in statements:
            await connection.execute(statement)

    asyncio.run(_connected("postgres", ask))


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """The name of a database with our tables in it, from which others are cloned."""
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


@pytest.fixture(scope="session")
def postgres_clone(postgres_template: str) -> Iterator[Callable[[], str]]:
    """Gives the name of a database that is as new: one for all tests, made anew after whoever changed its shape.

    To make and to drop one takes the server a second where it has much to do.
    """
    name = f"{postgres_template}_clone"
    shape = None

    async def emptied(connection: Any) -> str | None:
        import asyncpg

        await connection.execute("SET synchronous_commit = off")
        await connection.execute(_OTHERS)
        try:
            found: str | None = await connection.fetchval(_SHAPE)
        except asyncpg.PostgresError:
            return None
        await connection.execute(_EMPTY)
        return found

    def as_new() -> str:
        nonlocal shape
        if shape is None or asyncio.run(_connected(name, emptied)) != shape:
            _ask_postgres(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            _ask_postgres(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
            shape = asyncio.run(_connected(name, emptied))
        return name

    yield as_new
    _ask_postgres(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_clone: Callable[[], str]) -> str:
    """A PostgreSQL database, empty but for our tables; nobody else uses it meanwhile."""
    return _postgres(postgres_clone())


def _postgres(name: str) -> str:
    return POSTGRES.rpartition("/")[0] + f"/{name}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store: to copy it is cheaper than to make a new one for each test."""
    from smpp_esme.store import Store

    path = tmp_path_factory.mktemp("template") / "messages.sqlite3"

    async def made() -> None:
        await (await Store.open(f"sqlite:///{path}")).close()

    asyncio.run(made())
    return path
