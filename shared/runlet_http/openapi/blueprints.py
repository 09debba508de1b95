"""Blueprints whose routes read JSON strictly and appear in the OpenAPI document."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

import flask_smorest
from flask import Request
from marshmallow import Schema
from webargs.core import missing
from webargs.flaskparser import FlaskParser

from runlet_http.openapi import documents
from runlet_http.openapi.problem_schemas import USUAL, ProblemDocument
from runlet_http.problems import TITLES

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Blueprint(Protocol):
    """The part of flask_smorest.Blueprint that the APIs use, with types."""

    def route(
        self,
        rule: str,
        *,
        methods: Sequence[str],
        parameters: Sequence[Mapping[str, Any]] = (),
    ) -> Callable[[Handler], Handler]:
        """Serve `rule` with the decorated function; `parameters` describe what is in its path."""
        ...

    def arguments(
        self,
        schema: Schema,
        *,
        location: str = "json",
        required: bool = True,
        example: object = None,
    ) -> Callable[[Handler], Handler]:
        """Validate a part of the request and pass the result on as the first argument.

        A schema that is made once: a class would be made again for each request.
        """
        ...

    def response(
        self,
        status_code: int,
        schema: type[Schema],
        *,
        description: str,
        headers: Mapping[str, Any] | None = None,
    ) -> Callable[[Handler], Handler]:
        """Answer with what the function returns, dumped by `schema`, whose fields have examples."""
        ...

    def alt_response(self, status_code: int, **documentation: Any) -> Callable[[Handler], Handler]:
        """Document another answer."""
        ...

    def doc(self, **documentation: Any) -> Callable[[Handler], Handler]:
        """Add members to the operation in the OpenAPI document."""
        ...


class _Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    def response(
        self, status_code: int, schema: type[Schema], **documentation: Any
    ) -> Callable[[Handler], Handler]:
        decorate: Callable[[Handler], Handler] = super().response(
            status_code, schema, example=documents.example(schema), **documentation
        )
        return decorate


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
    blueprint = _Blueprint(name, name, description=description)
    blueprint.ARGUMENTS_PARSER = StrictJSONParser() if body_required else LenientJSONParser()
    return cast(Blueprint, blueprint)


def document_problems(
    blueprint: Blueprint, *problems: int | ProblemDocument
) -> Callable[[Handler], Handler]:
    """Document the problems a route may answer with, besides 401 and 414, which all may."""

    def decorate(handler: Handler) -> Handler:
        for each in (401, 414, *problems):
            problem = USUAL[each] if isinstance(each, int) else each
            handler = blueprint.alt_response(
                problem.status,
                schema=problem.schema,
                content_type="application/problem+json",
                description=TITLES[problem.status],
                example=problem.example(),
                headers=problem.headers(),
            )(handler)
        return handler

    return decorate
