"""A complete evaluation with made-up figures, and the report of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.shared_builds import drawn_figures, empty_figures, shared

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.evaluation.records import (
    CategoryCount,
    CohortSummary,
    Comparison,
    CoOccurrence,
    CurvePoint,
    Effect,
    Evaluation,
    Figure,
    Measure,
    Origin,
    RuleCount,
    Spread,
    SurvivalSummary,
    VariableSummary,
    write_evaluation,
)
from amlsynth.gates.verdict import GateReport, GateResult, write_gates
from amlsynth.report import render_report

NO_MEDIAN = "the median is not reached: the curve stays above one half"
HOSTILE = "Synthetic <script>alert(1)</script> | *v1* @fig-x $x$"
TRICKY_MEASURE = "= Odd_measure | with #signs"
PROVENANCE = {
    "amlsynth": "0.1.0",
    "packages": {"numpy": "2.4.6"},
    "spec": {"file": "aml-1.0.0.yaml", "sha256": "0123456789abcdef" * 4},
    "cohort": {
        "name": "aml-reference",
        "title": "A simulated cohort",
        "simulated": True,
        "statement": "It holds no patient_data.",
    },
    "generator": {"name": "sequential-cart", "params": {"min_leaf": 5, "order": None, "rates": [0.1, 0.2]}},
    "steps": [{"name": "fit", "seed": 3}, {"name": "sample", "seed": 4}],
}


def _variable(variable: Variable, n: int, shift: int) -> VariableSummary:
    if not variable.is_categorical:
        quartiles = (4.5 + shift, 19.5 + shift, 1053.25 + shift)
        return VariableSummary(name=variable.name, n=n, missing=0, quartiles=quartiles)
    values = [str(value) for value in variable.values]
    share = 1 / len(values)
    counts = [CategoryCount(value=value, n=int(n * share), share=share) for value in values]
    missing: int | None = 20
    if variable.name == "KDM6A":  # few carriers: their cell and a second one are held back
        counts = [CategoryCount(value=value, n=None, share=None) for value in values]
    if variable.name == "NPM1":  # few missing values: shares are coarse
        missing = None
        counts = [CategoryCount(value="0", n=None, share=0.68), CategoryCount(value="1", n=77, share=0.32)]
    counts.append(CategoryCount(value="NA", n=missing, share=0.01 if missing else None))
    return VariableSummary(name=variable.name, n=n, missing=missing, counts=tuple(counts))


def _survival(endpoint: str, n: int, median: Figure) -> SurvivalSummary:
    curve = tuple(
        CurvePoint(
            months=month,
            survival=0.97**month,
            low=0.96**month,
            high=min(1.0, 0.975**month),
            at_risk=n - 3 * month,
        )
        for month in range(61)
    )
    return SurvivalSummary(
        endpoint=endpoint,
        n=n,
        events=n // 2,
        median=median,
        follow_up=Figure(value=89.5, low=85.5, high=None),
        curve=curve,
    )


def _cohort(
    label: str, n: int, shift: int, d: Dictionary, os_median: Figure, key: str = "synthetic"
) -> CohortSummary:
    risks = ("favorable", "intermediate", "adverse")
    return CohortSummary(
        key=key,
        label=label,
        n=n,
        variables=tuple(_variable(variable, n, shift) for variable in d.variables),
        risk=(
            *(CategoryCount(value=risk, n=n // 3, share=0.333) for risk in risks),
            CategoryCount(value="NA", n=7, share=0.01),
        ),
        survival=(
            _survival("OS", n, os_median),
            _survival("EFS", n, Figure(value=7.2 + shift, low=6.5, high=8.0)),
        ),
    )


def _measure(identifier: str, aspect: str, better: str, value: float, **more: Any) -> Measure:
    anchors = {
        "independent": Figure(value=value - 0.3),
        "bootstrap": Figure(value=value + 0.01),
        "holdout": Figure(value=value + 0.005),
    }
    settings: dict[str, Any] = {
        "label": identifier.replace("_", " ").capitalize(),
        "description": f"What {identifier} says.",
        "source": "Somebody et al. 2024",
        "figures": {"synthetic": more.pop("synthetic", Figure(value=value))},
        "anchors": anchors,
        **more,
    }
    return Measure(id=identifier, aspect=aspect, better=better, **settings)


def _measures() -> tuple[Measure, ...]:
    original = Figure(value=17.5, low=15.7, high=19.2)
    return (
        _measure("bsm", "fidelity", "higher", 0.9123),
        _measure("logcorr", "fidelity", "higher", 0.7421),
        _measure("odd", "fidelity", "lower", 0.5, label=TRICKY_MEASURE),
        _measure("km_score_os", "survival", "higher", 0.9876),
        _measure("km_score_efs", "survival", "higher", 0.9765),
        _measure("median_os", "survival", "original", 16.25, unit="months", original=original),
        _measure("logrank_os", "survival", "none", 0.00001),
        _measure("short", "survival", "zero", 0.1, synthetic=Figure(reason="nobody_was followed up")),
        _measure("cr_rate", "outcome", "original", 0.711, original=Figure(value=0.707)),
        _measure("cr_odds", "outcome", "original", 2.81, original=Figure(value=2.41, low=2.16, high=2.68)),
        _measure("classifier_auc", "fidelity", "lower", 0.55, group="two samples"),
        _measure("effects_sign_hr", "survival", "higher", 0.9, group="effects"),
        _measure("membership_density_auc", "privacy", "lower", 0.53, group="membership inference"),
        _measure("made_up", "privacy", "lower", 0.1, group="a new family"),
        _measure("leakage", "privacy", "zero", 0.0178),
        _measure(
            "exact_matches",
            "privacy",
            "zero",
            0,
            unit="patients",
            anchors={
                "independent": Figure(value=0),
                "bootstrap": Figure(value=1606),
                "holdout": Figure(value=0),
            },
        ),
        _measure("rules_broken", "validity", "zero", 0, unit="errors"),
    )


def _comparisons(d: Dictionary) -> tuple[Comparison, ...]:
    fisher = [
        Comparison(
            subject=variable.name,
            test="Fisher's exact",
            p_value=Figure(value=0.04321),
            effect=Figure(value=1.234, low=1.1, high=1.5),
            effect_name="odds ratio",
        )
        for variable in d.alterations
    ]
    return (
        *fisher,
        Comparison(subject="AGE", test="Mann-Whitney", p_value=Figure(value=0.00001)),
        Comparison(subject="AMLSTAT=tAML", test="Fisher's exact", p_value=Figure(value=0.847)),
        Comparison(
            subject="CR1",
            test="logistic regression",
            p_value=Figure(value=0.059),
            effect=Figure(value=1.16, low=0.99, high=1.36),
            effect_name="odds ratio",
        ),
        Comparison(subject="OS", test="log-rank", p_value=Figure(reason="neither cohort has an OS event")),
        Comparison(subject="RARE=odd", test="an unheard-of test", p_value=Figure(value=0.5)),
    )


def _effects(keys: tuple[str, ...]) -> tuple[Effect, ...]:
    subjects = {
        "AGE": "per 10 years", "ELN2022=adverse": "adverse against favorable",
        "TP53": "present against absent", "KIT": "present against absent",
    }  # fmt: skip
    found = []
    for endpoint in ("CR", "OS", "EFS"):
        for subject, contrast in subjects.items():
            for place, key in enumerate(keys):
                hidden = subject == "KIT" and key in ("original", "holdout")
                value = None if hidden else 1.5 + place / 10
                reason = "not shown: fewer than 5 patients of the original in one of the cells"
                found.append(
                    Effect(
                        subject=subject, contrast=contrast, endpoint=endpoint, model="univariable",
                        cohort=key, effect_name="odds ratio" if endpoint == "CR" else "hazard ratio",
                        effect=Figure(reason=reason) if hidden else Figure(value=value, low=0.9, high=2.75),
                        p_value=Figure(reason=reason) if hidden else Figure(value=0.04),
                    )
                )  # fmt: skip
    return tuple(found)


def _co_occurrence(keys: tuple[str, ...]) -> CoOccurrence:
    traits = ("NPM1", "DNMT3A", "FLT3I", "AMLSTAT=sAML")
    return CoOccurrence(
        traits=traits, differences=dict.fromkeys(keys, (10, -40, None, 250, None, None)), shown=3
    )


@pytest.fixture(scope="session")
def evaluation(dictionary: Dictionary) -> Evaluation:
    ours, unseen = Figure(value=17.5, low=15.7, high=19.2), Figure(low=15.0, reason=NO_MEDIAN)
    return Evaluation(
        dictionary_version="1.0.0",
        amlsynth_version="0.1.0",
        seed=17,
        original_is_simulated=True,
        original=_cohort("Original (training)", 1285, 0, dictionary, ours, "original"),
        holdout=_cohort("Original (hold-out)", 321, 2, dictionary, unseen, "holdout"),
        synthetics=(_cohort(HOSTILE, 1606, 1, dictionary, Figure(value=16.2, low=15.7, high=None)),),
        measures=_measures(),
        comparisons=(
            *_comparisons(dictionary),
            *(c.model_copy(update={"cohort": "holdout"}) for c in _comparisons(dictionary)),
        ),
        effects=_effects(("original", "synthetic", "holdout")),
        co_occurrence=_co_occurrence(("synthetic", "holdout")),
        rules=(
            RuleCount(
                rule="efs_not_after_os",
                columns="EFSTM, OSTM",
                message="EFS ends no later than OS",
                severity="error",
                counts={"original": None, "synthetic": 7, "holdout": 0},
            ),
        ),
        notes=("KIT was not assessed in the hold-out: every value is missing.",),
    )


@pytest.fixture(scope="session")
def several(evaluation: Evaluation, dictionary: Dictionary) -> Evaluation:
    """The same with two synthetic cohorts of one generator."""
    keys = ("synthetic-1", "synthetic-2")
    cohorts = tuple(
        _cohort(f"Trees, seed {seed}", 1606, seed, dictionary, Figure(value=16.0 + seed), key).model_copy(
            update={"origin": Origin(file=f"{key}.csv", sha256="ab" * 32, generator="trees", seed=seed)}
        )
        for seed, key in enumerate(keys, start=1)
    )
    measures = []
    for measure in evaluation.measures:
        value = measure.synthetic.value
        figures = {keys[0]: measure.synthetic, keys[1]: measure.synthetic}
        seeds = {}
        if value is not None:
            figures[keys[1]] = Figure(value=value / 2)
            seeds = {"trees": Spread(cohorts=2, mean=0.75 * value, sd=0.125, least=value / 2, most=value)}
        measures.append(measure.model_copy(update={"figures": figures, "seeds": seeds}))
    comparisons = [
        c.model_copy(update={"cohort": key})
        for key in keys
        for c in evaluation.comparisons
        if c.cohort != "holdout"
    ]
    return evaluation.model_copy(
        update={
            "synthetics": cohorts,
            "measures": tuple(measures),
            "comparisons": tuple(comparisons),
            "effects": _effects(("original", *keys, "holdout")),
            "co_occurrence": _co_occurrence((*keys, "holdout")),
            "rules": (),
        }
    )


@pytest.fixture(scope="session")
def gates() -> GateReport:
    def result(identifier: str, *, required: bool, passed: bool) -> GateResult:
        return GateResult(
            id=identifier,
            label=f"Gate {identifier}",
            measure="km_score_os",
            value=0.9876 if passed else None,
            threshold=0.97,
            comparison="at_least",
            required=required,
            passed=passed,
            reason=f"The reason of {identifier}.",
        )

    chosen = (result("first", required=True, passed=True), result("second", required=False, passed=False))
    return GateReport(profile="public-release", passed=True, gates=chosen)


def write_records(
    target: Path, evaluation: Evaluation, gates: GateReport, provenance: dict[str, Any]
) -> Path:
    """Write the records that a report is rendered from into a folder; return it."""
    write_evaluation(evaluation, target / "evaluation.json")
    write_gates(gates, target / "gates.json")
    (target / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    return target


@pytest.fixture
def folder(tmp_path: Path, evaluation: Evaluation) -> Path:
    """A folder with evaluation.json alone."""
    target = tmp_path / "evaluation"
    target.mkdir()
    write_evaluation(evaluation, target / "evaluation.json")
    return target


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory, evaluation: Evaluation, gates: GateReport) -> Path:
    """A folder with all three files."""
    return write_records(tmp_path_factory.mktemp("release"), evaluation, gates, PROVENANCE)


@pytest.fixture(scope="session")
def rendered(release: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The page and the PDF that the built-in renderer makes of all three files, one for all workers."""

    def render(target: Path) -> tuple[Path, Path]:
        page, sheet = target / "report.html", target / "report.pdf"
        with drawn_figures():
            assert render_report(release, page, sheet, engine="fallback") == "fallback"
        return page, sheet

    return shared(tmp_path_factory, "rendered", render)


@pytest.fixture(scope="module", autouse=True)
def _empty_figures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests here read texts; those that look at figures take `rendered`, or ask for `drawn`.

    Modules of cohorts that are unlike others set COMPOSED: their figures are arranged and only not drawn.
    """
    with empty_figures(composed=getattr(request.module, "COMPOSED", False)):
        yield


@pytest.fixture
def drawn() -> Iterator[None]:
    """Figures are drawn."""
    with drawn_figures():
        yield


class Page(HTMLParser):
    """An HTML page taken apart: its elements with their attributes, its ids and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._words: list[str] = []
        self.feed(source)
        self.text = " ".join("".join(self._words).replace("\u2060", "").split())
        self.ids = {attributes["id"] for _, attributes in self.elements if "id" in attributes}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag in ("td", "th", "p", "li", "dd", "dt", "figcaption", "caption"):
            self._words.append(" ")

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] not in ("style", "script"):
            self._words.append(data)


@pytest.fixture(scope="session")
def parse() -> Callable[[Path], Page]:
    return lambda path: Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def page(rendered: tuple[Path, Path], parse: Callable[[Path], Page]) -> Page:
    return parse(rendered[0])
