"""How doubts ended, told to whoever counts once the transaction that ended them has committed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from smpp_esme.message.ledger import Ledger

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Where a connection carries what its transaction has ended.
_PLACE: Final = "doubts_ended"


def collecting(
    change: Callable[Concatenate[Connection, _P], _T],
) -> Callable[Concatenate[Connection, _P], tuple[_T, Counter[str]]]:
    """The same change, with the doubts that it ends, by how; a change that is made again begins anew."""

    def changed(connection: Connection, /, *args: _P.args, **options: _P.kwargs) -> tuple[_T, Counter[str]]:
        connection.info[_PLACE] = ended = Counter[str]()
        return change(connection, *args, **options), ended

    return changed


def collect(connection: Connection, ledger: Ledger) -> None:
    """Take note of what a ledger has ended."""
    ended: Counter[str] | None = connection.info.get(_PLACE)
    if ended is not None:
        ended.update(ledger.ended)
