"""What the daemon measures of itself, for Prometheus to fetch.

What happens is counted where it happens; what is so (bound sessions, the queue) is asked for when somebody fetches.
Every label is a name from the configuration, a route of ours, or a word of a closed list: no number, no text, and
nothing that a stranger could make more of.
"""

from __future__ import annotations

import math
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, disable_created_metrics
from prometheus_client import generate_latest as written

from smpp_esme.daemon.tally import Count, Counts, Spreads
from smpp_esme.errors import StoreUnusable
from smpp_esme.message.ledger import ENDINGS
from smpp_esme.message.message import Accepted, Refused
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.session import events
from smpp_esme.session.pacing import THROTTLES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from datetime import datetime

    from smpp_esme.daemon.tracing import Tracing
    from smpp_esme.daemon.webhooks import EndpointState
    from smpp_esme.message.message import ReceiptFact, RecordedReceipt, Unanswered
    from smpp_esme.session.events import LinkEvent
    from smpp_esme.session.link import Link
    from smpp_esme.store import Store

#: From a fast SMSC on the same continent to one that is about to be given up.
_RESPONSES: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: From a telephone in the hand to one that comes back from a journey.
_RECEIPTS: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 259_200.0)
_COMMITS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_ROWS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000, 5_000)
_REQUESTS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_POSTS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
#: What RFC 9110 and RFC 5789 name; anything else that a client makes up is "other".
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: What a vendor's own command_status is counted as: there are too many to give each a line.
_VENDOR: Final = "vendor"
_BINDS: Final[dict[type[LinkEvent], str]] = {
    events.Bound: "bound",
    events.Refused: "refused",
    events.Unreachable: "unreachable",
}


