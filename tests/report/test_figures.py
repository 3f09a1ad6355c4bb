"""What is written in figures can be read: no text is cut at the edge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from amlsynth.report import render_report

COMPOSED = True  # of figures, as in conftest


def _out_of_view(figure: Any) -> set[Text]:
    """Return labels of ticks beyond the ends of their axis, which matplotlib keeps and does not draw."""
    found = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            found |= {tick.label1 for tick in ticks if not low <= tick.get_loc() <= high}
    return found


def test_no_text_is_cut_at_the_edge_of_its_figure(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, cut = 0, []

    def save(figure: Any, path: Path, **_: Any) -> None:
        nonlocal seen
        figure.draw_without_rendering()
        width, height = figure.bbox.size
        hidden = _out_of_view(figure)
        for text in figure.findobj(Text):
            if not text.get_visible() or not text.get_text().strip() or text in hidden:
                continue
            seen += 1
            box = text.get_window_extent()
            if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1:
                cut.append((Path(path).name, text.get_text(), box.extents.round(), figure.bbox.size))
        Path(path).write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt"></svg>', "utf-8"
        )

    monkeypatch.setattr(Figure, "savefig", save)
    render_report(release, tmp_path / "report.html", engine="fallback")
    assert seen > 500
    assert not cut, "\n".join(map(str, cut))
