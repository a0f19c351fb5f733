"""A server that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import http.server
import json
import threading

DENIED = (403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
SLOW_DOWN = (503, b"<Error><Code>SlowDown</Code><Message>slower</Message></Error>")
BROKEN = (500, b"<Error><Code>InternalError</Code><Message>oh</Message></Error>")
NO_BUCKET = (404, b"<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>")
NO_ACL = (501, b"<Error><Code>NotImplemented</Code><Message>x-amz-acl</Message></Error>")


def refused(code: str, status: int = 400) -> tuple[int, bytes]:
    """Return how a JSON service refuses."""
    return status, json.dumps({"__type": code, "message": "told so"}).encode()


class FaultyServer:
    """Answers with *answers*, one after another, then with *otherwise*; asked: (method, path, headers, body) of each request."""

    def __init__(self, *answers, otherwise=(200, b"{}")) -> None:
        self.answers, self.otherwise, self.asked = list(answers), otherwise, []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.asked.append((self.command, self.path, dict(self.headers), body))
                status, text = server.answers.pop(0) if server.answers else server.otherwise
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
                self.wfile.flush()

            do_PUT = do_POST = do_GET = answer  # noqa: N815 - the names it looks for

            def handle_expect_100(self):
                super().handle_expect_100()
                self.wfile.flush()
                return True

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def bodies(self) -> list[dict[str, object]]:
        """Return the requests of a JSON service."""
        return [json.loads(body) for _, _, _, body in self.asked]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
