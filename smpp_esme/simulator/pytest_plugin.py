"""The fixture `smsc` for pytest: a simulated SMSC on a free loopback port, for one test.

::

    async def test_a_text_arrives(smsc):
        async with smpp_esme.connect(smsc.url) as esme:
            await esme.submit("79161234567", "hello")
        assert smsc.inbox("79161234567")[0].text == "hello"

    @pytest.mark.smsc(profile="standard", accounts={"acme": "secret"})
    async def test_otherwise(smsc): ...

The fixture needs pytest-asyncio; without it everything else of pytest works. The SMSC is imported when it is asked for.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from smpp_esme.simulator.smsc import Smsc


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line(
        "markers", "smsc(**options): what the fixture `smsc` is made with, as smpp_esme's Smsc has it"
    )


def options_of(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the test's marks say of its SMSC, the nearest first; receipts come quickly unless they say otherwise."""
    options: dict[str, Any] = {"receipt_delay": 0.01, "retry_delay": 0.05}
    for mark in reversed(list(request.node.iter_markers("smsc"))):
        options |= mark.kwargs
    return options


if find_spec("pytest_asyncio"):
    import pytest_asyncio

    @pytest_asyncio.fixture
    async def smsc(request: pytest.FixtureRequest) -> AsyncIterator[Smsc]:
        """A simulated SMSC on a free loopback port; ends with the test."""
        from smpp_esme.simulator.smsc import Smsc  # noqa: PLC0415 - plugins are loaded before coverage begins to count

        async with Smsc(**options_of(request)) as started:
            yield started

else:

    @pytest.fixture
    def smsc() -> None:
        """Says what is missing."""
        pytest.fail("the fixture smsc is asynchronous: install pytest-asyncio", pytrace=False)
