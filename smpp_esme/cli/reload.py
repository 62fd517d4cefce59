"""What SIGHUP does: the configuration is read anew, and the running daemon goes over to it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from smpp_esme.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from smpp_esme.cli.supervisor import Supervisor
    from smpp_esme.daemon.config import KeySettings, Settings
    from smpp_esme.daemon.service import Service
    from smpp_esme.web.auth import Caller
    from smpp_esme.web.server import Server

_log = logging.getLogger(__name__)


class Callers:
    """Who may ask, as the configuration has it now.

    Args:
        keys: the configuration's, by name.

    Attributes:
        by_digest: the callers; the same mapping for ever, with what is so now in it.
    """

    def __init__(self, keys: Mapping[str, KeySettings]) -> None:
        self.by_digest: dict[str, Caller] = {}
        self._keys: Mapping[str, KeySettings] = {}
        self.change(keys)

    def change(self, keys: Mapping[str, KeySettings]) -> None:
        """Let these ask, from the next request on; how much of its rate a key has used is kept where it is the same."""
        known = {name: self.by_digest[key.digest] for name, key in self._keys.items() if keys.get(name) == key}
        found = {key.digest: known.get(name) or _caller(name, key) for name, key in keys.items()}
        self.by_digest.clear()  # nothing is awaited before it is full again
        self.by_digest.update(found)
        self._keys = dict(keys)


class Reload:
    """Has a running daemon go over to what its file says by now.

    Args:
        path: the configuration's file.
        settings: what the daemon was started with.
        service: the daemon's loops.
        server: its web server.
        callers: who may ask it.
    """

    def __init__(self, path: Path, settings: Settings, service: Service, server: Server, callers: Callers) -> None:
        self._path = path
        self._settings = settings
        self._service = service
        self._server = server
        self._callers = callers

    async def run(self, asked: asyncio.Event, supervisor: Supervisor) -> None:
        """Reload whenever `asked` is set, until cancelled."""
        while True:
            await asked.wait()
            asked.clear()
            supervisor.reloading()
            try:
                await self.once()
            except ConfigError as error:
                _log.error("daemon.reload_refused", extra={"error": str(error)})
            supervisor.ready()

    async def once(self) -> None:
        """Read the file, and go over to it as far as that can be done; nothing is changed before all of it is right.

        Raises:
            ConfigError: the file, or what it leads to, is wrong; everything goes on as before.
        """
        from smpp_esme.cli import logs
        from smpp_esme.daemon import changes, config

        read = await asyncio.to_thread(config.load, self._path)
        reached = changes.reached(self._settings, read)
        self._service.check(reached)
        self._server.renew()
        logs.configure(reached.log)
        self._callers.change(reached.http.keys)
        refused = await self._service.reload(reached)
        for name, error in refused.items():
            _log.error("daemon.link_unchanged", extra={"link": name, "error": str(error)})
        kept = {name: self._settings.links[name] for name in refused}
        before, self._settings = self._settings, reached.model_copy(update={"links": reached.links | kept})
        _log.info("daemon.reloaded", extra={"changed": changes.changed(before, self._settings)})
        if keys := changes.changed(reached, read):
            _log.warning("daemon.restart_needed", extra={"keys": keys})


def _caller(name: str, key: KeySettings) -> Caller:
    from smpp_esme.web.auth import Caller, Scope

    return Caller(name, scopes=map(Scope, key.scopes), networks=key.networks, rate=key.rate)
