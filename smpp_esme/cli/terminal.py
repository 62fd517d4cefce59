"""What others wrote, made fit for a terminal."""

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """The text with its control characters written out: no SMSC may command our terminal or begin a line."""
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)
