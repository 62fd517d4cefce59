from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import smpp_esme.protocol as protocol
print(*sys.modules)
print(*(name for pdu in protocol.pdus.PDUS.values() for name in ("encode", "decode") if name in vars(pdu.layout)))
"""


def test_importing_the_protocol_loads_and_compiles_only_what_every_session_needs():
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
    loaded, compiled = told.splitlines()
    # construct alone takes as long as all of ours; the rest of the package serves dumps and tests.
    slow = {"construct", *(f"smpp_esme.protocol.{name}" for name in ("reference", "dump", "meanings", "parameters"))}
    assert not slow & set(loaded.split())
    assert "smpp_esme.protocol.connection" in loaded.split()
    assert not compiled
