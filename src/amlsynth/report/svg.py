"""Figures as SVG: lines, symbols and text, written straight into the file.

A drawing library would take most of the time of a report for the thousands of numbers and symbols of its
forest plots. Text is drawn as outlines of DejaVu Sans, which matplotlib brings: the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from amlsynth.report.drawing import FAINT, HOLDOUT, INK, MUTED, Interval, Style

INCH = 72.0  # points, in which all lengths are
_EM = 100.0  # the size of letters that outlines are kept in
_DROP = 0.3  # of a letter's size, from the middle of a line of text down to what it stands on
_LINE = 1.2  # of a letter's size, from one line of text to the next
_NAMED_DASHES: dict[str, tuple[float, ...]] = {"-": (), ":": (1, 1.65), "-.": (6.4, 1.6, 1, 1.6)}
_FILLED = {  # symbols in a square whose side is 1, around its middle
    "o": "M.5 0A.5 .5 0 1 1 -.5 0A.5 .5 0 1 1 .5 0Z",
    "s": "M-.5 -.5H.5V.5H-.5Z",
    "D": "M0 -.7L.7 0L0 .7L-.7 0Z",
    "^": "M0 -.5L.5 .5H-.5Z",
    "v": "M0 .5L.5 -.5H-.5Z",
    "<": "M-.5 0L.5 -.5V.5Z",
    ">": "M.5 0L-.5 -.5V.5Z",
    "P": "M-.17 -.5H.17V-.17H.5V.17H.17V.5H-.17V.17H-.5V-.17H-.17Z",
}
_STROKED = {"|": "M0 -.5V.5", "x": "M-.5 -.5L.5 .5M-.5 .5L.5 -.5", "+": "M-.5 0H.5M0 -.5V.5"}
Line = str | tuple[int, tuple[float, ...]]


@dataclass(frozen=True)
class Glyph:
    """A letter at the size of 100: its outline as the data of a path, and how far the next one is."""

    outline: str
    advance: float


@cache
def _glyph(letter: str, bold: bool) -> Glyph:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")

    def end(text: str) -> float:  # of a bar at its end, which has a corner there
        return float(TextPath((0, 0), text, size=_EM, prop=font).vertices[-2, 0])

    parts = []
    if not letter.isspace():
        names = {1: "M", 2: "L", 3: "Q", 4: "C"}
        path = TextPath((0, 0), letter, size=_EM, prop=font)
        for points, code in path.iter_segments(curves=True, simplify=False):
            values = " ".join(f"{value:.0f}" for value in points)
            parts.append("Z" if code == 79 else f"{names[int(code)]}{values}")
    return Glyph("".join(parts), end(f"{letter}|") - end("|"))


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide the longest line of a text is."""
    return max(sum(_glyph(letter, bold).advance for letter in line) * size / _EM for line in text.split("\n"))


def room_for(names: Iterable[str], size: float, width: float) -> float:
    """Return the inches that names take beside an axis; of a figure this wide no more than half."""
    return min(max(text_width(name, size) for name in names) / INCH + 0.12, width / 2)


