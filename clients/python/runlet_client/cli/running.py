"""`runlet run`: a session of its own, the run, its output as it comes, its exit code."""

import argparse
from contextlib import suppress
from dataclasses import dataclass, field

from runlet_client.cli import program
from runlet_client.cli.endings import Ending, ending
from runlet_client.cli.program import Program
from runlet_client.cli.terminal import Console
from runlet_client.client import Runlet
from runlet_client.errors import NotFoundError, RunletError
from runlet_client.models import Execution, Status, StreamEvent

_PROGRESS = {Status.QUEUED: "Queued ...", Status.RUNNING: "Running ..."}


def run(client: Runlet, arguments: argparse.Namespace, console: Console) -> int:
    """Run a program to its end; gives its exit code."""
    wanted = program.read(arguments)
    session = client.create_session(wanted.language, source_code=wanted.source_code)
    try:
        execution = _execute(client, wanted, session.session_id, console, arguments.json)
    except (KeyboardInterrupt, BrokenPipeError):
        console.clear()
        _stop(client, wanted, session.session_id)
        raise
    finally:
        # A session left open is no harm; how the run went matters more.
        with suppress(RunletError):
            client.close_session(session.session_id)
    return _conclude(execution, console, arguments.json)


def _execute(
    client: Runlet, wanted: Program, session_id: str, console: Console, quiet: bool
) -> Execution:
    execution_id = wanted.start(client, session_id).execution_id
    try:
        if quiet:
            return client.wait(execution_id)
        return Display(client, execution_id, console).follow()
    except RunletError:
        console.say(f"The run goes on without being watched: runlet status {execution_id}")
        raise


def _stop(client: Runlet, wanted: Program, session_id: str) -> None:
    # The interrupt may have hit the very start: its key tells which execution it was.
    with suppress(RunletError):
        client.cancel(wanted.start(client, session_id).execution_id)


def _conclude(execution: Execution, console: Console, as_json: bool) -> int:
    end = ending(execution)
    if as_json:
        console.document(execution)
    else:
        _explain(execution, end, console)
    return end.exit_code


def _explain(execution: Execution, end: Ending, console: Console) -> None:
    for name in ("stdout", "stderr"):
        if getattr(execution, f"{name}_truncated"):
            console.say(f"{name} was cut off.")
    for remark in execution.feedback:
        where = f"line {remark.line}: " if remark.line is not None else ""
        console.note(f"{where}{remark.kind}: {remark.message}")
    if end.sentence is not None:
        console.say(end.sentence)
    console.note(_figures(execution))


def _figures(execution: Execution) -> str:
    figures = [f"{execution.status}, exit code {execution.exit_code}"]
    if execution.execution_time_ms is not None:
        figures.append(f"{execution.execution_time_ms} ms")
    if execution.memory_peak_kb is not None:
        figures.append(f"{execution.memory_peak_kb / 1024:.1f} MiB")
    return ", ".join(figures)


@dataclass
class Display:
    """Shows what an execution prints, live where the server can, at its end where not."""

    client: Runlet
    execution_id: str
    console: Console
    _shown: dict[str, list[str]] = field(default_factory=lambda: {"stdout": [], "stderr": []})

    def follow(self) -> Execution:
        """The execution, over, with all its output shown."""
        self.console.progress(_PROGRESS[Status.QUEUED])
        execution = self._watch() or self.client.wait(self.execution_id)
        self.console.clear()
        self._show_rest(execution)
        return execution

    def _watch(self) -> Execution | None:
        """The execution as the stream ended with it; None from a server that has no stream."""
        try:
            for event in self.client.stream(self.execution_id):
                self._show(event)
                if event.is_last:
                    return event.execution
        except NotFoundError:
            return None
        return None

    def _show(self, event: StreamEvent) -> None:
        if event.status is not None:
            if not any(self._shown.values()) and event.status in _PROGRESS:
                self.console.progress(_PROGRESS[event.status])
        else:
            self._print(event.kind, event.text)

    def _show_rest(self, execution: Execution) -> None:
        compiled = execution.compile
        if compiled is not None and execution.reason == "compile_error":
            if not any(self._shown.values()):
                self._print("stderr", compiled.stdout + compiled.stderr)
            return
        for name, whole in (("stdout", execution.stdout), ("stderr", execution.stderr)):
            shown = "".join(self._shown[name])
            if whole.startswith(shown):
                self._print(name, whole[len(shown) :])
            else:
                self.console.note(f"{name} may be incomplete: runlet status {self.execution_id}")

    def _print(self, name: str, text: str) -> None:
        if text:
            self._shown[name].append(text)
            show = self.console.output if name == "stdout" else self.console.errors
            show(text)
