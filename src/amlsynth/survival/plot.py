"""Kaplan-Meier curves of a typed frame as one figure, with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import Dictionary, dictionary_of
from amlsynth.foundation.errors import UsageError, did_you_mean, require_extra
from amlsynth.foundation.frames import Table, frame_of
from amlsynth.survival.endpoint import endpoint_data
from amlsynth.survival.frames import endpoint_named
from amlsynth.survival.kaplan_meier import KaplanMeier, kaplan_meier

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_GROUPS = 8  # curves that one can tell apart
_LINES = ("-", "--", "-.", ":")


def km_plot(
    frame: Table,
    endpoint: str,
    by: str | None = None,
    *,
    ax: Axes | None = None,
    d: Dictionary | None = None,
) -> Axes:
    """Draw Kaplan-Meier curves of an endpoint with 95 % bands, marks of censoring and the groups' medians.

    Parameters
    ----------
    frame : a typed frame, as `load` returns it, or a cohort or data set.
    endpoint : its name, such as "OS".
    by : a categorical variable, present or absent, or a status; one curve for each value. Patients in whom
        it is not known are left out.
    ax : where to draw; new axes when not given.
    d : the dictionary of the frame; that of the cohort, or of AML, when not given.

    Returns
    -------
    Axes of matplotlib, times in months.

    Raises
    ------
    UsageError
        No such endpoint or column, a column of numbers, or more than eight groups.
    NotComputable
        A group has no patient with a known time and status.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import amlsynth
    >>> frame = amlsynth.reference_cohort(n=200).frame
    >>> axes = amlsynth.km_plot(frame, "OS", by="NPM1")
    >>> axes.get_xlabel(), [text.get_text()[:12] for text in axes.get_legend().get_texts()]
    ('Months', ['NPM1 absent,', 'NPM1 present'])
    """
    require_extra("report", "matplotlib", "Drawing survival curves")
    d, frame = dictionary_of(frame, d), frame_of(frame)
    chosen = endpoint_named(endpoint, d)
    curves = {
        label: kaplan_meier(endpoint_data(part, chosen)) for label, part in _groups(frame, by, d).items()
    }
    if ax is None:
        from matplotlib.figure import Figure  # and not pyplot, which would keep the figure and open windows

        ax = Figure(figsize=(6.4, 4.2), layout="constrained").subplots()
    for number, (label, fit) in enumerate(curves.items()):
        _draw(ax, fit, label, _LINES[number % len(_LINES)])
    ax.set(xlabel="Months", ylabel=chosen.label, ylim=(0, 1.02))
    ax.set_xlim(left=0)
    ax.legend(frameon=False)
    return ax


def _draw(ax: Axes, fit: KaplanMeier, label: str, line: str) -> None:
    months = np.concatenate(([0.0], fit.times))
    (drawn,) = ax.step(
        months,
        np.concatenate(([1.0], fit.survival)),
        where="post",
        linestyle=line,
        label=f"{label}, n = {fit.n:,}; {_median(fit)}".removeprefix(", "),
    )
    low, high = (np.concatenate(([1.0], limit)) for limit in (fit.low, fit.high))
    ax.fill_between(months, low, high, step="post", alpha=0.15, linewidth=0, color=drawn.get_color())
    leaving = fit.at_risk - np.concatenate((fit.at_risk[1:], [0])) - fit.events
    ax.plot(
        fit.times[leaving > 0], fit.survival[leaving > 0], linestyle="", marker="|", markersize=4,
        color=drawn.get_color(),
    )  # fmt: skip


def _median(fit: KaplanMeier) -> str:
    found = fit.median()
    if found.time is None:
        return "median not reached"
    low, high = ("not reached" if limit is None else f"{limit:.1f}" for limit in (found.low, found.high))
    return f"median {found.time:.1f} ({low} to {high})"


def _groups(frame: pd.DataFrame, by: str | None, d: Dictionary) -> dict[str, pd.DataFrame]:
    """Return the patients of each curve by its label."""
    if by is None:
        return {"": frame}
    if by not in d or by not in frame.columns:
        raise UsageError(f"by={by!r}: there is no such column.{did_you_mean(by, d.names)}")
    variable = d[by]
    if not variable.is_categorical:
        raise UsageError(f"by={by!r} is a number. Cut it into groups, or choose patients with where=.")
    words = {"tri-state": {"0": "absent", "1": "present"}, "status": {"0": "no", "1": "yes"}}
    named = words.get(variable.type)
    groups = {
        f"{by} {named[str(value)]}" if named else variable.category_labels[str(value)]: frame[
            frame[by] == value
        ]
        for value in variable.values
        if (frame[by] == value).any()
    }
    if not 0 < len(groups) <= _MOST_GROUPS:
        raise UsageError(f"by={by!r} makes {len(groups)} groups; a figure shows 1 to {_MOST_GROUPS}.")
    return groups
