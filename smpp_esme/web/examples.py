"""An example of each operation's request and answer, for the OpenAPI description; a test holds them to the schemas."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from smpp_esme.web.event_schema import EXAMPLES as EVENTS


def _standing(status: str) -> dict[str, Any]:
    """How a message of one segment stands."""
    return {"status": status, "segment_statuses": [status], "aggregate": dict.fromkeys(("all", "any", "worst"), status)}


_REFERENCE: Final = "01M7YM4C37RJR9Z2C3G18QMWFE"
_MESSAGE: Final = {
    "reference": _REFERENCE,
    "client_reference": "order-1057",
    "kind": "sms",
    "to": "79161234567",
    "source": "ACME",
    "link": "main",
    "pinned": False,
    "data_coding": 0,
    "segments": 1,
    "message_ids": ["244272509"],
    "vendor": [None],
    **_standing("DELIVERED"),
    "duplicates": 0,
    "error": "000",
    "error_meaning": "no error",
    "created_at": "2026-11-21T08:38:55.847356Z",
    "submitted_at": "2026-11-21T08:38:55.887061Z",
    "final_at": "2026-11-21T08:38:56.955925Z",
}
_QUEUED: Final = _MESSAGE | {
    "message_ids": [None],
    **_standing("QUEUED"),
    "error": None,
    "error_meaning": None,
    "submitted_at": None,
    "final_at": None,
}
_LOOKUP: Final = {
    "reference": "01M7YM4H91YTV10HZJNYBQG1MX",
    "to": "79161230004",
    "kind": "hlr",
    "status": "QUEUED",
    "error": None,
    "error_meaning": None,
    "created_at": "2026-11-21T08:39:01.153012Z",
    "final_at": None,
    "record": None,
}
_RECEIVED: Final[dict[str, Any]] = {
    "reference": "01M7YZK176XQD2HS6XXSG3CF6D",
    "link": "main",
    "source": "79161234567",
    "to": "1234",
    "text": "Yes, tomorrow at seven",
    "octets": None,
    "coding": "gsm7",
    "data_coding": 0,
    "esm_class": 0,
    "segments": 1,
    "missing": [],
    "detail": {},
    "received_at": "2026-11-21T11:59:10.566369Z",
}
_RECEIPT: Final = {
    "id": 17,
    "link": "main",
    "message_id": "244272513",
    "source": "79161234567",
    "to": "ACME",
    "status": "DELIVERED",
    "final": True,
    "error": "000",
    "error_meaning": "no error",
    "submitted_at": "2026-11-21T08:39:00Z",
    "done_at": "2026-11-21T08:39:00Z",
    "received_at": "2026-11-21T08:39:04.027048Z",
    "dismissed_at": None,
}
_LINK: Final = {
    "name": "main",
    "endpoints": ["smsc.example:2775"],
    "bind": "transceiver",
    "sessions": [{"state": "BOUND_TRX", "peer": "192.0.2.7:2775", "outstanding": 12}],
    "wanted": 1,
    "window": 100,
    "pace": 25.0,
    "ceiling": 50.0,
    "slowed_by": "ESME_RTHROTTLED",
    "held": 0.4,
    "last_error": "the peer closed the connection",
    "last_error_at": "2026-11-21T08:31:10.402119Z",
    "bound_at": "2026-11-21T08:31:11.930512Z",
    "unable_for": 0.0,
    "left": {},
}
_EXPLANATION: Final = {
    "link": "main",
    "route": "russia",
    "text": "Your table is reserved",
    "coding": "gsm7",
    "data_coding": 0,
    "languages": [],
    "why": "gsm7 takes 1 segment",
    "forced": [],
    "unit": "septets",
    "units": 22,
    "room": 160,
    "left": 138,
    "segments": 1,
    "submits": 1,
    "billed": 1,
    "transliteration": None,
    "national": None,
}
_SUBMIT: Final = {"to": "+79161234567", "text": "Your table is reserved", "client_reference": "order-1057"}
_ANSWER: Final = {"segment": 1, "message_id": "244272509", "command_status": "ESME_ROK"}
_ENDPOINT: Final = {
    "name": "shop",
    "url": "https://shop.example",
    "events": ["message.delivered", "message.received"],
    "event": 1056,
    "behind": 12,
    "disabled_at": None,
    "dead_letters": 1,
    "failures": 2,
    "failure": "HTTP 503",
}
_LETTER: Final = {
    "id": 3,
    "at": "2026-11-21T09:16:08.120441Z",
    "attempts": 12,
    "reason": "HTTP 500",
    "replay_at": None,
    "event": msgspec.to_builtins(EVENTS["a receipt"]),
}

#: What is sent, by method and path.
REQUESTS: Final[dict[tuple[str, str], Any]] = {
    ("post", "/v1/messages"): _SUBMIT,
    ("post", "/v1/batches"): {"messages": [_SUBMIT, {"to": "+79161230002", "text": "Second"}]},
    ("post", "/v1/lookups"): {"to": ["+79161230004"]},
    ("post", "/v1/in-doubt"): {"decision": "resend", "references": [_REFERENCE]},
    ("post", "/v1/limbo/{id}/attach"): {"reference": _REFERENCE},
    ("post", "/v1/limbo/dismiss"): {"ids": [17, 18]},
    ("post", "/v1/links/{name}/reroute"): {"to": "backup"},
    ("post", "/v1/explain"): {"text": "Your table is reserved", "to": "+79161234567"},
    ("post", "/v1/webhooks/{name}/replay"): {"dead_letters": [3]},
}

#: What is answered to it where all is well.
ANSWERS: Final[dict[tuple[str, str], Any]] = {
    ("post", "/v1/messages"): _QUEUED,
    ("get", "/v1/messages"): {"messages": [_MESSAGE], "next": _REFERENCE},
    ("post", "/v1/batches"): {"messages": [_QUEUED]},
    ("get", "/v1/messages/{reference}"): _MESSAGE,
    ("post", "/v1/messages/{reference}/cancel"): {"message": _QUEUED | _standing("CANCELLED"), "answers": []},
    ("post", "/v1/messages/{reference}/query"): {
        "message": _MESSAGE,
        "answers": [_ANSWER | {"message_state": "DELIVERED"}],
    },
    ("post", "/v1/lookups"): {"lookups": [_LOOKUP]},
    ("get", "/v1/lookups/{reference}"): _LOOKUP,
    ("get", "/v1/received"): {"received": [_RECEIVED]},
    ("get", "/v1/received/{reference}"): _RECEIVED,
    ("get", "/v1/possible-duplicates"): {"messages": [_MESSAGE | {"duplicates": 1}]},
    ("post", "/v1/in-doubt"): {"resolved": [{"reference": _REFERENCE, "moved": True, "status": "QUEUED"}]},
    ("get", "/v1/limbo"): {"receipts": [_RECEIPT], "next": None},
    ("post", "/v1/limbo/{id}/attach"): {"reference": _REFERENCE, "moved": True, "status": "DELIVERED"},
    ("post", "/v1/limbo/dismiss"): {"dismissed": 2},
    ("get", "/v1/links"): {"links": [_LINK]},
    ("post", "/v1/links/{name}/reroute"): {"moved": 498, "left": {"pinned": 2}, "next": "0-1795250335847356-1058"},
    ("post", "/v1/explain"): _EXPLANATION,
    ("get", "/v1/stats"): {
        "limbo": 1,
        "possible_duplicates": 0,
        "stranded": {},
        "QUEUED": 12,
        "SUBMITTED": 100,
        "DELIVERED": 4096,
    },
    ("get", "/v1/webhooks"): {"webhooks": [_ENDPOINT]},
    ("get", "/v1/webhooks/{name}/dead-letters"): {"dead_letters": [_LETTER]},
    ("post", "/v1/webhooks/{name}/replay"): {"replayed": 1},
    ("post", "/v1/webhooks/{name}/enable"): {"webhooks": [_ENDPOINT | {"failures": 0, "failure": ""}]},
    ("post", "/v1/webhooks/{name}/test"): {"delivered": True, "status": 204, "reason": "HTTP 204"},
    ("get", "/healthz"): {"status": "ok", "links": {"main": True}},
    ("get", "/readyz"): {"ready": True, "links": {"main": True}, "routes": {"russia": "main"}, "reasons": []},
}


def add(method: str, path: str, operation: dict[str, Any]) -> None:
    """Put the examples of an operation into its description, where there are any."""
    if (method, path) in REQUESTS:
        operation["requestBody"]["content"]["application/json"]["example"] = REQUESTS[method, path]
    if (method, path) in ANSWERS:
        answer = next(answer for status, answer in operation["responses"].items() if status < "300")
        answer["content"]["application/json"]["example"] = ANSWERS[method, path]