@dataclass
class Svg:
    """A figure that is being drawn; (0, 0) is its upper left corner, lengths are points."""

    width: float
    height: float
    _parts: list[str] = field(default_factory=list)
    _outlines: dict[tuple[str, bool], str] = field(default_factory=dict)

    def rect(
        self, x: float, y: float, width: float, height: float, colour: str, *, opacity: float = 1
    ) -> None:
        seen = "" if opacity == 1 else f' fill-opacity="{opacity:g}"'
        self._parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" fill="{colour}"{seen}/>'
        )

    def path(
        self,
        data: str,
        colour: str,
        width: float,
        line: Line = "-",
        *,
        fill: str = "none",
        opacity: float = 1,
    ) -> None:
        """Draw the data of a path, such as "M0 0L10 5"; without a width it is filled alone."""
        stroke = f' stroke="{colour}" stroke-width="{_n(width)}"{_dashes(line, width)}' if width else ""
        seen = "" if opacity == 1 else f' fill-opacity="{opacity:g}"'
        self._parts.append(f'<path d="{data}" fill="{fill}"{seen}{stroke}/>')

    def segments(
        self, ends: Iterable[tuple[float, float, float, float]], colour: str, width: float, line: Line = "-"
    ) -> None:
        """Draw straight lines, each from (x, y) to (x, y)."""
        data = "".join(f"M{_n(a)} {_n(b)}L{_n(c)} {_n(d)}" for a, b, c, d in ends)
        if data:
            self.path(data, colour, width, line)

    def symbols(
        self, points: Iterable[tuple[float, float]], marker: str, colour: str, area: float, edge: float
    ) -> None:
        """Draw symbols of an area in square points; `edge` is the width of those that are strokes."""
        size = math.sqrt(area)
        stroked = marker in _STROKED
        style = f'fill="none" stroke="{colour}" stroke-width="{_n(edge / size)}"' if stroked else (
            f'fill="{colour}" stroke="{colour}" stroke-width="{_n(edge / size)}"'
        )  # fmt: skip
        data = (_STROKED if stroked else _FILLED)[marker]
        for x, y in points:
            moved = f"translate({_n(x)} {_n(y)}) scale({_n(size)})"
            self._parts.append(f'<path d="{data}" transform="{moved}" {style}/>')

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str,
        *,
        anchor: Literal["left", "middle", "right"] = "left",
        bold: bool = False,
        turned: bool = False,
    ) -> None:
        """Write lines of text around a height, beginning, centred or ending at `x`.

        `turned` text runs upwards around that point.
        """
        lines = text.split("\n")
        share = {"left": 0.0, "middle": 0.5, "right": 1.0}[anchor]
        for place, line in enumerate(lines):
            down = size * (_DROP + _LINE * (place - (len(lines) - 1) / 2))
            back = share * text_width(line, size, bold=bold)
            at = (x + down, y + back) if turned else (x - back, y + down)
            self._letters(at, line, size, colour, bold, turned)

    def _letters(
        self, at: tuple[float, float], line: str, size: float, colour: str, bold: bool, turned: bool
    ) -> None:
        uses, place = [], 0.0
        for letter in line:
            glyph = _glyph(letter, bold)
            if glyph.outline:
                name = self._outlines.setdefault((letter, bold), f"g{len(self._outlines)}")
                uses.append(f'<use xlink:href="#{name}" x="{place:.0f}"/>')
            place += glyph.advance
        scale = size / _EM
        turn = " rotate(-90)" if turned else ""
        moved = f"translate({_n(at[0])} {_n(at[1])}){turn} scale({scale:.3f} {-scale:.3f})"
        self._parts.append(f'<g transform="{moved}" fill="{colour}">{"".join(uses)}</g>')

    def write(self, path: Path) -> None:
        """Write the file; the same figure gives the same bytes."""
        outlines = "".join(
            f'<path id="{name}" d="{_glyph(*key).outline}"/>' for key, name in self._outlines.items()
        )
        size = f'width="{_n(self.width)}pt" height="{_n(self.height)}pt"'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'{size} viewBox="0 0 {_n(self.width)} {_n(self.height)}">'
            f'<defs>{outlines}</defs><rect width="100%" height="100%" fill="white"/>'
            + "\n".join(self._parts)
            + "</svg>\n",
            encoding="utf-8",
            newline="\n",
        )


@contextmanager
def pen(path: Path, width: float, height: float) -> Iterator[Svg]:
    """Yield an empty figure of a size in inches; write it to `path` when the block ends."""
    svg = Svg(INCH * width, INCH * height)
    yield svg
    svg.write(path)


def round_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Return at most so many round numbers between two values, and one more, with their labels."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9) + (step / power == 2.5))
    places = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [(place * step, f"{place * step:.{decimals}f}".replace("-", "−")) for place in places]


