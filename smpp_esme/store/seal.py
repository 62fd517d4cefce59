"""Texts at rest: as they are, encrypted, or encrypted until they are sent and a keyed hash from then on.

AES-SIV (RFC 5297) by the library `cryptography`: what is sealed is bound to its place, so that no row's text can be put
into another's, and the same receipt that comes twice is sealed the same. From each configured key of 32 octets two are
derived (HKDF): one to encrypt, one to hash. A key is known by its name, the beginning of a hash of it, which stands
beside what it sealed; so several keys may be in use at a time, and a key that is not there is told by its name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Concatenate, Final, Literal, ParamSpec, TypeVar

from msgspec.structs import replace
from sqlalchemy import String, bindparam, case, delete, func, insert, literal, select, text, update

from smpp_esme.errors import InvalidValue, StoreUnusable
from smpp_esme.message.status import FINAL, MessageStatus
from smpp_esme.store.tables import message, received, received_segment, seal_key, segment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.ciphers.aead import AESSIV
    from sqlalchemy import Connection

    from smpp_esme.message.message import Message

_P = ParamSpec("_P")
_T = TypeVar("_T")

Kind = Literal["plain", "encrypted", "hashed"]

_KEY_OCTETS: Final = 32
_NAME_LENGTH: Final = 12
#: What sealed octets begin with that stand where nothing says that they are: no PDU is as long as this would say.
_OCTETS_MARK: Final = b"\xffsealed:"
_TEXT_MARK: Final = "~sealed:"
#: Before the key's name: what is sealed so is forgotten as soon as it is sent, and its hash stays.
_UNTIL_SENT: Final = "~"
HASHED: Final = "hashed"
_HASH_LENGTH: Final = 64
#: Where a connection carries its store's vault.
_PLACE: Final = "vault"
#: The SMSC has it, or nobody will send it any more.
_SENT: Final = sorted(FINAL | {MessageStatus.SUBMITTED, MessageStatus.ACCEPTED})


class _Key:
    """One key, and what is derived of it."""

    def __init__(self, octets: bytes) -> None:
        self.name = hashlib.sha256(b"smpp-esme key name" + octets).hexdigest()[:_NAME_LENGTH]
        self.cipher = _cipher(_derived(octets, b"encrypt", 64))
        self.hash_key = _derived(octets, b"hash", 32)

    def seal(self, octets: bytes, *place: str) -> bytes:
        """Octets that can be opened with the same place alone."""
        return self.cipher.encrypt(octets, [part.encode() for part in place])


class Vault:
    """Seals texts and opens them.

    Args:
        kind: how new texts are kept.
        keys: 32 octets each; the first seals, all of them open.

    Raises:
        InvalidValue: a key has another length, or `kind` needs one and there is none; or `cryptography` is missing.
    """

    def __init__(self, kind: Kind, keys: Sequence[bytes]) -> None:
        if any(len(key) != _KEY_OCTETS for key in keys):
            raise InvalidValue("store.text_keys", "a key has not 32 octets", "what `openssl rand -base64 32` prints")
        if kind != "plain" and not keys:
            raise InvalidValue("store.text_keys", f"no key is given, and texts are to be {kind}", "a key, in base64")
        if keys and find_spec("cryptography") is None:
            raise InvalidValue("store.text", "needs the library cryptography", "pip install 'smpp-esme[privacy]'")
        self.kind = kind
        made = [_Key(key) for key in keys]
        self._keys = {key.name: key for key in made}
        self._first = made[0] if made else None

    def __repr__(self) -> str:
        return f"<Vault {self.kind}, keys {', '.join(self._keys) or 'none'}>"

    @property
    def names(self) -> list[str]:
        """The names of the keys, the one that seals first."""
        return list(self._keys)

    @property
    def seals(self) -> bool:
        """Whether new texts are sealed."""
        return self.kind != "plain"

    # Messages of ours

    def sealed(self, given: Message, *, hashed: bool | None = None) -> Message:
        """A copy of a message as it is kept; `hashed` says whether only its hash is kept once it is sent."""
        key = self._sealing()
        kept = _to_text(key.seal(given.text.encode(), given.reference, "text"))
        hashed = self.kind == HASHED if hashed is None else hashed
        if hashed:
            kept += self.hash_of(given.text)
        return replace(
            given,
            text=kept,
            wish=self._sealed_wish(given),
            sealed=(_UNTIL_SENT if hashed else "") + key.name,
            segments=[
                replace(
                    each,
                    short_message=key.seal(each.short_message, given.reference, f"octets {each.number}"),
                    tlvs=key.seal(each.tlvs, given.reference, f"tlvs {each.number}"),
                )
                for each in given.segments
            ],
        )

    def sealed_alike(self, given: Message) -> Message:
        """A copy of a message that was opened, kept in the way in which it was kept before."""
        if given.sealed is None:
            return given
        return self.sealed(given, hashed=given.sealed.startswith(_UNTIL_SENT))

    def _sealed_wish(self, given: Message) -> str | None:
        """What it takes to compose a message anew; sealed where a text is in it."""
        has_text = given.wish is not None and '"text":' in given.wish
        return self.seal_text(given.wish or "", f"wish {given.reference}") if has_text else given.wish

    def open_wish(self, words: str, reference: str) -> str:
        """The wish of a message from what is kept of it."""
        return self.open_text(words, f"wish {reference}")

    def open(self, kept: Message) -> None:
        """Make a message read as it was written; one whose text was forgotten has its hash instead.

        Raises:
            StoreUnusable: it was sealed with a key that is not here, or it was tampered with.
        """
        if kept.sealed is None or kept.sealed == HASHED:
            return
        name = kept.sealed.removeprefix(_UNTIL_SENT)
        text = kept.text[:-_HASH_LENGTH] if kept.sealed.startswith(_UNTIL_SENT) else kept.text
        reference = kept.reference
        kept.text = self._opened(name, _from_text(text), reference, "text").decode()
        for each in kept.segments:
            each.short_message = self._opened(name, each.short_message, reference, f"octets {each.number}")
            each.tlvs = self._opened(name, each.tlvs, reference, f"tlvs {each.number}")

    def hash_of(self, words: str) -> str:
        """The keyed hash (HMAC-SHA256) of a text, in hexadecimal."""
        return hmac.digest(self._sealing().hash_key, words.encode(), "sha256").hex()

    def is_hash_of(self, kept: str, words: str) -> bool:
        """Whether this is the keyed hash of a text under any of the keys."""
        return kept in self.hashes_of(words)

    def hashes_of(self, words: str) -> list[str]:
        """The keyed hashes of a text, one under each key."""
        return [hmac.digest(key.hash_key, words.encode(), "sha256").hex() for key in self._keys.values()]

    # What comes from elsewhere, where nothing beside it says that it is sealed

    def seal_octets(self, octets: bytes, place: str) -> bytes:
        """Octets that say themselves that they are sealed."""
        key = self._sealing()
        return _OCTETS_MARK + key.name.encode() + key.seal(octets, place)

    def open_octets(self, octets: bytes, place: str) -> bytes:
        """What `seal_octets` was given; anything else as it is."""
        begin = len(_OCTETS_MARK) + _NAME_LENGTH
        key = self._keys.get(octets[len(_OCTETS_MARK) : begin].decode("latin-1"))
        if key is None or not octets.startswith(_OCTETS_MARK):
            return octets
        try:
            return self._opened(key.name, octets[begin:], place)
        except StoreUnusable:
            return octets  # a stranger wrote it so

    def seal_text(self, words: str, place: str) -> str:
        """A text that says itself that it is sealed."""
        return _TEXT_MARK + _to_text(self.seal_octets(words.encode(), place))

    def open_text(self, words: str, place: str) -> str:
        """What `seal_text` was given; anything else as it is."""
        if not words.startswith(_TEXT_MARK):
            return words
        try:
            octets = _from_text(words.removeprefix(_TEXT_MARK))
        except (binascii.Error, ValueError):
            return words  # a stranger wrote it so
        opened = self.open_octets(octets, place)
        return words if opened is octets else opened.decode()

    def _sealing(self) -> _Key:
        assert self._first is not None  # noqa: S101 - the constructor has seen to it
        return self._first

    def _opened(self, name: str, octets: bytes, *place: str) -> bytes:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an optional extra

        if not octets:
            return b""  # retention has forgotten it
        key = self._keys.get(name)
        if key is None:
            raise StoreUnusable(f"a text is sealed with the key {name}, which is not among store.text_keys")
        try:
            return key.cipher.decrypt(octets, [part.encode() for part in place])
        except InvalidTag:
            raise StoreUnusable(f"a text sealed with the key {name} was changed by somebody") from None


def asking(
    vault: Vault, question: Callable[Concatenate[Connection, _P], _T]
) -> Callable[Concatenate[Connection, _P], _T]:
    """The same question, or intake, with the vault at hand for whoever reads and writes rows."""

    def asked(connection: Connection, /, *args: _P.args, **options: _P.kwargs) -> _T:
        connection.info[_PLACE] = vault
        return question(connection, *args, **options)

    return asked


def changing(
    vault: Vault, change: Callable[Concatenate[Connection, _P], _T]
) -> Callable[Concatenate[Connection, _P], _T]:
    """The same change with the vault at hand; what it sent is forgotten in its transaction, where that is asked for."""
    made = asking(vault, change)
    if vault.kind != HASHED:
        return made

    def changed(connection: Connection, /, *args: _P.args, **options: _P.kwargs) -> _T:
        result = made(connection, *args, **options)
        forget_sent(connection)
        return result

    return changed


def vault_of(connection: Connection) -> Vault | None:
    """The vault that a connection carries, if texts are or were sealed here."""
    found: Vault | None = connection.info.get(_PLACE)
    return found


def sealing(connection: Connection) -> Vault | None:
    """The vault, if new texts are to be sealed."""
    vault = vault_of(connection)
    return vault if vault is not None and vault.seals else None


# Keys that a store remembers

_known = select(seal_key.c.name)
_remember = insert(seal_key)
_drop_key = delete(seal_key).where(seal_key.c.name == bindparam("key"))
_own = select(literal(1)).where(message.c.sealed.in_([bindparam("key"), bindparam("until_sent")])).limit(1)
_came = (
    select(literal(1))
    .where(func.substr(received.c.text, 1, len(_TEXT_MARK)) == _TEXT_MARK)
    .where(received.c.text.like(bindparam("text_like", type_=String)))
    .limit(1)
)
_held = (
    select(literal(1))
    .where(func.substr(received_segment.c.pdu, 1, len(_OCTETS_MARK) + _NAME_LENGTH) == bindparam("mark"))
    .limit(1)
)


def check(connection: Connection, vault: Vault | None, at: datetime) -> None:
    """See that every key is here that anything is sealed with, and remember the one that seals from now on.

    Raises:
        StoreUnusable: one is not; names it. Nothing was changed.
    """
    names = [] if vault is None else vault.names
    known = set(connection.execute(_known).scalars())
    for name in sorted(known - set(names)):
        if _is_needed(connection, name):
            raise StoreUnusable(
                f"texts are sealed with the key {name}, which is not among store.text_keys"
                f" ({', '.join(names) or 'there are none'}): give that key as well, after the one that is to seal;"
                " nothing was changed"
            )
        connection.execute(_drop_key, {"key": name})
    if vault is not None and vault.seals and names[0] not in known:
        connection.execute(_remember, {"name": names[0], "first_used_at": at})


def _is_needed(connection: Connection, name: str) -> bool:
    """Whether anything is sealed with a key. Every message is looked at, which happens only where a key is missing."""
    # The mark and the name come first in the octets; what is certain of their base64 is whole groups of three.
    begin = _to_text((_OCTETS_MARK + name.encode())[: (len(_OCTETS_MARK) + _NAME_LENGTH) // 3 * 3])
    asked: list[tuple[Any, dict[str, Any]]] = [
        (_own, {"key": name, "until_sent": _UNTIL_SENT + name}),
        (_came, {"text_like": f"{_TEXT_MARK}{begin}%"}),
        (_held, {"mark": _OCTETS_MARK + name.encode()}),
    ]
    return any(connection.execute(question, given).first() is not None for question, given in asked)


# What is forgotten as soon as it is sent

# The condition is that of the index, word for word; the statuses are few, and each is looked up in it.
_SENT_AND_KEPT: Final = text("substr(sealed, 1, 1) = '~'")
_due = select(message.c.id).where(_SENT_AND_KEPT, message.c.status.in_(_SENT))
_forget_segments = update(segment).where(segment.c.message.in_(_due)).values(short_message=b"", tlvs=b"")
_forget_messages = (
    update(message)
    .where(_SENT_AND_KEPT, message.c.status.in_(_SENT))
    .values(
        text=literal("hmac-sha256:") + func.substr(message.c.text, func.length(message.c.text) - _HASH_LENGTH + 1),
        sealed=HASHED,
        wish=None,
        # A message of several segments has no octets of its own, and gets none.
        short_message=case((message.c.short_message.is_not(None), b"")),
        tlvs=case((message.c.tlvs.is_not(None), b"")),
    )
)


def forget_sent(connection: Connection) -> None:
    """Leave nothing but the hash of what has been sent."""
    connection.execute(_forget_segments)
    connection.execute(_forget_messages)


def _derived(octets: bytes, purpose: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - an optional extra
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=b"smpp-esme " + purpose).derive(octets)


def _cipher(octets: bytes) -> AESSIV:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415 - an optional extra

    return AESSIV(octets)


def _to_text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _from_text(words: str) -> bytes:
    return base64.b64decode(words, validate=True)
