"""What happens to a message as one trace of OpenTelemetry: its acceptance, each submit_sm, and what receipts say.

Nothing is kept for it. A message's reference has 128 bits, and so has a trace id: the one is the other. The ids of the
spans that others hang below are digests of what they are spans of. So a receipt that comes after a restart, or to
another daemon on the same database, is in the trace in which the message was accepted, and whether a message is sampled
is decided by its trace id alone, the same at any time.

No text and no number is in an attribute. This module is only loaded where traces are wanted: it needs the extra `otel`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import Future
from hashlib import blake2b
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context, propagate
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from smpp_esme.daemon.metrics import METHODS
from smpp_esme.errors import SmppError
from smpp_esme.message.message import Accepted, Refused, reference_number
from smpp_esme.message.status import MessageStatus
from smpp_esme.protocol.pdus import QuerySm, QuerySmResp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExportResult
    from opentelemetry.trace import Span
    from prometheus_client import Counter

    from smpp_esme.daemon.config import TracingSettings
    from smpp_esme.errors import ResponseTimeout, SessionClosed
    from smpp_esme.message.message import Message, ReceiptFact, RecordedAnswer, Segment, Unanswered
    from smpp_esme.protocol.pdus import Pdu

_log = logging.getLogger(__name__)

#: TraceIdRatioBased of the specification looks at these bits; of a reference they are random.
_LOTTERY: Final = 1 << 64
#: The last 56 bits of our trace ids are random, which is what the second flag says (W3C Trace Context, level 2).
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)
#: What each is by the semantic conventions for messaging.
_OPERATIONS: Final = {
    "accept": (SpanKind.PRODUCER, "create"),
    "submit_sm": (SpanKind.CLIENT, "send"),
    "submit_sm_resp": (SpanKind.CLIENT, "send"),
    "receipt": (SpanKind.CONSUMER, "process"),
    "query_sm": (SpanKind.CLIENT, "send"),
    "cancel_sm": (SpanKind.CLIENT, "send"),
}
_FAILURES: Final = frozenset({MessageStatus.UNDELIVERABLE, MessageStatus.REJECTED, MessageStatus.EXPIRED})
_SERVER_ERROR: Final = 500


def span_id(reference: str, *what: int) -> int:
    """The id of a span of a message: of its acceptance, or of the submit_sm of a segment in an attempt."""
    digest = blake2b("/".join((reference, *map(str, what))).encode(), digest_size=8).digest()
    return int.from_bytes(digest) or 1  # 0 would be none


class Tracing:
    """Makes the spans of one daemon.

    Args:
        processor: where spans go when they have ended.
        resource: who we are.
        sample_ratio: the share of messages that is traced.
        counter: of spans, by `outcome`; those that have ended are counted here.
    """

    def __init__(
        self, processor: SpanProcessor, *, resource: Resource, sample_ratio: float = 1.0, counter: Counter | None = None
    ) -> None:
        self._ids = _Ids()
        # We decide ourselves, before anything is made for a span.
        self._provider = TracerProvider(ALWAYS_ON, resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._processor = processor
        self._tracer = self._provider.get_tracer("smpp_esme", version("smpp-esme"))
        self._bound = round(sample_ratio * _LOTTERY)
        self._ended = counter.labels("ended") if counter else None

    @classmethod
    def of(cls, settings: TracingSettings, counter: Counter) -> Tracing:
        """As configured, and by the variables OTEL_* where the configuration says nothing.

        Raises:
            ValueError: a variable OTEL_* makes no sense.
        """
        named = {SERVICE_VERSION: version("smpp-esme")}
        if settings.service_name or SERVICE_NAME not in OTELResourceDetector().detect().attributes:
            named[SERVICE_NAME] = settings.service_name or "smpp-esme"
        exporter = _Counted(OTLPSpanExporter(settings.endpoint), counter)
        return cls(
            BatchSpanProcessor(exporter),
            resource=Resource.create(named),
            sample_ratio=settings.sample_ratio,
            counter=counter,
        )

    # What happens

    def request(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> Request | None:
        """An HTTP request has come; None if its caller traces nothing. Call `Request.ended` in the same task."""
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        parent = propagate.extract(carrier)
        caller = get_current_span(parent).get_span_context()
        if not (caller.is_valid and caller.trace_flags.sampled):
            return None
        method = method if method in METHODS else "_OTHER"
        span = self._tracer.start_span(method, parent, SpanKind.SERVER, {"http.request.method": method})
        return Request(self, method, span)

    def accepted(self, messages: Sequence[Message], kept: Sequence[Message]) -> None:
        """These messages were to be kept, and those are: of a repeated request, the former ones."""
        request = get_current_span()
        cause = request.get_span_context()
        links = [Link(cause)] if cause.is_valid else []
        for message, one in zip(messages, kept, strict=True):
            if one.reference == message.reference and self._is_sampled(message.reference):
                self._accepted(message, links)
                if links:
                    request.add_link(_of(message.reference))

    def answered(
        self, message: Message, segment: int, outcome: Accepted | Refused | Unanswered, *, seconds: float
    ) -> None:
        """The SMSC answered a submit_sm just now, after so long."""
        if self._is_sampled(message.reference):
            self._submit_sm(message, segment, seconds, _answer(outcome))

    def unanswered(
        self, message: Message, segment: int, error: ResponseTimeout | SessionClosed, *, seconds: float
    ) -> None:
        """It did not answer, and now we wait no longer."""
        if self._is_sampled(message.reference):
            self._submit_sm(message, segment, seconds, {"error.type": type(error).__name__})

    def late(self, message: Message, segment: int, outcome: Accepted | Refused | Unanswered) -> None:
        """It answered all the same."""
        if self._is_sampled(message.reference):
            parent = _of(message.reference, segment, message.attempts)
            told = _attempt(message, segment) | _answer(outcome)
            self._make("submit_sm_resp", parent, message.link, told, since=time.time_ns())

    def receipt(self, reference: str, fact: ReceiptFact, *, moved: bool, submitted_at: datetime | None) -> None:
        """A receipt of a message was written down.

        Args:
            reference: the message's.
            fact: what it tells.
            moved: whether that was news.
            submitted_at: when the SMSC took the segment, if that is known.
        """
        if not self._is_sampled(reference):
            return
        told: dict[str, Any] = {
            "messaging.message.conversation_id": reference,
            "messaging.message.id": fact.message_id,
            "smpp.receipt.status": fact.message_status.value,
            "smpp.receipt.final": fact.final,
            "smpp.receipt.moved": moved,
        }
        if fact.error:
            told["smpp.receipt.error"] = fact.error
        if fact.done_at:
            told["smpp.receipt.done_at"] = fact.done_at.isoformat()
        if submitted_at:
            told["smpp.receipt.seconds"] = (fact.received_at - submitted_at).total_seconds()
        if fact.final and fact.message_status in _FAILURES:
            told["error.type"] = fact.message_status.value
        self._make("receipt", _of(reference), fact.link, told, since=_ns(fact.received_at))

    def asked(
        self, request: Pdu, message: Message, segment: Segment, answer: Pdu | SmppError, *, seconds: float
    ) -> None:
        """The SMSC was asked about a segment, or to take it back, and answered just now, or did not, after so long."""
        if not self._is_sampled(message.reference):
            return
        told: dict[str, Any] = {
            "messaging.message.conversation_id": message.reference,
            "messaging.message.id": segment.message_id or "",
            "smpp.segment": segment.number,
        }
        if isinstance(answer, SmppError):
            told["error.type"] = type(answer).__name__
        else:
            told["smpp.command_status"] = answer.command_status
            if answer.command_status:
                told["error.type"] = answer.status.name
            elif isinstance(answer, QuerySmResp):
                told["smpp.message_state"] = answer.message_state
        since = time.time_ns() - round(seconds * 1e9)
        operation = "query_sm" if isinstance(request, QuerySm) else "cancel_sm"
        self._make(operation, _of(message.reference), message.link, told, since=since)

    def overtaken(self, answers: Iterable[RecordedAnswer]) -> None:
        """These answers were written down, and with them the receipts that had come before them."""
        for answer in answers:
            for fact in answer.overtaken:
                if answer.reference:
                    self.receipt(answer.reference, fact, moved=True, submitted_at=None)

    async def stop(self, patience: float) -> bool:
        """Export what waits, for so many seconds at most; whether that was all. Nothing is traced after it."""
        done: Future[None] = Future()

        def export() -> None:
            try:
                self._processor.shutdown()
            finally:
                done.set_result(None)

        # A thread of asyncio's would be waited for at the end, however long a collector keeps silent.
        threading.Thread(target=export, name="tracing", daemon=True).start()
        waiting = asyncio.wrap_future(done)
        await asyncio.wait([waiting], timeout=patience)
        if not waiting.done():
            _log.warning("tracing.given_up", extra={"seconds": round(patience, 3)})
        return waiting.done()

    # Inside

    def _is_sampled(self, reference: str) -> bool:
        return reference_number(reference) % _LOTTERY < self._bound

    def _accepted(self, message: Message, links: Sequence[Link]) -> None:
        told = {
            "messaging.message.conversation_id": message.reference,
            "smpp.kind": message.kind,
            "smpp.segments": len(message.segments),
            "smpp.priority": message.priority,
        }
        self._ids.ready = reference_number(message.reference), span_id(message.reference)
        self._make("accept", None, message.link, told, since=_ns(message.created_at), links=links)

    def _submit_sm(self, message: Message, segment: int, seconds: float, told: dict[str, Any]) -> None:
        since = time.time_ns() - round(seconds * 1e9)
        self._ids.ready = 0, span_id(message.reference, segment, message.attempts)
        parent, told = _of(message.reference), _attempt(message, segment) | told
        self._make("submit_sm", parent, message.link, told, since=since)

    def _make(
        self,
        operation: str,
        parent: SpanContext | None,
        link: str,
        told: dict[str, Any],
        *,
        since: int,
        links: Sequence[Link] = (),
    ) -> None:
        """A span that ends now."""
        # With no parent in it, so that the request around an acceptance does not become one.
        around = context.Context() if parent is None else set_span_in_context(NonRecordingSpan(parent))
        kind, operation_type = _OPERATIONS[operation]
        told |= {
            "messaging.system": "smpp",
            "messaging.operation.name": operation,
            "messaging.operation.type": operation_type,
            "messaging.destination.name": link,
        }
        span = self._tracer.start_span(f"{operation} {link}", around, kind, told, links, since)
        if error := told.get("error.type"):
            span.set_status(Status(StatusCode.ERROR, error))
        self.end(span)

    def end(self, span: Span) -> None:
        """End a span now, and count it."""
        span.end()
        if self._ended:
            self._ended.inc()


class Request:
    """The span of an HTTP request in its caller's trace; messages that are accepted within are linked with it."""

    def __init__(self, tracing: Tracing, method: str, span: Span) -> None:
        self._tracing = tracing
        self._method = method
        self._span = span
        self._token = context.attach(set_span_in_context(span))

    def ended(self, route: str, status: int) -> None:
        """It was answered; `route` is one of ours, as it is declared."""
        context.detach(self._token)
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= _SERVER_ERROR:
            self._span.set_attribute("error.type", str(status))
            self._span.set_status(Status(StatusCode.ERROR))
        self._tracing.end(self._span)


