"""The feature map: what is summed over patients, bounded for every patient that there could be.

A patient x becomes phi(x), some eleven hundred numbers in ten blocks: how many, which flags, categories and
response, what is missing, the numbers in bins, the outcome in bins, effects of covariates on the endpoints
and on the response, pairs of flags, numbers beside flags. Each block is clipped in its Euclidean norm at C
and scaled by sqrt(share) / C; the shares add up to 1, so that ||phi(x)|| <= 1 whatever x is.

Every bin, bound, centre and list of pairs is taken from the dictionary and from a public cohort (the prior),
none from the data. They are rounded, so that two machines that work out the same map agree on its hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.types import FloatArray
from amlsynth.generators.private.involvement import involvement
from amlsynth.generators.private.missing import MissingFeatures
from amlsynth.generators.private.patients import Columns, Patients, is_skewed, on_scale

GRID_BITS = 16  # integer sums count in steps of 2^-16 of the norm's bound
BOUND = 1 << GRID_BITS  # which no patient's vector of integers exceeds in the Euclidean norm
NUMBER_BINS = 16
TIME_BINS = 21
INNER_BINS = 24  # of the composite endpoint, whose events crowd where response is assessed
TIME_TAIL = (0.9, 0.95, 0.98, 0.995)  # of the terminal times: a curve's length is told by its last patients
GAP_BINS = 9
RESPONSE_WAVES = 8  # cosine waves of the composite endpoint among responders
# How parts of the outcome's block weigh against the waves of the times: few numbers with large entries, such
# as the event patterns, would take most of the norm for a precision that nobody needs.
PATTERN_WEIGHT, GAP_WEIGHT, RESPONSE_WEIGHT = 0.4, 0.7, 0.7
DIFFERENCE_WEIGHT = 0.7  # of the residuals' difference against their mean
PAIR_SHARE = 0.008  # pairs of flags that the prior expects in fewer patients are left out
_SLACK = 1 - 2.0**-20  # so that rounding of floating-point numbers cannot lead over the bound
_VERSION = 4  # of the map; goes into its hash

# The norm's square is shared out as follows, and blocks without a bound of their own are clipped at this
# quantile of the prior's norms. benchmarks/private.md says how such numbers were chosen.
SHARES: Mapping[str, float] = {
    "count": 0.01,
    "flags": 0.18,
    "categories": 0.06,
    "missing": 0.14,
    "numbers": 0.14,
    "outcome": 0.24,
    "effects": 0.20,
    "pairs": 0.07,
    "number-flags": 0.04,
}
_CLIP_QUANTILES: Mapping[str, float] = {
    "flags": 0.9, "outcome": 0.99, "effects": 0.8, "pairs": 0.85, "number-flags": 0.85,
}  # fmt: skip


@dataclass(frozen=True)
class FeatureMap:
    """A feature map; make it with `feature_map`.

    Attributes
    ----------
    columns : the columns that it reads.
    constants : every number that came from the prior, by name; JSON-able.
    sizes : the length of each block, in their order.
    involves : bool array (features, units of `columns`): which units a feature needs.
    """

    columns: Columns
    constants: Mapping[str, Any]
    sizes: Mapping[str, int] = field(default_factory=dict)
    involves: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty((0, 0), dtype=bool))

    @property
    def size(self) -> int:
        """The number of features."""
        return sum(self.sizes.values())

    @property
    def block_slices(self) -> dict[str, slice]:
        """Where each block lies among the features."""
        ends = np.cumsum(list(self.sizes.values()))
        return {
            name: slice(int(end) - size, int(end))
            for (name, size), end in zip(self.sizes.items(), ends, strict=True)
        }

    @property
    def waves(self) -> FloatArray:
        """How fine a wave each feature is, from 0 on; 0 for what is no wave. Shape (size,)."""
        orders = np.zeros(self.size)
        numbers = [np.arange(1, len(edges) + 1) for edges in self.constants["number_edges"]]
        blocks = self.block_slices
        orders[blocks["numbers"]] = np.concatenate([np.empty(0), *numbers])
        if self.columns.terminal is not None:
            orders[blocks["outcome"]] = _outcome_orders(self.columns, self.constants)
        return orders

    @property
    def sha256(self) -> str:
        """The hash of all that decides the map: the version, the constants and the columns."""
        content = {
            "version": _VERSION,
            "constants": self.constants,
            "units": self.columns.units,
            "sizes": dict(self.sizes),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def features(self, frame: pd.DataFrame, dtype: type[np.floating[Any]] = np.float64) -> npt.NDArray[Any]:
        """Return phi of each row of a typed frame, shape (n, size), each row's norm at most 1."""
        return self.features_of(Patients.of(frame, self.columns), dtype)

    def features_of(self, patients: Patients, dtype: type[np.floating[Any]] = np.float64) -> npt.NDArray[Any]:
        """Return phi of patients; see `features`."""
        blocks = _blocks(patients, self.columns, self.constants, dtype)
        return np.hstack([self.scaled(name, values) for name, values in blocks.items()])

    def scaled(self, block: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Clip the vectors of a block, shape (n, its size), and scale them to its share of the bound."""
        clip = self.constants["clips"][block]
        norm = np.sqrt(np.einsum("ij,ij->i", values, values))
        shrink = np.minimum(1.0, clip / np.maximum(norm, 1e-12))
        factor = shrink * (np.sqrt(self.constants["shares"][block]) / clip * _SLACK)
        scaled: npt.NDArray[Any] = values * factor[:, None].astype(values.dtype)
        return scaled

    def integers(self, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
        """Return phi of each row in whole steps of 2^-16, shape (n, size).

        Truncation towards 0 shortens vectors. Should a vector still exceed `BOUND`, which no input is known
        to bring about, it counts as nothing; this is decided in whole numbers, so that the bound holds
        whatever floating-point arithmetic did before.
        """
        steps = np.nan_to_num(np.trunc(self.features(frame) * BOUND), nan=0.0, posinf=0.0, neginf=0.0)
        whole: npt.NDArray[np.int64] = np.clip(steps, -BOUND, BOUND).astype(np.int64)
        too_long = (whole**2).sum(axis=1) > BOUND**2  # below 2^43 for a thousand features: no overflow
        whole[too_long] = 0
        return whole


def feature_map(
    d: Dictionary,
    public: pd.DataFrame,
    not_assessed: frozenset[str] = frozenset(),
    shares: Mapping[str, float] = SHARES,
) -> FeatureMap:
    """Make the feature map from public input alone.

    Parameters
    ----------
    d : the dictionary.
    public : typed frame of public or simulated patients without missing values; the prior.
    not_assessed : variables that are declared as missing in all patients.
    shares : the share of each block in the square of the norm; scaled to add up to 1.
    """
    columns = Columns.of(d, not_assessed)
    patients = Patients.of(public, columns)
    total = sum(shares.values())
    constants: dict[str, Any] = {"shares": {name: share / total for name, share in shares.items()}}
    constants |= _constants(patients, columns)
    blocks = _blocks(patients, columns, constants, np.float64)
    clips = {}
    for name, values in blocks.items():
        norms = np.sqrt((values**2).sum(axis=1))
        quantile = np.quantile(norms, _CLIP_QUANTILES[name]) if name in _CLIP_QUANTILES else norms.max()
        clips[name] = _round(max(float(quantile), 1e-3), 3)
    clips |= {"count": 1.0, "missing": 1.0}  # a vector of missing values tells its direction alone
    sizes = {name: values.shape[1] for name, values in blocks.items()}
    return FeatureMap(
        columns, constants | {"clips": clips}, sizes, involvement(columns, constants, sizes, RESPONSE_WAVES)
    )


def _round(value: float, digits: int) -> float:
    """Round up to significant digits, so that machines with other last bits agree."""
    return float(f"{value:.{digits}g}")


def _constants(patients: Patients, columns: Columns) -> dict[str, Any]:
    """Work out bins, centres and pairs from public patients."""
    constants: dict[str, Any] = {"number_edges": [], "number_scale": []}
    for position, variable in enumerate(columns.numbers):
        values = patients.numbers[:, position]
        at = np.linspace(0, 1, NUMBER_BINS + 1)[1:-1]
        edges = np.unique(np.round(np.quantile(values, at), variable.decimals + 1))
        scores = on_scale(values, variable.minimum, is_skewed(values))
        spread = max(float(scores.std()), 1e-6)
        constants["number_edges"].append([float(edge) for edge in edges])
        constants["number_scale"].append(
            [float(is_skewed(values)), _round(float(np.median(scores)), 4), _round(spread, 4)]
        )
    constants["flag_means"] = [_round(float(mean), 3) for mean in patients.flags.mean(axis=0)]
    # The most frequent category is the reference, which the others are told from.
    constants["category_levels"] = []
    for position, variable in enumerate(columns.categories):
        counts = np.bincount(patients.categories[:, position].astype(int), minlength=len(variable.values))
        levels = [code for code in range(len(variable.values)) if code != int(counts.argmax())]
        shares = [_round(float(counts[code] / counts.sum()), 3) for code in levels]
        constants["category_levels"].append([levels, shares])
    constants["response_mean"] = _round(float(patients.response.mean()), 3) if columns.response else 0.5
    if columns.terminal is not None:
        constants |= _outcome_constants(patients, columns)
    present = patients.flags
    together = present.T @ present / len(present)
    expected = np.outer(present.mean(axis=0), present.mean(axis=0))
    first, second = np.triu_indices(present.shape[1], 1)
    # Rounded before they are compared, and the order is that of the columns: machines agree.
    frequent = np.round(np.maximum(together, expected)[first, second], 5) > PAIR_SHARE
    constants["pairs"] = [[int(i), int(j)] for i, j in zip(first[frequent], second[frequent], strict=True)]
    return constants


def _outcome_constants(patients: Patients, columns: Columns) -> dict[str, Any]:
    times = [patients.time] + ([patients.inner_time] if columns.composite else [])
    at = np.linspace(0, 1, TIME_BINS + 1)[1:-1]
    late = np.quantile(patients.time, TIME_TAIL)
    edges = np.unique(np.round(np.concatenate([np.quantile(np.concatenate(times), at), late]), 1))
    constants: dict[str, Any] = {"time_edges": [float(edge) for edge in edges]}
    constants["hazard"] = _cumulative_hazard(patients.time, patients.event, edges)
    if columns.composite:
        happened = patients.inner_time[patients.inner_event == 1]
        at = np.linspace(0, 1, INNER_BINS + 1)[1:-1]
        early = np.quantile(happened if len(happened) else patients.inner_time, at)
        late = np.quantile(patients.inner_time, TIME_TAIL)
        inner_edges = np.unique(np.round(np.concatenate([early, late]), 2))
        constants["inner_edges"] = [float(edge) for edge in inner_edges]
        constants["inner_hazard"] = _cumulative_hazard(patients.inner_time, patients.inner_event, inner_edges)
        gaps = (patients.time - patients.inner_time)[patients.time > patients.inner_time]
        inner = np.quantile(gaps, np.linspace(0, 1, GAP_BINS + 1)[1:-1]) if len(gaps) else np.array([1.0])
        constants["gap_edges"] = [float(edge) for edge in np.unique(np.round(inner, 1))]
    return constants


def _cumulative_hazard(time: FloatArray, event: FloatArray, edges: FloatArray) -> list[float]:
    """Return the Nelson-Aalen estimate at the edges of the time bins."""
    order = np.argsort(time, kind="stable")
    at_risk = np.arange(len(time), 0, -1)
    hazard = np.concatenate([[0.0], np.cumsum(event[order] / at_risk)])
    reached = hazard[np.searchsorted(time[order], edges, side="right")]
    return [_round(float(value), 4) for value in reached]


def _blocks(
    patients: Patients, columns: Columns, constants: Mapping[str, Any], dtype: type[np.floating[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """Return the blocks before clipping; what is missing is 0, each feature's neutral value."""
    n = len(patients)
    present = np.nan_to_num(patients.flags).astype(dtype)
    levels = _category_flags(patients, constants, centred=False)
    response = np.nan_to_num(patients.response - constants["response_mean"])[:, None]
    if columns.response is None:
        response = np.empty((n, 0))
    scores = _scores(patients, columns, constants)
    covariates = np.hstack(
        [
            np.nan_to_num(patients.flags - np.array(constants["flag_means"])),
            _category_flags(patients, constants, centred=True),
            scores,
        ]
    )
    pairs = np.array(constants["pairs"], dtype=int).reshape(-1, 2)
    first, second = np.triu_indices(scores.shape[1], 1)
    side = np.hstack([levels, response])
    residuals = _residuals(patients, columns, constants)
    blocks: dict[str, npt.NDArray[Any]] = {
        "count": np.ones((n, 1)),
        "flags": present,
        "categories": np.hstack([levels, response]),
        "missing": MissingFeatures.of(columns).features(patients.missing(columns)),
        "numbers": _number_waves(patients, constants),
        "outcome": _outcome_waves(patients, columns, constants),
        "effects": np.hstack([covariates.astype(dtype) * r.astype(dtype)[:, None] for r in residuals])
        if residuals
        else np.empty((n, 0)),
        "pairs": present[:, pairs[:, 0]] * present[:, pairs[:, 1]],
        "number-flags": np.hstack(
            [present * z[:, None].astype(dtype) for z in scores.T]
            + [side * z[:, None] for z in scores.T]
            + [scores[:, first] * scores[:, second]]
        ),
    }
    return {name: values.astype(dtype, copy=False) for name, values in blocks.items()}


def _category_flags(patients: Patients, constants: Mapping[str, Any], centred: bool) -> FloatArray:
    parts = [np.empty((len(patients), 0))]
    for position, (levels, shares) in enumerate(constants["category_levels"]):
        codes = patients.categories[:, position]
        known = ~np.isnan(codes)[:, None]
        flags = (codes[:, None] == np.array(levels)[None, :]).astype(np.float64)
        parts.append((flags - np.array(shares)[None, :]) * known if centred else flags)
    return np.hstack(parts)


def _scores(patients: Patients, columns: Columns, constants: Mapping[str, Any]) -> FloatArray:
    """Return numbers as scores between -1 and 1, two of the prior's standard deviations from its median."""
    scores = np.empty_like(patients.numbers)
    for position, variable in enumerate(columns.numbers):
        log, centre, spread = constants["number_scale"][position]
        values = on_scale(patients.numbers[:, position], variable.minimum, bool(log))
        scores[:, position] = np.clip((values - centre) / spread, -2, 2) / 2
    return np.nan_to_num(scores)


def _residuals(patients: Patients, columns: Columns, constants: Mapping[str, Any]) -> list[FloatArray]:
    """Return events beyond what the prior's hazard expects (martingale residuals), and response beyond its
    mean.

    Clipped at 1 either way; 0 where unknown. Their products with covariates carry the effects: for a carrier
    group the sum is observed minus expected events, the score of a Cox model at no effect.
    """
    residuals = []
    if columns.terminal is not None:

        def beyond(time: FloatArray, event: FloatArray, at: list[float], hazard: list[float]) -> FloatArray:
            expected = np.interp(np.nan_to_num(time), [0.0, *at], [0.0, *hazard])
            return np.clip(event - expected, -1, 1)

        outer = beyond(patients.time, patients.event, constants["time_edges"], constants["hazard"])
        if columns.composite is None:
            residuals = [np.nan_to_num(outer)]
        else:
            hazard = constants["inner_hazard"]
            inner = beyond(patients.inner_time, patients.inner_event, constants["inner_edges"], hazard)
            # The two are alike, so their mean and difference take less of the norm than they do.
            residuals = [
                np.nan_to_num((outer + inner) / 2),
                np.nan_to_num(DIFFERENCE_WEIGHT * (outer - inner)),
            ]
    if columns.response is not None:
        residuals.append(np.nan_to_num(patients.response - constants["response_mean"]))
    return residuals


def _waves(values: FloatArray, edges: Sequence[float]) -> FloatArray:
    """Return the orthonormal cosine transform of values in bins, fine waves weighted down, shape (n, bins).

    A smooth shape is told by few coarse waves, so these get most of what the norm allows. What is missing
    counts as 0, for the caller to leave out.
    """
    size = len(edges) + 1
    k = np.arange(size)
    basis = np.sqrt(2.0 / size) * np.cos(np.pi * (k[:, None] + 0.5) * k[None, :] / size)
    basis[:, 0] = np.sqrt(1.0 / size)
    weighted: FloatArray = basis / (1 + k / 4.0)
    return weighted[np.digitize(np.nan_to_num(values), edges)]


def _number_waves(patients: Patients, constants: Mapping[str, Any]) -> FloatArray:
    parts = [np.empty((len(patients), 0))]
    for position, edges in enumerate(constants["number_edges"]):
        values = patients.numbers[:, position]
        waves = _waves(values, edges)[:, 1:]  # the first is constant
        parts.append(waves * ~np.isnan(values)[:, None])
    return np.hstack(parts)


def event_patterns(patients: Patients, composite: bool) -> FloatArray:
    """Return which event pattern a patient has, one-hot, shape (n, 2 or 4); none where the outcome is
    unknown.

    Event-free, alive after an event, dead after an earlier event, dead with the event at the same time;
    without a composite endpoint alive and dead.
    """
    if not composite:
        return np.column_stack([patients.event == 0, patients.event == 1]).astype(np.float64)
    known = ~np.isnan(patients.time) & ~np.isnan(patients.inner_time)
    before = patients.inner_time < patients.time
    return np.column_stack(
        [
            known & (patients.inner_event == 0),
            known & (patients.inner_event == 1) & (patients.event == 0),
            known & (patients.inner_event == 1) & (patients.event == 1) & before,
            known & (patients.inner_event == 1) & (patients.event == 1) & ~before,
        ]
    ).astype(np.float64)


def _outcome_waves(patients: Patients, columns: Columns, constants: Mapping[str, Any]) -> FloatArray:
    """Return the outcome: time bins by status, event patterns, the gap between the endpoints, by response."""
    if columns.terminal is None:
        return np.empty((len(patients), 0))
    waves = _waves(patients.time, constants["time_edges"])
    patterns = event_patterns(patients, columns.composite is not None)
    parts = [
        waves * (patients.event == 1)[:, None],
        waves * (patients.event == 0)[:, None],
        PATTERN_WEIGHT * patterns,
    ]
    if columns.composite is not None:
        inner = _waves(patients.inner_time, constants["inner_edges"]) * (patients.inner_event == 1)[:, None]
        gaps = GAP_WEIGHT * _waves(patients.time - patients.inner_time, constants["gap_edges"])
        parts += [inner, gaps * patterns[:, [2]], gaps * patterns[:, [1]]]
        if columns.response is not None:
            beyond = np.nan_to_num(patients.response - constants["response_mean"])[:, None]
            parts += [RESPONSE_WEIGHT * inner[:, :RESPONSE_WAVES] * beyond]
    if columns.response is not None:
        beyond = np.nan_to_num(patients.response - constants["response_mean"])[:, None]
        parts.append(RESPONSE_WEIGHT * PATTERN_WEIGHT * patterns * beyond)
    return np.hstack(parts)


def _outcome_orders(columns: Columns, constants: Mapping[str, Any]) -> FloatArray:
    """Return how fine each feature of `_outcome_waves` is, in their order."""
    waves = np.arange(len(constants["time_edges"]) + 1)
    if columns.composite is None:
        parts = [waves, waves, np.zeros(2), np.zeros(2 if columns.response else 0)]
    else:
        gaps = np.arange(len(constants["gap_edges"]) + 1)
        inner = np.arange(len(constants["inner_edges"]) + 1)
        parts = [waves, waves, np.zeros(4), inner, gaps, gaps]
        if columns.response is not None:
            parts += [inner[:RESPONSE_WAVES], np.zeros(4)]
    return np.concatenate(parts).astype(np.float64)
