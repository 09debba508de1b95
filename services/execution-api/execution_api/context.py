"""What the routes work with, kept on the application that serves them."""

from dataclasses import dataclass

from flask import Flask, current_app

from execution_api.dead_letters.repository import DeadLetterRepository
from execution_api.dead_letters.requeue import Requeueing
from execution_api.executions.cancel import Cancelling
from execution_api.executions.repository import ExecutionRepository
from execution_api.executions.waiters import Waiters
from execution_api.runs.submission import Acceptance
from execution_api.streaming.output_buffer import LiveOutput

_KEY = "execution_api"


@dataclass(frozen=True)
class Context:
    """The parts that `bootstrap` put together."""

    acceptance: Acceptance
    cancelling: Cancelling
    requeueing: Requeueing
    executions: ExecutionRepository
    dead_letters: DeadLetterRepository
    waiters: Waiters
    live_output: LiveOutput


def attach(app: Flask, context: Context) -> None:
    """Hand `context` to the routes of `app`."""
    app.extensions[_KEY] = context


def current() -> Context:
    """The context of the application that serves this request."""
    context: Context = current_app.extensions[_KEY]
    return context
