"""The dashboard shows only what the services tell, and Prometheus asks them where they are."""

import ast
import json
import re
from typing import Any

import pytest
import yaml

from infra.alarms import Alarm
from tests.tidy.sources import ROOT, python_files, tree

DEPLOY = ROOT / "infra" / "deploy"
BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "capledger.json").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
METRIC = re.compile(r"capledger_([a-z_]+)")
OF_HISTOGRAMS = re.compile(r"_(bucket|sum|count)$")
WANTED = {
    "consumer_lag_events",
    "relay_backlog_events",
    "append_batch_size",
    "append_seconds",
    "quarantined_streams",
    "alarms",
}


def told() -> set[str]:
    """Return every text in the code that can be the name of a metric, without the prefix of all."""
    found: set[str] = set()
    for path in python_files("infra"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value, *METRIC.findall(node.value)}
    return found


def shown() -> set[str]:
    queries = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    queries += [variable["query"] for variable in BOARD["templating"]["list"]]
    return {OF_HISTOGRAMS.sub("", name) for query in queries for name in METRIC.findall(query)}


def test_every_metric_of_the_dashboard_is_one_that_services_tell() -> None:
    assert shown() <= told()


def test_the_dashboard_shows_what_an_operator_looks_at_first() -> None:
    assert shown() >= WANTED


@pytest.mark.parametrize("panel", BOARD["panels"], ids=lambda panel: panel["title"])
def test_every_panel_says_what_it_shows_and_where_it_is_from(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["datasource"]["uid"] == source()["uid"]


def source() -> dict[str, Any]:
    folder = DEPLOY / "grafana" / "provisioning" / "datasources"
    (found,) = yaml.safe_load((folder / "prometheus.yaml").read_text())["datasources"]
    return dict(found)


def test_prometheus_asks_every_service_and_grafana_asks_prometheus() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    (target,) = job["static_configs"]
    ours = [
        name for name, part in COMPOSE["services"].items() if "/health/ready" in str(part.get("healthcheck"))
    ]
    assert target["targets"] == [f"{name}:8080" for name in ours]
    assert source()["url"] == "http://prometheus:9090"


def test_the_page_of_alarms_is_what_the_dashboard_leads_to() -> None:
    page = (ROOT / "docs" / "operate" / "alarms.md").read_text()
    assert "docs/operate/alarms.md" in BOARD["panels"][0]["description"]
    assert all(f"`{alarm}`" in page for alarm in Alarm)
