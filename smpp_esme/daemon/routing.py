"""Which link takes a message: the one that it names, or what the routes say for its number and kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from smpp_esme.daemon.inquiry import Inquiry
from smpp_esme.daemon.links import LinkState
from smpp_esme.errors import InvalidValue
from smpp_esme.sms import address
from smpp_esme.sms.content import KINDS, is_offered
from smpp_esme.sms.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smpp_esme.daemon.orders import Order
    from smpp_esme.daemon.routes import RouteSettings


class Outlet(msgspec.Struct, frozen=True, kw_only=True):
    """A link, as far as choosing it and composing a message for it go.

    Attributes:
        link: its name.
        profile: its SMSC's, as bound.
        source_addr: who sends, where the caller does not say.
        is_bound: whether the link has a bound session now.
        can_submit: whether one of them takes submit_sm now; by default whether there is one.
        submits: whether messages may go out on it; a receiver's only come in.
        inquiry: what asks its SMSC about messages, if anything does.
        state: how the link is now, if anybody knows.
    """

    link: str
    profile: Profile
    source_addr: str
    is_bound: Callable[[], bool]
    can_submit: Callable[[], bool] | None = None
    submits: bool = True
    inquiry: Inquiry | None = None
    state: Callable[[], LinkState] | None = None

    @property
    def is_able(self) -> bool:
        """Whether a message could go out on it now."""
        return self.submits and (self.can_submit or self.is_bound)()


class Route(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which links a message may go out on.

    Attributes:
        name: the route's.
        links: those of its links that take messages of the kind at all, the preferred one first.
        failover_after: seconds for which a link cannot submit until what is queued on it goes to another; 0 for never.
        keeps: whether a message stays on the link that its order names.
    """

    name: str
    links: tuple[str, ...]
    failover_after: float = 300.0
    keeps: bool = True


class RouteTable:
    """The routes by kind and prefix.

    The longest prefix wins; of the same length a route that names the kind goes before one for every kind. A route
    none of whose links takes a kind is not there for it.

    Args:
        routes: the configuration's, by name.
        offers: what says of a link and a kind whether the link takes it.
    """

    def __init__(self, routes: Mapping[str, RouteSettings], offers: Callable[[str, str], bool]) -> None:
        self._by_kind = {kind: _by_prefix(routes, kind, offers) for kind in KINDS}
        self._lengths = {
            kind: sorted({len(prefix) for prefix in found}, reverse=True) for kind, found in self._by_kind.items()
        }

    def match(self, number: str, kind: str) -> Route | None:
        """The route of a message, if there is one.

        Args:
            number: whom it is for, in digits, country code first; "" for what is no number.
            kind: its kind.
        """
        found = self._by_kind.get(kind)
        if not found:
            return None
        for length in self._lengths[kind]:
            if route := found.get(number[:length]):  # too short a number is no prefix of that length
                return route
        return None


def _by_prefix(routes: Mapping[str, RouteSettings], kind: str, offers: Callable[[str, str], bool]) -> dict[str, Route]:
    """The routes for one kind; those that name it are put over those for every kind."""
    found: dict[str, Route] = {}
    for names_it in (False, True):
        for name, one in routes.items():
            links = tuple(link for link in one.links if offers(link, kind))
            if links and (kind in one.kinds if names_it else not one.kinds):
                keeps = one.named_links == "keep"
                route = Route(name=name, links=links, failover_after=one.failover_after, keeps=keeps)
                found |= dict.fromkeys(one.prefixes or ("",), route)
    return found


class Choice(msgspec.Struct, frozen=True, gc=False):
    """Where a message goes out.

    Attributes:
        outlet: the link.
        route: the name of the route that chose it, or None: none did.
        pinned: whether it is to stay there, whatever happens.
    """

    outlet: Outlet
    route: str | None = None
    pinned: bool = False


