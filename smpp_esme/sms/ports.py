"""Application ports: which application on the handset a short message is for.

3GPP TS 23.040, 9.2.3.24.3 and 9.2.3.24.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.udh import Element

if TYPE_CHECKING:
    from collections.abc import Iterable

PORTS_8BIT: Final = 0x04
PORTS_16BIT: Final = 0x05


class Ports(NamedTuple):
    """From which application to which.

    Attributes:
        destination: the port of the application on the handset, 0 to 65,535.
        source: the port of the one that sent it.
    """

    destination: int
    source: int

    def element(self) -> Element:
        """The information element that says so, with 16 bits for each port.

        Raises:
            InvalidValue: a port does not fit.
        """
        for field, port in (("destination port", self.destination), ("source port", self.source)):
            if not 0 <= port <= 0xFFFF:
                raise InvalidValue(field, f"is {port}", "0 to 65535")
        return Element(PORTS_16BIT, self.destination.to_bytes(2, "big") + self.source.to_bytes(2, "big"))


def ports_in(elements: Iterable[Element]) -> Ports | None:
    """The ports that a user data header names; of several, the last that make sense (TS 23.040, 9.2.3.24)."""
    found = None
    for identifier, data in ((element.identifier, element.data) for element in elements):
        if identifier == PORTS_16BIT and len(data) == 4:
            found = Ports(int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big"))
        elif identifier == PORTS_8BIT and len(data) == 2:
            found = Ports(data[0], data[1])
    return found
