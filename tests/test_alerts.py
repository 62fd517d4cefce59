"""The alerts and the dashboard against what the daemon really measures, and against what the pages say of them."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from smpp_esme.daemon.metrics import Metrics
from smpp_esme.message.status import MessageStatus

ROOT = Path(__file__).parents[1]
ALERTS = ROOT / "examples/compose/alerts.yml"
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
PAGE = (ROOT / "docs/when-things-go-wrong.md").read_text()
BOARDS = sorted((ROOT / "examples/compose/grafana/dashboards").glob("*.json"))

#: Every series that the daemon can expose, with the labels it has.
SERIES = {
    name + suffix: {*labels, "le"} if suffix == "_bucket" else {*labels}
    for name, kind, labels, _ in Metrics().described()
    for suffix in (("_bucket", "_count", "_sum") if kind == "histogram" else ("",))
}
#: What Prometheus adds to each.
ADDED = {"job", "instance"}


def unknown(expression):
    """What an expression asks for that the daemon does not expose: series, labels and statuses."""
    found = []
    for name, selector in re.findall(r"\b((?:smpp_esme|process)_\w+)(?:\{([^}]*)\})?", expression):
        if name.startswith("process_"):
            continue
        if name not in SERIES:
            found.append(name)
            continue
        labels = re.findall(r'(\w+)=~?"([^"]*)"', selector)
        found += [f"{name}{{{label}}}" for label, _ in labels if label not in SERIES[name] | ADDED]
        if name == "smpp_esme_messages":
            found += [value for label, value in labels if label == "status" and value not in set(MessageStatus)]
    for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
        known = set().union(*SERIES.values()) | ADDED
        found += [label for label in re.split(r",\s*", grouped) if label not in known]
    return found


def test_what_is_unknown_is_found():
    assert unknown('rate(smpp_esme_submit_total{link="a"}[5m])') == ["smpp_esme_submit_total"]
    assert unknown('smpp_esme_sessions{outcome="x"}') == ["smpp_esme_sessions{outcome}"]
    assert unknown('smpp_esme_messages{status="INDOUBT"}') == ["INDOUBT"]
    assert unknown("sum by (link, where) (smpp_esme_sessions)") == ["where"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_there_is_and_is_explained(rule):
    assert unknown(rule["expr"]) == []
    assert "smpp_esme" in rule["expr"]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    section = PAGE.partition(f"\n## {rule['alert']}\n")[2].partition("\n## ")[0]
    assert len(section.split()) > 20


def test_no_alert_is_explained_that_there_is_not():
    assert re.findall(r"^## (\w+)$", PAGE, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_prometheus_itself_takes_the_rules(foreign_program):
    told = subprocess.run(
        [foreign_program("promtool"), "check", "rules", ALERTS],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert f"SUCCESS: {len(RULES)} rules found" in told.stdout


RULE_TEST = """
rule_files: [{alerts}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'smpp_esme_sessions{{link="main"}}', values: '1x10 0x20'}}
      - {{series: 'smpp_esme_sessions_wanted{{link="main"}}', values: '1x30'}}
      - {{series: 'smpp_esme_messages{{status="IN_DOUBT"}}', values: '5x10 5+1x20'}}
      - {{series: 'smpp_esme_submit_sm_total{{link="main",outcome="accepted"}}', values: '0+100x30'}}
      - {{series: 'smpp_esme_submit_sm_total{{link="main",outcome="throttled"}}', values: '0+50x30'}}
      - {{series: 'smpp_esme_submit_sm_total{{link="main",outcome="refused"}}', values: '0x30'}}
    alert_rule_test:
      - {{eval_time: 9m, alertname: SmppLinkDown, exp_alerts: []}}
      - eval_time: 20m
        alertname: SmppLinkDown
        exp_alerts:
          - exp_labels: {{link: main, severity: page}}
            exp_annotations: {{summary: main lacks bound sessions}}
      - {{eval_time: 9m, alertname: SmppInDoubtGrowing, exp_alerts: []}}
      - eval_time: 25m
        alertname: SmppThrottled
        exp_alerts:
          - exp_labels: {{link: main, severity: ticket}}
            exp_annotations: {{summary: main refuses more than one submit_sm in twenty as too fast}}
      - {{eval_time: 25m, alertname: SmppRefused, exp_alerts: []}}
"""


def test_an_alert_fires_when_it_should_and_not_before(foreign_program, tmp_path):
    (tmp_path / "test.yml").write_text(RULE_TEST.format(alerts=ALERTS))
    told = subprocess.run(
        [foreign_program("promtool"), "test", "rules", tmp_path / "test.yml"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_panel_shows_what_there_is(path):
    board = json.loads(path.read_text())
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len(panels) > 5
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in panels:
        assert panel["title"]
        assert panel["targets"], panel["title"]
        assert [each for target in panel["targets"] for each in unknown(target["expr"])] == []


def test_there_is_a_dashboard():
    assert [path.name for path in BOARDS] == ["smpp-esme.json"]
