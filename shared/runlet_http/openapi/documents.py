"""What the OpenAPI documents say beyond the fields of a schema."""

from collections.abc import Mapping
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

# What cannot be stored, and so is refused in every text. Unpaired surrogates are refused as well,
# but no UTF-8 can hold them.
NO_NUL = "^[^\\u0000]*$"

UUID_EXAMPLE = "6d3c1f0e-0b60-4f0e-9f3e-2f9d1c1f7a55"


class AnswerSchema(Schema):
    """A schema for answers: every field is there, though it may be null.

    But for those in `Meta.optional`.
    """


class _Converter(OpenAPIConverter):
    """Adds what stands in a schema's `Meta.json_schema`, and that answers are complete."""

    def schema2jsonschema(self, schema: Schema) -> dict[str, Any]:
        converted: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        if isinstance(schema, AnswerSchema):
            optional: frozenset[str] = getattr(schema.Meta, "optional", frozenset())
            converted["required"] = sorted(converted["properties"].keys() - optional)
        return {**converted, **getattr(schema.Meta, "json_schema", {})}


class SchemaPlugin(MarshmallowPlugin):
    """Converts schemas with all that they say."""

    Converter = _Converter


def example(schema: type[Schema]) -> dict[str, Any]:
    """An answer in which every field is as its own example says."""
    return {name: _example(field) for name, field in schema().fields.items()}


def _example(field: fields.Field[Any]) -> Any:
    if "example" in field.metadata:
        return field.metadata["example"]
    if isinstance(field, fields.Nested):
        return example(type(field.schema))
    if isinstance(field, fields.List):
        return [_example(field.inner)]
    raise LookupError(f"The field {field.name} has no example.")


def path_id(name: str, what: str) -> dict[str, Any]:
    """The parameter of a path that is an id of `what`."""
    return {
        "in": "path",
        "name": name,
        "required": True,
        "description": f"The id of the {what}.",
        "schema": {"type": "string", "format": "uuid"},
        "example": UUID_EXAMPLE,
    }


def header(description: str, example: object, **schema: Any) -> dict[str, Any]:
    """A header that an answer always carries."""
    return {
        "description": description,
        "required": True,
        "schema": {"type": "string", **schema},
        "example": example,
    }


def link(operation_id: str, description: str, **parameters: str) -> dict[str, Any]:
    """What may follow an answer: a call with parameters taken from it, as runtime expressions."""
    return {"operationId": operation_id, "description": description, "parameters": parameters}


def links(status: int, **by_name: Mapping[str, Any]) -> dict[str, Any]:
    """The calls that may follow the answer with `status`, to be handed to `doc`."""
    return {"responses": {status: {"links": dict(by_name)}}}
