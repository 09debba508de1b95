"""What the routes work with, kept on the application that serves them."""

from dataclasses import dataclass

from flask import Flask, current_app

from execution_api.dead_letters.repository import DeadLetterRepository
from execution_api.dead_letters.requeue import Requeuer
from execution_api.executions.cancel import Canceller
from execution_api.executions.repository import ExecutionRepository
from execution_api.executions.waiters import WaiterRegistry
from execution_api.runs.submission import RunSubmission
from execution_api.streaming.output_buffer import OutputBuffer

_KEY = "execution_api"


@dataclass(frozen=True)
class Context:
    """The parts that `bootstrap` put together."""

    submission: RunSubmission
    canceller: Canceller
    requeuer: Requeuer
    executions: ExecutionRepository
    dead_letters: DeadLetterRepository
    waiters: WaiterRegistry
    output_buffer: OutputBuffer


def attach(app: Flask, context: Context) -> None:
    """Hand `context` to the routes of `app`."""
    app.extensions[_KEY] = context


def current() -> Context:
    """The context of the application that serves this request."""
    context: Context = current_app.extensions[_KEY]
    return context
