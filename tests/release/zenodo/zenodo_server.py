"""A Zenodo for tests: on loopback, in a thread, with the endpoints that publishing uses; it fails on demand.

It answers as the server's own code does (zenodo-rdm and the Invenio modules), oddities included: the DOI that
the deposit API shows is a guess, metadata are dropped without a word by the older API and with `errors` by
the newer, a wrong token is an anonymous visitor, records that others share are listed, drafts in a list have
no bucket, a community that may not be joined is ignored, `Retry-After` stands on every answer.
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
from urllib.parse import parse_qs, quote, unquote, urlsplit

TOKEN = "tok/en+of=the-test-account"
PREFIX = "10.5072"  # of the DOIs that are registered; what the deposit API guesses has another
RDM = "application/vnd.inveniordm.v1+json"
# What can go wrong with one request. "after" kinds do what was asked before they fail.
KINDS = ("500", "429", "no answer", "500 after", "504 after", "no answer after", "cut off")
_HTML = b"<html><head><title>Zenodo</title></head><body>Too many, or too much.</body></html>"
_LEGACY_LICENSES = {"cc0-1.0": "cc-zero"}


@dataclass
class Record:
    """A deposition and the bytes of its files; metadata are in the words of the newer API."""

    number: int
    concept: int
    metadata: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    submitted: bool = False
    doi: str = ""
    communities: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # communities that were asked and did not answer
    shared: bool = False  # somebody else's, shared with the account
    unlisted: int = 0  # how many more lists leave it out, since search learns of changes later

    @property
    def notes(self) -> str:
        """What the older API calls notes."""
        told = self.metadata.get("additional_descriptions") or ()
        return next((item["description"] for item in told if item["type"]["id"] == "other"), "")

    @property
    def names(self) -> list[tuple[str, str]]:
        """Type and name of the creators."""
        people = [creator["person_or_org"] for creator in self.metadata.get("creators", ())]
        return [
            (who["type"], who.get("name") or f"{who['family_name']}, {who['given_name']}") for who in people
        ]


Answer = tuple[int, Any]


class ZenodoServer:
    """The state of the server, and what it was asked.

    log : method and path of every request, in order.
    fail : called with the number of the request (from 0), method and path; returns a kind of KINDS or None.
    inherit : whether the draft of a new version has the old files, as the older API's newversion makes it.
    lag : how many reads after publishing still show a draft.
    list_lag : how many lists do not show a new draft yet.
    known_communities : by name, whether the account may include records in it without a review.
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
        self.inherit = False
        self.lag = self.list_lag = 0
        self.drop: set[str] = set()  # names of uploads that are answered and lost, once each
        self.retry_after = "7"
        self.answer: tuple[int, bytes] | None = None  # in place of any answer
        self.forbidden: str = ""  # why publishing is refused
        self.swap: bytes | None = None  # what a published zip turns into
        self.known_communities: dict[str, bool] = {"leukemia": False}
        self._next = 101
        self._hidden: dict[int, int] = {}

    def published(self) -> list[Record]:
        return [record for record in self.records.values() if record.submitted]

    def drafts(self) -> list[Record]:
        return [record for record in self.records.values() if not record.submitted]

    def seed(
        self, *, concept: int | None = None, submitted: bool = False, shared: bool = False, **metadata: Any
    ) -> Record:
        """Put a record there, as if somebody had made it; metadata in the words of the older API."""
        number = self._number()
        record = Record(number, concept or self._number(), self.loaded(metadata), submitted=submitted)
        record.doi = f"{PREFIX}/zenodo.{number}" if submitted else ""
        record.shared = shared
        self.records[number] = record
        return record

    def _number(self) -> int:
        self._next += 1
        return self._next

    def do(self, method: str, target: str, body: bytes, *, known: bool, accept: str) -> Answer:
        """Carry out a request; return status and JSON."""
        address = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        parts = [unquote(part) for part in address.path.split("/")[2:]]
        match method, *parts:
            case "GET", "records", number:
                return self.public(int(number))
            case "GET", "records", number, "files", name, "content":
                return self.found(number, lambda record: self.content(record, name))
            case "GET", "deposit", "depositions":
                return self.listed(query, known)
        if not known:
            return 403, {"status": 403, "message": "Permission denied."}
        match method, *parts:
            case "POST", "deposit", "depositions":
                record = self.seed(**json.loads(body)["metadata"])
                record.unlisted = self.list_lag
                return 201, self.shown(record)
            case "GET", "deposit", "depositions", number:
                return self.found(number, lambda record: (200, self.shown(record)))
            case "PUT", "deposit", "depositions", number:
                return self.draft(number, lambda record: self.describe(record, json.loads(body)["metadata"]))
            case "DELETE", "deposit", "depositions", number:
                return self.draft(number, self.discard)
            case "DELETE", "deposit", "depositions", number, "files", identifier:
                return self.draft(number, lambda record: self.remove(record, identifier))
            case "POST", "deposit", "depositions", number, "actions", "publish":
                return self.draft(number, self.publish)
            case "PUT", "files", bucket, name:
                return self.draft(bucket.removeprefix("bucket-"), lambda r: self.store(r, name, body))
            case "GET", "records", number, "draft":
                return self.draft(number, lambda record: (200, self.rdm(record, accept)))
            case "PUT", "records", number, "draft":
                return self.draft(number, lambda record: self.replace(record, json.loads(body), accept))
            case "POST", "records", number, "draft", "pids", "doi":
                return self.draft(number, lambda record: self.reserve(record, accept))
            case "POST", "records", number, "versions":
                return self.found(number, self.version)
            case "GET", "records", number, "communities":
                return self.found(number, self.included)
            case "POST", "records", number, "communities":
                return self.found(number, lambda record: self.include(record, json.loads(body)))
        return 404, {"message": "no such endpoint"}

    def found(self, number: str, then: Callable[[Record], Answer]) -> Answer:
        record = self.records.get(int(number)) if number.isdecimal() else None
        return then(record) if record else (404, {"message": "The persistent identifier does not exist."})

    def draft(self, number: str, then: Callable[[Record], Answer]) -> Answer:
        def unless_published(record: Record) -> Answer:
            if record.submitted:  # then there is no draft
                return 404, {"message": "The persistent identifier does not exist."}
            return then(record)

        return self.found(number, unless_published)

    def listed(self, query: dict[str, str], known: bool) -> Answer:
        """The account's drafts and records; a visitor may ask for 25 only, and is refused then."""
        size, page = int(query.get("size", 25)), int(query.get("page", 1))
        if size > (100 if known else 25):
            message = "Page size cannot be greater than 25. Please use authenticated requests"
            told = [{"field": "size", "messages": [f"{message} to increase the limit to 100."]}]
            return 400, {"status": 400, "message": "A validation error occurred.", "errors": told}
        if not known:
            return 403, {"status": 403, "message": "Permission denied."}
        own = [r for r in self.records.values() if not r.shared or query.get("shared_with_me") != "false"]
        shown = []
        for record in sorted(own, key=lambda r: -r.number):
            if record.unlisted:
                record.unlisted -= 1
                continue
            item = self.shown(record)
            item["links"].pop("bucket", None)
            shown.append(item)
        return 200, shown[(page - 1) * size : page * size]

    # The older API: what the newer model refuses is dropped without a word.

    def loaded(self, told: dict[str, Any]) -> dict[str, Any]:
        """Turn metadata of the older API into those of the newer; every creator becomes a person."""
        people = [creator for creator in told.get("creators", ()) if creator.get("name")]
        metadata = {
            "title": told.get("title"),
            "description": told.get("description"),
            "version": told.get("version"),
            "publication_date": told.get("publication_date"),
            "creators": [self._person(creator["name"]) for creator in people],
            "resource_type": {"id": told["upload_type"]} if told.get("upload_type") else None,
            "rights": [{"id": told["license"]}] if told.get("license") else None,
            "subjects": [{"subject": keyword} for keyword in told.get("keywords", ())],
            "additional_descriptions": [{"description": told["notes"], "type": {"id": "other"}}]
            if told.get("notes")
            else None,
        }
        return {
            key: value for key, value in metadata.items() if value and not (key == "title" and len(value) < 3)
        }

    @staticmethod
    def _person(name: str) -> dict[str, Any]:
        family, _, given = name.partition(", ")
        return {"person_or_org": {"type": "personal", "family_name": family, "given_name": given}}

    def describe(self, record: Record, metadata: dict[str, Any]) -> Answer:
        record.metadata = self.loaded(metadata)
        return 200, self.shown(record)

    def discard(self, record: Record) -> Answer:
        del self.records[record.number]
        return 204, None

    def remove(self, record: Record, identifier: str) -> Answer:
        name = next((name for name in record.files if self.file_id(name) == identifier), None)
        if name is None:
            return 404, {"message": "no such file"}
        del record.files[name]
        return 204, None

    def store(self, record: Record, name: str, body: bytes) -> Answer:
        if name in self.drop:
            self.drop.discard(name)
        else:
            record.files[name] = body
        return 201, {"key": name, "checksum": f"md5:{hashlib.md5(body).hexdigest()}"}

    def publish(self, record: Record) -> Answer:
        if self.forbidden:
            return 403, {"status": 403, "message": self.forbidden}
        errors = self.faults(record.metadata)[1]
        if not record.files:
            errors.append({"field": "files.enabled", "messages": ["Missing uploaded files."]})
        if errors:
            return 400, {"status": 400, "message": "A validation error occurred.", "errors": errors}
        record.submitted = True
        record.doi = record.doi or f"{PREFIX}/zenodo.{record.number}"
        self._hidden[record.number] = self.lag
        return 202, self.shown(record)

    # The newer API: what is refused is told.

    def faults(self, metadata: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the metadata without what the model refuses, and what it says of that."""
        errors: list[dict[str, Any]] = []
        kept = dict(metadata)

        def refuse(place: str, message: str) -> None:
            errors.append({"field": f"metadata.{place}", "messages": [message]})
            kept.pop(place.partition(".")[0], None)

        if len(metadata.get("title") or "") < 3:
            refuse("title", "Shorter than minimum length 3.")
        for position, creator in enumerate(metadata.get("creators", ())):
            who = creator.get("person_or_org", {})
            if not (who.get("name") or who.get("family_name")):
                refuse(f"creators.{position}.person_or_org.family_name", "Family name cannot be blank.")
        for position, related in enumerate(metadata.get("related_identifiers", ())):
            if not re.match(r"10\.|https?://", related["identifier"]):
                refuse(f"related_identifiers.{position}.identifier", "Invalid identifier.")
        for key in ("creators", "resource_type", "publication_date"):
            if not kept.get(key) and not any(key in error["field"] for error in errors):
                refuse(key, "Missing data for required field.")
        return kept, errors

    def replace(self, record: Record, content: dict[str, Any], accept: str) -> Answer:
        record.metadata, errors = self.faults(content.get("metadata", {}))
        record.doi = content.get("pids", {}).get("doi", {}).get("identifier", "")  # left out, it is given up
        return 200, self.rdm(record, accept) | ({"errors": errors} if errors else {})

    def reserve(self, record: Record, accept: str) -> Answer:
        if record.doi:
            return 400, {"status": 400, "message": "A PID already exists for type doi"}
        record.doi = f"{PREFIX}/zenodo.{record.number}"
        return 201, self.rdm(record, accept)

    def rdm(self, record: Record, accept: str) -> dict[str, Any]:
        """A draft in the words of the newer API, which only its own media type has."""
        if accept != RDM:
            return self.shown(record) | {"metadata": {"title": record.metadata.get("title")}}
        pid = {"identifier": record.doi, "provider": "datacite", "client": "datacite"}
        return {
            "id": str(record.number),
            "parent": {"id": str(record.concept)},
            "is_published": record.submitted,
            "pids": {"doi": pid} if record.doi else {},
            "access": {"record": "public", "files": "public"},
            "files": {"enabled": True},
            "custom_fields": {},
            "metadata": self.expanded(record.metadata),
            "ui": {"version": record.metadata.get("version")},
        }

    @staticmethod
    def expanded(metadata: dict[str, Any]) -> dict[str, Any]:
        """Metadata with the titles of vocabularies and the names that the server adds."""
        shown = json.loads(json.dumps(metadata))
        for creator in (*shown.get("creators", ()), *shown.get("contributors", ())):
            who = creator["person_or_org"]
            who.setdefault("name", f"{who.get('family_name')}, {who.get('given_name')}")
        for key in ("resource_type",):
            if key in shown:
                shown[key]["title"] = {"en": "Dataset"}
        for right in shown.get("rights", ()):
            right |= {"title": {"en": right["id"].upper()}, "props": {"scheme": "spdx"}}
        return shown

    def version(self, record: Record) -> Answer:
        if not record.submitted:
            return 403, {"message": "Permission denied."}
        for other in self.records.values():
            if other.concept == record.concept and not other.submitted:
                return 201, {"id": str(other.number)}
        made = self.seed(concept=record.concept)
        made.metadata = {k: v for k, v in record.metadata.items() if k not in ("version", "publication_date")}
        if self.inherit:
            made.files = dict(record.files)
        return 201, {"id": str(made.number)}

    def included(self, record: Record) -> Answer:
        return 200, {"hits": {"hits": [{"slug": slug} for slug in record.communities]}}

    def include(self, record: Record, content: dict[str, Any]) -> Answer:
        """Ask communities to take a published record, or include it where the account may."""
        processed, errors = [], []
        for slug in (item["id"] for item in content["communities"]):
            if slug not in self.known_communities:
                errors.append({"community": slug, "message": "Community not found."})
            elif slug in record.communities:
                errors.append(
                    {"community": slug, "message": "The record is already included in this community."}
                )
            elif slug in record.requests:
                message = "There is already an open inclusion request for this community."
                errors.append({"community": slug, "message": message})
            else:
                open_ = not self.known_communities[slug]
                (record.requests if open_ else record.communities).append(slug)
                request = {"status": "submitted" if open_ else "accepted", "is_open": open_}
                processed.append({"community_id": f"id-of-{slug}", "request_id": "r", "request": request})
        answer = {"processed": processed} | ({"errors": errors} if errors else {})
        return (200 if processed else 400), answer

    def public(self, number: int) -> Answer:
        versions = [record for record in self.published() if record.concept == number]
        if versions:
            newest = max(versions, key=lambda record: record.number)
            return 302, {"Location": f"{self.base}/api/records/{newest.number}"}
        record = self.records.get(number)
        if record is None or not record.submitted:
            return 404, {"message": "The persistent identifier does not exist."}
        shown = self.shown(record)
        if record.metadata.get("rights"):
            shown["metadata"] = shown["metadata"] | {"license": {"id": shown["metadata"]["license"]}}
        place = f"{self.base}/api/records/{number}/files"
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

    def content(self, record: Record, name: str) -> Answer:
        if not record.submitted or name not in record.files:
            return 404, {"message": "no such file"}
        if self.swap is not None and name.endswith(".zip"):
            return 200, self.swap
        return 200, record.files[name]

    def shown(self, record: Record) -> dict[str, Any]:
        """A deposition in the words of the older API."""
        submitted = record.submitted
        if submitted and self._hidden.get(record.number, 0) > 0:
            self._hidden[record.number] -= 1
            submitted = False
        api = f"{self.base}/api"
        metadata = {
            key: record.metadata[key] for key in ("title", "description", "version") if key in record.metadata
        }
        rights = record.metadata.get("rights") or ()
        licenses = [_LEGACY_LICENSES.get(right["id"], right["id"]) for right in rights]
        return {
            "id": record.number,
            "conceptrecid": str(record.concept),
            "submitted": submitted,
            **({"doi": record.doi} if record.doi else {}),
            **({"conceptdoi": f"{PREFIX}/zenodo.{record.concept}"} if submitted else {}),
            "metadata": metadata
            | ({"notes": record.notes} if record.notes else {})
            | ({"license": licenses[0]} if licenses else {})
            | {"prereserve_doi": {"doi": f"10.5281/zenodo.{record.number}", "recid": record.number}},
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
                "html": f"{self.base}/{'records' if submitted else 'deposit'}/{record.number}",
                **({"record_html": f"{self.base}/record/{record.number}"} if submitted else {}),
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
            if kind in ("429", "500", "503"):
                return self.send(handler, int(kind), _HTML)
            if self.answer:
                return self.send(handler, self.answer[0], self.answer[1])
            known = handler.headers.get("Authorization") == f"Bearer {self.token}"
            accept = handler.headers.get("Accept") or ""
            status, content = self.do(method, handler.path, body, known=known, accept=accept)
            if kind == "no answer after":
                raise ConnectionAbortedError
            if kind in ("500 after", "504 after"):
                status, content = int(kind[:3]), _HTML
            return self.send(handler, status, content)

    def send(self, handler: BaseHTTPRequestHandler, status: int, content: Any) -> None:
        headers = {"Retry-After": self.retry_after, "X-RateLimit-Remaining": "98"}
        if status == 302:
            headers |= content
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        raw = b"" if status == 204 else raw
        handler.send_response(status)
        for key, value in {"Content-Length": str(len(raw)), **headers}.items():
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