class Router:
    """Knows the links there are, and chooses among them.

    Args:
        outlets: the links, in the order of the configuration.
        routes: the configuration's, by name.
        refuses: whether a message is refused that no route is for and that names no link; else it takes the first link.

    Attributes:
        outlets: the links by name.
        routes: as given.
    """

    def __init__(
        self, outlets: Iterable[Outlet], routes: Mapping[str, RouteSettings] | None = None, *, refuses: bool = False
    ) -> None:
        self.outlets = {outlet.link: outlet for outlet in outlets}
        self.routes = routes or {}
        self._refuses = refuses
        self._table = RouteTable(self.routes, self._takes)
        self._first = next((Choice(outlet) for outlet in self.outlets.values() if outlet.submits), None)
        self._choices = {link: Choice(outlet, pinned=True) for link, outlet in self.outlets.items() if outlet.submits}

    def choose(self, order: Order) -> Choice:
        """Where an order's message goes out.

        Raises:
            InvalidValue: nowhere; names the field that would have to be another.
        """
        if order.link is not None:
            return self._named(order, order.link)
        if not self.routes:
            choice = self._first
        elif route := self.route(order.to, order.content.kind):
            choice = Choice(self.usable(route), route.name)
        elif self._refuses:
            raise InvalidValue("destination", f"no route takes {order.content.kind} there", "one that [routes] are for")
        else:
            choice = self._first
        if choice is None:
            raise self._no_link(None)
        return msgspec.structs.replace(choice, pinned=True) if order.pinned else choice

    def route(self, destination: str, kind: str) -> Route | None:
        """The route of a message, if there is one.

        Args:
            destination: whom it is for, as a person writes it; "" for nobody yet.
            kind: its kind.

        Raises:
            InvalidValue: the destination is none.
        """
        number = destination
        if number and not address.is_number(number):
            found = address.destination(number, kind=kind).addr
            number = found if found.isdigit() else ""
        return self._table.match(number, kind)

    def usable(self, route: Route) -> Outlet:
        """The first of a route's links that can submit now; if none can, the preferred one."""
        for link in route.links:
            if (outlet := self.outlets[link]).is_able:
                return outlet
        return self.outlets[route.links[0]]

    def able(self, route: Route, but: str) -> list[Outlet]:
        """Those of a route's links that can submit now, the preferred one first, without one of them."""
        return [one for link in route.links if link != but and (one := self.outlets[link]).is_able]

    def able_links(self) -> list[str]:
        """The links that can submit now."""
        return [link for link, outlet in self.outlets.items() if outlet.is_able]

    def named(self, link: str) -> Outlet:
        """The link of this name.

        Raises:
            InvalidValue: there is none, or no message can go out on it.
        """
        return self._choice(link).outlet

    def state(self) -> dict[str, str | None]:
        """Of each route the link that would take a message now, or None: none can submit."""
        found = {}
        for name, one in self.routes.items():
            able = (link for link in one.links if link in self.outlets and self.outlets[link].is_able)
            found[name] = next(able, None)
        return found

    def _named(self, order: Order, link: str) -> Choice:
        """Where a message goes out that names a link: there, or as its route says if it may and that cannot submit."""
        choice = self._choice(link)
        if order.pinned or not (self.routes or order.pinned is False):
            return choice
        route = self.route(order.to, order.content.kind)
        if order.pinned is None and (route is None or route.keeps):
            return choice
        if route is None or choice.outlet.is_able:
            return Choice(choice.outlet)
        return Choice(next(iter(self.able(route, but=link)), choice.outlet), route.name)

    def _choice(self, link: str) -> Choice:
        found = self._choices.get(link)
        if found is None:
            raise self._no_link(link)
        return found

    def _no_link(self, link: str | None) -> InvalidValue:
        known = ", ".join(self._choices)
        return InvalidValue("link", f"no message can go out on {link!r}", f"one of {known}" if known else "none")

    def _takes(self, link: str, kind: str) -> bool:
        outlet: Any = self.outlets.get(link)
        return outlet is not None and outlet.submits and is_offered(kind, outlet.profile)
