"""What the attacker reads off a release about each target.

- counts of conjunctive queries that the target meets (Houssiau et al., TAPAS, 2022, arXiv:2211.06550; Meeus
  et al., ESORICS 2023, arXiv:2306.10308): one to four columns, categories equal, numbers in a window around
  the target's or beyond it; columns in which the target is rare are asked about more often;
- how many released numbers lie between the target's neighbours in the cohort, and how near the nearest is;
- distances to the nearest released patients in several subspaces, and densities of them;
- how many share the target's rarest states, its event pattern and its missing values;
- release statistics: the counts of the target's states one by one, and how much the released means and pairs
  lean towards the target (the tracing statistic of Dwork et al., FOCS 2015; Stadler et al. 2022).

Counts enter as square roots, whose variance does not depend on their size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.audit.columns import NA, Columns
from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.privacy.attacks.density import Density, category_shares
from amlsynth.evaluation.privacy.attacks.mixed import MixedSpace
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray

QUERIES = 150  # for each target
_TERMS = 4  # of a query, at most
_WINDOWS = (1, 5, 25)  # neighbours on each side of a target's number
_RARE = 5  # rarest states of a target
_NEAREST = 5
_SMOOTHING = (0.05, 0.2)  # of the densities
_PLAIN = 0.01  # added to variances, so that a state that one patient has does not drown all others

QUERY, NUMBER, DISTANCE, RARE, STATISTIC = (
    "counts of combinations", "numbers between neighbours", "distances", "rare states", "release statistics"
)  # fmt: skip
FAMILIES = (QUERY, NUMBER, DISTANCE, RARE, STATISTIC)


@dataclass(frozen=True)
class Feature:
    """One feature: its family, and in words what it counts; of a query the words differ by target."""

    family: str
    label: str


class AttackFeatures:
    """Features of releases about some targets.

    Parameters
    ----------
    cohort : the typed frame that the attacker takes for the population; targets are among its rows.
    rows : the targets' rows, shape (targets,).
    seed : of the choice of queries.
    """

    def __init__(
        self, cohort: pd.DataFrame, rows: IntArray, d: Dictionary, seed: int, queries: int = QUERIES
    ) -> None:
        self._columns = Columns(d)
        self._matrix = self._columns.matrix(cohort)
        self._rows = rows
        self._own = self._matrix[rows]
        self._shares = _shares(self._columns, self._matrix)
        self._windows = _windows(self._columns, self._matrix, rows)
        self._spaces = _spaces(cohort, d)
        self._points = [space.points(cohort.iloc[rows]) for space in self._spaces.values()]
        self._cohort_points = [space.points(cohort) for space in self._spaces.values()]
        self._radius = [
            space.kth_nearest(points, everybody, _NEAREST + 1)
            for space, points, everybody in zip(
                self._spaces.values(), self._points, self._cohort_points, strict=True
            )
        ]
        self._embed = _Embedding(self._columns, self._matrix)
        self._embedded = self._embed(self._own)
        self._queries = [
            _draw_queries(
                self._columns,
                self._matrix,
                row,
                self._shares,
                Stream.AUDIT_QUERIES.rng_of(seed, int(row)),
                queries,
            )
            for row in rows
        ]
        self._parts: tuple[Callable[[pd.DataFrame, FloatArray], tuple[FloatArray, list[Feature]]], ...] = (
            self._numbers, self._distances, self._rare, self._statistics, self._combinations
        )  # fmt: skip
        self.features: list[Feature] = []
        self.of(cohort)  # which tells the features' names

    def of(self, released: pd.DataFrame) -> NDArray[np.float32]:
        """Return the features of a release, shape (targets, features)."""
        matrix = self._columns.matrix(released)
        values, features = [], []
        for part in self._parts:
            of_part, named = part(released, matrix)
            values.append(of_part)
            features += named
        self.features = features
        return np.hstack(values).astype(np.float32)

    @property
    def shared(self) -> BoolArray:
        """Which features mean the same for every target, shape (features,): all but the combinations."""
        return np.array([feature.family != QUERY for feature in self.features])

    def query_label(self, target: int, feature: int) -> str:
        """Return in words what a feature counts for a target (by position)."""
        known = self.features[feature]
        if known.family != QUERY:
            return known.label
        first = next(i for i, f in enumerate(self.features) if f.family == QUERY)
        return self._queries[target].labels[feature - first]

    def _combinations(self, released: pd.DataFrame, matrix: FloatArray) -> tuple[FloatArray, list[Feature]]:
        counts = np.vstack([queries.counts(matrix) for queries in self._queries])
        return np.sqrt(counts), [Feature(QUERY, f"combination {i + 1}") for i in range(counts.shape[1])]

    def _numbers(self, released: pd.DataFrame, matrix: FloatArray) -> tuple[FloatArray, list[Feature]]:
        values, features = [], []
        for name, window in self._windows.items():
            place = self._columns.names.index(name)
            ordered = np.sort(matrix[:, place])
            values_of_targets = self._own[:, place]
            inside = np.searchsorted(ordered, window[:, :, 1], side="left") - np.searchsorted(
                ordered, window[:, :, 0], side="right"
            )
            values.append(np.sqrt(np.maximum(inside, 0)))
            features += [Feature(NUMBER, f"{name} within {w} neighbours") for w in _WINDOWS]
            beyond = len(ordered) - np.searchsorted(ordered, values_of_targets, side="left")
            spacing = np.where(np.isfinite(window[:, 1]).all(axis=1), window[:, 1, 1] - window[:, 1, 0], 1.0)
            above = ordered[np.minimum(np.searchsorted(ordered, values_of_targets), len(ordered) - 1)]
            below = ordered[np.maximum(np.searchsorted(ordered, values_of_targets) - 1, 0)]
            nearest = np.minimum(np.abs(above - values_of_targets), np.abs(values_of_targets - below))
            values.append(
                np.column_stack((np.sqrt(beyond), np.log(1e-4 + np.minimum(nearest / spacing, 10.0))))
            )
            features += [Feature(NUMBER, f"{name} at least as large"), Feature(NUMBER, f"{name} nearest")]
        return np.hstack(values), features

    def _distances(self, released: pd.DataFrame, matrix: FloatArray) -> tuple[FloatArray, list[Feature]]:
        values, features = [], []
        for (name, space), targets, radius in zip(
            self._spaces.items(), self._points, self._radius, strict=True
        ):
            points = space.points(released)
            k = min(_NEAREST, len(points))
            nearest = np.empty((len(targets), 3))
            for part, distances in space.blocks(targets, points):
                near = np.sort(np.partition(distances, k - 1, axis=1)[:, :k], axis=1)
                nearest[part] = np.column_stack(
                    (near[:, 0], near.mean(axis=1), np.sqrt((distances <= radius[part, None]).sum(axis=1)))
                )
            values.append(nearest)
            features += [
                Feature(DISTANCE, f"{what} ({name})") for what in ("nearest", "five nearest", "near")
            ]
        space = self._spaces["all"]
        points = space.points(released)
        shares = category_shares(space, self._cohort_points[0])
        for smoothing in _SMOOTHING:
            values.append(Density(space, points, shares, smoothing).log(self._points[0])[:, None])
            features.append(Feature(DISTANCE, f"density, smoothing {smoothing}"))
        return np.hstack(values), features

    def _rare(self, released: pd.DataFrame, matrix: FloatArray) -> tuple[FloatArray, list[Feature]]:
        states = np.flatnonzero(~self._columns.numeric)
        k = min(_RARE, len(states))
        features = np.zeros((len(self._own), k + 3))
        pattern = self._columns.event_pattern(matrix)
        own_pattern = self._columns.event_pattern(self._own)
        missing, own_missing = matrix == NA, self._own == NA
        for target, patient in enumerate(self._own):
            rarest = states[np.argsort(self._shares[self._rows[target]][states], kind="stable")[:k]]
            same = matrix[:, rarest] == patient[rarest]
            features[target, :k] = same.sum(axis=0)
            features[target, k] = (same.sum(axis=1) >= 2).sum()
            features[target, k + 1] = (pattern == own_pattern[target]).sum()
            features[target, k + 2] = (missing == own_missing[target]).all(axis=1).sum()
        labels = [
            *(f"rarest state {i + 1}" for i in range(k)),
            "two of the rarest",
            "event pattern",
            "missing values",
        ]
        return np.sqrt(features), [Feature(RARE, label) for label in labels]

    def _statistics(self, released: pd.DataFrame, matrix: FloatArray) -> tuple[FloatArray, list[Feature]]:
        values = [
            np.sqrt((matrix[:, place] == self._own[:, None, place]).sum(axis=1))
            for place in np.flatnonzero(~self._columns.numeric)
        ]
        features = [
            Feature(STATISTIC, f"{name} the same")
            for name, numeric in zip(self._columns.names, self._columns.numeric, strict=True)
            if not numeric
        ]
        dots = self._embedded @ self._embed(matrix).T
        for power in (1, 2, 3):
            values.append((dots**power).mean(axis=1))
            features.append(Feature(STATISTIC, f"lean towards the target, order {power}"))
        return np.column_stack(values), features


class _Embedding:
    """Standardised indicators of states, and ranks of numbers, for the tracing statistics."""

    def __init__(self, columns: Columns, matrix: FloatArray) -> None:
        self._columns = columns
        self._states = [
            (place, value)
            for place in np.flatnonzero(~columns.numeric)
            for value in np.unique(matrix[:, place])
        ]
        self._numbers = np.flatnonzero(columns.numeric)
        self._sorted = {p: np.sort(matrix[matrix[:, p] != NA, p]) for p in self._numbers}
        raw = self._raw(matrix)
        self._mean = raw.mean(axis=0)
        self._scale = np.sqrt(raw.var(axis=0) + _PLAIN) * len(self._mean) ** 0.5

    def __call__(self, matrix: FloatArray) -> FloatArray:
        embedded: FloatArray = (self._raw(matrix) - self._mean) / self._scale
        return embedded

    def _raw(self, matrix: FloatArray) -> FloatArray:
        parts = [matrix[:, place] == value for place, value in self._states]
        for place in self._numbers:
            known = self._sorted[place]
            ranks = np.searchsorted(known, matrix[:, place]) / max(1, len(known))
            parts.append(np.where(matrix[:, place] == NA, 0.5, ranks))
        return np.column_stack(parts).astype(np.float64)


@dataclass(frozen=True)
class _Queries:
    """Queries of one target: terms (predicates, 3) as column, low, high; members (queries, terms)."""

    terms: FloatArray
    members: NDArray[np.intp]
    labels: list[str]

    def counts(self, matrix: FloatArray) -> FloatArray:
        """Return how many rows meet each query, shape (queries,)."""
        columns = matrix[:, self.terms[:, 0].astype(int)]
        met = ((columns >= self.terms[:, 1]) & (columns <= self.terms[:, 2])).T
        met = np.vstack((met, np.ones(len(matrix), dtype=bool)))  # the last one stands for no term
        both = met[self.members[:, 0]]
        for term in range(1, self.members.shape[1]):
            both = both & met[self.members[:, term]]
        return np.asarray(both.sum(axis=1), dtype=np.float64)


def _draw_queries(
    columns: Columns, matrix: FloatArray, row: int, shares: FloatArray, rng: np.random.Generator, queries: int
) -> _Queries:
    patient = matrix[row]
    terms: list[tuple[float, float, float]] = []
    labels: list[str] = []
    surprise: list[float] = []
    for place, name in enumerate(columns.names):
        choices = [(patient[place], patient[place])]
        if columns.numeric[place] and patient[place] != NA:
            values = np.sort(matrix[matrix[:, place] != NA, place])
            at = np.searchsorted(values, patient[place])
            reach = [(values[max(0, at - w)], values[min(len(values) - 1, at + w)]) for w in (3, 20, 100)]
            choices = [*reach, (patient[place], np.inf), (NA / 2, patient[place])]
        for low, high in choices:
            share = float(((matrix[:, place] >= low) & (matrix[:, place] <= high)).mean())
            terms.append((float(place), float(low), float(high)))
            surprise.append(0.2 - np.log(max(share, 1e-6)))
            labels.append(columns.describe(name, low) if low == high else f"{low:g} <= {name} <= {high:g}")
    weight = np.array(surprise) / np.sum(surprise)
    members = np.full((queries, _TERMS), len(terms), dtype=np.intp)
    for query in range(queries):
        size = 1 + int(rng.integers(_TERMS))
        members[query, :size] = rng.choice(len(terms), size, replace=False, p=weight)
    words = [
        " and ".join(labels[t] for t in sorted(set(chosen) - {len(terms)})) for chosen in members.tolist()
    ]
    return _Queries(np.array(terms), members, words)


def _shares(columns: Columns, matrix: FloatArray) -> FloatArray:
    """Return the share of patients who have each patient's state, shape (n, columns); 1 for numbers."""
    shares = np.ones(matrix.shape)
    for place in np.flatnonzero(~columns.numeric):
        _, code, counts = np.unique(matrix[:, place], return_inverse=True, return_counts=True)
        shares[:, place] = counts[code] / len(matrix)
    return shares


