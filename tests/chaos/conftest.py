"""What the tests of harm share."""

from __future__ import annotations

import os

import pytest

# What is wrong in the books is to be seen where it is found.
pytest.register_assert_rewrite("chaos")

from chaos.grounds import find_initdb  # noqa: E402


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    if request.param == "postgresql" and not find_initdb():
        if os.environ.get("SMPP_ESME_REQUIRE_SERVICES") == "1":
            pytest.fail("initdb is not installed, and SMPP_ESME_REQUIRE_SERVICES=1 asks for it")
        pytest.skip("initdb is not installed")
    return request.param
