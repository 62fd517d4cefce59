"""Where messages live: one `Store` on an SQL database."""

from smpp_esme.store.store import Store

__all__ = ["Store"]
