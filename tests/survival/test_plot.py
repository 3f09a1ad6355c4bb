"""Curves are drawn where the estimate is, and groups that cannot be drawn are told."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from amlsynth import km_plot
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import NotComputable, UsageError
from amlsynth.survival.endpoint import endpoint_data
from amlsynth.survival.kaplan_meier import kaplan_meier


def test_each_group_has_its_curve(reference: pd.DataFrame, dictionary: Dictionary) -> None:
    axes = km_plot(reference, "OS", by="SEX")
    steps = [line for line in axes.get_lines() if line.get_drawstyle() == "steps-post"]
    values = ("female", "male")
    assert len(steps) == len(axes.collections) == 2
    for line, value, text in zip(steps, values, axes.get_legend().get_texts(), strict=True):
        part = reference[reference["SEX"] == value]
        fit = kaplan_meier(endpoint_data(part, dictionary.endpoint("OS")))
        assert line.get_xdata()[0] == 0 and line.get_ydata()[0] == 1
        assert line.get_xdata()[1:].tolist() == fit.times.tolist()
        assert line.get_ydata()[1:].tolist() == fit.survival.tolist()
        median = fit.median()
        assert f"n = {fit.n}" in text.get_text() and f"median {median.time:.1f} (" in text.get_text()
    marks = [line for line in axes.get_lines() if line.get_marker() == "|"]
    censored = reference[(reference["SEX"] == "female") & (reference["OSSTAT"] == 0)]["OSTM"].unique()
    assert sorted(marks[0].get_xdata()) == sorted(censored)


def test_a_figure_can_be_saved_and_axes_given(reference: pd.DataFrame, tmp_path: Path) -> None:
    axes = km_plot(reference, "EFS")
    assert km_plot(reference, "OS", ax=axes) is axes
    axes.figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5_000
    assert axes.get_legend().get_texts()[0].get_text().startswith("n = ")


@pytest.mark.parametrize(
    ("endpoint", "by", "says"),
    [
        ("OSS", None, "Did you mean 'OS'"),
        ("OS", "NPM", "Did you mean 'NPM1'"),
        ("OS", "AGE", "is a number"),
    ],
)
def test_wrong_names_are_told(reference: pd.DataFrame, endpoint: str, by: str | None, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        km_plot(reference, endpoint, by)


def test_nobody_to_draw_is_told(reference: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match="makes 0 groups"):
        km_plot(reference.assign(SEX=reference["SEX"].where(reference["AGE"] > 200)), "OS", "SEX")
    with pytest.raises(NotComputable, match="no patient has a known OS"):
        km_plot(reference.assign(OSTM=pd.NA), "OS")
