"""A collector of OpenTelemetry's: takes spans over OTLP/HTTP on a loopback socket, and remembers them."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from smpp_esme.message.message import reference_number

if TYPE_CHECKING:
    from collections.abc import Iterator


class Collector:
    """One collector, from `with` to its end.

    Attributes:
        asked: the headers of each request, their names in small letters.
    """

    def __init__(self) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        self.asked: list[dict[str, str]] = []
        self._taken: list[Any] = []
        self._open = threading.Event()
        self._open.set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                octets = self.rfile.read(int(self.headers["Content-Length"]))
                collector._open.wait(20)
                collector._taken += ExportTraceServiceRequest.FromString(octets).resource_spans
                collector.asked.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.base}/v1/traces"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Answers nobody within."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    @property
    def all_spans(self) -> list[Any]:
        return [span for one in self._taken for scope in one.scope_spans for span in scope.spans]

    @property
    def resource(self) -> dict[str, str]:
        """Who sent the last of them."""
        return {one.key: one.value.string_value for one in self._taken[-1].resource.attributes}

    def spans(self, reference: str) -> list[Any]:
        """Those of a message's trace."""
        trace = reference_number(reference).to_bytes(16)
        return [span for span in self.all_spans if span.trace_id == trace]
