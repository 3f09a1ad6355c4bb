"""Reports of several cohorts and of comparisons: every cohort in every table, and words that fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlsynth.evaluation.records import Evaluation, write_evaluation
from amlsynth.report import render_report
from amlsynth.report.context import Context, read_context
from amlsynth.report.heatmap import heatmap_figures

COMPOSED = True  # of figures, as in conftest


@pytest.fixture(scope="module")
def folder_of_two(several, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    write_evaluation(several, folder / "evaluation.json")
    return folder


@pytest.fixture(scope="module")
def two(folder_of_two, parse):
    render_report(folder_of_two, folder_of_two / "r.html", engine="fallback")
    return parse(folder_of_two / "r.html")


def context_of(evaluation: Evaluation, folder: Path) -> Context:
    write_evaluation(evaluation, folder / "evaluation.json")
    return read_context(folder)


def test_every_cohort_has_a_place_in_every_table_and_figure(two, several, dictionary):
    for cohort in several.synthetics:
        assert two.text.count(cohort.label) > 15
        assert f"{cohort.label}. No verdict: no limits were applied" in two.text
        alts = [a["alt"] for tag, a in two.elements if tag == "img" and cohort.label in a.get("alt", "")]
        # curves, alterations, effects, forest plots and scores, each drawn twice; a heatmap is of one cohort
        # and says so in its caption
        assert len(alts) == 2 * (2 + 1 + 1 + 6 + 1)
        assert f"occur together in {cohort.label}" in two.text
    assert "fig-co-occurrence-synthetic-1" in two.ids and "fig-co-occurrence-synthetic-2" in two.ids
    assert "Trees, seed 1 (n = 1,606) and Trees, seed 2 (n = 1,606) against" in two.text


def test_mean_and_spread_over_seeds(two, several):
    measure = several.measure("bsm")
    spread = measure.seeds["trees"]
    assert "trees: mean (SD)" in two.text
    assert f"{spread.mean:.2f} ({spread.sd:.2f})" in two.text
    assert f"{spread.least:.2f} to {spread.most:.2f}" in two.text


def test_files_generators_and_hashes_are_told(two):
    assert "File of Trees, seed 2" in two.text
    assert "synthetic-2.csv" in two.text and "ab" * 32 in two.text


def test_the_commands_name_every_file(two):
    assert "--synthetic SYNTHETIC1.csv --synthetic SYNTHETIC2.csv --holdout HOLDOUT.csv" in two.text


def test_a_comparison_says_that_privacy_was_not_assessed(evaluation, tmp_path, parse):
    compared = evaluation.model_copy(update={"kind": "comparison", "holdout": None})
    write_evaluation(compared, tmp_path / "evaluation.json")
    render_report(tmp_path, tmp_path / "r.html", engine="fallback")
    text = parse(tmp_path / "r.html").text
    assert "No verdict: two cohorts were compared, and neither is known to be made from the other." in text
    assert "Privacy. Not assessed" in text
    assert "amlsynth compare A.csv B.csv" in text
    assert "There was no hold-out, so there is no split to compare." in text
    assert "Compared with it" in text and "what the generator was fitted to" not in text.lower()


def test_no_pairs_no_heatmap(evaluation, tmp_path):
    none = evaluation.co_occurrence.model_copy(
        update={"shown": 0, "differences": {"synthetic": (None,) * 6, "holdout": (None,) * 6}}
    )
    context = context_of(evaluation.model_copy(update={"co_occurrence": none}), tmp_path)
    assert "there are no heatmaps" in heatmap_figures(context, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()
