"""Releases as small as `load` reads them, and a server that speaks what is asked of Zenodo."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest

from amlsynth.cohort.tables import write_table
from amlsynth.dictionary.carried import write_carried
from amlsynth.dictionary.model import Dictionary, dictionary
from amlsynth.loading import CACHE_VARIABLE, REGISTRY_VARIABLE, SEARCH_VARIABLE
from amlsynth.loading.foreign import read_layout
from amlsynth.release.archive import write_archive
from amlsynth.release.checksums import write_checksums
from amlsynth.release.describing import describe_package
from amlsynth.release.file_names import data_paths
from amlsynth.release.spec import ReleaseSpec

SPEC = {
    "title": "A small cohort",
    "description": "Text.",
    "date": "2026-11-20",
    "license": "CC0-1.0",
    "creators": [{"name": "Nobody"}],
    "cohort": {"source": "reference", "n": 100, "seed": 0},
    "split": {"seed": 0},
    "generator": {"name": "sequential-cart", "n": 40, "seed": 0},
    "evaluation": {"seed": 0},
    "gates": {"profile": "research"},
    "changes": ["First."],
}


@pytest.fixture(scope="session")
def patients(reference: pd.DataFrame) -> pd.DataFrame:
    return reference.iloc[:40].reset_index(drop=True)


def _write_release(
    root: Path,
    patients: pd.DataFrame,
    name: str = "small",
    version: str = "1.0.0",
    *,
    d: Dictionary | None = None,
    carry: bool = True,
) -> Path:
    """Write as much of a release as `load` reads; `carry` its dictionary, that of AML when none is given."""
    d = d or dictionary()
    folder = root / f"{name}-{version}"
    spec = ReleaseSpec.model_validate(SPEC | {"name": name, "version": version})
    for path in data_paths(name):
        write_table(patients, folder / path)
    package = describe_package(
        spec,
        folder,
        d,
        statement="These are synthetic.",
        citation=f"Nobody, {version}",
        simulated=True,
        endpoints=(d.terminal.name,),
    )
    if not carry:  # as releases of older versions
        package = package.model_copy(update={"dictionary": None, "endpoints": None})
    else:
        write_carried(d, folder)
    (folder / "datapackage.json").write_text(package.json_text(), encoding="utf-8")
    write_checksums(folder)
    return folder


def _zipped(folder: Path) -> Path:
    archive = folder.with_name(f"{folder.name}.zip")
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    spec = ReleaseSpec.model_validate(SPEC | {"name": "x", "version": "1.0.0"})
    write_archive(folder, names, archive, folder.name, spec.date)
    return archive


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder and no named search path; returns its `releases`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SEARCH_VARIABLE, raising=False)
    monkeypatch.delenv(REGISTRY_VARIABLE, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "releases"


@pytest.fixture
def folder(here: Path, patients: pd.DataFrame) -> Path:
    return _write_release(here, patients)


@pytest.fixture(scope="session")
def write_release() -> Callable[..., Path]:
    """Write as much of a release as `load` reads."""
    return _write_release


@pytest.fixture(scope="session")
def zipped() -> Callable[[Path], Path]:
    """Pack a release folder as release build does."""
    return _zipped


@pytest.fixture
def published(here: Path, reference: pd.DataFrame) -> Path:
    """A table in the layout of the published cohorts, made of the reference cohort."""
    layout = read_layout("eckardt-2024")
    frame = reference.head(300).copy()
    frame["SEX"] = frame["SEX"].cat.rename_categories({"male": "m", "female": "f"})
    frame = frame.drop(columns=list(layout.not_assessed)).rename(columns=layout.renamed)
    for name in layout.dropped:
        frame[name] = 0
    frame["SUBJID"] = [f"X{row}" for row in range(1, len(frame) + 1)]
    path = here.parent / "made_ctab.csv"
    frame.to_csv(path, index=False, sep=";", decimal=",")
    return path


@dataclass
class Zenodo:
    """A server on this machine with records, which can be told to fail."""

    base: str = ""
    records: dict[int, dict[str, Any]] = field(default_factory=dict)
    contents: dict[tuple[int, str], bytes] = field(default_factory=dict)
    concepts: dict[int, int] = field(default_factory=dict)  # concept -> its newest record
    asked: list[str] = field(default_factory=list)
    fail: Callable[[str], Any] = lambda _: None  # a status, a body, or status, headers and perhaps a body
    stall: float = 0.0  # seconds before an answer
    drip: float = 0.0  # seconds between the bytes of a body

    def put(self, number: int, files: dict[str, bytes], version: str = "1.0.0", concept: int = 1) -> str:
        """Publish a record; return its DOI."""
        self.records[number] = {
            "id": number,
            "doi": f"10.5281/zenodo.{number}",
            "metadata": {"title": "A record", "version": version, "license": {"id": "cc-by-4.0"}},
            "files": [
                {"key": key, "size": len(content), "checksum": f"md5:{hashlib.md5(content).hexdigest()}"}
                for key, content in files.items()
            ],
            "concept": concept,
        }
        self.contents |= {(number, key): content for key, content in files.items()}
        self.concepts[concept] = number
        return f"10.5281/zenodo.{number}"

    def answer(self, target: str) -> Any:
        path = urlsplit(target).path
        parts = [unquote(part) for part in path.strip("/").split("/")]
        self.asked.append(path)
        failed = self.fail(path)
        if failed is not None:
            return failed
        number = int(parts[2]) if parts[:2] == ["api", "records"] and parts[2].isdigit() else 0
        number = self.concepts.get(number, number)
        if number not in self.records:
            return 404
        if len(parts) == 3:
            return json.dumps(self.records[number]).encode()
        if parts[3] == "versions":
            concept = self.records[number]["concept"]
            hits = [record for record in self.records.values() if record["concept"] == concept]
            return json.dumps({"hits": {"hits": hits}}).encode()
        return self.contents.get((number, parts[4]), 404)


@pytest.fixture
def zenodo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zenodo]:
    state = Zenodo()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = state.answer(self.path)
            told = answer if isinstance(answer, tuple) else ()
            code = answer if isinstance(answer, int) else told[0] if told else 200
            content = answer if isinstance(answer, bytes) else told[2] if len(told) > 2 else b"{}"
            if state.stall:
                time.sleep(state.stall)
            self.send_response(code)
            for key, value in (told[1] if told else {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(OSError):  # who asked may have given up
                for start in range(0, len(content), 1) if state.drip else ():
                    self.wfile.write(content[start : start + 1])
                    time.sleep(state.drip)
                self.wfile.write(b"" if state.drip else content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    state.base = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AMLSYNTH_ZENODO_URL", state.base)
    monkeypatch.setattr("amlsynth.loading.download._RETRIES", 0)
    yield state
    server.shutdown()
    server.server_close()
