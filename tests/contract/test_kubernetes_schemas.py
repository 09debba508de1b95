"""deploy/kubernetes against the schemas of Kubernetes and of the operators it is written for."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from support.manifests import kustomize
from support.manifests.manifests import KUBERNETES, OVERLAYS, Object, rendered

VERSIONS = ("1.31", "1.37")
SCHEMAS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in (Path(__file__).parents[1] / "data" / "crd_schemas").glob("*.json")
}
BUILT_IN = re.compile(r"v1|(apps|policy|batch)/v1|[a-z]+\.k8s\.io/v1")

every_overlay = pytest.mark.parametrize(
    "overlay", OVERLAYS, ids=lambda path: str(path.relative_to(KUBERNETES))
)


def name_of(item: Object) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


def distinct_objects() -> list[Object]:
    """Overlays have most objects in common, and validating takes its time."""
    all_of_them = (json.dumps(item) for overlay in OVERLAYS for item in rendered(overlay))
    return [json.loads(text) for text in dict.fromkeys(all_of_them)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_of_kubernetes_fits_the_schema_of_its_kind(version: str) -> None:
    for item in distinct_objects():
        if BUILT_IN.fullmatch(item["apiVersion"]):
            kubernetes_validate.validate(item, version, strict=True)


def test_every_custom_resource_fits_what_is_written_down_of_its_schema() -> None:
    custom = [item for item in distinct_objects() if not BUILT_IN.fullmatch(item["apiVersion"])]

    assert {item["kind"] for item in custom} == set(SCHEMAS)
    for item in custom:
        jsonschema.validate(item, SCHEMAS[item["kind"]])


@every_overlay
def test_no_two_objects_have_one_name(overlay: Path) -> None:
    names = [name_of(item) for item in rendered(overlay)]

    assert len(set(names)) == len(names)


def test_a_misspelt_field_is_noticed() -> None:
    scaled = next(item for item in rendered(OVERLAYS[0]) if item["kind"] == "ScaledObject")
    service = next(item for item in rendered(OVERLAYS[0]) if item["kind"] == "Service")

    scaled = {**scaled, "spec": {**scaled["spec"], "maxReplicas": 3}}
    service = {**service, "spec": {**service["spec"], "selectors": {}}}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(scaled, SCHEMAS["ScaledObject"])
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, VERSIONS[0], strict=True)


@every_overlay
def test_kustomize_itself_builds_the_same(overlay: Path) -> None:
    """Where it is installed; the other tests build with a helper that knows what is used here."""
    text = built_by_kustomize(overlay)
    for full_name, name in kustomize.generated_names(overlay).items():
        text = re.sub(rf"\b{name}-[a-z0-9]{{10}}\b", full_name, text)

    built = {name_of(item): item for item in yaml.safe_load_all(text)}
    assert built == {name_of(item): item for item in rendered(overlay)}


def built_by_kustomize(overlay: Path) -> str:
    for command in (["kustomize", "build"], ["kubectl", "kustomize"]):
        if shutil.which(command[0]):
            done: Any = subprocess.run(
                [*command, str(overlay)], capture_output=True, text=True, timeout=180
            )
            assert done.returncode == 0, done.stderr
            return str(done.stdout)
    return pytest.skip("Neither kustomize nor kubectl is installed here.")
