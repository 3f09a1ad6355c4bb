"""A small release, built once, and copies of it to tamper with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from tests.shared_builds import empty_figures, rough_figures, shared

from amlsynth.cohort.cohort import Cohort
from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation import Evaluation, read_evaluation
from amlsynth.foundation.files import write_text
from amlsynth.generators.generation import generate
from amlsynth.release import ReleaseResult, adam, build_release, checks, evidence
from amlsynth.release import exporting as exporting  # binds what `checked_once` replaces
from amlsynth.release.adam.tables import Study
from amlsynth.release.checksums import write_checksums
from amlsynth.report import render_report
from amlsynth.site import build_site

NAME, VERSION = "small-test", "1.2.3"
STEM = f"{NAME}-{VERSION}"
HOSTILE = '</title><script>console.error("run")</script><img src=x onerror=alert(1)> "q" & \'r\''

SPEC: dict[str, Any] = {
    "name": NAME,
    "version": VERSION,
    "title": "A small release, for tests",
    "description": "Synthetic patients: 50 % of them with a | in the text and a $dollar.",
    "date": "2026-11-20",
    "license": "CC-BY-4.0",
    "creators": [
        {
            "name": "Núñez, Ana",
            "orcid": "0000-0002-1825-0097",
            "affiliation": "Trial Group",
            "ror": "01ggx4157",
        },
        {"name": "The Trial Group"},
    ],
    "contributors": [{"name": "Doe, Jo", "type": "DataCurator"}],
    "keywords": ["AML"],
    "related_identifiers": [
        {"identifier": "https://doi.org/10.1038/s41746-024-01076-x", "relation": "references"}
    ],
    "communities": ["leukemia"],
    "cohort": {"source": "reference", "n": 300, "seed": 4},
    "split": {"seed": 2},
    "generator": {"name": "sequential-cart", "n": 40, "seed": 3},
    "evaluation": {"seed": 5},
    "gates": {"profile": "easy", "file": "gates.yaml"},
    "changes": ["First version."],
}


def gate(**changes: object) -> dict[str, object]:
    entry: dict[str, object] = {
        "id": "rules",
        "label": "Rules",
        "measure": "rules_broken",
        "comparison": "equals",
        "threshold": 0,
        "required": True,
        "reason": "It must hold.",
        "source": "none",
    }
    return {key: value for key, value in (entry | changes).items() if value is not None}


GATES = {
    "profiles": {
        "easy": {
            "description": "Passed by any valid cohort.",
            "gates": [
                gate(),
                gate(id="advice", measure="bsm", comparison="at_least", threshold=1.1, required=False),
            ],
        },
        "hard": {
            "description": "Passed by none.",
            "gates": [gate(), gate(id="bsm", measure="bsm", comparison="at_least", threshold=1.5)],
        },
    }
}


def _write_spec(folder: Path, **changes: object) -> Path:
    """Write the small spec with changes, and its gates beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gates.yaml").write_text(yaml.safe_dump(GATES), encoding="utf-8")
    path = folder / "spec.yaml"
    content = {key: value for key, value in (SPEC | changes).items() if value is not None}
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def fake_report(directory: Path, out: Path | None, pdf: Path | None = None, **_: str) -> None:
    # In the place of what was there, as the real one: files may be links to those of an older state.
    for path in filter(None, (out, pdf)):
        write_text(path, f"<html>{(directory / 'gates.json').stat().st_size}</html>")


def _all_but_the_pdf(directory: Path, out: Path | None, pdf: Path, **options: Any) -> None:
    if out is not None:
        render_report(directory, out, **options)
    fake_report(directory, None, pdf)


_made: dict[Any, Any] = {}


