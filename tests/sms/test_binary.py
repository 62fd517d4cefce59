import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import InvalidValue
from smpp_esme.sms import udh
from smpp_esme.sms.binary import Binary, BinaryHex
from smpp_esme.sms.udh import Element

TO_PORT_2948 = bytes.fromhex("06 05040b8423f0")
HEADERS = st.lists(st.builds(Element, st.integers(0, 255), st.binary(max_size=20)), max_size=5).map(
    lambda elements: udh.build(tuple(elements))
)


@pytest.mark.parametrize(
    ("content", "elements", "body", "text"),
    [
        (Binary(b"\1\2"), (), b"\1\2", "000102"),
        (Binary(b"\1\2", b"\0"), (), b"\1\2", "000102"),
        (Binary(b"\1", TO_PORT_2948), (Element(0x05, bytes.fromhex("0b8423f0")),), b"\1", "0605040B8423F001"),
        (Binary(b"", bytes.fromhex("04 0102c000")), (Element(0x01, b"\xc0\0"),), b"", "040102C000"),
        (BinaryHex("000102"), (), b"\1\2", "000102"),
        (
            # An EMS sample of the provider's.
            BinaryHex("050A0307056048656C6C6F2C20576F726C6421"),
            (Element(0x0A, bytes.fromhex("070560")),),
            b"Hello, World!",
            "050A0307056048656C6C6F2C20576F726C6421",
        ),
    ],
)
def test_octets_stand_behind_their_header(content, elements, body, text):
    assert (content.elements(), content.body(), content.text()) == (elements, body, text)


@given(st.binary(min_size=1, max_size=300), HEADERS)
def test_octets_are_the_same_in_hexadecimal(octets, header):
    binary = Binary(octets, header)
    read = BinaryHex(binary.text())
    assert (read.elements(), read.body(), read.text()) == (binary.elements(), octets, binary.text())
    assert udh.build(read.elements()) == header


@pytest.mark.parametrize(
    ("make", "field", "problem"),
    [
        (lambda: Binary(b""), "octets", "are empty"),
        (lambda: Binary(b"", b"\0"), "octets", "are empty"),
        (lambda: Binary(b"a", b"\5\0\3\1\2"), "header", "no user data header"),
        (lambda: Binary(b"a", b"\3\0\3\1"), "header", "no user data header"),
        (lambda: Binary(b"a", b"\4\0\1\1\2"), "header", "no user data header"),
        (lambda: BinaryHex(""), "digits", "are empty"),
        (lambda: BinaryHex("00"), "digits", "are empty"),
        (lambda: BinaryHex("0001g2"), "digits", "'g' at 4"),
        (lambda: BinaryHex("00 01"), "digits", "' ' at 2"),
        (lambda: BinaryHex("00010"), "digits", "are 5, an odd number"),
        (lambda: BinaryHex("0201"), "digits", "do not begin with a user data header"),
        (lambda: BinaryHex("03000301FF"), "digits", "do not begin with a user data header"),
    ],
)
def test_what_is_no_header_or_no_content_is_refused(make, field, problem):
    with pytest.raises(InvalidValue) as caught:
        make()
    assert caught.value.field == field
    assert problem in caught.value.problem
    assert caught.value.allowed


def test_no_repr_shows_the_octets():
    assert repr(Binary(b"secret", TO_PORT_2948)) == "Binary(6 octets)"
    assert repr(BinaryHex("00736563726574")) == "BinaryHex(6 octets)"
