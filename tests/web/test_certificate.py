"""The end of a certificate's validity, held against a library that knows all of X.509."""

from datetime import UTC, datetime

import pytest
import trustme
from cryptography import x509

from smpp_esme.errors import InvalidValue
from smpp_esme.web.certificate import expiry


@pytest.mark.parametrize("key", [trustme.KeyType.RSA, trustme.KeyType.ECDSA])
@pytest.mark.parametrize("year", [1999, 2027, 2049, 2050, 2999])  # from 2050 a year has four digits
def test_the_end_of_a_certificate_is_read(tmp_path, key, year):
    path = tmp_path / "certificate.pem"
    until = datetime(year, 12, 31, 23, 59, 58, tzinfo=UTC)
    authority = trustme.CA(key_type=key)
    issued = authority.issue_cert(
        "esme.example", not_before=datetime(1990, 1, 1, tzinfo=UTC), not_after=until, key_type=key
    )
    issued.private_key_and_cert_chain_pem.write_to_path(path)
    assert expiry(path) == until
    [first, *_] = x509.load_pem_x509_certificates(path.read_bytes())
    assert expiry(path) == first.not_valid_after_utc


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"],
)
def test_what_is_no_certificate_is_said_to_be_none(tmp_path, text):
    path = tmp_path / "certificate.pem"
    path.write_text(text)
    with pytest.raises(InvalidValue, match="there is none"):
        expiry(path)
