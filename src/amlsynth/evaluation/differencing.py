"""The differencing audit: does a hidden cell of patients follow from what is published?

It reads the records of an evaluation and of provenance as an attacker would who has the synthetic cohort and
knows the rule. For each variable it lists every way to fill the hidden cells, and strikes those that do not
give the published table, p-values, ratios, rates and numbers analysed; a cell with one value left is told.
Of curves it bounds how many had the event between two published points (`disclosure.curves`). It does not
look at pairs of columns, nor at figures computed from the whole table: these are rounded instead.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.disclosure.curves import ShownPoint, at_risk_of, bounds
from amlsynth.disclosure.rule import NA, P_DIGITS, STATISTIC_DECIMALS, DisclosureRule
from amlsynth.evaluation.comparisons import chi_square, fisher
from amlsynth.evaluation.records import (
    CategoryCount,
    CohortSummary,
    Comparison,
    Evaluation,
    Figure,
    SurvivalSummary,
)
from amlsynth.evaluation.summary import cell_counts
from amlsynth.foundation.errors import DataError, NotComputable

_MOST_HIDDEN = 6  # cells of one variable; of more, no statistic leaves one value each
NARROW = 1.0  # months; a longest time that is known more exactly is a patient's

Fill = dict[str, int]


@dataclass(frozen=True)
class Leak:
    """A number of a few patients that follows from what is published."""

    cohort: str
    subject: str
    what: str

    def __str__(self) -> str:
        return f"{self.subject} of the cohort {self.cohort!r}: {self.what}"


def find_leaks(
    evaluation: Evaluation,
    synthetics: Mapping[str, pd.DataFrame],
    d: Dictionary,
    provenance: Mapping[str, Any] | None = None,
) -> tuple[Leak, ...]:
    """Return what of few patients follows from an evaluation, by cohort and subject.

    Parameters
    ----------
    evaluation : as it is published.
    synthetics : the synthetic cohorts by key, as they are published.
    d : the dictionary.
    provenance : what is published of the original's record, as in provenance.json under "cohort".
    """
    found: list[Leak] = []
    cohorts = [c for c in (evaluation.original, evaluation.holdout, *evaluation.synthetics) if c is not None]
    for cohort in cohorts:
        if cohort.min_cell > 1:
            found += _Published(evaluation, cohort, synthetics, d).leaks()
    if evaluation.rule.on and provenance is not None:
        found += _told_by_totals(evaluation, provenance)
    return tuple(found)


def refuse_leaks(leaks: Sequence[Leak], source: str) -> None:
    """Raise a DataError that names every leak.

    Raises
    ------
    DataError
        There is one.
    """
    if leaks:
        lines = [f"  {leak}" for leak in leaks]
        raise DataError(
            f"{source}: what it publishes tells {len(leaks)} number{'s' * (len(leaks) > 1)} of few patients. "
            "Raise min_cell under 'disclosure' in the spec.\n" + "\n".join(lines)
        )


def fits(published: float, candidate: float, digits: float) -> bool:
    """Return whether a number is published as another: they agree to the digits of the published one.

    `digits` is the step to which the rule rounds; a number that shows more has its own.
    """
    shown = f"{published:.12g}"
    exponent = int(shown.split("e")[1]) if "e" in shown else 0
    own = 10.0 ** (exponent - len(shown.split("e", maxsplit=1)[0].partition(".")[2]))
    step = min(own, digits)
    return abs(candidate - published) <= 0.5 * step * (1 + 1e-6) + 1e-12


class _Published:
    """What is published of one cohort of patients."""

    def __init__(
        self,
        evaluation: Evaluation,
        cohort: CohortSummary,
        synthetics: Mapping[str, pd.DataFrame],
        d: Dictionary,
    ) -> None:
        self.evaluation, self.cohort, self.d = evaluation, cohort, d
        self.rule = DisclosureRule(cohort.min_cell)
        self._frames = synthetics
        self._others = {key: cell_counts(frame, d) for key, frame in synthetics.items()}
        self._missing = {v.name: v.missing for v in cohort.variables}

    def leaks(self) -> Iterator[Leak]:
        for subject, counts in self._tables():
            for cell, value in self._told(subject, counts).items():
                yield self._leak(subject, f"{value} with {cell!r} follows")
        for survival in self.cohort.survival:
            yield from self._of_curve(survival)
        yield from self._of_effects()
        if self.cohort.origin is not None and self.cohort.origin.sha256 is not None:
            yield self._leak("file", "its hash confirms a copy of the patients' data")

    def _leak(self, subject: str, what: str) -> Leak:
        return Leak(self.cohort.key, subject, what)

    def _tables(self) -> Iterator[tuple[str, tuple[CategoryCount, ...]]]:
        for variable in self.cohort.variables:
            if variable.counts:
                yield variable.name, variable.counts
        if self.cohort.risk and self.d.roles.classification is not None:
            yield self.d.roles.classification.name, self.cohort.risk

    def _told(self, subject: str, counts: Sequence[CategoryCount]) -> Fill:
        """Return the small cells of a variable of which one value fits alone."""
        shown = {c.value: c.n for c in counts}
        told = {cell: n for cell, n in shown.items() if n is not None and self.rule.is_small(n)}
        hidden = [cell for cell, n in shown.items() if n is None]
        if not hidden or len(hidden) > _MOST_HIDDEN:
            return told
        checks = self._checks(subject, counts)
        fills = [fill for fill in self._fills(shown, hidden) if all(check(fill) for check in checks)]
        for cell in hidden:
            values = {fill[cell] for fill in fills}
            if len(values) == 1 and self.rule.is_small(value := values.pop()):
                told[cell] = value
        return told

    def _fills(self, shown: Mapping[str, int | None], hidden: Sequence[str]) -> Iterator[Fill]:
        """Yield the ways to fill hidden cells: all small, or one of them what the total leaves."""
        left = self.cohort.n - sum(n for n in shown.values() if n is not None)
        small = range(1, self.rule.min_cell)
        known = {cell: n for cell, n in shown.items() if n is not None}
        for rest in hidden:
            others = [cell for cell in hidden if cell != rest]
            for values in itertools.product(small, repeat=len(others)):
                last = left - sum(values)
                if last < 1 or (last < self.rule.min_cell and rest != hidden[0]):
                    continue  # all small: once is enough
                fill = {**known, **dict(zip(others, values, strict=True)), rest: last}
                if self.rule.hidden_cells(fill) == set(hidden):
                    yield fill

    def _checks(self, subject: str, counts: Sequence[CategoryCount]) -> list[Callable[[Fill], bool]]:
        checks: list[Callable[[Fill], bool]] = [lambda fill: self._gives_shares(fill, counts)]
        for one in self.evaluation.comparisons:
            if one.subject.partition("=")[0] == subject and one.p_value.value is not None:
                other = self._other(one)
                if other is not None and subject in other:
                    checks.append(self._test(one, other[subject]))
        response = self.d.roles.response
        if response is not None and subject == response.variable:
            checks += self._rates(response.name.lower())
        checks += self._analysed(subject)
        return checks

    def _other(self, one: Comparison) -> Mapping[str, Fill] | None:
        """Return the cells of the public cohort that a test compares this one with."""
        if self.cohort.key == "original":
            return self._others.get(one.cohort)
        return None

    def _gives_shares(self, fill: Fill, counts: Sequence[CategoryCount]) -> bool:
        """Return whether the cells have the published shares; coarse ones where NA is hidden."""
        known = sum(fill.values()) - fill.get(NA, 0)
        for count in counts:
            if count.share is None or count.n is None:
                continue
            of = self.cohort.n if count.value == NA else known
            share = fill[count.value] / of if of else 0.0
            coarse = self.rule.coarse(share, self.cohort.n)
            if not (fits(count.share, share, 10.0**-STATISTIC_DECIMALS) or coarse == count.share):
                return False
        return True

    def _test(self, one: Comparison, theirs: Fill) -> Callable[[Fill], bool]:
        value = one.subject.partition("=")[2]
        published = one.p_value.value
        assert published is not None
        digits = 10.0 ** (math.floor(math.log10(published)) + 1 - P_DIGITS) if published > 0 else 1e-12

        def cells(counts: Fill) -> tuple[int, ...]:
            known = [n for cell, n in counts.items() if cell != NA]
            if value:
                return counts.get(value, 0), sum(known) - counts.get(value, 0)
            return tuple(known[::-1]) if len(known) == 2 else tuple(known)

        def check(fill: Fill) -> bool:
            ours, others = cells(fill), cells({cell: theirs.get(cell, 0) for cell in fill})
            if one.test == "chi-square":
                try:
                    return fits(published, chi_square(ours, others), digits)
                except NotComputable:
                    return False
            again = fisher(one.subject, ours, others)
            step = 10.0**-STATISTIC_DECIMALS
            return _same(one.p_value, again.p_value, digits) and _same(one.effect, again.effect, step)

        return check

    def _rates(self, name: str) -> Iterator[Callable[[Fill], bool]]:
        for measure in self.evaluation.measures:
            figure = measure.original if self.cohort.key == "original" else measure.anchors.get("holdout")
            if figure is None or figure.value is None or measure.id not in (f"{name}_rate", f"{name}_odds"):
                continue
            published, is_rate = figure.value, measure.id.endswith("_rate")

            def check(fill: Fill, published: float = published, is_rate: bool = is_rate) -> bool:
                reached, missed = fill["1"], fill["0"]
                if not is_rate:
                    return missed > 0 and fits(published, reached / missed, 0.01)
                rate = reached / (reached + missed)
                return fits(published, rate, 0.001) or self.rule.coarse(rate, self.cohort.n) == published

            yield check

    def _analysed(self, subject: str) -> Iterator[Callable[[Fill], bool]]:
        """Yield what effects tell by the number analysed: known are at least those, and few more."""
        for effect in self.evaluation.effects:
            name, _, level = effect.subject.partition("=")
            if name != subject or effect.cohort != self.cohort.key or effect.model != "univariable":
                continue
            lost = self._without_outcome(effect.endpoint)
            if effect.n is not None and lost is not None:
                least, most = effect.n, effect.n + lost
                yield lambda fill, least=least, most=most: least <= _known(fill) <= most  # type: ignore[misc]
            if effect.carriers is not None and lost is not None:
                cell, least, most = level or "1", effect.carriers, effect.carriers + lost
                yield lambda fill, cell=cell, least=least, most=most: least <= fill[cell] <= most  # type: ignore[misc]

    def _without_outcome(self, endpoint: str) -> int | None:
        response = self.d.roles.response
        if response is not None and endpoint == response.name:
            return self._missing[response.variable]
        n = self.cohort.endpoint(endpoint).n
        return None if n is None else self.cohort.n - n

    def _of_effects(self) -> Iterator[Leak]:
        for effect in self.evaluation.effects:
            if effect.cohort != self.cohort.key or effect.n is None:
                continue
            counts = {"analysed": effect.n, "left out": self.cohort.n - effect.n}
            if effect.carriers is not None:
                counts |= {"carriers": effect.carriers, "others": effect.n - effect.carriers}
            for what, count in counts.items():
                if self.rule.is_small(count):
                    yield self._leak(effect.subject, f"{count} {what} in the effect on {effect.endpoint}")

    def _of_curve(self, survival: SurvivalSummary) -> Iterator[Leak]:
        name = survival.endpoint
        if survival.n is not None:
            counts = {"patients without a known time": self.cohort.n - survival.n}
            if survival.events is not None:
                counts |= {"events": survival.events, "censored patients": survival.n - survival.events}
            for what, count in counts.items():
                if self.rule.is_small(count):
                    yield self._leak(name, f"{count} {what}")
        points, decimals = _points(survival, self.rule)
        for bound in bounds(points, decimals):
            if (told := bound.determined(self.rule)) is not None:
                yield self._leak(name, f"{told} from month {bound.start:g} to {bound.end:g}")
        if self.cohort.key == "original":
            yield from self._longest(name)

    def _longest(self, name: str) -> Iterator[Leak]:
        """Say where short-sightedness and the public longest time give a patient's longest time."""
        endpoint = self.d.endpoint(name)
        for measure in self.evaluation.measures:
            if measure.id != f"shortsightedness_{endpoint.suffix}":
                continue
            for key, figure in measure.figures.items():
                if figure.value is None or key not in self._frames:
                    continue
                public = float(self._frames[key][endpoint.time].max())
                digits = len(f"{figure.value:.12g}".partition(".")[2])
                width = public * min(10.0**-digits, 0.01) / (1 - figure.value) ** 2
                if 0 < width < NARROW:
                    yield self._leak(name, f"the longest time is known to {width:.2g} months")


