"""Just enough of PromQL to tell what an expression asks for, and where expressions stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from monitoring import dashboard

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy/prometheus/rules"

_STRING = re.compile(r'"[^"]*"')
_MATCHERS = re.compile(r"(?P<metric>[a-zA-Z_:][\w:]*)\s*\{(?P<matchers>[^}]*)\}")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\((?P<labels>[^)]*)\)")
_RANGE = re.compile(r"\[[^\]]*\]")
_NAME = re.compile(r"[a-zA-Z_:][\w:]*(?!\w|\s*\()")
_WORDS = frozenset({"by", "without", "on", "ignoring", "and", "or", "unless", "bool"})


@dataclass(frozen=True)
class Rule:
    """A recording rule, or an alert with its labels and annotations."""

    name: str
    expression: str
    is_alert: bool
    labels: dict[str, str]
    annotations: dict[str, str]


def rules() -> list[Rule]:
    """All rules of the deployment."""
    return [_rule(rule) for path in sorted(RULES.glob("*.yml")) for rule in _rules_in(path)]


def _rules_in(path: Path) -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def _rule(rule: dict[str, Any]) -> Rule:
    return Rule(
        name=rule.get("alert") or rule["record"],
        expression=rule["expr"],
        is_alert="alert" in rule,
        labels=rule.get("labels", {}),
        annotations=rule.get("annotations", {}),
    )


def expressions() -> list[str]:
    """Every expression of rules and dashboard."""
    asked = [q.expression for p in dashboard.panels(ROOT / dashboard.DASHBOARD) for q in p.queries]
    return [rule.expression for rule in rules()] + asked


def metrics_in(expression: str) -> set[str]:
    """The names of the series that an expression reads."""
    bare = _STRING.sub('""', expression)
    bare = _MATCHERS.sub(lambda found: found["metric"], bare)
    bare = _RANGE.sub("", _GROUPING.sub("", bare))
    return set(_NAME.findall(bare)) - _WORDS


def labels_in(expression: str) -> list[tuple[str, str]]:
    """Each label that a selector asks for, after the name of its metric."""
    bare = _STRING.sub('""', expression)
    return [
        (found["metric"], label)
        for found in _MATCHERS.finditer(bare)
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", found["matchers"])
    ]


def grouped_by(expression: str) -> set[str]:
    """The labels that an expression keeps."""
    found = _GROUPING.findall(expression)
    return {label.strip() for labels in found for label in labels.split(",") if label.strip()}
