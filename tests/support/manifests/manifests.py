"""What deploy/kubernetes describes, as the tests look at it."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from support.manifests import kustomize

KUBERNETES = Path(__file__).parents[3] / "deploy" / "kubernetes"
OVERLAYS = sorted(path.parent for path in KUBERNETES.rglob("kustomization.yaml"))
WORKLOADS = {"Deployment", "StatefulSet"}

Object = dict[str, Any]


@cache
def rendered(folder: Path) -> list[Object]:
    """The objects of an overlay; not to be changed."""
    return kustomize.build(folder)


def of_kind(folder: Path, *kinds: str) -> list[Object]:
    """The objects of some kinds."""
    return [item for item in rendered(folder) if item["kind"] in kinds]


def workloads(folder: Path) -> list[Object]:
    """What makes pods."""
    return of_kind(folder, *WORKLOADS)


def workload(folder: Path, name: str) -> Object:
    """One of them."""
    return next(item for item in workloads(folder) if item["metadata"]["name"] == name)


def containers(item: Object) -> list[Object]:
    """All containers of a workload's pods, those that run first among them."""
    pod = item["spec"]["template"]["spec"]
    found: list[Object] = [*pod.get("initContainers", ()), *pod["containers"]]
    return found


def pod_labels(item: Object) -> Mapping[str, str]:
    """What a workload's pods are labelled with."""
    labels: Mapping[str, str] = item["spec"]["template"]["metadata"]["labels"]
    return labels


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector, as policies and budgets have it, chooses a pod."""
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    among = all(
        expression["operator"] == "In" and labels.get(expression["key"]) in expression["values"]
        for expression in selector.get("matchExpressions", ())
    )
    return equal and among


def values_of(item: Any, key: str) -> Iterator[Any]:
    """Whatever stands under a key, anywhere in an object."""
    if isinstance(item, dict):
        for name, value in item.items():
            if name == key:
                yield value
            yield from values_of(value, key)
    elif isinstance(item, list):
        for part in item:
            yield from values_of(part, key)
