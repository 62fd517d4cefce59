"""What systemd is told of the daemon: that it is ready, that it stops, and that it still lives (sd_notify(3))."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_MICROSECONDS: Final = 1_000_000


class Supervisor:
    """Tells systemd how the daemon is; where systemd did not start it, it tells nobody.

    Args:
        environment: what systemd set; by default the process's own.

    Attributes:
        interval: seconds within which systemd wants a sign of life; 0 if it wants none.
        status: what people are shown of the daemon while it is ready.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        given = os.environ if environment is None else environment
        self.status = ""
        address = given.get("NOTIFY_SOCKET", "")
        # An @ stands for the NUL that an abstract address begins with.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        watchdog = given.get("WATCHDOG_USEC", "")
        ours = given.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.interval = int(watchdog) / _MICROSECONDS if self._address and ours and watchdog.isdigit() else 0.0

    def ready(self) -> None:
        """The daemon takes messages."""
        self._tell("READY=1", f"STATUS={self.status}")

    def reloading(self) -> None:
        """The configuration is being read anew; `ready` ends that."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={microseconds}")

    def stopping(self) -> None:
        """The daemon drains and leaves."""
        self._tell("STOPPING=1")

    async def watch(self, lives: Callable[[], Awaitable[object]]) -> None:
        """Give signs of life until cancelled; returns at once where none are wanted.

        Args:
            lives: awaited before each sign; while it does not return there is none, and systemd acts.
        """
        while self.interval:
            await lives()
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.interval / 2)

    def _tell(self, *states: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto("\n".join(states).encode(), self._address)