def _same(published: Figure | None, candidate: Figure | None, digits: float) -> bool:
    """Return whether a candidate's figure, with its interval, is published as this one."""
    for end in ("value", "low", "high"):
        shown = None if published is None else getattr(published, end)
        other = None if candidate is None else getattr(candidate, end)
        if shown is not None and (other is None or not fits(shown, other, digits)):
            return False
    return True


def _known(fill: Fill) -> int:
    return sum(n for cell, n in fill.items() if cell != NA)


def _points(survival: SurvivalSummary, rule: DisclosureRule) -> tuple[list[ShownPoint], int]:
    """Return the published points of a curve, and its decimals; numbers at risk may not be rounded."""
    shown = [point for point in survival.curve if point.at_risk is not None]
    at_risk = [point.at_risk or 0 for point in shown]
    is_rounded = all(n % rule.min_cell == 0 for n in at_risk)
    points = [
        ShownPoint(p.months, p.survival, at_risk_of(n, rule) if is_rounded else range(n, n + 1))
        for p, n in zip(shown, at_risk, strict=True)
    ]
    if points and survival.n is not None:
        points[0] = ShownPoint(points[0].months, points[0].survival, range(survival.n, survival.n + 1))
    decimals = max((len(f"{p.survival:.6g}".partition(".")[2]) for p in shown), default=0)
    return points, max(decimals, 2)


