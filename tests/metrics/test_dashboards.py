"""What the shipped dashboard and alerts ask for is there to be asked."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pm.counting.catalogue import METRICS

CONFIG = Path(__file__).resolve().parents[2] / "config"
DASHBOARDS = sorted((CONFIG / "grafana" / "dashboards").glob("*.json"))
PROVISIONING = sorted((CONFIG / "grafana" / "provisioning").glob("*/*.yml"))
_NAME = re.compile(r"\bpm_\w+")
_SELECTOR = re.compile(r"\b(pm_\w+)\{([^}]*)\}")
_BY = re.compile(r"\bby \(([^)]*)\)")


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def alerts() -> list[dict[str, Any]]:
    [group] = loaded(CONFIG / "alerts.yml")["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def panels() -> list[dict[str, Any]]:
    found = [panel for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]]
    return [panel for panel in found if panel["type"] != "row"]


def metric_of(name: str) -> str | None:
    """The metric a name in an expression belongs to; None when there is none."""
    if name in METRICS and METRICS[name].kind != "histogram":
        return name
    base = re.sub(r"_(bucket|count|sum)$", "", name)
    return base if base != name and METRICS.get(base, ("", ""))[1] == "histogram" else None


def expressions() -> list[tuple[str, str]]:
    """Every expression with the text that shows its labels."""
    shown = [
        (target["expr"], target["legendFormat"])
        for panel in panels()
        for target in panel["targets"]
    ]
    return shown + [(rule["expr"], rule["annotations"]["summary"]) for rule in alerts()]


def test_there_is_something_to_look_at() -> None:
    assert len(panels()) > 20
    assert len(alerts()) > 15


@pytest.mark.parametrize(("expression", "text"), expressions())
def test_an_expression_names_metrics_and_labels_there_are(expression: str, text: str) -> None:
    names = set(_NAME.findall(expression))
    assert names
    metrics = {metric_of(name) for name in names}
    assert None not in metrics, expression
    labels = {label for name in metrics if name for label in METRICS[name].labels}
    for name, told in _SELECTOR.findall(expression):
        known = metric_of(name)
        assert known is not None
        assert set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", told)) <= set(METRICS[known].labels)
    kept = _BY.findall(expression)
    if kept:
        labels &= {label.strip() for group in kept for label in group.split(",")}
    elif re.match(r"(sum|max)\b(?! by)", expression):
        labels = set()
    used = set(re.findall(r"\{\{\s*\$labels\.(\w+)", text)) | set(
        re.findall(r"\{\{\s*(\w+)\s*\}\}", text)
    )
    assert used <= labels, (expression, text)


def test_every_metric_of_health_has_an_alert() -> None:
    asked = " ".join(rule["expr"] for rule in alerts())
    for name in (
        "pm_health",
        "pm_position_update_seconds",
        "pm_query_seconds",
        "pm_breaks_open",
        "pm_lane_age_seconds",
        "pm_quarantine_entries",
        "pm_server_persistence_ok",
        "pm_server_memory_used_bytes",
        "pm_workers_live",
        "pm_positions",
    ):
        assert name in asked


def test_an_alert_has_a_name_of_its_own_a_severity_and_a_sentence() -> None:
    rules = alerts()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"].endswith(".")
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}


def test_panels_do_not_overlap_and_know_their_source() -> None:
    [source] = loaded(CONFIG / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        assert panel["datasource"]["uid"] == source["uid"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_prometheus_reads_the_alerts_and_scrapes() -> None:
    told = loaded(CONFIG / "prometheus.yml")
    assert told["rule_files"] == ["alerts.yml"]
    [job] = told["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["metrics:9464"]}]
    assert all(loaded(path)["apiVersion"] == 1 for path in PROVISIONING)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on PATH")
def test_promtool_agrees() -> None:
    checked = subprocess.run(
        ["promtool", "check", "config", CONFIG / "prometheus.yml"], capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