def _generated_once(cohort: Cohort, name: str, *, progress: Any = None, **options: Any) -> Any:
    """Return what trees make of a cohort, fitted once for all builds that ask for the same."""
    if name != SPEC["generator"]["name"]:  # others may read files, which change
        return generate(cohort, name, progress=progress, **options)
    rows = tuple(pd.util.hash_pandas_object(cohort.frame))
    key = (rows, cohort.dictionary.model_dump_json(), repr(sorted(options.items())))
    if key not in _made:
        _made[key] = generate(cohort, name, progress=progress, **options)
    return _made[key]


@contextmanager
def neither_evaluated_nor_drawn(
    evaluation: Evaluation, report: Callable[..., None] = fake_report
) -> Iterator[None]:
    """Builds in this block have this evaluation and report: both take seconds and have tests of their own.

    Trees are fitted once for all builds of the same cohort and seed.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("amlsynth.release.build.generate", _generated_once)
        patch.setattr("amlsynth.report.render_report", report, raising=False)
        patch.setattr("amlsynth.release.build.evaluate", lambda *_, **__: evaluation)
        yield


@pytest.fixture(scope="session")
def write_spec() -> Callable[..., Path]:
    """Write the small spec with changes of its keys (None leaves one out) into a folder."""
    return _write_spec


@pytest.fixture
def plain_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the rendering of the report, which takes seconds and has tests of its own."""
    monkeypatch.setattr("amlsynth.report.render_report", fake_report, raising=False)


@pytest.fixture
def page_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report on paper is a line of text: that it is set of any cohort is shown elsewhere."""
    monkeypatch.setattr("amlsynth.report.render_report", _all_but_the_pdf, raising=False)


@pytest.fixture
def same_evaluation(built: ReleaseResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the evaluation, which takes seconds, by that of the small release."""
    evaluation = read_evaluation(built.folder / "evaluation.json")
    monkeypatch.setattr("amlsynth.release.build.evaluate", lambda *_, **__: evaluation)
    monkeypatch.setattr("amlsynth.release.build.generate", _generated_once)


@pytest.fixture
def fast(plain_report: None, same_evaluation: None) -> None:
    """Replace both."""


