"""What the tests of the protocol share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smpp_esme.protocol.pdus import Pdu, SmeAddress, SubmitMulti

if TYPE_CHECKING:
    from collections.abc import Callable

#: A PDU of nothing but defaults can be sent, but for these.
REQUIRED: dict[type[Pdu], dict[str, Any]] = {SubmitMulti: {"dest_address": (SmeAddress(),)}}


@pytest.fixture(scope="session")
def sendable() -> Callable[..., Pdu]:
    """Gives a PDU of this class with as little in it as can be sent."""

    def build(record: type[Pdu], *header: int, **values: Any) -> Pdu:
        return record(*header, **(REQUIRED.get(record, {}) | values))

    return build
