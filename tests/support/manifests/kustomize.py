"""The part of kustomize that deploy/kubernetes keeps to, for machines without kustomize.

Resources, generated ConfigMaps, patches (strategic and JSON), images and the namespace. Anything
else in a kustomization fails, and so does a patch of a list whose merging is not known here.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.manifests.json_patch import patched

Object = dict[str, Any]

KNOWN_FIELDS = {
    "apiVersion",
    "kind",
    "namespace",
    "resources",
    "configMapGenerator",
    "images",
    "patches",
}
# As the Kubernetes API declares them; lists of custom resources are replaced as a whole.
MERGED_BY_NAME = {"containers", "initContainers", "env"}
REPLACED = {"endpoints", "egress", "ingress"}
WITHOUT_NAMESPACE = {"Namespace"}
CONFIG_MAP_REFERENCES = {"configMap", "configMapRef", "configMapKeyRef"}


@dataclass(frozen=True)
class Generated:
    """A ConfigMap as it was named, and its name with the hash of its content."""

    name: str
    full_name: str


def build(folder: Path) -> list[Object]:
    """The objects that the kustomization in `folder` describes."""
    objects, generated = _accumulate(folder)
    names = {each.name: each.full_name for each in generated}
    for item in objects:
        _rename_references(item, names)
    return objects


def generated_names(folder: Path) -> dict[str, str]:
    """The names of ConfigMaps whose names get a hash, with and without it."""
    return {each.full_name: each.name for each in _accumulate(folder)[1]}


def _accumulate(folder: Path) -> tuple[list[Object], list[Generated]]:
    described = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    unknown = set(described) - KNOWN_FIELDS
    assert not unknown, f"{folder}: this helper does not know {unknown}."
    objects, generated = _resources(folder, described.get("resources", ()))
    for generator in described.get("configMapGenerator", ()):
        config_map = _config_map(folder, generator)
        objects.append(config_map)
        generated.append(Generated(generator["name"], config_map["metadata"]["name"]))
    for patch in described.get("patches", ()):
        objects = _apply(folder, patch, objects)
    for item in objects:
        _set_images(item, described.get("images", ()))
        if "namespace" in described and item["kind"] not in WITHOUT_NAMESPACE:
            item["metadata"]["namespace"] = described["namespace"]
    return objects, generated


def _resources(folder: Path, names: Iterable[str]) -> tuple[list[Object], list[Generated]]:
    objects: list[Object] = []
    generated: list[Generated] = []
    for name in names:
        path = folder / name
        if path.is_dir():
            inner, inner_generated = _accumulate(path.resolve())
            objects += inner
            generated += inner_generated
        else:
            objects += _documents(path.read_text(encoding="utf-8"))
    return objects, generated


def _documents(text: str) -> list[Any]:
    return [document for document in yaml.safe_load_all(text) if document]


def _config_map(folder: Path, generator: Object) -> Object:
    data = {name: (folder / name).read_text("utf-8") for name in generator.get("files", ())}
    for name in generator.get("envs", ()):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        data |= dict(line.split("=", 1) for line in lines)
    digest = hashlib.sha256(repr(sorted(data.items())).encode()).hexdigest()[:10]
    metadata = {"name": f"{generator['name']}-{digest}"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _apply(folder: Path, patch: Object, objects: list[Object]) -> list[Object]:
    text = patch.get("patch") or (folder / patch["path"]).read_text(encoding="utf-8")
    for change in _documents(text):
        target = patch.get("target") or {"kind": change["kind"], "name": change["metadata"]["name"]}
        chosen = [item for item in objects if _is_target(item, target)]
        assert chosen, f"{folder}: {target} is not there to be patched."
        if isinstance(change, list):
            changed = {id(item): patched(item, change) for item in chosen}
        elif change.get("$patch") == "delete":
            objects = [item for item in objects if item not in chosen]
            continue
        else:
            changed = {id(item): _merged(item, change) for item in chosen}
        objects = [changed.get(id(item), item) for item in objects]
    return objects


def _is_target(item: Object, target: Object) -> bool:
    name = target.get("name")
    return item["kind"] == target["kind"] and name in (None, item["metadata"]["name"])


def _merged(original: Any, change: Any, field: str = "") -> Any:
    if isinstance(original, dict) and isinstance(change, dict):
        result = dict(original)
        for key, value in change.items():
            result[key] = _merged(original[key], value, key) if key in original else value
        return result
    if isinstance(original, list) and field in MERGED_BY_NAME:
        return _merged_by_name(original, change)
    assert not isinstance(original, list) or field in REPLACED, f"How is {field} merged?"
    return change


def _merged_by_name(original: list[Object], change: list[Object]) -> list[Object]:
    """What is patched comes first, as kustomize has it."""
    known = {item["name"]: item for item in original}
    first = [_merged(known.get(item["name"], {}), item) for item in change]
    names = {item["name"] for item in first}
    return first + [item for item in original if item["name"] not in names]


def _set_images(item: Any, images: Iterable[Object]) -> None:
    if isinstance(item, list):
        for part in item:
            _set_images(part, images)
    elif isinstance(item, dict):
        for key, value in item.items():
            if key == "image" and isinstance(value, str):
                item[key] = _renamed_image(value, images)
            else:
                _set_images(value, images)


def _renamed_image(image: str, images: Iterable[Object]) -> str:
    name, _, tag = image.partition(":")
    for change in images:
        if change["name"] == name:
            return f"{change.get('newName', name)}:{change.get('newTag', tag)}"
    return image


def _rename_references(item: Any, names: dict[str, str]) -> None:
    if isinstance(item, list):
        for part in item:
            _rename_references(part, names)
    elif isinstance(item, dict):
        for key, value in item.items():
            if key in CONFIG_MAP_REFERENCES and value["name"] in names:
                item[key] = {**value, "name": names[value["name"]]}
            else:
                _rename_references(value, names)
