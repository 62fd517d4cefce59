import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.sms.alphabet import gsm_decode, gsm_encode
from smpp_esme.sms.septets import fill_bits, pack, unpack

# A final carriage return or @ may be taken for padding, so these have none.
SEPTETS = st.lists(st.integers(1, 0x7F).filter(lambda septet: septet != 0x0D), max_size=400).map(bytes)


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        ("31", "1"),
        ("3119", "12"),
        ("31D98C56B3DD00", "1234567"),
        ("31D98C56B3DD70", "12345678"),
        ("31D98C56B3DD7039", "123456789"),
        ("C8329BFD06", "Hello"),
        ("E2325DBE3FD34134D9A60C", "beträgt 42€"),
        ("1B05", "\f"),
        ("1BCA06B5496D5E1BDEA6B7F16D809B32", "^{}\\[~]|€"),
    ],
)
def test_eight_septets_stand_in_seven_octets(packed, text):
    assert gsm_decode(unpack(bytes.fromhex(packed))) == text
    if packed != "31D98C56B3DD00":
        assert pack(gsm_encode(text)) == bytes.fromhex(packed)


def test_seven_bits_to_spare_are_filled_with_a_carriage_return():
    assert pack(gsm_encode("1234567")) == bytes.fromhex("31D98C56B3DD1A")
    assert gsm_decode(unpack(bytes.fromhex("31D98C56B3DD1A"))) == "1234567"


@pytest.mark.parametrize(("last", "kept"), [("@", False), ("\r", False), ("a", True)])
def test_what_ends_with_the_last_octet_and_looks_like_padding_is_dropped(last, kept):
    octets = pack(gsm_encode(f"1234567{last}"))
    assert len(octets) == 7
    assert gsm_decode(unpack(octets)) == (f"1234567{last}" if kept else "1234567")
    assert gsm_decode(unpack(pack(gsm_encode(f"123456{last}")))) == f"123456{last}"


def test_the_second_half_of_a_pair_is_no_padding():
    septets = b"123456\x1b\x00"  # in the tables of Bengali an @
    assert unpack(pack(septets)) == septets


@pytest.mark.parametrize(("header", "bits"), [(0, 0), (4, 3), (5, 2), (6, 1), (7, 0), (9, 5), (12, 2)])
def test_a_packed_text_begins_on_a_septets_edge_behind_its_header(header, bits):
    assert fill_bits(header) == bits
    assert (header * 8 + bits) % 7 == 0


def test_a_header_of_five_octets_is_followed_by_two_fill_bits():
    # 3GPP TS 23.040, 9.2.3.24: a predefined sound, and "Hi".
    assert pack(gsm_encode("Hi"), fill_bits(5)) == bytes.fromhex("20D3")
    assert unpack(bytes.fromhex("20D3"), fill_bits(5)) == b"Hi"


def test_nothing_takes_no_octet_whatever_the_fill():
    assert {pack(b"", fill) for fill in range(7)} == {b""}
    assert {unpack(b"", fill) for fill in range(7)} == {b""}


@given(SEPTETS, st.integers(0, 6))
def test_any_septets_survive(septets, fill):
    packed = pack(septets, fill)
    assert unpack(packed, fill) == septets
    assert not septets or len(packed) == -(-(7 * len(septets) + fill) // 8)


@given(SEPTETS, st.integers(0, 6))
def test_the_bits_of_a_septet_stand_lowest_first(septets, fill):
    padding = b"\r" if septets and (7 * len(septets) + fill) % 8 == 1 else b""
    bits = [0] * fill + [septet >> place & 1 for septet in septets + padding for place in range(7)]
    bits += [0] * (-len(bits) % 8)
    expected = bytes(sum(bit << place for place, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8))
    assert pack(septets, fill) == (expected if septets else b"")


@given(st.binary(max_size=300), st.integers(0, 6))
def test_any_octets_unpack(octets, fill):
    assert all(septet < 0x80 for septet in unpack(octets, fill))
