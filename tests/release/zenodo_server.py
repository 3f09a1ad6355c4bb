"""A Zenodo for tests: on loopback, in a thread, with the endpoints that publishing uses; it fails on demand.

It speaks the deposit API (list, create, read, describe, files, bucket, publish), `records/{id}`, which
leads a concept to its newest version, and `records/{id}/versions`. It keeps to what Zenodo was seen to do:
files of a bucket are flat, MD5 only, a published deposition cannot be changed, one draft a concept,
inherited files in a new version.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote, urlsplit

TOKEN = "tok/en+of=the-test-account"
# What can go wrong with one request. "after" kinds do what was asked before they fail.
KINDS = ("500", "429", "no answer", "500 after", "504 after", "no answer after", "cut off")


@dataclass
class Record:
    """A deposition and the bytes of its files."""

    number: int
    concept: int
    metadata: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    submitted: bool = False


class ZenodoServer:
    """The state of the server, and what it was asked.

    log : method and path of every request, in order.
    fail : called with the number of the request (from 0), method and path; returns a kind of KINDS or None.
    inherit : whether the draft of a new version has the old files.
    lag : how many reads after publishing still show a draft.
    """

    def __init__(self) -> None:
        self.base = ""
        self.busy = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget everything, as at the start."""
        self.records: dict[int, Record] = {}
        self.log: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.fail: Callable[[int, str, str], str | None] = lambda *_: None
        self.token = TOKEN
        self.inherit = True
        self.lag = 0
        self.drop: set[str] = set()  # names of uploads that are answered and lost, once each
        self.retry_after = "7"
        self.answer: tuple[int, bytes] | None = None  # in place of any answer
        self._next = 101
        self._hidden: dict[int, int] = {}

    def published(self) -> list[Record]:
        return [record for record in self.records.values() if record.submitted]

    def drafts(self) -> list[Record]:
        return [record for record in self.records.values() if not record.submitted]

    def seed(self, *, concept: int | None = None, submitted: bool = False, **metadata: Any) -> Record:
        """Put a record there, as if somebody had made it."""
        number = self._number()
        record = Record(number, concept or self._number(), metadata, submitted=submitted)
        self.records[number] = record
        return record

    def _number(self) -> int:
        self._next += 1
        return self._next

    def do(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Carry out a request; return status and JSON."""
        parts = [unquote(part) for part in path.split("/")[2:]]
        match method, *parts:
            case "GET", "deposit", "depositions":
                return 200, [self.shown(r) for r in sorted(self.records.values(), key=lambda r: -r.number)]
            case "POST", "deposit", "depositions":
                record = self.seed(**json.loads(body)["metadata"])
                return 201, self.shown(record)
            case "GET", "deposit", "depositions", number:
                return self.found(number, lambda record: (200, self.shown(record)))
            case "PUT", "deposit", "depositions", number:
                return self.draft(number, lambda record: self.describe(record, json.loads(body)["metadata"]))
            case "DELETE", "deposit", "depositions", number, "files", identifier:
                return self.draft(number, lambda record: self.remove(record, identifier))
            case "POST", "deposit", "depositions", number, "actions", "publish":
                return self.draft(number, self.publish)
            case "PUT", "files", bucket, name:
                return self.draft(bucket.removeprefix("bucket-"), lambda r: self.store(r, name, body))
            case "POST", "records", number, "versions":
                return self.found(number, self.version)
            case "GET", "records", number:
                return self.public(int(number))
            case "GET", "records", number, "files", name, "content":
                return self.found(number, lambda record: self.content(record, name))
        return 404, {"message": "no such endpoint"}

    def found(self, number: str, then: Callable[[Record], tuple[int, Any]]) -> tuple[int, Any]:
        record = self.records.get(int(number))
        return then(record) if record else (404, {"message": "PID does not exist."})

    def draft(self, number: str, then: Callable[[Record], tuple[int, Any]]) -> tuple[int, Any]:
        def unless_published(record: Record) -> tuple[int, Any]:
            return (400, {"message": "already published"}) if record.submitted else then(record)

        return self.found(number, unless_published)

    def describe(self, record: Record, metadata: dict[str, Any]) -> tuple[int, Any]:
        missing = [
            key for key in ("title", "upload_type", "description", "creators") if not metadata.get(key)
        ]
        if missing:
            errors = [{"field": f"metadata.{key}", "message": "Missing data."} for key in missing]
            return 400, {"message": "Validation error.", "errors": errors}
        record.metadata = metadata
        return 200, self.shown(record)

    def remove(self, record: Record, identifier: str) -> tuple[int, Any]:
        name = next((name for name in record.files if self.file_id(name) == identifier), None)
        if name is None:
            return 404, {"message": "no such file"}
        del record.files[name]
        return 204, None

    def store(self, record: Record, name: str, body: bytes) -> tuple[int, Any]:
        if name in self.drop:
            self.drop.discard(name)
        else:
            record.files[name] = body
        return 201, {"key": name, "checksum": f"md5:{hashlib.md5(body).hexdigest()}"}

    def publish(self, record: Record) -> tuple[int, Any]:
        if not record.files:
            return 400, {"message": "Minimum one file must be provided."}
        record.submitted = True
        self._hidden[record.number] = self.lag
        return 202, self.shown(record)

    def version(self, record: Record) -> tuple[int, Any]:
        if not record.submitted:
            return 403, {"message": "not published"}
        for other in self.records.values():
            if other.concept == record.concept and not other.submitted:
                return 201, {"id": other.number}
        made = self.seed(concept=record.concept, **{**record.metadata, "version": ""})
        if self.inherit:
            made.files = dict(record.files)
        return 201, {"id": made.number}

    def public(self, number: int) -> tuple[int, Any]:
        versions = [r for r in self.published() if number in (r.number, r.concept)]
        if not versions:
            return 404, {"message": "PID does not exist."}
        newest = max(versions, key=lambda r: r.number)
        shown = self.shown(newest)
        if "license" in shown["metadata"]:  # the records API has an object where the deposit API has a name
            shown["metadata"] = shown["metadata"] | {"license": {"id": shown["metadata"]["license"]}}
        place = f"{self.base}/api/records/{newest.number}/files"
        shown["files"] = [
            {
                "key": file["filename"],
                "size": file["filesize"],
                "checksum": f"md5:{file['checksum']}",
                "links": {"self": f"{place}/{quote(file['filename'], safe='')}/content"},
            }
            for file in shown["files"]
        ]
        return 200, shown

    def content(self, record: Record, name: str) -> tuple[int, Any]:
        if not record.submitted or name not in record.files:
            return 404, {"message": "no such file"}
        return 200, record.files[name]

    def shown(self, record: Record) -> dict[str, Any]:
        doi = f"10.5072/zenodo.{record.number}"
        submitted = record.submitted
        if submitted and self._hidden.get(record.number, 0) > 0:
            self._hidden[record.number] -= 1
            submitted = False
        api = f"{self.base}/api"
        return {
            "id": record.number,
            "conceptrecid": str(record.concept),
            "submitted": submitted,
            **({"doi": doi, "conceptdoi": f"10.5072/zenodo.{record.concept}"} if submitted else {}),
            "metadata": record.metadata | {"prereserve_doi": {"doi": doi, "recid": record.number}},
            "files": [
                {
                    "id": self.file_id(name),
                    "filename": name,
                    "filesize": len(content),
                    "checksum": hashlib.md5(content).hexdigest(),
                }
                for name, content in record.files.items()
            ],
            "links": {
                "bucket": f"{api}/files/bucket-{record.number}",
                "html": f"{self.base}/deposit/{record.number}",
                **({"record_html": f"{self.base}/records/{record.number}"} if submitted else {}),
            },
            "unknown": "what a later Zenodo may add",
        }

    @staticmethod
    def file_id(name: str) -> str:
        return hashlib.sha1(name.encode()).hexdigest()[:12]

    def reply(self, handler: BaseHTTPRequestHandler, method: str) -> None:
        path = urlsplit(handler.path).path
        length = int(handler.headers.get("Content-Length") or 0)
        with self.busy:
            number = len(self.log)
            self.log.append((method, path))
            self.headers.append(dict(handler.headers.items()))
            kind = self.fail(number, method, path)
            if kind == "cut off":  # the connection breaks while the body is on its way
                handler.rfile.read(length // 2)
                raise ConnectionAbortedError
            body = handler.rfile.read(length)
            if kind == "no answer":
                raise ConnectionAbortedError
            if kind == "429":
                headers = {"Retry-After": self.retry_after}
                return self.send(handler, 429, {"message": "too many requests"}, headers)
            if kind == "500":
                return self.send(handler, 500, {"message": "internal error"})
            if self.answer:
                return self.send(handler, self.answer[0], self.answer[1])
            public = method == "GET" and path.startswith("/api/records/")
            if not public and handler.headers.get("Authorization") != f"Bearer {self.token}":
                told = {"message": f"no account for {handler.headers.get('Authorization')}"}
                return self.send(handler, 401, told)
            status, content = self.do(method, path, body)
            if kind == "no answer after":
                raise ConnectionAbortedError
            if kind in ("500 after", "504 after"):
                status, content = int(kind[:3]), {"message": "gateway"}
            return self.send(handler, status, content)

    def send(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        content: Any,
        headers: dict[str, str] | None = None,
    ) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        raw = b"" if status == 204 else raw
        handler.send_response(status)
        for key, value in {"Content-Length": str(len(raw)), **(headers or {})}.items():
            handler.send_header(key, value)
        handler.end_headers()
        handler.wfile.write(raw)


@contextlib.contextmanager
def zenodo_server() -> Iterator[ZenodoServer]:
    """Run a server until the block ends."""
    state = ZenodoServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else every answer waits for 40 ms

        def log_message(self, *_: object) -> None: ...

        def _any(self) -> None:
            try:
                state.reply(self, self.command)
            except ConnectionError:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    self.connection.shutdown(2)

        do_GET = do_POST = do_PUT = do_DELETE = _any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def template(path: str) -> str:
    """Return a path with the numbers that the server gave replaced."""
    path = re.sub(r"/files/bucket-\d+/", "/{BUCKET}/", path)
    return re.sub(r"/(depositions|records)/\d+", r"/\1/{N}", path)
