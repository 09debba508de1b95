"""The client for ordinary code."""

import time
from collections.abc import Callable, Generator, Iterator
from typing import Concatenate, ParamSpec, Self, TypeVar

import httpx

from runlet_client import calls, connection, flows
from runlet_client.binding import described
from runlet_client.connection import Server
from runlet_client.exchange import Call, Reply, Request, error_of
from runlet_client.flows import Failure, Flow, Pause
from runlet_client.models import Execution, Page, StreamEvent
from runlet_client.retries import DEFAULT_RETRIES, Retries
from runlet_client.streaming import Watch

P = ParamSpec("P")
T = TypeVar("T")


def _method(build: Callable[P, Call[T]]) -> "Callable[Concatenate[Runlet, P], T]":
    def method(self: "Runlet", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._carry_out(flows.send(build(*args, **kwargs), self._retries))

    return described(method, build, build.__name__)


def _items(build: Callable[P, Call[Page[T]]]) -> "Callable[Concatenate[Runlet, P], Iterator[T]]":
    def method(self: "Runlet", /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        call: Call[Page[T]] | None = build(*args, **kwargs)
        while call is not None:
            page = self._carry_out(flows.send(call, self._retries))
            yield from page.items
            call = calls.next_page(call, page)

    return described(method, build, build.__name__.removeprefix("list_"))


class Runlet:
    """Calls one Runlet and keeps connections open between calls; threads may share it.

    `url` and `token` are by default those of RUNLET_URL and RUNLET_TOKEN. Every method raises a
    RunletError when the call fails. Raises ValueError for a `url` that is none.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        retries: Retries = DEFAULT_RETRIES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._server = Server.named(url, token)
        self._retries = retries
        self._http = httpx.Client(transport=transport, **self._server.http_options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    languages = _method(calls.languages)
    language = _method(calls.language)

    create_session = _method(calls.create_session)
    save_session = _method(calls.save_session)
    get_session = _method(calls.get_session)
    close_session = _method(calls.close_session)
    list_sessions = _method(calls.list_sessions)
    sessions = _items(calls.list_sessions)

    run = _method(calls.run)
    get_execution = _method(calls.get_execution)
    events = _method(calls.events)
    cancel = _method(calls.cancel)
    list_executions = _method(calls.list_executions)
    executions = _items(calls.list_executions)

    list_dead_letters = _method(calls.list_dead_letters)
    dead_letters = _items(calls.list_dead_letters)
    requeue_dead_letter = _method(calls.requeue_dead_letter)
    delete_dead_letter = _method(calls.delete_dead_letter)

    def wait(self, execution_id: str, *, timeout: float | None = None) -> Execution:
        """The execution once it is over. Raises StillRunningError after `timeout` seconds."""
        return self._carry_out(flows.wait(execution_id, timeout, self._retries))

    def stream(
        self, execution_id: str, *, last_event_id: str | None = None
    ) -> Generator[StreamEvent, None, None]:
        """What the execution does and prints as it happens, from its beginning to its end.

        A connection that breaks is made again, and goes on where it was; with `last_event_id` it
        begins after that event. Close the generator to leave before the end.
        """
        watch = Watch(execution_id, self._retries, last_event_id)
        while not watch.is_over:
            time.sleep(watch.pause)
            try:
                yield from self._connection(watch)
            except httpx.HTTPError as error:
                watch.failed(connection.failure_of(error, self._server))

    def _connection(self, watch: Watch) -> Iterator[StreamEvent]:
        with self._http.stream(**connection.arguments(watch.request())) as response:
            if not watch.accepted(response.status_code):
                response.read()
                watch.refused(error_of(connection.reply_of(response)))
                return
            for chunk in response.iter_bytes():
                yield from watch.heard(chunk)
                if watch.is_over:
                    return
            watch.ended()

    def _carry_out(self, flow: Flow[T]) -> T:
        answer: Reply | Failure | None = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = self._take(step)

    def _take(self, step: Request | Pause) -> Reply | Failure | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        try:
            return connection.reply_of(self._http.request(**connection.arguments(step)))
        except httpx.HTTPError as error:
            return connection.failure_of(error, self._server)
