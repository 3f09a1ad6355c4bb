"""A Zenodo on this machine, and a release that is quick to stamp and to send there."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.release.conftest import GATES, NAME, STEM, VERSION, neither_evaluated_nor_drawn
from tests.release.zenodo.zenodo_server import TOKEN, ZenodoServer, zenodo_server
from tests.shared_builds import shared

from amlsynth.evaluation import read_evaluation
from amlsynth.foundation.files import write_text
from amlsynth.release import ReleaseResult, build_release, publish_release
from amlsynth.release.checksums import CHECKSUMS, PUBLISH_STATE, check_files
from amlsynth.release.doi import spec_of, stamp_release
from amlsynth.release.verify import VerifyReport


def publish(folder: Path, **options: Any) -> Any:
    """Publish a release at once, without waiting."""
    return publish_release(folder, **({"confirm": True, "sleep": lambda _: None} | options))


@pytest.fixture(scope="session")
def _running_zenodo() -> Iterator[ZenodoServer]:
    with zenodo_server() as server:
        yield server


@pytest.fixture
def zenodo(_running_zenodo: ZenodoServer, page_alone: None, monkeypatch: pytest.MonkeyPatch) -> ZenodoServer:
    """An empty Zenodo on loopback, with its address and token in the environment.

    The report on paper, which would be rendered anew for each DOI, is a line of text.
    """
    _running_zenodo.reset()
    monkeypatch.setenv("AMLSYNTH_ZENODO_URL", _running_zenodo.base)
    monkeypatch.setenv("AMLSYNTH_ZENODO_TOKEN", TOKEN)
    return _running_zenodo


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check checksums only, where a test publishes often; the rest of verify has tests of its own."""

    def quick(path: Path, *_: object) -> VerifyReport:
        _, problems = check_files(path)
        return VerifyReport(path=str(path), name=NAME, version=VERSION, files=1, problems=tuple(problems))

    monkeypatch.setattr("amlsynth.release.verify.verify_release", quick)
    once = functools.cache(lambda text: spec_of(SimpleNamespace(spec=SimpleNamespace(text=text))))
    for module in ("doi", "zenodo.checks"):
        monkeypatch.setattr(f"amlsynth.release.{module}.spec_of", lambda made: once(made.spec.text))


@pytest.fixture(scope="session")
def _stamped() -> dict[Any, Any]:
    return {}


@pytest.fixture
def stamped_once(_stamped: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the same DOI into the same release once, where a test fails at each request of many runs."""

    def stamp(folder: Path, archive: Path, doi: str | None) -> None:
        key = ((folder / CHECKSUMS).read_bytes(), doi)
        if key not in _stamped:
            stamp_release(folder, archive, doi)
            names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
            contents = {name: (folder / name).read_bytes() for name in names if name.name != PUBLISH_STATE}
            _stamped[key] = contents, archive.read_bytes()
        contents, zipped = _stamped[key]
        for name, content in contents.items():
            (folder / name).unlink()  # it may be a link
            (folder / name).write_bytes(content)
        archive.write_bytes(zipped)

    monkeypatch.setattr("amlsynth.release.zenodo.publish.stamp_release", stamp)


@pytest.fixture(scope="session")
def tiny(
    built: ReleaseResult, write_spec: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The small release without exports, its report a line, its figures few: quick to stamp and to send."""

    def report(directory: Path, out: Path, pdf: Path, **_: str) -> None:
        shown = json.loads((directory / "provenance.json").read_text())["files"]["datapackage.json"]
        places = "".join(f'<span\nclass="amlsynth-{name}">none yet</span>' for name in ("doi", "status"))
        write_text(out, f"<p>{shown}</p>{places}")
        write_text(pdf, "%PDF-")

    def build(folder: Path) -> Path:
        found = read_evaluation(built.folder / "evaluation.json")
        asked = {gate["measure"] for profile in GATES["profiles"].values() for gate in profile["gates"]}
        few = tuple(measure for measure in found.measures if measure.id in asked)
        left_out = {"comparisons": (), "effects": (), "co_occurrence": None}
        with neither_evaluated_nor_drawn(found.model_copy(update={"measures": few, **left_out}), report):
            return build_release(write_spec(folder / "spec", exports=[]), folder / "out").folder

    return shared(tmp_path_factory, "tiny", build)


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    """A copy of a release that is quick to stamp and to send."""
    return Path(shutil.copytree(tiny, tmp_path / "releases" / STEM))
