"""The commands that ask one thing and print the answer."""

import argparse
from itertools import islice

from runlet_client.cli.terminal import Console
from runlet_client.client import Runlet
from runlet_client.models import Execution, Status


def languages(client: Runlet, arguments: argparse.Namespace, console: Console) -> int:
    """List the languages."""
    offered = client.languages()
    if arguments.json:
        console.document({"total": len(offered), "languages": offered})
        return 0
    rows = [
        (
            language.id,
            language.name,
            f"{language.runtime} {language.version}",
            language.file_name,
            f"{language.default_time_limit_ms} ms",
            f"{language.default_memory_mb} MiB",
        )
        for language in offered
    ]
    console.table(("ID", "NAME", "RUNTIME", "FILE", "TIME", "MEMORY"), rows)
    return 0


def status(client: Runlet, arguments: argparse.Namespace, console: Console) -> int:
    """Show an execution."""
    execution = client.get_execution(arguments.id)
    if arguments.json:
        console.document(execution)
        return 0
    for name, value in _facts(execution):
        if value is not None:
            console.line(f"{name:<10}{value}")
    for name, text in _texts(execution):
        if text:
            console.line(f"\n--- {name}")
            for line in text.removesuffix("\n").split("\n"):
                console.line(line)
    return 0


def cancel(client: Runlet, arguments: argparse.Namespace, console: Console) -> int:
    """Cancel an execution."""
    state = client.cancel(arguments.id)
    if arguments.json:
        console.document(state)
    elif state.status is Status.CANCELLED:
        console.line(f"Execution {state.execution_id} is cancelled.")
    else:
        console.line(f"Execution {state.execution_id} is being stopped.")
    return 0


def list_dead_letters(client: Runlet, arguments: argparse.Namespace, console: Console) -> int:
    """List what the platform gave up."""
    letters = tuple(islice(client.dead_letters(), max(arguments.limit, 0)))
    if arguments.json:
        console.document({"dead_letters": letters})
        return 0
    if not letters:
        console.line("There are no dead letters.")
        return 0
    rows = [
        (
            letter.id,
            letter.execution_id or "-",
            letter.at.isoformat(timespec="seconds"),
            str(letter.attempts),
            letter.reason,
        )
        for letter in letters
    ]
    console.table(("ID", "EXECUTION", "AT", "ATTEMPTS", "REASON"), rows)
    return 0


def requeue_dead_letter(client: Runlet, arguments: argparse.Namespace, console: Console) -> int:
    """Queue the execution of a dead letter again."""
    state = client.requeue_dead_letter(arguments.id)
    if arguments.json:
        console.document(state)
    else:
        console.line(f"Execution {state.execution_id} is queued again.")
    return 0


def delete_dead_letter(client: Runlet, arguments: argparse.Namespace, console: Console) -> int:
    """Delete a dead letter."""
    client.delete_dead_letter(arguments.id)
    if arguments.json:
        console.document({"id": arguments.id, "deleted": True})
    else:
        console.line(f"Dead letter {arguments.id} is deleted.")
    return 0


def _facts(execution: Execution) -> tuple[tuple[str, object], ...]:
    reason = f" ({execution.reason})" if execution.reason else ""
    time, memory = execution.execution_time_ms, execution.memory_peak_kb
    return (
        ("execution", execution.execution_id),
        ("session", execution.session_id),
        ("language", execution.language),
        ("status", f"{execution.status}{reason}"),
        ("exit code", execution.exit_code),
        ("signal", execution.signal),
        ("time", None if time is None else f"{time} ms"),
        ("memory", None if memory is None else f"{memory / 1024:.1f} MiB"),
        ("attempts", execution.attempts),
    )


def _texts(execution: Execution) -> tuple[tuple[str, str], ...]:
    compiled = execution.compile
    return (
        ("compiler", compiled.stdout + compiled.stderr if compiled else ""),
        ("stdout", execution.stdout),
        ("stderr", execution.stderr),
    )