def steps(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Return the data of a path that holds each height until the next place."""
    if not xs:
        return ""
    rest = "".join(f"H{_n(x)}V{_n(y)}" for x, y in zip(xs[1:], ys[1:], strict=True))
    return f"M{_n(xs[0])} {_n(ys[0])}{rest}"


def band(xs: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> str:
    """Return the data of the area between two lines of steps."""
    if not xs:
        return ""
    back = "".join(
        f"V{_n(low)}H{_n(x)}" for x, low in zip(reversed(xs[:-1]), reversed(lows[:-1]), strict=True)
    )
    return f"{steps(xs, highs)}V{_n(lows[-1])}{back}Z"


def _dashes(line: Line, width: float) -> str:
    pattern = _NAMED_DASHES[line] if isinstance(line, str) else line[1]
    if not pattern:
        return ""
    return f' stroke-dasharray="{" ".join(_n(part * width) for part in pattern)}"'


def _n(value: float) -> str:
    """Format a length to a hundredth of a point, without zeros that say nothing."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


@dataclass(frozen=True)
class Axes:
    """A rectangle of a figure in which values have places; all its lengths are inches.

    x : the values at its left and right end.
    y : the values at its upper and lower end.
    scale : what makes equal steps on the horizontal axis, such as a logarithm.
    """

    svg: Svg
    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    scale: Callable[[float], float] = float

    def across(self, value: float) -> float:
        """Return where a value stands on the horizontal axis, in points."""
        low, high = map(self.scale, self.x)
        return INCH * (self.left + self.width * (self.scale(value) - low) / (high - low))

    def down(self, value: float) -> float:
        """Return where a value stands on the vertical axis, in points."""
        return INCH * (self.top + self.height * (value - self.y[0]) / (self.y[1] - self.y[0]))

    def floor(
        self,
        ticks: Sequence[tuple[float, str]],
        size: float,
        title: str,
        *,
        grid: bool = False,
        apart: float = 0,
    ) -> None:
        """Draw the horizontal axis at the lower end, with its ticks, their labels and its title below.

        `apart` is how many points below the axis labels and title are moved, for what is drawn between.
        """
        top, low = INCH * self.top, INCH * (self.top + self.height)
        places = [self.across(value) for value, _ in ticks]
        if grid:
            self.svg.segments([(x, top, x, low) for x in places], FAINT, 0.6)
        ends = (INCH * self.left, low, INCH * (self.left + self.width), low)
        self.svg.segments([ends, *((x, low, x, low + 3.5) for x in places)], MUTED, 0.8)
        for x, (_, label) in zip(places, ticks, strict=True):
            self.svg.text(x, low + apart + 7 + size / 2, label, size, INK, anchor="middle")
        lines = title.count("\n") + 1
        middle = INCH * (self.left + self.width / 2)
        y = low + apart + 11 + size + lines * size * _LINE / 2
        self.svg.text(middle, y, title, size, INK, anchor="middle")

    def ceiling(self, ticks: Sequence[tuple[float, str]], size: float, title: str) -> None:
        """Draw a second horizontal axis at the upper end, with its title at its right."""
        top, right = INCH * self.top, INCH * (self.left + self.width)
        places = [self.across(value) for value, _ in ticks]
        ends = (INCH * self.left, top, right, top)
        self.svg.segments([ends, *((x, top - 3, x, top) for x in places)], MUTED, 0.8)
        for x, (_, label) in zip(places, ticks, strict=True):
            self.svg.text(x, top - 5 - size / 2, label, size, INK, anchor="middle")
        self.svg.text(right, top - 16, title, size, INK, anchor="right")

    def wall(
        self, ticks: Sequence[tuple[float, str]], size: float, title: str, *, grid: bool = False
    ) -> None:
        """Draw the vertical axis at the left end, with its ticks, their labels and its title beside it."""
        left, right = INCH * self.left, INCH * (self.left + self.width)
        places = [self.down(value) for value, _ in ticks]
        if grid:
            self.svg.segments([(left, y, right, y) for y in places], FAINT, 0.6)
        ends = (left, INCH * self.top, left, INCH * (self.top + self.height))
        self.svg.segments([ends, *((left - 3.5, y, left, y) for y in places)], MUTED, 0.8)
        for y, (_, label) in zip(places, ticks, strict=True):
            self.svg.text(left - 6, y, label, size, INK, anchor="right")
        beside = left - 12 - size / 2 - max(text_width(label, size) for _, label in ticks)
        middle = INCH * (self.top + self.height / 2)
        self.svg.text(beside, middle, title, size, INK, anchor="middle", turned=True)

    def names(self, labels: Sequence[tuple[float, str]], size: float) -> None:
        """Write names to the left of the vertical axis, at values of it."""
        for value, label in labels:
            self.svg.text(INCH * self.left - 5, self.down(value), label, size, INK, anchor="right")

    def intervals(
        self,
        intervals: Sequence[Interval],
        style: Style,
        *,
        line: Line,
        widths: tuple[float, float],
        areas: tuple[float, float],
        stroke: float,
    ) -> None:
        """Draw the intervals of a cohort with their estimates.

        `widths` are those of lines and of the edges of symbols; `areas` and `stroke` those of symbols, of the
        hold-out's, which is a stroke, and the width of that.
        """
        ends = [(self.across(i.low), self.down(i.y), self.across(i.high), self.down(i.y)) for i in intervals]
        self.svg.segments(ends, style.colour, widths[0], line)
        points = [(self.across(i.value), self.down(i.y)) for i in intervals if i.value is not None]
        unseen = style is HOLDOUT
        self.svg.symbols(
            points, style.marker, style.colour, areas[1 if unseen else 0], stroke if unseen else widths[1]
        )


def legend(
    svg: Svg,
    entries: Sequence[tuple[Style, str]],
    size: float,
    *,
    columns: int,
    line: float = 0,
    area: float = 30,
) -> None:
    """Write what each style stands for into the upper left corner, in columns from left to right.

    `line` is the width of the pieces of line before the names, 0 for none; `area` that of the symbols.
    """
    rows = -(-len(entries) // columns)
    left, sample = 2.0, 20.0 if line else 10.0
    for column in range(0, len(entries), rows):
        part = entries[column : column + rows]
        for row, (style, label) in enumerate(part):
            y = 0.75 * size + 2 + row * 0.2 * INCH
            if line:
                svg.segments([(left, y, left + sample, y)], style.colour, line, style.line)
            if area:
                unseen = style is HOLDOUT
                point = (left + sample / 2, y)
                svg.symbols(
                    [point], style.marker, style.colour, area * (3 if unseen else 1), 1.7 if unseen else 0.8
                )
            svg.text(left + sample + 4, y, label, size, INK)
        left += sample + 16 + max(text_width(label, size) for _, label in part)
