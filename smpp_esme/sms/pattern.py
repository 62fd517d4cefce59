r"""A profile's own pattern for receipts that are not written in Appendix B's form at all.

A pattern is a small part of Python's regular expressions, chosen so that no text can make it run long: characters,
classes, quantifiers, named groups and optional groups, as in::

    (?P<stat>\d\d),(?P<done_date>\d{10}),(?P<submit_date>\d{10}),(?P<err>\d*)(?:,(?P<text>.*))?

What makes a regular expression run for ever is refused: repeated groups, alternatives, references, and every repeat
that could also take the beginning of what follows it. What is left never has to try a second way, and it is compiled
with possessive quantifiers, so that it cannot.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import msgspec

from smpp_esme.errors import ConfigError
from smpp_esme.sms import hlr

#: The values that a pattern may name; at least one of the first two.
GROUPS: Final = ("id", "stat", "err", "sub", "dlvrd", "submit_date", "done_date", "text", *hlr.KEYS)
#: A longer text is no receipt of this kind; it is not even tried, in characters.
LONGEST_TEXT: Final = 1024
#: In characters.
LONGEST_PATTERN: Final = 500
_MOST_REPEATS: Final = LONGEST_TEXT

_TOKEN: Final = re.compile(
    r"(?P<open>\((?:\?P<(?P<name>\w+)>|\?:))"
    r"|(?P<close>\))"
    r"|(?P<quantifier>[*+?]|\{(?P<least>\d{1,4})(?P<comma>,(?P<most>\d{1,4})?)?\})"
    r"|(?P<character>\\[dDsSwWnrt]|\\x[0-9A-Fa-f]{2}|\\[^\w\s]|\[\^?(?:\\.|[^]\[\\])+\]|[^\\()\[\]{}*+?|^$])"
)
# Set operations, which Python reserves inside a class.
_RESERVED: Final = re.compile(r"--|&&|~~|\|\|")
_ALLOWED: Final = "characters, classes, (?P<name>...), (?:...)? and the quantifiers * + ? {m,n}"

_Octets: TypeAlias = frozenset[int]


class _Character(msgspec.Struct):
    """One character or class, and how often it may stand."""

    written: str
    octets: _Octets
    least: int = 1
    most: int = 1

    @property
    def varies(self) -> bool:
        return self.least != self.most

    def __str__(self) -> str:
        if (self.least, self.most) == (1, 1):
            return self.written
        return f"{self.written}{{{self.least},{self.most}}}{'+' if self.varies else ''}"


class _Group(msgspec.Struct):
    """What stands between brackets; `least` is 0 where it may be absent."""

    opened: str
    nodes: list[_Character | _Group]
    least: int = 1

    def __str__(self) -> str:
        return f"{self.opened}{''.join(map(str, self.nodes))}){'' if self.least else '?'}"


def compiled(written: str) -> re.Pattern[str]:
    """The pattern that a profile's `receipt_pattern` describes, for `fullmatch`.

    Raises:
        ConfigError: it is no such pattern; says where and what would be.
    """
    if len(written) > LONGEST_PATTERN:
        raise _wrong(f"has {len(written)} characters", f"at most {LONGEST_PATTERN}")
    nodes = _parsed(written)
    _first(nodes, frozenset())
    pattern = re.compile("".join(map(str, nodes)), re.DOTALL)
    if strange := set(pattern.groupindex).difference(GROUPS):
        raise _wrong(f"has a group {min(strange)!r}", f"groups named {', '.join(GROUPS)}")
    if not {"id", "stat"} & set(pattern.groupindex):
        raise _wrong("names neither id nor stat", "a group (?P<id>...) or (?P<stat>...)")
    return pattern


def _parsed(written: str) -> list[_Character | _Group]:
    root = _Group("", [])
    open_groups = [root]
    names: set[str] = set()
    at = 0
    while at < len(written):
        token = _TOKEN.match(written, at)
        if token is None:
            raise _wrong(f"has {written[at]!r} at {at}", _ALLOWED)
        _take(token, open_groups, names)
        at = token.end()
    if len(open_groups) > 1:
        raise _wrong("has a group that does not end", "a ) for every (")
    return root.nodes


def _take(token: re.Match[str], open_groups: list[_Group], names: set[str]) -> None:
    if token["open"]:
        if (name := token["name"]) in names:
            raise _wrong(f"names {name} twice", "each group once")
        if name:
            names.add(name)
        group = _Group(token[0], [])
        open_groups[-1].nodes.append(group)
        open_groups.append(group)
    elif token["close"]:
        if len(open_groups) == 1:
            raise _wrong(f"has a ) at {token.start()} that closes nothing", "a ( for every )")
        open_groups.pop()
    elif token["character"]:
        open_groups[-1].nodes.append(_Character(token[0], _octets(token)))
    else:
        _repeat(token, open_groups[-1].nodes)


def _octets(token: re.Match[str]) -> _Octets:
    """The characters up to U+00FF, which is all that a receipt's octets become, that this one stands for."""
    if token[0][0] == "[" and _RESERVED.search(token[0]):
        raise _wrong(f"has a doubled - & ~ or | in the class at {token.start()}", r"a class as in [A-Z0-9_\-]")
    try:
        one = re.compile(token[0], re.DOTALL)
    except re.error as error:
        raise _wrong(f"has a class at {token.start()} that is none: {error.msg}", "a class as in [A-Z0-9_]") from None
    return frozenset(octet for octet in range(256) if one.fullmatch(chr(octet)))


def _repeat(token: re.Match[str], nodes: list[_Character | _Group]) -> None:
    least, most = _bounds(token)
    if not nodes or least > most or most > _MOST_REPEATS:
        raise _wrong(f"has {token[0]} at {token.start()}", f"0 to {_MOST_REPEATS} times of what stands before it")
    node = nodes[-1]
    if isinstance(node, _Group):
        if token[0] != "?" or node.least == 0:
            raise _wrong(f"repeats a group at {token.start()}", "a group once, or with ? behind it")
        node.least = 0
    elif (node.least, node.most) == (1, 1):
        node.least, node.most = least, most
    else:
        raise _wrong(f"has a second quantifier at {token.start()}", "one quantifier for a character")


def _bounds(token: re.Match[str]) -> tuple[int, int]:
    match token[0]:
        case "*":
            return 0, _MOST_REPEATS
        case "+":
            return 1, _MOST_REPEATS
        case "?":
            return 0, 1
    least = int(token["least"])
    if not token["comma"]:
        return least, least
    return least, int(token["most"] or _MOST_REPEATS)


def _first(nodes: list[_Character | _Group], after: _Octets) -> _Octets:
    """The characters with which these nodes, followed by one of `after`, may begin; no choice may be open."""
    for node in reversed(nodes):
        own = _first(node.nodes, after) if isinstance(node, _Group) else node.octets
        varies = node.varies if isinstance(node, _Character) else not node.least
        if varies and own & after:
            raise _wrong(
                f"has {_shown(node)}, which may also take {chr(min(own & after))!r}, with which what follows begins",
                "a repeat that stops before what follows, as in [^,]*,",
            )
        after = own if node.least else own | after
    return after


def _shown(node: _Character | _Group) -> str:
    return f"a repeated {node.written}" if isinstance(node, _Character) else "an optional group"


def _wrong(problem: str, allowed: str) -> ConfigError:
    return ConfigError("receipt_pattern", problem, allowed)
