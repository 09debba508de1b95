"""What the routes work with, kept on the application that serves them."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, current_app

from runlet.languages import Language
from runlet.limits import LimitSettings
from runlet_http.problems import invalid
from session_api.sessions.repository import SessionRepository

_KEY = "session_api"


@dataclass(frozen=True)
class Context:
    """The parts that `bootstrap` put together."""

    sessions: SessionRepository
    languages: Mapping[str, Language]
    limits: LimitSettings

    def language(self, language_id: str) -> Language:
        """A language on offer. Raises a 422 problem for another one."""
        if language_id not in self.languages:
            known = ", ".join(self.languages)
            raise invalid("language", f"Is not on offer here. Choose one of: {known}.")
        return self.languages[language_id]


def attach(app: Flask, context: Context) -> None:
    """Hand `context` to the routes of `app`."""
    app.extensions[_KEY] = context


def current() -> Context:
    """The context of the application that serves this request."""
    context: Context = current_app.extensions[_KEY]
    return context
