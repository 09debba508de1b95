"""Blueprints whose routes read JSON strictly and appear in the OpenAPI document."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import flask_smorest
from flask import Request
from marshmallow import Schema, fields
from webargs.core import missing
from webargs.flaskparser import FlaskParser

from runlet.http.problems import TITLES

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Blueprint(Protocol):
    """The part of flask_smorest.Blueprint that the APIs use, with types."""

    def route(self, rule: str, *, methods: Sequence[str]) -> Callable[[Handler], Handler]:
        """Serve `rule` with the decorated function."""
        ...

    def arguments(
        self, schema: type[Schema], *, location: str = "json", required: bool = True
    ) -> Callable[[Handler], Handler]:
        """Validate a part of the request and pass the result on as the first argument."""
        ...

    def response(
        self, status_code: int, schema: type[Schema], *, description: str
    ) -> Callable[[Handler], Handler]:
        """Answer with what the function returns, dumped by `schema`."""
        ...

    def alt_response(self, status_code: int, **documentation: Any) -> Callable[[Handler], Handler]:
        """Document another answer."""
        ...

    def doc(self, **documentation: Any) -> Callable[[Handler], Handler]:
        """Add members to the operation in the OpenAPI document."""
        ...


class ProblemSchema(Schema):
    """An RFC 9457 problem document."""

    type = fields.String(metadata={"example": "about:blank"})
    title = fields.String(metadata={"description": "The kind of problem."})
    status = fields.Integer(metadata={"description": "The HTTP status, once more."})
    detail = fields.String(metadata={"description": "What is wrong and what to do next."})
    error = fields.String(metadata={"description": "The same sentence as `detail`."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "On 422: what is wrong with each field."},
    )


class StrictJSONParser(FlaskParser):
    """Reads bodies with the application's JSON: 415 for another type, 400 for what is malformed."""

    def _raw_load_json(self, req: Request) -> Any:
        return req.get_json()


class LenientJSONParser(StrictJSONParser):
    """The same, but no body at all is an empty object."""

    def _raw_load_json(self, req: Request) -> Any:
        return super()._raw_load_json(req) if req.get_data(cache=True) else missing


def create(name: str, description: str, *, body_required: bool = False) -> Blueprint:
    """A blueprint to be registered on the Api; `name` becomes the tag in the documents.

    Where `body_required`, a body of no bytes is malformed.
    """
    blueprint = flask_smorest.Blueprint(name, name, description=description)
    blueprint.ARGUMENTS_PARSER = StrictJSONParser() if body_required else LenientJSONParser()
    return cast(Blueprint, blueprint)


def document_problems(blueprint: Blueprint, *statuses: int) -> Callable[[Handler], Handler]:
    """Document the problems a route may answer with, besides 401, which all may."""

    def decorate(handler: Handler) -> Handler:
        for status in (401, *statuses):
            handler = blueprint.alt_response(
                status,
                schema=ProblemSchema,
                content_type="application/problem+json",
                description=TITLES[status],
            )(handler)
        return handler

    return decorate