def _windows(columns: Columns, matrix: FloatArray, rows: IntArray) -> dict[str, FloatArray]:
    """Return the neighbours around each target's number, shape (targets, windows, 2), bounds excluded."""
    windows = {}
    for name in columns.number_names:
        place = columns.names.index(name)
        bounds = np.empty((len(rows), len(_WINDOWS), 2))
        for target, row in enumerate(rows):
            value = matrix[row, place]
            others = np.delete(matrix[:, place], row)
            known = np.sort(others[others != NA])
            for number, reach in enumerate(_WINDOWS):
                if value == NA:
                    bounds[target, number] = 2 * NA, NA / 2
                    continue
                below = np.searchsorted(known, value, side="left") - reach
                above = np.searchsorted(known, value, side="right") + reach - 1
                bounds[target, number] = (
                    known[below] if below >= 0 else NA / 2, known[above] if above < len(known) else np.inf
                )  # fmt: skip
        windows[name] = bounds
    return windows


def _spaces(cohort: pd.DataFrame, d: Dictionary) -> dict[str, MixedSpace]:
    """Return the subspaces in which distances are taken; "all" comes first."""
    alterations = [v.name for v in d.alterations]
    outcome = [*d.outcome_columns, *([d.response.name] if d.response else [])]
    named = {
        "all": list(d.names),
        "categories": [v.name for v in d.variables if v.is_categorical],
        "numbers": [v.name for v in d.variables if not v.is_categorical],
        "alterations": alterations,
        "outcome": outcome,
        "all but alterations": [name for name in d.names if name not in alterations],
    }
    return {name: MixedSpace(cohort, d, chosen) for name, chosen in named.items() if chosen}
