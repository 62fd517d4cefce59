"""What every test shares: how hard hypothesis tries, and the PDUs under fixtures/."""

from __future__ import annotations

import os
import re
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
