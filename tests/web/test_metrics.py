from __future__ import annotations

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from smpp_esme.daemon.metrics import Metrics
from smpp_esme.web.app import create_app
from smpp_esme.web.auth import Caller, Scope, digest, new_key
from smpp_esme.web.metrics import Measured

KEY = new_key()


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def callers():
    return {}


@pytest.fixture
async def plain(gateway, metrics, callers):
    """A client that takes any content."""
    app = create_app(gateway, body_limit=65_536, metrics=metrics, callers=callers)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://daemon") as opened:
        yield opened


def counted(metrics):
    """How often each method, route and status was counted."""
    [family] = metrics.requests.collect()
    return {
        (one.labels["method"], one.labels["route"], one.labels["status"]): one.value
        for one in family.samples
        if one.name.endswith("_total")
    }


async def test_what_is_measured_is_told_in_prometheus_own_format(plain):
    answer = await plain.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    names = {family.name for family in families(answer.text)}
    assert names >= {"smpp_esme_build_info", "smpp_esme_submit_sm", "smpp_esme_http_requests"}


async def test_requests_are_counted_by_route_and_never_by_path(plain, metrics):
    kept = await plain.post("/v1/messages", json={"to": "+79161234567", "text": "hi"})
    for reference in (kept.json()["reference"], "79161234567", "nobody"):
        await plain.get(f"/v1/messages/{reference}")
    await plain.get("/79161234567")
    await plain.get("/etc/passwd")
    await plain.post("/v1/messages", content=b"{")
    assert counted(metrics) == {
        ("POST", "/v1/messages", "202"): 1,
        ("GET", "/v1/messages/{reference}", "200"): 1,
        ("GET", "/v1/messages/{reference}", "404"): 2,
        ("GET", "none", "404"): 2,
        ("POST", "/v1/messages", "422"): 1,
    }
    assert metrics.registry.get_sample_value("smpp_esme_http_request_seconds_count", {"route": "/v1/messages"}) == 2
    assert "79161234567" not in (await plain.get("/metrics")).text


@pytest.mark.parametrize("callers", [{digest(KEY): Caller("shop", scopes=[Scope.SUBMIT])}], ids=["a key"])
async def test_who_may_not_read_is_not_told_and_is_counted(plain, metrics):
    assert (await plain.get("/metrics")).status_code == 401
    assert (await plain.get("/metrics", headers={"authorization": f"Bearer {KEY}"})).status_code == 403
    assert counted(metrics) == {("GET", "none", "401"): 1, ("GET", "/metrics", "403"): 1}


@pytest.mark.parametrize("callers", [{digest(KEY): Caller("prometheus", scopes=[Scope.READ])}], ids=["a key"])
async def test_a_key_that_may_read_is_told(plain):
    assert (await plain.get("/metrics", headers={"authorization": f"Bearer {KEY}"})).status_code == 200


async def test_a_request_that_fails_inside_is_counted_as_500(metrics):
    async def breaks(scope, receive, send):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Measured(breaks, metrics)({"type": "http", "method": "GET"}, None, None)
    assert counted(metrics) == {("GET", "none", "500"): 1}


async def test_a_request_whose_client_left_is_counted_as_such(metrics):
    async def silent(scope, receive, send):
        scope["route"] = type("Route", (), {"path": "/v1/messages"})

    await Measured(silent, metrics)({"type": "http", "method": "POST"}, None, None)
    assert counted(metrics) == {("POST", "/v1/messages", "499"): 1}
