"""The four tutorials: their code runs as it stands, on fewer patients, and prints what they show.

What has tests of its own and takes long is stood in for: the demo by a release of the same cohort with the
figures of another evaluation, the evaluation of the steward's build by the one that the tutorial made before,
reports by a line.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs.tutorial import blocks, install, run
from tests.release.conftest import GATES, fake_report, neither_evaluated_nor_drawn

from amlsynth.evaluation import Evaluation, evaluate, read_evaluation
from amlsynth.evaluation import run as run_evaluation
from amlsynth.foundation.assets import asset
from amlsynth.gates.profile import gate_profile
from amlsynth.generators.generation import generate
from amlsynth.release import build_release
from amlsynth.sources.reference import reference_cohort

TUTORIALS = ("steward", "researcher", "regulator", "modeller")
DEMO = "amlsynth demo --out demo"
GROUPS = ("fidelity", "survival", "membership inference", "validity")  # which the tutorials look at
SMALLER = {"steward": {"n=1600": "n=330"}, "modeller": {"--n 600": "--n 300"}}


@pytest.fixture
def tutorial(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain_figures: None
) -> Callable[..., None]:
    """Run a tutorial in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def go(name: str, stand_ins: dict[str, Callable[[], object]] | None = None) -> None:
        page = repository / "docs" / "tutorials" / f"{name}.md"
        run(page, SMALLER.get(name, {}), stand_ins or {})

    return go


def _quickly(patch: pytest.MonkeyPatch) -> None:
    """Measure what the tutorials look at, with intervals from few resamples."""
    patch.setattr("amlsynth.evaluation.intervals.RESAMPLES", 20)
    chosen = tuple(group for group in run_evaluation.GROUPS if group.name in GROUPS)
    assert len(chosen) == len(GROUPS)
    patch.setattr(run_evaluation, "GROUPS", chosen)


@pytest.fixture
def quick_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    _quickly(monkeypatch)


@pytest.fixture(scope="module")
def figures() -> Evaluation:
    """The evaluation of a small cohort."""
    with pytest.MonkeyPatch.context() as patch:
        _quickly(patch)
        made = generate(reference_cohort(n=200, seed=2), seed=1)
        assert made.split is not None
        return evaluate(made.split.train, made.synthetic.frame, made.split.holdout, simulated=True)


@pytest.fixture(scope="module")
def demo(figures: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `amlsynth demo` makes, of fewer patients, with the evaluation of another cohort."""
    folder = tmp_path_factory.mktemp("demo")
    spec = yaml.safe_load(asset("release/aml-reference.yaml").read_text(encoding="utf-8"))
    spec["generator"] |= {"n": 300, "params": {"pool": 4_000}}
    spec |= {"gates": {"profile": "easy", "file": "gates.yaml"}, "exports": []}
    (folder / "gates.yaml").write_text(yaml.safe_dump(GATES), encoding="utf-8")
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True), encoding="utf-8")
    shutil.copy(asset("release/aml-reference.sums.json"), folder)
    with neither_evaluated_nor_drawn(figures):
        build_release(folder / "spec.yaml", folder / "demo")
    return folder / "demo"


@pytest.fixture
def made_demo(demo: Path, tmp_path: Path) -> dict[str, Callable[[], object]]:
    return {DEMO: lambda: shutil.copytree(demo, tmp_path / "demo")}


@pytest.mark.slow
def test_a_steward_releases_a_table(
    tutorial: Callable[..., None], monkeypatch: pytest.MonkeyPatch, quick_evaluation: None, tmp_path: Path
) -> None:
    def again(*_: Any, **__: Any) -> Evaluation:
        return read_evaluation(tmp_path / "evaluation" / "evaluation.json")

    easy = tmp_path / "gates.yaml"
    easy.write_text(yaml.safe_dump(GATES), encoding="utf-8")
    monkeypatch.setattr("amlsynth.release.build.evaluate", again)
    monkeypatch.setattr("amlsynth.release.build.gate_profile", lambda *_: gate_profile("easy", easy))
    monkeypatch.setattr("amlsynth.report.render_report", fake_report)
    tutorial("steward")
    assert not list(tmp_path.glob("releases/*/evaluation.json"))


@pytest.mark.slow
def test_a_researcher_loads_a_release(
    tutorial: Callable[..., None], made_demo: dict[str, Callable[[], object]]
) -> None:
    tutorial("researcher", made_demo)


@pytest.mark.slow
def test_a_regulator_checks_a_release(
    tutorial: Callable[..., None], made_demo: dict[str, Callable[[], object]], tmp_path: Path
) -> None:
    tutorial("regulator", made_demo)
    assert "Original" in (tmp_path / "public.html").read_text(encoding="utf-8")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Stands in for pip, and forgets the modules of the tutorial afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda: install(tmp_path)
    for name in ("by_pattern", "older_patients"):
        sys.modules.pop(name, None)


@pytest.mark.slow
def test_a_modeller_adds_a_generator_and_a_measure(
    tutorial: Callable[..., None], quick_evaluation: None, installed: Callable[[], None]
) -> None:
    tutorial("modeller", {"pip install -e .": installed})


@pytest.mark.parametrize("name", TUTORIALS)
def test_every_tutorial_has_code_that_is_run(repository: Path, name: str) -> None:
    found = blocks(repository / "docs" / "tutorials" / f"{name}.md", {})
    assert {"python", "sh"} <= {block.kind for block in found}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "line 5: shown is"),
        ("```sh\namlsynth validate nowhere.csv\n```\n", "ended with 2"),
        ("```sh\nrm -rf .\n```\n", "nobody runs 'rm'"),
        ("```ruby\nputs 1\n```\n", "nobody runs a block of the kind 'ruby'"),
        ("```{.python}\nprint(1)\n```\n", "a block that is not understood"),
    ],
)
def test_a_tutorial_that_is_wrong_is_found(tmp_path: Path, text: str, says: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError, match=says):
        run(page, {}, {})
