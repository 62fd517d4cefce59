"""Which messages go out on which links, as it is configured."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from smpp_esme.daemon.table import Table
from smpp_esme.sms.content import KINDS, is_offered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from smpp_esme.daemon.accounts import LinkSettings

#: An international number has fifteen digits (ITU-T E.164), and no country code begins with 0.
_LONGEST_PREFIX: Final = 15


def _prefix(value: Any) -> Any:
    """Read before pydantic does, which would tell of a pattern."""
    if isinstance(value, str) and not (
        value.isascii() and value.isdigit() and value[0] != "0" and len(value) <= _LONGEST_PREFIX
    ):
        problem = "is not how an international number begins"
        raise ValueError(f"{value!r} {problem}; up to {_LONGEST_PREFIX} digits, country code first, as in 49 or 7916")
    return value


def _kind(value: Any) -> Any:
    """Likewise, of a choice."""
    if isinstance(value, str) and value not in KINDS:
        raise ValueError(f"{value!r} is no kind of message; {_instead(value, KINDS)}")
    return value


class RouteSettings(Table):
    """Which links some messages go out on.

    Attributes:
        links: the links to go out on, the preferred one first: a message takes the first that can submit when it comes.
        prefixes: how the numbers begin that it is for: digits, country code first. Of several routes the one with the
            longest prefix is taken; without prefixes it is for every number, and for what is no number.
        kinds: the kinds of messages that it is for, such as sms, mail or hlr; by default every kind that a link of it
            takes. It goes before a route for every kind with the same prefix.
        failover_after: seconds for which a link cannot submit until what is queued on it goes to the next link that
            can; 0 for never.
        named_links: what a link means that an order names, if the order itself does not say: "keep" has the message
            stay on it whatever happens, "prefer" lets it go to the other links as well.
    """

    links: Annotated[tuple[str, ...], Field(min_length=1)]
    prefixes: tuple[Annotated[str, BeforeValidator(_prefix)], ...] = ()
    kinds: tuple[Annotated[str, BeforeValidator(_kind)], ...] = ()
    failover_after: Annotated[float, Field(ge=0, le=604_800)] = 300.0
    named_links: Literal["keep", "prefer"] = "keep"


class RoutingSettings(Table):
    """What holds for all routes.

    Attributes:
        unmatched: what becomes of a message that no route is for, and that names no link: "first" has it go out on the
            first link, "refuse" refuses it.
    """

    unmatched: Literal["first", "refuse"] = "first"


def check(routes: Mapping[str, RouteSettings], links: Mapping[str, LinkSettings]) -> None:
    """See that every route leads somewhere, and that no two are for the same.

    Raises:
        ValidationError: names each key that is wrong, and the way out.
    """
    wrong: list[InitErrorDetails] = [
        {
            "type": PydanticCustomError("route", "{problem}", {"problem": problem}),
            "loc": ("routes", name, key),
            "input": None,  # a value is never repeated
        }
        for name, key, problem in (*_wrong_links(routes, links), *_wrong_twice(routes))
    ]
    if wrong:
        raise ValidationError.from_exception_data("Settings", wrong, hide_input=True)


def _wrong_links(
    routes: Mapping[str, RouteSettings], links: Mapping[str, LinkSettings]
) -> Iterator[tuple[str, str, str]]:
    for name, route in routes.items():
        for place, link in enumerate(route.links):
            if link in route.links[:place]:
                yield name, "links", f"{link} is there twice; once, at its place"
            elif link not in links:
                yield name, "links", f"there is no link {link!r}; {_instead(link, links)}"
            elif problem := _unfit(links[link], route):
                yield name, "links", f"{link} {problem}"


def _unfit(link: LinkSettings, route: RouteSettings) -> str | None:
    """Why a link cannot carry what a route is for."""
    if link.bind == "receiver":
        return 'is bound as a receiver, which submits nothing; bind = "transceiver", or another link'
    profile = link.bound_profile()
    missing = [kind for kind in route.kinds if not is_offered(kind, profile)]
    return f"has the profile {profile.name}, which takes no {missing[0]}; a link that does" if missing else None


def _wrong_twice(routes: Mapping[str, RouteSettings]) -> Iterator[tuple[str, str, str]]:
    """Where two routes, or one of them twice, are for the same."""
    taken: dict[tuple[str, str], str] = {}
    for name, route in routes.items():
        for key, words in (("prefixes", route.prefixes), ("kinds", route.kinds)):
            if twice := next((word for place, word in enumerate(words) if word in words[:place]), None):
                yield name, key, f"{twice} is there twice; once"
        others = {}
        for prefix in route.prefixes or ("",):
            for kind in route.kinds or ("",):
                other = taken.setdefault((prefix, kind), name)
                if other != name:
                    others[other] = f"{kind or 'every kind'} to {prefix or 'any number'}"
        for other, same in others.items():
            yield name, "prefixes", f"routes.{other} is for the same: {same}; another prefix or kind, or one route"


def _instead(word: str, known: Mapping[str, Any]) -> str:
    """What may have been meant."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"one of {', '.join(known)}"
