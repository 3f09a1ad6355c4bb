"""The rule of disclosure control that every number of an original goes through.

A cell of a few patients is held back, and with it whatever would give it away: a second cell where the first
follows from the total, exact shares beside a hidden number of missing values, digits beyond those that the
number of patients bears. NA is a cell like any other. A cohort that is simulated has nobody to protect: for
it the rule is `OFF`, and every number stands as it is.

After Hundepool et al., Statistical Disclosure Control, 2012, chapters 4 and 5 (minimum frequency, secondary
suppression, rounding).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

MIN_CELL = 5  # patients; the usual threshold of statistical offices and registries lies between 3 and 10
NA = "NA"  # the cell of missing values among the counts of a variable
SHARE_DECIMALS = 3  # a tenth of a percent, as tables show
STATISTIC_DECIMALS = 3
P_DIGITS = 2
_STEPS = (0.01, 0.02, 0.05, 0.1)


@dataclass(frozen=True)
class Cell:
    """What is shown of one cell: count and share, each None where it is held back."""

    n: int | None
    share: float | None


@dataclass(frozen=True)
class DisclosureRule:
    """How few patients are too few, and what follows from it.

    min_cell : the smallest count, other than 0, that is shown; 0 switches the rule off.

    Examples
    --------
    >>> DisclosureRule().table({"present": 3, "absent": 90, "NA": 7})["absent"]
    Cell(n=None, share=None)
    >>> DisclosureRule().band(3), DisclosureRule().band(17), OFF.band(17)
    ('1 to 9', '10 to 19', 17)
    """

    min_cell: int = MIN_CELL

    @property
    def on(self) -> bool:
        return self.min_cell > 1

    @property
    def few(self) -> str:
        """Return the words for a count that is held back."""
        return f"fewer than {self.min_cell}"

    def is_small(self, count: int) -> bool:
        """Return whether a count is too small to show; nobody is not."""
        return 0 < count < self.min_cell

    def hidden_cells(self, counts: Mapping[str, int]) -> frozenset[str]:
        """Return the cells to hold back when the total of all cells is known.

        One hidden cell would follow from the total, and so would several that are all as small or as large
        as hidden cells can be; several that make fewer than `min_cell` together would be a small cell
        themselves. Then the largest cell is hidden too, the one a reader misses least (absent, in most
        variables).
        """
        hidden = {cell for cell, count in counts.items() if self.is_small(count)}
        others = [cell for cell, count in counts.items() if count >= self.min_cell]
        together = sum(counts[cell] for cell in hidden)
        ends = (len(hidden), len(hidden) * (self.min_cell - 1))
        if hidden and others and (len(hidden) == 1 or together < self.min_cell or together in ends):
            hidden.add(max(others, key=lambda cell: counts[cell]))
        return frozenset(hidden)

    def table(self, counts: Mapping[str, int]) -> dict[str, Cell]:
        """Return what is shown of the cells of a variable, that of missing values among them.

        Shares are of the patients with a known value, that of NA is of all. Where NA is hidden the shares are
        coarse, so that the number of known values does not follow; a hidden cell has no share.
        """
        total = sum(counts.values())
        known = total - counts.get(NA, 0)
        hidden = self.hidden_cells(counts)

        def share(value: str, count: int) -> float | None:
            of = total if value == NA else known
            if value in hidden or of == 0:
                return None
            if NA in hidden:
                return self.coarse(count / of, total)
            return round(count / of, SHARE_DECIMALS)

        return {
            value: Cell(None if value in hidden else count, share(value, count))
            for value, count in counts.items()
        }

    def coarse(self, share: float, total: int) -> float | None:
        """Round a share to a step that holds two times `min_cell` of `total` patients.

        None in cohorts too small for it, and where rounding would say "nobody" or "all" of a share that is
        not.
        """
        if not self.on:
            return round(share, SHARE_DECIMALS)
        for step in _STEPS:
            if step * total >= 2 * self.min_cell:
                rounded = round(round(share / step) * step, 2)
                return rounded if 0 < rounded < 1 or share in (0, 1) else None
        return None

    def splits(self, *counts: int) -> bool:
        """Return whether a group may be split into parts of these sizes: each is none, or enough to show."""
        return not any(self.is_small(count) for count in counts)

    def decimals(self, n: int, exact: int) -> int:
        """Return the decimals of a share of n patients, at most `exact`.

        A step holds two times `min_cell` of them, but it is a hundredth at the most: a curve could not be
        read else.
        """
        if not self.on:
            return exact
        return min(exact, max(2, int(math.log10(max(n, 1) / (2 * self.min_cell)))))

    def statistic(self, value: float | None) -> float | None:
        """Round a figure that the original's rows stand behind, so that no single row follows from it.

        What is not 0 keeps one digit: one copied patient among thousands must not look like none.
        """
        if value is None or not self.on:
            return value
        return round(value, STATISTIC_DECIMALS) or float(f"{value:.1g}") + 0.0

    def rate(self, rate: float, n: int) -> float:
        """Round a number per patient of n patients; a step holds two times `min_cell` of what is counted.

        >>> DisclosureRule(5).rate(0.834, 100), OFF.rate(0.834, 100)
        (0.8, 0.834)
        """
        step = 2 * self.min_cell / n
        return round(round(rate / step) * step, 6) if self.on else rate

    def p_value(self, value: float | None) -> float | None:
        """Round a p-value to two significant digits: a table follows from ten."""
        if value is None or not self.on:
            return value
        return float(f"{value:.{P_DIGITS}g}")

    def count(self, count: int) -> int | None:
        """Return a count that no other count completes, or None where it is too small to show."""
        return None if self.is_small(count) else count

    def band(self, count: int) -> int | str:
        """Return a total of the whole original as the interval it lies in: its parts are published too."""
        if not self.on or count == 0:
            return count
        width = 2 * self.min_cell
        low = count // width * width
        return f"{max(low, 1)} to {low + width - 1}"


OFF = DisclosureRule(min_cell=0)