def _told_by_totals(evaluation: Evaluation, record: Mapping[str, Any]) -> Iterator[Leak]:
    """Say which cell of one part follows from the total of the original and the cell of the other part."""
    provenance = record.get("provenance", {})
    report = provenance.get("import") if isinstance(provenance, Mapping) else None
    if not isinstance(report, Mapping):
        return
    rule, holdout = evaluation.rule, evaluation.holdout
    for item in report.get("rules_broken", ()):
        for one in evaluation.rules:
            if (one.rule, one.columns) == (item.get("rule"), item.get("column")):
                parts = [one.counts.get("original"), one.counts.get("holdout") if holdout else 0]
                yield from _by_difference(f"rule {one.rule}", item.get("patients"), parts, rule)
    for name, total in (report.get("set_to_missing") or {}).items():
        cells = [c.variable(name).missing for c in (evaluation.original, holdout) if c is not None]
        yield from _by_difference(name, total, [*cells, *([] if holdout else [0])], rule)


def _by_difference(
    subject: str, total: int | str | Mapping[str, int], parts: Sequence[int | None], rule: DisclosureRule
) -> Iterator[Leak]:
    if isinstance(total, Mapping):
        total = sum(total.values())
    if isinstance(total, int) and parts.count(None) == 1:
        rest = total - sum(part for part in parts if part is not None)
        if rule.is_small(rest):
            cohort = ("original", "holdout")[list(parts).index(None)]
            yield Leak(cohort, subject, f"{rest} follows from the total in provenance.json")
