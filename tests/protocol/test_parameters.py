from __future__ import annotations

from smpp_esme.protocol.parameters import MESSAGE_TYPE_MASK, EsmClass


def test_every_message_type_lies_within_its_mask():
    types = [flag for flag in EsmClass if "RECEIPT" in flag.name or "NOTIFICATION" in flag.name]
    assert types
    assert all(flag & MESSAGE_TYPE_MASK == flag for flag in types)
    assert not EsmClass.UDHI & MESSAGE_TYPE_MASK
    assert not EsmClass.STORE_AND_FORWARD & MESSAGE_TYPE_MASK
