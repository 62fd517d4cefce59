"""What every test shares: how hard hypothesis tries, the PDUs under fixtures/, and what must be installed."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable

# No deadline: the machine is shared, and one slow example says nothing about the code.
settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci", deadline=None, max_examples=500, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
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
        if found := shutil.which(name):
            return found
        if os.environ.get("SMPP_ESME_REQUIRE_SERVICES") == "1":
            pytest.fail(f"{name} is not installed, and SMPP_ESME_REQUIRE_SERVICES=1 asks for it")
        pytest.skip(f"{name} is not installed")

    return path
