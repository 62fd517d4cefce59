"""An SMSC to run on the desk and to test against.

`Smsc` is the whole of it; `Handsets` says who answers how, `Script` says where the SMSC misbehaves, and
`FaultProxy` is a network that does. What is named here
is imported when it is first asked for, so that the pytest plugin costs nothing in a session that does not use it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from smpp_esme.simulator.forms import ReceiptForm
    from smpp_esme.simulator.handsets import Condition, Handset, Handsets
    from smpp_esme.simulator.limits import Guards, Limits
    from smpp_esme.simulator.personality import Personality, run
    from smpp_esme.simulator.proxy import FaultProxy, Faults
    from smpp_esme.simulator.records import Counts, Received
    from smpp_esme.simulator.script import Script
    from smpp_esme.simulator.smsc import Smsc

__all__ = [
    "Condition",
    "Counts",
    "FaultProxy",
    "Faults",
    "Guards",
    "Handset",
    "Handsets",
    "Limits",
    "Personality",
    "ReceiptForm",
    "Received",
    "Script",
    "Smsc",
    "run",
]

_HOMES: Final = {
    "Condition": "handsets",
    "Counts": "records",
    "FaultProxy": "proxy",
    "Faults": "proxy",
    "Guards": "limits",
    "Handset": "handsets",
    "Handsets": "handsets",
    "Limits": "limits",
    "Personality": "personality",
    "ReceiptForm": "forms",
    "Received": "records",
    "Script": "script",
    "Smsc": "smsc",
    "run": "personality",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
