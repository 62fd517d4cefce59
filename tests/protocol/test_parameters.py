from __future__ import annotations

from smpp_esme.protocol.parameters import MEANINGS, MESSAGE_TYPE_MASK, EsmClass
from smpp_esme.protocol.pdus import PDUS
from smpp_esme.protocol.tlvs import Tag


def test_every_parameter_that_has_meanings_exists():
    parameters = {name for record in PDUS.values() for name, _ in record.layout.fields}
    assert MEANINGS.keys() <= parameters | {tag.name.lower() for tag in Tag}


def test_every_message_type_lies_within_its_mask():
    types = [flag for flag in EsmClass if "RECEIPT" in flag.name or "NOTIFICATION" in flag.name]
    assert types
    assert all(flag & MESSAGE_TYPE_MASK == flag for flag in types)
    assert not EsmClass.UDHI & MESSAGE_TYPE_MASK
    assert not EsmClass.STORE_AND_FORWARD & MESSAGE_TYPE_MASK