class Metrics:
    """All that one daemon measures.

    Attributes:
        registry: what Prometheus's own library keeps it in.
        tracing: what traces as well, if anything does; to be set before anybody counts.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # else: a second series for each counter
        self.registry = CollectorRegistry()
        self.tracing: Tracing | None = None
        self._before: list[Callable[[], Awaitable[None]]] = []
        self._described: list[tuple[str, str, tuple[str, ...], str]] = []
        ProcessCollector(registry=self.registry)
        self._gauge("build_info", "The version that runs; always 1.", "version").labels(version("smpp-esme")).set(1)
        self._traffic()
        self._sessions()
        self._keeping()
        self._asking()
        told = "Spans of traces; of those that ended, what was neither exported nor failed waits or was dropped."
        self._described.append(("smpp_esme_spans_total", "counter", ("outcome",), told))
        # Spans are counted in the exporter's thread as well.
        self.spans = Counter("spans", told, ("outcome",), namespace="smpp_esme", registry=self.registry)
        self._telling()

    def _traffic(self) -> None:
        self.submit_sm = self._counter(
            "submit_sm", "submit_sm PDUs by how they ended; late: answered after they were in doubt.", "link", "outcome"
        )
        told = "Messages that went from one link's queue to another's, by what decided it."
        self.rerouted = self._counter("rerouted", told, "link", "to_link", "decided")
        self.refusals = self._counter(
            "submit_sm_refusals", "submit_sm_resp with a command_status that refuses.", "link", "command_status"
        )
        self.responses = self._histogram("response_seconds", "From a submit_sm to its response.", _RESPONSES, "link")
        self.receipts = self._counter(
            "receipts",
            "Delivery receipts by the status they tell; moved: news, repeated: none, limbo: of no message known yet.",
            *("link", "outcome", "status"),
        )
        self.waits = self._histogram(
            "receipt_seconds", "From the SMSC's yes to a segment to the first final receipt.", _RECEIPTS, "link"
        )
        self.received = self._counter("received", "deliver_sm that are no receipts: segments from subscribers.", "link")

    def _sessions(self) -> None:
        self.binds = self._counter("binds", "Attempts to bind, by what came of them.", "link", "outcome")
        self.lost = self._counter("sessions_lost", "Bound sessions that ended by themselves.", "link")
        self.slowed = self._counter("slowed", "How often the SMSC made us slower.", "link")
        self.sessions = self._gauge("sessions", "Bound sessions.", "link")
        self.wanted = self._gauge("sessions_wanted", "Sessions that the configuration asks for.", "link")
        self.outstanding = self._gauge("window_outstanding", "Requests that wait for their response.", "link")
        self.window = self._gauge("window_limit", "How many may, over all bound sessions.", "link")
        self.pace = self._gauge("pace", "submit_sm a second that may leave now; 0: no limit.", "link")

    def _keeping(self) -> None:
        self.ready = self._gauge("ready", "1 if a message handed in now could be kept and sent, as /readyz says.")
        self.store_up = self._gauge("store_up", "1 if the store answers; if not, what it would count is left out.")
        self.messages = self._gauge("messages", "Messages by status.", "status")
        self.queue = self._gauge("queue_messages", "Messages that wait to be submitted.", "link", "priority")
        self.oldest = self._gauge(
            "queue_oldest_seconds", "For how long the first of them has been due.", "link", "priority"
        )
        told = "Messages on a link that cannot submit, or is no more, and that could not go to another, by why."
        self.left_behind = self._gauge("left_messages", told, "link", "why")
        self.limbo = self._gauge("limbo_receipts", "Receipts that belong to no message known.")
        self.doubts = self._counter("doubts_ended", "Doubts about messages that ended, by how.", "how")
        for how in ENDINGS:
            self.doubts.labels(how)  # so that the first is an increase
        self.commits = self._histogram("store_commit_seconds", "How long a transaction took.", _COMMITS).labels()
        self.rows = self._histogram("store_commit_rows", "How many rows' worth of work shared it.", _ROWS).labels()

    def _asking(self) -> None:
        self.requests = self._counter("http_requests", "HTTP requests answered.", "method", "route", "status")
        self.answers = self._histogram(
            "http_request_seconds", "From a request's head to the end of its answer.", _REQUESTS, "route"
        )

    def _telling(self) -> None:
        self.attempts = self._counter(
            "webhook_attempts", "Attempts to tell an endpoint of an event, by what came of them.", "endpoint", "outcome"
        )
        self.posts = self._histogram("webhook_seconds", "How long an endpoint took to answer.", _POSTS, "endpoint")
        self.buried = self._counter("webhook_dead", "Events that became dead letters.", "endpoint")
        self.behind = self._gauge(
            "webhook_behind_events", "Events that an endpoint has still to be told of, if they are for it.", "endpoint"
        )
        self.lag = self._gauge(
            "webhook_lag_seconds", "The age of the first event that an endpoint has to be told of.", "endpoint"
        )
        self.dead_letters = self._gauge("webhook_dead_letters", "Dead letters that are kept.", "endpoint")
        self.disabled = self._gauge("webhook_disabled", "1 if an endpoint said that it wants no more.", "endpoint")

    # What happens

    def webhook(self, name: str) -> WebhookMeter:
        """The meter of one endpoint."""
        return WebhookMeter(self, name)

    def no_webhooks(self) -> None:
        """How the endpoints stand cannot be known just now."""
        for gauge in (self.behind, self.lag, self.dead_letters, self.disabled):
            gauge.clear()

    def link(self, name: str) -> LinkMeter:
        """The meter of one link."""
        return LinkMeter(self, name)

    def doubts_ended(self, ended: Mapping[str, int]) -> None:
        """So many doubts ended so."""
        for how, number in ended.items():
            self.doubts.labels(how).inc(number)

    def committed(self, rows: int, seconds: float) -> None:
        """A transaction has ended."""
        self.commits.observe(seconds)
        self.rows.observe(rows)

    def asked(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is one of ours, as it is declared."""
        self.requests.labels(method if method in METHODS else "other", route, str(status)).inc()
        self.answers.labels(route).observe(seconds)

    # What is so

    def before(self, measure: Callable[[], Awaitable[None]]) -> None:
        """Have `measure` set its gauges whenever somebody fetches."""
        self._before.append(measure)

    async def exposition(self) -> bytes:
        """All of it in Prometheus's text format, version 0.0.4."""
        for measure in self._before:
            await measure()
        return written(self.registry)

    def described(self) -> list[tuple[str, str, tuple[str, ...], str]]:
        """Name, kind, labels and meaning of each metric of ours, as it is exposed."""
        return list(self._described)

    # Inside

    def _counter(self, name: str, told: str, *labels: str) -> Counts:
        self._described.append((f"smpp_esme_{name}_total", "counter", labels, told))
        return Counts(f"smpp_esme_{name}", told, labels, self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        self._described.append((f"smpp_esme_{name}", "gauge", labels, told))
        return Gauge(name, told, labels, namespace="smpp_esme", registry=self.registry)

    def _histogram(self, name: str, told: str, buckets: tuple[float, ...], *labels: str) -> Spreads:
        self._described.append((f"smpp_esme_{name}", "histogram", labels, told))
        return Spreads(f"smpp_esme_{name}", told, labels, self.registry, bounds=buckets)


class LinkMeter:
    """What is measured of one link; its series are there from the start, so that the first event is an increase.

    Attributes:
        tracing: what traces as well, if anything does.
    """

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._metrics = metrics
        self._name = name
        outcomes = ("accepted", "throttled", "refused", "unanswered", "late")
        self._submit_sm = {outcome: metrics.submit_sm.labels(name, outcome) for outcome in outcomes}
        self._responses = metrics.responses.labels(name)
        self._waits = metrics.waits.labels(name)
        self._received = metrics.received.labels(name)
        self._receipts: dict[tuple[str, str], Count] = {}
        self._binds = {kind: metrics.binds.labels(name, outcome) for kind, outcome in _BINDS.items()}
        self._lost = metrics.lost.labels(name)
        self._slowed = metrics.slowed.labels(name)
        self.tracing = metrics.tracing

    def answered(self, outcome: Accepted | Refused | Unanswered, seconds: float) -> None:
        """A submit_sm was answered after so long."""
        self._responses.observe(seconds)
        self._submit_sm[self._word(outcome)].inc()

    def unanswered(self) -> None:
        """A submit_sm was not answered, and its message is in doubt."""
        self._submit_sm["unanswered"].inc()

    def late(self) -> None:
        """One was after all."""
        self._submit_sm["late"].inc()

    def receipt(self, fact: ReceiptFact, recorded: RecordedReceipt) -> None:
        """A receipt was written down."""
        outcome = "limbo" if recorded.reference is None else "moved" if recorded.moved else "repeated"
        counter = self._receipts.get((outcome, fact.message_status))
        if counter is None:
            counter = self._metrics.receipts.labels(self._name, outcome, fact.message_status.value)
            self._receipts[outcome, fact.message_status] = counter
        counter.inc()
        if fact.final and recorded.moved and recorded.submitted_at is not None:
            # A clock that was set back in between must not take away from the sum.
            self._waits.observe(max(0.0, (fact.received_at - recorded.submitted_at).total_seconds()))
        if self.tracing and recorded.reference:
            self.tracing.receipt(recorded.reference, fact, moved=recorded.moved, submitted_at=recorded.submitted_at)

    def received(self, count: int) -> None:
        """So many segments from subscribers came."""
        self._received.inc(count)

    def event(self, event: LinkEvent) -> None:
        """Something happened to the link."""
        if counter := self._binds.get(type(event)):
            counter.inc()
        elif isinstance(event, events.Lost):
            self._lost.inc()
        elif isinstance(event, events.Slowed):
            self._slowed.inc()

    def measure(self, link: Link, now: float) -> None:
        """Set the gauges to how the link is now, by the event loop's clock."""
        sessions = link.sessions
        self._metrics.sessions.labels(self._name).set(len(sessions))
        self._metrics.wanted.labels(self._name).set(0 if link.has_ended else len(link.plan.sessions()))
        self._metrics.outstanding.labels(self._name).set(sum(one.connection.outstanding for one in sessions))
        self._metrics.window.labels(self._name).set(len(sessions) * link.window)
        self._metrics.pace.labels(self._name).set(link.pacing.state(now).rate)

    def gone(self) -> None:
        """The link is no more, and nothing is so of it; what happened to it stays counted."""
        for gauge in (self._metrics.sessions, self._metrics.wanted, self._metrics.pace):
            gauge.remove(self._name)
        for gauge in (self._metrics.outstanding, self._metrics.window):
            gauge.remove(self._name)

    def _word(self, outcome: Accepted | Refused | Unanswered) -> str:
        if isinstance(outcome, Accepted):
            return "accepted"
        if not isinstance(outcome, Refused):
            return "unanswered"  # a generic_nack that says ESME_ROK
        status = outcome.command_status
        name = outcome.name if outcome.name in CommandStatus.__members__ else _VENDOR
        self._metrics.refusals.labels(self._name, name).inc()
        return "throttled" if status in THROTTLES else "refused"


class WebhookMeter:
    """What is measured of one endpoint; its counters are there from the start."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._metrics = metrics
        self._name = name
        self._attempts = {word: metrics.attempts.labels(name, word) for word in ("delivered", "failed")}
        self._posts = metrics.posts.labels(name)
        self._buried = metrics.buried.labels(name)

    def attempted(self, delivered: bool, seconds: float) -> None:  # noqa: FBT001 - the one fact that there is
        """An attempt ended after so long."""
        self._attempts["delivered" if delivered else "failed"].inc()
        self._posts.observe(seconds)

    def buried(self) -> None:
        """An event became a dead letter."""
        self._buried.inc()

    def measure(self, state: EndpointState, lag: float) -> None:
        """Set the gauges to how the endpoint stands; `lag` in seconds."""
        self._metrics.behind.labels(self._name).set(state.behind)
        self._metrics.lag.labels(self._name).set(lag)
        self._metrics.dead_letters.labels(self._name).set(state.dead_letters)
        self._metrics.disabled.labels(self._name).set(state.disabled_at is not None)


async def measure_store(metrics: Metrics, store: Store, links: Iterable[str], now: datetime) -> None:
    """Set the gauges to what is in the store for these links; where it cannot be used, that is what they say."""
    try:
        counts, backlog = await store.counts(), await store.backlog(links)
    except StoreUnusable:
        counts, backlog = {}, None
    metrics.store_up.set(backlog is not None)
    metrics.limbo.set(backlog.limbo if backlog else math.nan)
    for gauge in (metrics.messages, metrics.queue, metrics.oldest):
        gauge.clear()  # what is no longer so must not stand there for ever
    for status, number in counts.items():
        metrics.messages.labels(status.value).set(number)
    for waiting in backlog.queue if backlog else ():
        labels = (waiting.link, str(waiting.priority))
        metrics.queue.labels(*labels).set(waiting.messages)
        metrics.oldest.labels(*labels).set(max(0.0, (now - waiting.due_at).total_seconds()))
