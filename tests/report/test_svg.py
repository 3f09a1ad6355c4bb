"""The pen that figures are drawn with."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

from amlsynth.report.drawing import HOLDOUT, ORIGINAL, Interval
from amlsynth.report.svg import Axes, Svg, band, legend, pen, room_for, round_ticks, steps, text_width

SPACE = "{http://www.w3.org/2000/svg}"


def test_a_figure_is_xml_whose_letters_are_outlines(tmp_path):
    with pen(tmp_path / "a.svg", 2, 1) as svg:
        svg.text(10, 10, 'A & <b> "A"\nA', 9, "#000000")
        legend(svg, [(ORIGINAL, "Original"), (HOLDOUT, "Hold-out")], 9, columns=2, line=1)
    tree = ET.parse(tmp_path / "a.svg").getroot()  # noqa: S314  (our own file)
    assert (tree.get("width"), tree.get("height"), tree.get("viewBox")) == ("144pt", "72pt", "0 0 144 72")
    assert not list(tree.iter(f"{SPACE}text"))
    outlines = {path.get("id") for path in tree.find(f"{SPACE}defs") or ()}
    used = [use.get("{http://www.w3.org/1999/xlink}href") for use in tree.iter(f"{SPACE}use")]
    assert {str(href).removeprefix("#") for href in used} == outlines
    assert used.count(used[0]) == 3  # one outline for every A
    assert len(used) == len('A&<b>"A"A' + "Original" + "Hold-out")


def test_letters_are_as_wide_as_in_the_font():
    assert text_width("n", 2048) == pytest.approx(1298, abs=2)  # units of DejaVu Sans in an em: 2,048
    assert text_width("ab\nabcd", 9) == text_width("abcd", 9) > 2 * text_width(" ", 9) > 0
    assert text_width("n", 9, bold=True) > text_width("n", 9)
    assert room_for(["n", "nn"], 9, 7) == pytest.approx(text_width("nn", 9) / 72 + 0.12)
    assert room_for(["n" * 500], 9, 7) == 3.5  # the axis keeps its half


def test_values_have_places():
    svg = Svg(720, 72)
    axes = Axes(svg, 1, 0, 8, 1, (0.1, 1000), (0, 4), math.log)
    assert [round(axes.across(value)) for value in (0.1, 10, 1000)] == [72, 360, 648]
    assert [axes.down(value) for value in (0, 1, 4)] == [0, 18, 72]
    axes.intervals(
        [Interval(1, 0.1, 10, 1), Interval(2, 1, 10, None)],
        ORIGINAL, line="-", widths=(1, 0.5), areas=(9, 30), stroke=1,
    )  # fmt: skip
    line, *symbols = svg._parts
    assert 'd="M72 18L360 18M216 36L360 36"' in line
    assert len(symbols) == 1 and 'translate(216 18) scale(3)"' in symbols[0]  # no symbol without a value


def test_steps_hold_their_height_until_the_next():
    assert steps([0, 10, 30], [5, 7, 6]) == "M0 5H10V7H30V6"
    assert band([0, 10], [5, 7], [3, 4]) == "M0 3H10V4V7V5H0Z"
    assert steps([], []) == band([], [], []) == ""


@pytest.mark.parametrize(
    ("low", "high", "most", "labels"),
    [(0, 1, 5, "0.0 0.2 0.4 0.6 0.8 1.0"), (-105, 105, 4, "−100 0 100"),
     (1.5, 15, 6, "2.5 5.0 7.5 10.0 12.5 15.0"), (0.93, 1.01, 5, "0.94 0.96 0.98 1.00")],
)  # fmt: skip
def test_ticks_are_round(low, high, most, labels):
    assert " ".join(label for _, label in round_ticks(low, high, most)) == labels
