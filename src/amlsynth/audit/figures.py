"""Figures of an audit, for the internal report: each target, and how many are found at few accusations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from amlsynth.audit.records import AuditResult, ShadowResult, TargetResult
from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The report's own drawing room stands above this one, so colours are given here: Okabe and Ito 2008.
_COLOURS = {"singular": "#D55E00", "lonely": "#0072B2", "random": "#009E73"}
_MARKERS = {"singular": "D", "lonely": "s", "random": "o"}
_MUTED = "#5b6772"
_ROW = 0.19  # inches a target


def targets_figure(result: AuditResult, path: Path) -> None:
    """Draw the AUC of each target with its interval, by kind, as SVG; no row is named.

    Raises
    ------
    ValueError
        The audit has no shadow pass.
    """
    targets = sorted(_shadow(result).targets, key=lambda one: (one.kind, one.auc.value or 0))
    with _axes(path, height=1.0 + _ROW * len(targets)) as axes:
        for place, target in enumerate(targets):
            _target(axes, place, target)
        axes.axvline(0.5, color=_MUTED, linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(targets)), [f"{t.kind}: {t.reason}" for t in targets], fontsize=7)
        axes.set_xlim(0, 1)
        axes.set_xlabel("AUC of the attack on this target (0.5 is guessing), 95 % interval")


def groups_figure(result: AuditResult, path: Path) -> None:
    """Draw the true positives at 1 % and 10 % false positives of each kind of targets, as SVG.

    Raises
    ------
    ValueError
        The audit has no shadow pass.
    """
    shadow = _shadow(result)
    groups = [*shadow.groups, shadow.control.model_copy(update={"kind": "control"})]
    with _axes(path, height=2.6) as axes:
        for shift, at, colour in ((-0.2, "1", "#0072B2"), (0.2, "10", "#56B4E9")):
            figures = [getattr(group, f"true_positives_{at}") for group in groups]
            heights = [100 * (figure.value or 0) for figure in figures]
            places = [place + shift for place in range(len(groups))]
            axes.bar(places, heights, 0.38, color=colour, label=f"at {at} % false positives")
            axes.axhline(float(at), color=colour, linewidth=0.8, linestyle=":")
        axes.set_xticks(range(len(groups)), [group.kind for group in groups])
        axes.set_ylabel("training patients found, %")
        axes.legend(frameon=False, fontsize=8)


def _shadow(result: AuditResult) -> ShadowResult:
    if result.shadow is None:
        raise ValueError("the audit has no shadow pass")
    return result.shadow


def _target(axes: Axes, place: int, target: TargetResult) -> None:
    low, value, high = target.auc.low or 0.0, target.auc.value or 0.0, target.auc.high or 0.0
    axes.plot([low, high], [place, place], color=_COLOURS[target.kind], linewidth=1.2)
    fill = _COLOURS[target.kind] if target.exposed else "white"
    axes.plot(
        [value],
        [place],
        _MARKERS[target.kind],
        color=_COLOURS[target.kind],
        markerfacecolor=fill,
        markersize=4,
    )


@contextmanager
def _axes(path: Path, height: float) -> Iterator[Axes]:
    """Yield axes of a figure that is written as SVG, the same bytes each time, when the block ends."""
    matplotlib = require_extra("report", "matplotlib", "Drawing an audit")
    figures = require_extra("report", "matplotlib.figure", "Drawing an audit")
    settings = {"svg.hashsalt": "amlsynth", "svg.fonttype": "path", "axes.spines.top": False, "font.size": 9}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a reader's own matplotlibrc must not change the bytes
        matplotlib.rcParams.update(settings | {"axes.spines.right": False})
        figure = figures.Figure(figsize=(7.0, height), layout="constrained")
        yield figure.subplots()
        with replacing(path) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
