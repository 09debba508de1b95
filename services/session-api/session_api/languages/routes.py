"""The calls on languages."""

from typing import Any

from runlet.languages import Language
from runlet_http.openapi import blueprints, documents
from runlet_http.problems import ProblemError
from session_api import context
from session_api.openapi import links
from session_api.openapi.problem_documents import NO_LANGUAGE
from session_api.sessions.schemas import LanguageListSchema, LanguageWithTemplateSchema

languages = blueprints.create("languages", "What programs can be written in.")

_IN_PATH = {
    "in": "path",
    "name": "language_id",
    "required": True,
    "description": "The id of the language.",
    "schema": {"type": "string"},
    "example": "python",
}


@languages.route("/languages", methods=["GET"])
@languages.doc(
    operationId="listLanguages",
    summary="List the languages on offer",
    **documents.links(200, **links.FIRST_LANGUAGE),
)
@blueprints.document_problems(languages)
@languages.response(200, LanguageListSchema, description="Every language on offer.")
def list_offered() -> dict[str, Any]:
    """Every language this deployment offers."""
    described = [_describe(language) for language in context.current().languages.values()]
    return {"total": len(described), "languages": described}


@languages.route("/languages/<language_id>", methods=["GET"], parameters=[_IN_PATH])
@languages.doc(operationId="getLanguage", summary="Read a language")
@blueprints.document_problems(languages, NO_LANGUAGE)
@languages.response(
    200,
    LanguageWithTemplateSchema,
    description="The language and its template.",
)
def read(language_id: str) -> dict[str, Any]:
    """A language and the program its sessions start with."""
    language = context.current().languages.get(language_id)
    if language is None:
        raise ProblemError(404, "This language is not on offer here. See /languages.")
    return {**_describe(language), "template_code": language.template}


def _describe(language: Language) -> dict[str, Any]:
    limits = context.current().limits
    return {
        "id": language.id,
        "name": language.name,
        "runtime": language.runtime,
        "version": language.version,
        "file_name": language.file_name,
        "default_time_limit_ms": language.time_limit_ms or limits.default_time_limit_ms,
        "default_memory_mb": language.memory_mb or limits.default_memory_mb,
    }
