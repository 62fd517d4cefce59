import pytest

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.ports import Ports, ports_in
from smpp_esme.sms.udh import Element


def test_ports_of_16_bits_are_written_destination_first():
    assert Ports(2948, 9200).element() == Element(0x05, bytes.fromhex("0b84 23f0"))


@pytest.mark.parametrize(
    ("elements", "ports"),
    [
        ([Element(0x05, bytes.fromhex("0b8423f0"))], Ports(2948, 9200)),
        ([Element(0x04, bytes.fromhex("f0f1"))], Ports(240, 241)),
        ([Element(0x04, b"\1\2"), Element(0x00, b"\1\2\1"), Element(0x05, b"\0\3\0\4")], Ports(3, 4)),
        ([Element(0x05, b"\0\3\0\4"), Element(0x05, b"\0\3\0")], Ports(3, 4)),
        ([Element(0x04, b"\1\2\3")], None),
        ([], None),
    ],
    ids=["16 bits", "8 bits", "the last counts", "a broken one does not", "only a broken one", "none"],
)
def test_ports_are_read_from_a_header(elements, ports):
    assert ports_in(elements) == ports


@pytest.mark.parametrize(("ports", "field"), [(Ports(65_536, 0), "destination port"), (Ports(0, -1), "source port")])
def test_a_port_has_16_bits(ports, field):
    with pytest.raises(InvalidValue) as caught:
        ports.element()
    assert (caught.value.field, caught.value.allowed) == (field, "0 to 65535")
