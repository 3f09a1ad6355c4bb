"""A hundred kills of each command, at steps of its writing: is what it leaves whole or absent?

Run it with `python -m benchmarks.kills`, from the root of the repository, on Linux or macOS. Each run is a
process of its own that is killed (SIGKILL) right before a step: a file that comes, changes its name or goes.
The steps are taken in turn, so that every one is met. After each kill the output is read and checked, and at
the end the command runs through and nothing may be left beside its output. So that a hundred builds take
minutes, all builds and reports but the first take evaluation and rendered text from the first.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.killing import killed_at, left_behind
from tests.loading.conftest import _write_release
from tests.release.conftest import _write_spec

import amlsynth
from amlsynth.cli import main as command_line
from amlsynth.cohort.cohort import about_path, read_cohort
from amlsynth.cohort.tables import read_table, write_table
from amlsynth.foundation.files import replacing, restore_folder
from amlsynth.generators.params_file import read_params
from amlsynth.release import build_release
from amlsynth.release.checksums import check_files

Case = tuple[Callable[[], object], Path, Callable[[], None]]


def run(*arguments: object) -> Callable[[], object]:
    def call() -> None:
        with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
            command_line([str(argument) for argument in arguments])

    return call


def importing(place: Path) -> Case:
    source, mapping, out = (
        place / "in" / "trial.csv",
        place / "in" / "map.yaml",
        place / "out" / "trial.parquet",
    )
    patients = amlsynth.reference_cohort(n=150, seed=1).frame
    write_table(patients, source)
    columns = "\n".join(f"  {name}: {{from: {name}}}" for name in patients.columns)
    mapping.write_text(f"name: trial\ntitle: A trial\nsimulated: true\ncolumns:\n{columns}\n")

    def check() -> None:
        if out.exists():
            assert about_path(out).exists() and read_cohort(out, "original").n == 150

    return run("cohort", "import", source, "--mapping", mapping, "--out", out), out.parent, check


def generating(place: Path) -> Case:
    cohort, out = place / "in" / "cohort.parquet", place / "out" / "synthetic.csv"
    write_table(amlsynth.reference_cohort(n=150, seed=1).frame, cohort)

    def check() -> None:
        if out.exists():
            assert len(read_table(out)) == 60

    options = ("--generator", "independent", "--n", 60, "--seed", 1, "--out", out)
    return run("generate", "--cohort", cohort, *options), out.parent, check


def building(place: Path) -> Case:
    from amlsynth import report
    from amlsynth.release import build

    out = place / "out"
    spec = _write_spec(place / "in")
    first: list[bytes] = []
    render = report.render_report

    def rendered(directory: Path, *targets: Path, **options: Any) -> None:
        if not first:
            render(directory, *targets, **options)
            first.extend(target.read_bytes() for target in targets)
        for target, content in zip(targets, first, strict=True):
            with replacing(target) as temporary:  # as the real one does
                temporary.write_bytes(content)

    build.evaluate, report.render_report = once(build.evaluate), rendered

    def check() -> None:
        folder = out / "small-test-1.2.3"
        restore_folder(folder)
        if folder.exists():
            assert check_files(folder)[1] == []
        archive = out / "small-test-1.2.3.zip"
        if archive.exists():
            amlsynth.load(archive, verify=False)

    return lambda: build_release(spec, out), out, check


def once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a slow function give what it gave the first time."""
    kept: list[Any] = []

    def call(*arguments: Any, **options: Any) -> Any:
        kept[:] = kept or [function(*arguments, **options)]
        return kept[0]

    return call


def reporting(place: Path) -> Case:
    from amlsynth.report import fallback

    release = build_release(_write_spec(place / "in"), place / "release").folder
    render, first = fallback.render, []

    def rendered(document: Path, html: Path, pdf: None, toc_depth: int) -> None:
        if not first:
            render(document, html, pdf, toc_depth)
            first.append(html.read_bytes())
        html.write_bytes(first[0])

    fallback.render = rendered
    page = place / "out" / "report.html"
    evaluation = place / "evaluation"
    evaluation.mkdir()
    for name in ("evaluation.json", "gates.json", "provenance.json", "dictionary.yaml"):
        shutil.copy(release / name, evaluation)

    def check() -> None:
        if page.exists():
            assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")

    return run("report", evaluation, "--out", page), page.parent, check


def tuning(place: Path) -> Case:
    cohort, out = place / "in" / "cohort.parquet", place / "out" / "tuned.yaml"
    write_table(amlsynth.reference_cohort(n=150, seed=1).frame, cohort)

    def check() -> None:
        if out.exists():
            assert read_params(out).generator.name == "sequential-cart"

    options = ("--generator", "sequential-cart", "--trials", 1, "--repeats", 1, "--seed", 1, "--out", out)
    return run("tune", "--cohort", cohort, *options), out.parent, check


def loading(place: Path) -> Case:
    patients = amlsynth.reference_cohort(n=40, seed=1).frame
    release = _write_release(place / "releases", patients)
    cache = place / "cache"
    os.environ["AMLSYNTH_CACHE"] = str(cache)

    def load() -> object:
        shutil.rmtree(cache, ignore_errors=True)
        return amlsynth.load(release)

    def check() -> None:
        assert amlsynth.load(release).equals(patients)

    return load, cache, check


CASES = {
    "import": importing,
    "generate": generating,
    "load": loading,
    "build": building,
    "report": reporting,
    "tune": tuning,
}


def kill(case: Case, kills: int, first: int = 0) -> str:
    """Kill a command so many times, from the step `first` on; return what came of it."""
    call, place, check = case
    call()
    _, steps = killed_at(call, place, None)
    killed = broken = 0
    for number in range(first, first + kills):
        killed += killed_at(call, place, number % steps)[0]
        try:
            check()
        except BaseException as error:
            broken += 1
            print(f"  step {number % steps}: {type(error).__name__}: {error}", flush=True)
    call()
    check()
    return f"{steps} steps, {killed} kills, {broken} broken, {len(left_behind(place))} left behind at the end"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="to go on where a shorter run ended")
    parser.add_argument("commands", nargs="*", help=", ".join(CASES))
    given = parser.parse_args()
    os.environ["AMLSYNTH_REPORT_ENGINE"] = "fallback"
    for name in given.commands or CASES:
        with tempfile.TemporaryDirectory() as temporary:
            begun = time.monotonic()
            found = kill(CASES[name](Path(temporary)), given.kills, given.first)
            print(f"{name:<10} {found} ({time.monotonic() - begun:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