class _Ids(RandomIdGenerator):
    """Gives the next span the ids that are laid ready for it, and all others random ones."""

    def __init__(self) -> None:
        self.ready = 0, 0

    def generate_trace_id(self) -> int:
        return self.ready[0]

    def generate_span_id(self) -> int:
        found, self.ready = self.ready[1], (0, 0)
        return found or super().generate_span_id()


class _Counted(SpanExporter):
    """Exports, and counts what comes of it: whoever looks at traces has to know how many there are not."""

    def __init__(self, exporter: SpanExporter, counter: Counter) -> None:
        self._exporter = exporter
        self._outcomes = {True: counter.labels("exported"), False: counter.labels("failed")}

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        self._outcomes[result.value == 0].inc(len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _of(reference: str, *what: int) -> SpanContext:
    """The span of a message's acceptance, or of one attempt at a segment, wherever and whenever it was made."""
    trace = reference_number(reference)
    return SpanContext(trace, span_id(reference, *what), is_remote=True, trace_flags=_SAMPLED)


def _attempt(message: Message, segment: int) -> dict[str, Any]:
    return {
        "messaging.message.conversation_id": message.reference,
        "smpp.segment": segment,
        "smpp.attempt": message.attempts,
    }


def _answer(outcome: Accepted | Refused | Unanswered) -> dict[str, Any]:
    """What a response says."""
    if isinstance(outcome, Accepted):
        return {"messaging.message.id": outcome.message_id, "smpp.command_status": 0}
    if isinstance(outcome, Refused):
        return {"smpp.command_status": outcome.command_status, "error.type": outcome.name}
    return {"error.type": "generic_nack"}  # which says ESME_ROK, and so nothing


def _ns(at: datetime) -> int:
    return round(at.timestamp() * 1e6) * 1_000
