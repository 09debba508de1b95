"""One program through the whole of Runlet, to show that it works.

`make up` hands it to a container. It calls the gateway, with the first of the deployment's tokens
where there are any, and ends with 1 and a sentence when the program does not come back as it
should.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

GATEWAY = "http://gateway:8080"
CALL_SECONDS = 40
SOURCE = 'squares = [n * n for n in range(1, 6)]\nprint("Hello from Runlet:", squares)\n'


def main() -> None:
    """Run it and print what it gave."""
    offered = {language["id"] for language in call("GET", "/languages")["languages"]}
    if "python" not in offered:
        print("    Python is not among LANGUAGES, so no program is run to show that it works.")
        return
    session = call("POST", "/code-sessions", {"language": "python"})["session_id"]
    call("PATCH", f"/code-sessions/{session}", {"source_code": SOURCE})
    begun = time.monotonic()
    execution_id = call("POST", f"/code-sessions/{session}/run", {})["execution_id"]
    execution = call("GET", f"/executions/{execution_id}?wait=30")
    show(execution, round((time.monotonic() - begun) * 1000))
    if execution["status"] != "COMPLETED":
        sys.exit(f"The program should have COMPLETED. Its execution: {json.dumps(execution)}")


def show(execution: dict[str, Any], whole_ms: int) -> None:
    """The program, its output and its times."""
    print("==> A program ran")
    for mark, text in (("|", SOURCE), (">", execution.get("stdout") or "")):
        for line in text.splitlines():
            print(f"    {mark} {line}")
    print(
        f"    status {execution['status']}, run {execution.get('execution_time_ms')} ms, "
        f"CPU {execution.get('cpu_time_ms')} ms, from request to result {whole_ms} ms"
    )


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One call's answer; ends the program when there is none, or an error."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if value := token():
        headers["Authorization"] = f"Bearer {value}"
    request = urllib.request.Request(GATEWAY + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path} failed with {error.code}: {error.read().decode()}")
    except OSError as error:
        sys.exit(f"{method} {path} got no answer: {error}")


def token() -> str:
    """The first of the tokens that callers may show, without its name."""
    listed = os.environ.get("API_TOKENS", "").split(",")
    if path := os.environ.get("API_TOKENS_FILE"):
        listed += Path(path).read_text(encoding="utf-8").splitlines()
    first = next((each.strip() for each in listed if each.strip() and each.strip()[0] != "#"), "")
    return first.partition(":")[2] or first


main()
