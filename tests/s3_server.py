"""Real AWS services (moto's) on a free port, S3 first of all, which tell what they were asked, and by whom."""

from __future__ import annotations

import io
import json
import logging
import threading
import uuid
from typing import TYPE_CHECKING

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class S3Server:
    """Remembers requests in `asked`: (method, path with query), and the access keys that signed them in `signed_by`.

    operations: of services that are asked by JSON, such as ``Logs_20140328.FilterLogEvents``. between: called with operation
    and request of each, before it is answered; may change the request, or return (status, answer) instead of the service.
    """

    def __init__(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.asked, self.signed_by, self.operations = [], [], []
        self.between = None
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, environ, start_response):
        self.asked.append((environ["REQUEST_METHOD"], f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"))
        signature = environ.get("HTTP_AUTHORIZATION", "")
        self.signed_by.append(signature.partition("Credential=")[2].partition("/")[0])
        operation = environ.get("HTTP_X_AMZ_TARGET")
        if operation:
            self.operations.append(operation)
        if operation and self.between is not None:
            request = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
            instead = self.between(operation.rpartition(".")[2], request)
            if instead is not None:
                status, answer = instead
                start_response(f"{status} -", [("Content-Type", "application/x-amz-json-1.1")])
                return [json.dumps(answer).encode()]
            body = json.dumps(request).encode()
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        return self._app(environ, start_response)

    def client(self, service="s3"):
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1")

    def bucket(self, objects: Mapping[str, bytes] | Iterable[str] = ()) -> str:
        """Make a bucket of its own for a test; a key without bytes gets some. Forget what was asked so far."""
        name = f"logs-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        bodies = objects if isinstance(objects, dict) else dict.fromkeys(objects, b"version account-id\n")
        for key, body in bodies.items():  # past HTTP, where a thousand objects would take eight seconds
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(name, key, body)
        self.forget()
        return name

    def forget(self):
        self.asked.clear()
        self.signed_by.clear()
        self.operations.clear()

    def calls(self, operation: str) -> int:
        return sum(name.rpartition(".")[2] == operation for name in self.operations)

    def listings(self) -> int:
        return sum("list-type=2" in path for _, path in self.asked)

    def gets(self) -> int:
        return sum(method == "GET" and "list-type=2" not in path for method, path in self.asked)

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
