"""SMPP 3.4 as data and pure functions: octets <-> PDUs <-> session events. No I/O, no clock, no logging."""
