"""A receiver of callbacks that runs in a container: `python -c` with the text of this file.

What is POSTed to a path is kept, and shown by GET. The first call to a path under /once-away/ is
answered with 503, all others with 204.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PORT = 8090

calls: dict[str, list[dict[str, Any]]] = {}


class Target(BaseHTTPRequestHandler):
    """Serves one request."""

    def do_POST(self) -> None:
        """Keep the call."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kept = calls.setdefault(self.path, [])
        status = 503 if self.path.startswith("/once-away/") and not kept else 204
        kept.append({"headers": dict(self.headers), "body": body.decode(), "status": status})
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        """Show the calls that came to this path."""
        answer = json.dumps(calls.get(self.path, [])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", PORT), Target).serve_forever()
