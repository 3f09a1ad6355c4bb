"""No value of a patient and no small cell of the original is anywhere in the report."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from amlsynth.cohort.split import split_cohort
from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation import evaluate, write_evaluation
from amlsynth.evaluation.fidelity.co_occurrence import traits
from amlsynth.report import render_report
from amlsynth.sources.reference import reference_frame

D = dictionary()
GROUPS = ("fidelity", "survival", "tails", "outcome", "effects", "validity")  # those with counts in them


def _marked(frame: pd.DataFrame) -> pd.DataFrame:
    """Give every patient numbers that are nobody else's and easy to find in a text."""
    n = np.arange(len(frame))
    months = frame["OSTM"].to_numpy(float)
    gap = months - frame["EFSTM"].to_numpy(float)
    marked = np.maximum(np.floor(months), 1) + 0.100003 + n * 0.0007
    return frame.assign(
        WBC=pd.array(np.where(frame["WBC"].isna(), np.nan, 17.0013 + 0.0107 * n), dtype="Float64"),
        OSTM=pd.array(marked, dtype="Float64"),
        EFSTM=pd.array(
            np.where(gap > 0, np.maximum(marked - gap, 1.010007 + n * 0.0007), marked), dtype="Float64"
        ),
    )


@pytest.fixture(scope="module")
def split():
    return split_cohort(_marked(reference_frame(500, 21)), 0.25, seed=3)


@pytest.fixture(scope="module")
def found(split):
    module = importlib.import_module("amlsynth.evaluation.run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GROUPS", tuple(f for f in module.GROUPS if f.name in GROUPS))
        patch.setattr("amlsynth.evaluation.intervals.RESAMPLES", 20)
        return evaluate(split.train, reference_frame(400, 22), split.holdout, seed=5)


@pytest.fixture(scope="module")
def folder(found, tmp_path_factory):
    """The report as a page and, in the place of the PDF, as the text that is set on paper."""
    folder: Path = tmp_path_factory.mktemp("rare")
    write_evaluation(found, folder / "evaluation.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "amlsynth.report.fallback._write_pdf", lambda markup, _, pdf: pdf.write_text(markup, "utf-8")
        )
        render_report(folder, folder / "r.html", folder / "r.typ", engine="fallback")
    return folder


@pytest.fixture(scope="module")
def page(folder, parse):
    return parse(folder / "r.html")


@pytest.fixture(scope="module")
def paper(folder):
    return (folder / "r.typ").read_text("utf-8")


def test_no_number_of_a_patient_is_in_it(split, page, paper, found):
    text = page.text + paper + found.model_dump_json()
    numbers = set(re.findall(r"\d+\.\d{3,}", text))
    for frame in (split.train, split.holdout):
        for name in ("WBC", "OSTM", "EFSTM"):
            values = {f"{value:.{digits}f}" for value in frame[name].dropna() for digits in (4, 6)}
            assert not values & numbers, name


def test_paper_says_no_number_that_the_page_does_not(page, paper):
    numbers = set(re.findall(r"(?<![\w.#])\d[\d,]*\.\d{2,}(?![\w.%])", paper))
    assert len(numbers) > 300
    assert not numbers - set(re.findall(r"\d[\d,]*\.\d+", page.source))


def test_small_cells_of_every_table_are_held_back(split, page):
    labels = {variable.label: variable.name for variable in D.alterations}
    table = page.source.split('id="tbl-alterations"')[1].split("</table>")[0]
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", table, re.DOTALL)
    seen = 0
    for row in rows:
        cells = [
            re.sub(r"<[^>]+>|&emsp;|\u2003", "", cell).strip()
            for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
        ]
        if not cells or cells[0] not in labels or len(cells) < 6:
            continue
        for frame, cell in ((split.train, cells[1]), (split.holdout, cells[5])):
            carriers = int(frame[labels[cells[0]]].eq(1).sum())
            if 0 < carriers < 5:
                assert cell == "–", (cells[0], cell)
                seen += 1
    assert seen > 10  # else the test has nothing to see


def test_effects_with_small_cells_are_in_no_forest_plot(split, found, page):
    alts = " ".join(
        a["alt"] for tag, a in page.elements if tag == "img" and "odds ratios" in a.get("alt", "")
    )
    hidden = 0
    for effect in found.effects:
        if (effect.cohort, effect.endpoint, effect.model) != ("original", "CR", "univariable"):
            continue
        if effect.subject not in D or effect.subject == "AGE":
            continue
        both = split.train[[effect.subject, "CR1"]].dropna()
        cells = both.value_counts().reindex([(i, j) for i in (0, 1) for j in (0, 1)], fill_value=0)
        if any(0 < cell < 5 for cell in cells):
            assert effect.effect.value is None and effect.carriers is None and effect.n is None
            assert f"{D[effect.subject].label}: Original (training) not shown" in alts
            hidden += 1
    assert hidden > 3  # else the test has nothing to see


def test_pairs_of_few_patients_are_in_no_heatmap(split, found):
    names, present, _ = traits(split.train, D)
    record = found.co_occurrence
    assert list(record.traits) == names
    both = present.T @ present
    below = list(zip(*np.tril_indices(len(names), -1), strict=True))
    shown = 0
    for (row, column), value in zip(below, record.differences["synthetic"], strict=True):
        if value is None:
            continue
        shown += 1
        assert both[row, column] >= 5
        # and nobody's count follows from the number of carriers
        for one in (row, column):
            assert both[one, one] - both[row, column] == 0 or both[one, one] - both[row, column] >= 5
    assert shown > 50


def test_numbers_at_risk_end_at_five(found):
    for cohort in (found.original, found.holdout):
        for endpoint in cohort.survival:
            assert all(point.at_risk is None or point.at_risk >= 5 for point in endpoint.curve)
