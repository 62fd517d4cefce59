"""Who may bind, and how often at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smpp_esme.protocol.commands import CommandStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smpp_esme.protocol.pdus import BindTransceiver
    from smpp_esme.simulator.bind import Bind
    from smpp_esme.simulator.limits import Limits


class Admission:
    """The accounts of an SMSC, and the connections that it believes still stand.

    Args:
        accounts: passwords by system_id; None lets anybody bind.
        limits: how often at a time, and for how long a lost connection counts.
    """

    def __init__(self, accounts: Mapping[str, str] | None, limits: Limits) -> None:
        self.accounts = None if accounts is None else dict(accounts)
        self._limits = limits
        # Until when a lost connection counts as bound.
        self._lost: dict[str, list[float]] = {}

    def status(self, request: BindTransceiver, binds: Iterable[Bind], now: float) -> CommandStatus:
        """The command_status that a bind gets."""
        system_id = request.system_id
        if not system_id or (self.accounts is not None and system_id not in self.accounts):
            return CommandStatus.ESME_RINVSYSID
        if self.accounts is not None and request.password != self.accounts[system_id]:
            return CommandStatus.ESME_RINVPASWD
        lost = self._still_lost(system_id, now)
        bound = sum(bind.system_id == system_id for bind in binds)
        if lost and self._limits.binds is None:
            return CommandStatus.ESME_RALYBND
        if self._limits.binds is not None and bound + lost >= self._limits.binds:
            return CommandStatus.ESME_RALYBND
        return CommandStatus.ESME_ROK

    def lose(self, system_id: str, now: float) -> None:
        """A connection of the account was lost without unbind."""
        if self._limits.bound_for:
            self._still_lost(system_id, now)
            self._lost.setdefault(system_id, []).append(now + self._limits.bound_for)

    def _still_lost(self, system_id: str, now: float) -> int:
        still = [until for until in self._lost.pop(system_id, []) if until > now]
        if still:
            self._lost[system_id] = still
        return len(still)
