"""The fixtures `smsc` and `virtual_time` for pytest: a simulated SMSC for one test, and a clock that jumps.

::

    async def test_a_text_arrives(smsc):
        async with smpp_esme.connect(smsc.url) as esme:
            await esme.submit("79161234567", "hello")
        assert smsc.inbox("79161234567")[0].text == "hello"

    @pytest.mark.smsc(profile="standard", accounts={"acme": "secret"})
    async def test_otherwise(smsc): ...

    @pytest.mark.smsc(receipt_delay=3 * 86_400)
    async def test_a_receipt_may_take_days(virtual_time, smsc): ...   # and the test milliseconds

The SMSC listens on a free loopback port; with `virtual_time` the test and all its fixtures run in virtual time, over a
network in memory. The fixtures need pytest-asyncio; without it everything else of pytest works. The SMSC is imported
when it is asked for.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncIterator, Callable, Iterator

    from smpp_esme.simulator.smsc import Smsc
    from smpp_esme.simulator.virtual_time import VirtualLoop


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line(
        "markers", "smsc(**options): what the fixture `smsc` is made with, as smpp_esme's simulator.run has it"
    )


class _VirtualTime:
    """A plugin for as long as one test is collected: pytest-asyncio then makes this loop for it."""

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_asyncio_loop_factories(self) -> dict[str, Callable[[], AbstractEventLoop]]:
        from smpp_esme.simulator.virtual_time import VirtualLoop  # noqa: PLC0415 - as below

        return {"virtual time": VirtualLoop}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Iterator[None]:
    """Give a test that asks for `virtual_time` its loop."""
    if "virtual_time" not in metafunc.fixturenames:
        return (yield)
    plugins = metafunc.config.pluginmanager
    plugins.register(virtual := _VirtualTime())
    try:
        return (yield)
    finally:
        plugins.unregister(virtual)


def options_of(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the test's marks say of its SMSC, the nearest first; receipts come quickly unless they say otherwise."""
    options: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("smsc"))):
        options |= mark.kwargs
    return options if "personality" in options else {"receipt_delay": 0.01, "retry_delay": 0.05} | options


if find_spec("pytest_asyncio"):
    import pytest_asyncio

    @pytest_asyncio.fixture
    async def smsc(request: pytest.FixtureRequest) -> AsyncIterator[Smsc]:
        """A simulated SMSC on a free loopback port; ends with the test."""
        from smpp_esme.simulator.personality import run  # noqa: PLC0415 - plugins load before coverage begins to count

        async with run(**options_of(request)) as started:
            yield started

    @pytest_asyncio.fixture
    async def virtual_time() -> VirtualLoop:
        """The test's event loop, which runs in virtual time: `virtual_time.time()`, `virtual_time.network`."""
        import asyncio  # noqa: PLC0415 - likewise

        from smpp_esme.simulator.virtual_time import VirtualLoop  # noqa: PLC0415 - likewise

        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            pytest.fail("virtual_time needs pytest-asyncio 1.5 or later", pytrace=False)
        return loop

else:

    @pytest.fixture
    def smsc() -> None:
        """Says what is missing."""
        pytest.fail("the fixture smsc is asynchronous: install pytest-asyncio", pytrace=False)

    @pytest.fixture
    def virtual_time() -> None:
        """Says what is missing."""
        pytest.fail("the fixture virtual_time is asynchronous: install pytest-asyncio", pytrace=False)
