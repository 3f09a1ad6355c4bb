"""The reference data set's noisy sum goes with this version's feature map, and is drawn by one command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from amlsynth import demo
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import DataError
from amlsynth.generators.private.generator import private
from amlsynth.generators.private.sums import SumsFile, add_up, read_sums
from amlsynth.release import ReleaseResult, read_spec, reference_sums
from amlsynth.release.origin import EXAMPLE

REDRAW = (
    "release/aml-reference.sums.json is of another dictionary, prior or feature map than this version's. "
    "Draw it anew with `make reference-sums`, and commit it with what changed."
)


def _committed() -> SumsFile:
    (name,) = read_spec(asset(EXAMPLE)).generator.measurements
    return read_sums(asset(EXAMPLE).parent / name)


def test_the_committed_sum_goes_with_this_version() -> None:
    public = private(pool=4_000).public
    try:
        total = add_up([("the committed sum", _committed())], public.map, public.prior.description)
    except DataError as error:
        pytest.fail(f"{error}\n{REDRAW}")
    spec = read_spec(asset(EXAMPLE))
    assert spec.cohort.n is not None
    # Most of the cohort is the training part; the noise is a few patients.
    share = total.total[0] / public.map.constants["shares"]["count"] ** 0.5 / spec.cohort.n
    assert share == pytest.approx(1 - spec.split.holdout, abs=0.1)


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reference data set's spec and sum in a folder of their own, with the pool that the tests share."""
    path = tmp_path / "aml-reference.yaml"
    text = asset(EXAMPLE).read_text(encoding="utf-8")
    # The pool is no part of the sum.
    smaller = text.replace("  name: private\n", "  name: private\n  params: {pool: 4000}\n")
    assert smaller != text
    path.write_text(smaller, encoding="utf-8")
    for name in read_spec(path).generator.measurements:
        shutil.copy(asset(EXAMPLE).parent / name, tmp_path)
    for module in (reference_sums, demo):
        monkeypatch.setattr(module, "asset", lambda name: path if name == EXAMPLE else asset(name))
    return path


def test_it_is_drawn_anew_by_one_command(quick: Path) -> None:
    (file,) = reference_sums.draw_reference_sums()
    assert file.parent == quick.parent
    drawn, committed = read_sums(file), _committed()
    assert drawn.patients == committed.patients and drawn.privacy.epsilon == committed.privacy.epsilon
    assert drawn.sum != committed.sum


@pytest.mark.usefixtures("fast")
def test_the_demo_makes_a_release_with_a_guarantee(
    quick: Path, built: ReleaseResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amlsynth.release.build.apply_gates", lambda *_, **__: built.gates)
    said: list[str] = []
    made = demo.run_demo(tmp_path / "demo", n=70, seed=5, say=said.append)
    assert made.folder == tmp_path / "demo" / "aml-reference-1.0.0" and made.patients == 70
    assert made.internal is not None and (made.internal / "report.html").exists()
    assert any("PRIVACY.md (epsilon 3)" in line for line in said)
    held = read_sums(made.folder / "measurements" / "sum-1.json")
    assert held == _committed()  # which the seed does not change
