from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from smpp_esme.cli import logs
from smpp_esme.daemon.config import LogSettings


@pytest.fixture
def log(monkeypatch):
    """Configures logging onto a file in memory, and puts all back as it was."""
    root, ours = logging.getLogger(), logging.getLogger("smpp_esme")
    before = (root.handlers, root.level, ours.level)
    written = io.StringIO()

    def configured(**settings):
        monkeypatch.setattr(sys, "stderr", written)
        logs.configure(LogSettings(**settings))
        return written

    yield configured
    root.handlers, root.level, ours.level = before


def lines(written):
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_time_level_and_event_first(log):
    written = log()
    logging.getLogger("smpp_esme.session.link").info("link.bound", extra={"link": "main", "peer": "127.0.0.1:2775"})
    (line,) = lines(written)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert line["timestamp"].endswith("Z")
    assert (line["level"], line["event"], line["link"], line["peer"]) == (
        "info",
        "link.bound",
        "main",
        "127.0.0.1:2775",
    )


def test_what_stands_in_an_event_cannot_break_its_line(log):
    written = log()
    logging.getLogger("smpp_esme").warning(
        "x\ny", extra={"reason": 'a "quote"\r\n\x1b[31m\u2028 \ud800 Ж', "at": object()}
    )
    assert len(written.getvalue().splitlines()) == 1
    (line,) = lines(written)
    assert line["reason"].startswith('a "quote"\r\n\x1b[31m')


def test_an_exception_is_in_its_line(log):
    written = log()
    try:
        int("broken")
    except ValueError:
        logging.getLogger("smpp_esme").exception("failed")
    (line,) = lines(written)
    assert "ValueError: invalid literal" in line["exception"]


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_a_level_shows_itself_and_what_is_more_urgent(log, level, shown):
    written = log(level=level)
    for name in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("smpp_esme.daemon.dispatch"), name)("said")
    assert [line["level"] for line in lines(written)] == shown


def test_other_libraries_are_heard_only_when_something_is_wrong(log):
    written = log(level="debug")
    for name in ("debug", "info", "warning"):
        getattr(logging.getLogger("uvicorn.error"), name)(name)
    assert [line["event"] for line in lines(written)] == ["warning"]


def test_people_get_text(log):
    written = log(format="text")
    logging.getLogger("smpp_esme").info("link.bound", extra={"link": "main"})
    assert "link.bound" in written.getvalue()
    assert "link=main" in written.getvalue()
    assert "\x1b" not in written.getvalue()  # no colours where no terminal is


def test_configuring_twice_says_nothing_twice(log):
    log()
    written = log()
    logging.getLogger("smpp_esme").info("once")
    assert len(lines(written)) == 1
