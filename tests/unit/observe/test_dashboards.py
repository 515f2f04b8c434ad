"""What Grafana and Prometheus are set up to show and to warn of is what the code exports."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import validate
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.observe.exported import everything, labels_by_name

promql = pytest.importorskip("promql_parser")

FOLDER = Path(__file__).parents[3] / "configs/grafana"
DASHBOARDS = sorted((FOLDER / "dashboards").glob("*.json"))
OF_PROMETHEUS: Mapping[str, frozenset[str]] = {"up": frozenset({"job", "instance"})}
_LEGEND = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")

PANEL = {
    "type": "object",
    "required": ["id", "type", "title", "gridPos"],
    "properties": {
        "type": {"enum": ["row", "stat", "timeseries"]},
        "title": {"type": "string", "minLength": 3},
        "gridPos": {
            "type": "object",
            "required": ["x", "y", "w", "h"],
            "properties": {"x": {"minimum": 0, "maximum": 23}, "w": {"minimum": 1, "maximum": 24}},
        },
        "targets": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["expr", "refId", "datasource"]},
        },
    },
}
DASHBOARD = {
    "type": "object",
    "required": ["uid", "title", "schemaVersion", "panels", "templating", "time"],
    "properties": {
        "uid": {"type": "string", "pattern": "^[a-z-]{1,40}$"},
        "id": {"type": "null"},
        "panels": {"type": "array", "items": PANEL},
    },
}


def expressions() -> Iterator[tuple[str, str, str]]:
    """Where it stands, the expression, and the texts that name its labels."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.name}: {panel['title']}", target["expr"], target["legendFormat"]
    for group in yaml.safe_load((FOLDER / "prometheus/alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"], " ".join(rule["annotations"].values())


def plain(expression: str) -> str:
    """Without the variables of Grafana, which are no PromQL."""
    return expression.replace("$__rate_interval", "5m").replace("$", "")


def selectors(expression: str) -> Iterator[Any]:
    found: list[Any] = []
    promql.walk(promql.parse(expression), found.append)
    for node in found:
        if isinstance(node, promql.VectorSelector):
            yield node


def groupings(expression: str) -> Iterator[tuple[list[str], Any]]:
    """The labels of each `by (…)`, and the aggregation."""
    found: list[Any] = []
    promql.walk(promql.parse(expression), found.append)
    for node in found:
        if isinstance(node, promql.AggregateExpr) and node.modifier:
            yield list(node.modifier.labels), node


EXPORTED = {**labels_by_name(everything()), **OF_PROMETHEUS}
FAMILIES = [family.name for family in text_string_to_metric_families(everything().render()[0].decode())]


def test_the_catalogue_is_whole() -> None:
    """Each family of the code has samples here, so that nothing below is judged by half of its labels."""
    text = everything().render()[0].decode()
    declared = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert declared == {
        name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for name in EXPORTED
    } - {"up"}


@pytest.mark.parametrize(("place", "expression", "told"), list(expressions()))
def test_names_and_labels_exist(place: str, expression: str, told: str) -> None:
    """Each series, each label that is matched, grouped by or shown."""
    grouped: set[str] = set()
    for selector in selectors(plain(expression)):
        assert selector.name in EXPORTED, place
        assert {each.name for each in selector.matchers.matchers} <= EXPORTED[selector.name], place
    for labels, node in groupings(plain(expression)):
        inner = [EXPORTED[each.name] for each in selectors(str(node.prettify()))]
        assert all(set(labels) <= known for known in inner), place
        grouped |= set(labels)
    assert set(_LEGEND.findall(told)) <= grouped, place


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_is_one_that_grafana_reads(path: Path) -> None:
    """Its schema, panels that do not lie on each other, variables that exist and are used."""
    dashboard = json.loads(path.read_text())
    validate(dashboard, DASHBOARD)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    cells = [
        (x, y)
        for panel in dashboard["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)", json.dumps(dashboard["panels"])))
    assert used - {"__rate_interval"} <= variables | {"__rate_interval"}
    assert variables <= used
    for each in dashboard["templating"]["list"]:
        if each["type"] == "query":
            series, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", each["definition"]).groups()  # type: ignore[union-attr]
            assert label in EXPORTED[series]


def test_every_alert_says_what_to_do() -> None:
    """A severity, a summary, a description; names are distinct."""
    groups = yaml.safe_load((FOLDER / "prometheus/alerts.yaml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert all(rule["annotations"][name] for name in ("summary", "description"))


def test_a_lost_record_is_warned_of() -> None:
    """Nobody who reads a report could see that it tells too little."""
    groups = yaml.safe_load((FOLDER / "prometheus/alerts.yaml").read_text())["groups"]
    (rule,) = (rule for group in groups for rule in group["rules"] if "records_dropped" in rule["expr"])
    assert rule["labels"]["severity"] == "critical"
    assert "for" not in rule


def test_provisioning_leads_to_what_is_there() -> None:
    """Prometheus finds the alerts and the job that they name, Grafana the dashboards and the kind of datasource."""
    for name in ("prometheus.yaml", "kubernetes.yaml"):
        setup = yaml.safe_load((FOLDER / "prometheus" / name).read_text())
        assert all((FOLDER / "prometheus" / path).is_file() for path in setup["rule_files"])
        assert [job["job_name"] for job in setup["scrape_configs"]] == ["leanserve"]
    (provider,) = yaml.safe_load((FOLDER / "provisioning/dashboards/leanserve.yaml").read_text())["providers"]
    assert provider["options"]["path"] == "$LEANSERVE_GRAFANA/dashboards"
    (source,) = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert source["type"] == "prometheus"
    assert DASHBOARDS


def test_the_pods_name_the_ports_that_prometheus_keeps() -> None:
    """Ray Serve gives a node's ingress replicas the ports from 30000 on, the lowest first."""
    text = (FOLDER.parent / "rayservice.yaml").read_text()
    ports = dict(re.findall(r"name: (ingress-\d+), containerPort: (\d+)", text))
    assert ports == {f"ingress-{place}": str(30000 + place) for place in range(len(ports))}
    assert len(ports) >= 4
