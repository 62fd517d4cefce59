"""A text in characters of the GSM 7-bit default alphabet: Latin for Cyrillic, plain quotes for typographic ones."""

from __future__ import annotations

import tomllib
import unicodedata
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from smpp_esme.sms.alphabet import gsm_octets

if TYPE_CHECKING:
    from collections.abc import Mapping


def transliterated(text: str) -> str | None:
    """The text in characters of the alphabet; None where one has nothing to stand for it, as an emoji has not.

    What the alphabet has stays as it is. Latin letters lose the marks that it does not know, and the table in
    `transliteration.toml` has the rest.
    """
    text = unicodedata.normalize("NFC", text)
    pieces = []
    for at, character in enumerate(text):
        piece = _replacement(character)
        if piece is None:
            return None
        if len(piece) > 1 and character.isupper() and _is_among_capitals(text, at):
            piece = piece.upper()
        pieces.append(piece)
    return "".join(pieces)


@cache
def _replacement(character: str) -> str | None:
    if gsm_octets(character) is not None:
        return character
    if (known := _known(character)) is not None:
        return known
    pieces = [_part(part) for part in unicodedata.normalize("NFKD", character)]
    return None if None in pieces else "".join(filter(None, pieces))


def _part(character: str) -> str | None:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return ""
    return character if gsm_octets(character) is not None else _known(character)


def _known(character: str) -> str | None:
    small = character.lower()
    found = _table().get(character, _table().get(small))
    # Anything but a letter is its own capital.
    return found if found is None or character == small else found.capitalize()


def _is_among_capitals(text: str, at: int) -> bool:
    following, before = text[at + 1 : at + 2], text[max(at - 1, 0) : at]
    return following.isupper() if following.isalpha() else before.isupper()


@cache
def _table() -> Mapping[str, str]:
    source = resources.files("smpp_esme.sms") / "transliteration.toml"
    groups = tomllib.loads(source.read_text(encoding="utf-8"))
    return {character: piece for group in groups.values() for character, piece in group.items()}
