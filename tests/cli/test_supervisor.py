from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time

import pytest

from smpp_esme.cli.supervisor import Supervisor


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path):
    """What systemd listens on, and the environment that it gives."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = str(tmp_path / "notify") if request.param == "path" else f"@smpp-esme-test-{os.getpid()}"
        listening.bind(name.replace("@", "\0"))
        listening.setblocking(False)
        yield listening, {"NOTIFY_SOCKET": name}


def heard(listening):
    told = []
    with contextlib.suppress(BlockingIOError):
        while True:
            told.append(listening.recv(4096).decode())
    return told


def test_systemd_is_told_that_the_daemon_is_ready_and_that_it_stops(systemd):
    listening, environment = systemd
    supervisor = Supervisor(environment)
    supervisor.status = "serving http://127.0.0.1:8080"
    supervisor.ready()
    supervisor.stopping()
    assert heard(listening) == ["READY=1\nSTATUS=serving http://127.0.0.1:8080", "STOPPING=1"]


def test_systemd_is_told_when_the_configuration_began_to_be_read_anew(systemd):
    listening, environment = systemd
    before = time.monotonic_ns() // 1000
    Supervisor(environment).reloading()
    (told,) = heard(listening)
    reloading, microseconds = told.splitlines()
    assert reloading == "RELOADING=1"
    assert before <= int(microseconds.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


async def test_a_sign_of_life_is_given_for_each_look_at_the_daemon(systemd):
    listening, environment = systemd
    supervisor = Supervisor(environment | {"WATCHDOG_USEC": "2"})
    looks = 0

    async def lives():
        nonlocal looks
        looks += 1
        if looks > 3:
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await supervisor.watch(lives)
    assert heard(listening) == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    ("given", "interval"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "often"}, 0.0),
    ],
)
def test_signs_of_life_are_for_the_process_that_they_are_asked_of(given, interval):
    assert Supervisor({"NOTIFY_SOCKET": "/run/systemd/notify"} | given).interval == interval


async def test_without_systemd_nobody_is_told():
    supervisor = Supervisor({"WATCHDOG_USEC": "1"})
    supervisor.ready()
    supervisor.stopping()
    assert supervisor.interval == 0.0
    assert await supervisor.watch(lambda: pytest.fail("nobody asked")) is None