def build_small(folder: Path) -> ReleaseResult:
    """Build the small release with every figure of its evaluation, of fewer draws, and empty drawings."""
    with empty_figures(), rough_figures(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMLSYNTH_REPORT_ENGINE", "fallback")
        return build_release(_write_spec(folder / "spec"), folder / "out")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> ReleaseResult:
    """The small release, one for all workers; do not change it in place."""
    return shared(tmp_path_factory, "built", build_small)


@pytest.fixture
def folder(built: ReleaseResult, tmp_path: Path) -> Path:
    """A copy of the release folder to tamper with."""
    return Path(shutil.copytree(built.folder, tmp_path / "releases" / STEM))


@pytest.fixture
def archive(built: ReleaseResult, tmp_path: Path) -> Path:
    """A copy of the release's zip to tamper with."""
    (tmp_path / "releases").mkdir(exist_ok=True)
    return Path(shutil.copy(built.archive, tmp_path / "releases" / f"{STEM}.zip"))


def _once_for_each_content(step: Callable[..., Any], found: dict[Any, Any]) -> Callable[..., Any]:
    def wrapped(first: Any, *arguments: Any) -> Any:
        copy = getattr(first, "copy", first)
        names = ("datapackage.json", *(n for n in copy.sums if n.startswith("data/")))
        followed = [a for a in (getattr(first, "d", None), *arguments) if isinstance(a, Dictionary)]
        key = (
            step.__name__,
            tuple((name, copy.sums.get(name)) for name in names),
            tuple(d.model_dump_json() for d in followed),
            repr([a for a in arguments if isinstance(a, str | tuple)]),  # which of several tables
        )
        if key not in found:
            result = step(first, *arguments)
            found[key] = result if isinstance(result, tuple) else list(result)
        return found[key]

    return wrapped


def _once_for_each_frame(write: Callable[..., Any], found: dict[Any, Any]) -> Callable[..., Any]:
    def wrapped(frame: pd.DataFrame, folder: Path, study: Study, d: Dictionary) -> adam.AdamExport:
        key = (frame.to_csv(), study, d.model_dump_json())
        if key not in found:
            export = write(frame, folder, study, d)
            found[key] = (export, {path.name: path.read_bytes() for path in export.files})
        export, contents = found[key]
        folder.mkdir(exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        return replace(export, files=tuple(folder / name for name in contents))

    return wrapped


@pytest.fixture(scope="session")
def _checked() -> dict[Any, Any]:
    return {}


@pytest.fixture(autouse=True)
def checked_once(_checked: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat what slow steps of verify found for the same files; most changes leave the data alone."""
    for module, name in (
        (checks, "frictionless_problems"),
        (checks, "rules_problems"),
        (evidence, "read_frames"),
    ):
        monkeypatch.setattr(module, name, _once_for_each_content(getattr(module, name), _checked))
    monkeypatch.setattr(adam, "write_adam", _once_for_each_frame(adam.write_adam, _checked))


@pytest.fixture
def reseal() -> Callable[[Path], None]:
    """Write SHA256SUMS again, as somebody would who changes a release on purpose."""
    return write_checksums


@pytest.fixture(scope="session")
def releases(built: ReleaseResult, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ReleaseResult]:
    """Three versions of one data set, and one of another with a hostile title; one for all workers."""
    evaluation = read_evaluation(built.folder / "evaluation.json")

    def report(_: Path, out: Path, pdf: Path, **__: str) -> None:
        for path in (out, pdf):
            path.write_text("<!DOCTYPE html><title>Report</title>", encoding="utf-8")

    hostile = {"name": "another", "title": HOSTILE, "description": HOSTILE, "keywords": [HOSTILE]}
    further = {"1.10.0": {"version": "1.10.0"}, "2.0.0-rc.1": {"version": "2.0.0-rc.1"}, "hostile": hostile}

    def build(folder: Path) -> dict[str, ReleaseResult]:
        with neither_evaluated_nor_drawn(evaluation, report):
            return {
                key: build_release(_write_spec(folder / key / "spec", **changes), folder / key / "out")
                for key, changes in further.items()
            }

    return {"1.2.3": built} | shared(tmp_path_factory, "releases", build)


@pytest.fixture(scope="session")
def site(releases: dict[str, ReleaseResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of all of them, some as folders and some as zips; one for all workers."""

    def build(folder: Path) -> Path:
        paths = [releases["1.2.3"].folder, releases["1.2.3"].archive, releases["1.10.0"].archive]
        paths += [releases["2.0.0-rc.1"].folder, releases["hostile"].archive]
        result = build_site(paths, folder / "site")
        assert (result.index, result.data_sets, result.versions) == (folder / "site" / "index.html", 2, 4)
        return folder / "site"

    return shared(tmp_path_factory, "site", build)


@pytest.fixture(scope="session")
def hostile_title() -> str:
    """The title, description and keyword of the data set `another` in `site`."""
    return HOSTILE


def _few_figures(built: ReleaseResult) -> Evaluation:
    """The evaluation of the small release with those figures alone that its gates ask for."""
    found = read_evaluation(built.folder / "evaluation.json")
    asked = {gate["measure"] for profile in GATES["profiles"].values() for gate in profile["gates"]}
    few = tuple(measure for measure in found.measures if measure.id in asked)
    return found.model_copy(update={"measures": few, "comparisons": (), "effects": (), "co_occurrence": None})


@pytest.fixture(scope="session")
def slight(built: ReleaseResult, tmp_path_factory: pytest.TempPathFactory) -> ReleaseResult:
    """The small release with all its files, its report a line, its figures few: quick to check."""

    def build(folder: Path) -> ReleaseResult:
        with neither_evaluated_nor_drawn(_few_figures(built)):
            return build_release(_write_spec(folder / "spec"), folder / "out")

    return shared(tmp_path_factory, "slight", build)
