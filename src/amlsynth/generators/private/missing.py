"""Missing values: their own features in the sum, and their own small model beside that of the values.

Which values are missing is taken to be unrelated to what they would have been (missing completely at
random): a sum of a thousand numbers cannot tell more. So the model of a patient is a complete patient, and a
mask drawn by itself that hides some of it.

What belongs together, such as a karyotype that failed or a panel that was not run, differs from trial to
trial, and no prior knows it. A cohort's record can declare it: which values are assessed together or not at
all. Else it is told by counting each value's absence apart by how many values the same patient lacks: ten
values that are missing in as many patients each, all of whom lack ten, are a panel.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amlsynth.foundation.errors import require_extra
from amlsynth.foundation.types import FloatArray
from amlsynth.generators.private.patients import Columns

Masks = npt.NDArray[np.bool_]

# The smallest number of missing values of each class of patients, from a single one to a large panel. Narrow
# classes tell panels of different sizes apart, and cost nothing: a patient is in one of them.
SIZES = (1, 2, 4, 7, 11, 16, 23, 32)
# Thresholds in standard deviations of the noise; chosen on cohorts named in benchmarks/private.md.
PROPOSED = 1.0  # above which a value may belong to a panel that the sum itself proposes
PUBLIC = 2.0  # below which a panel of the prior or the dictionary is taken for noise
UNHEARD_OF = 3.0  # beyond chance, below which another one is
RARE = 0.002  # share of patients in whom a single value is missing, beyond what the prior has
DECLARED = 0.02  # share of patients in whom a panel that the record declares is expected to be missing
_BELONGING = 0.002  # share of the prior's patients from which on a pattern is one
_FEW_DECLARED = 6  # panels, of which any may be missing in the same patient
_MOST_PANELS = 60
_MOST_PROPOSED = 40  # values of one class of which panels are made
# The grids on which it is looked for how many values are never missing alone, and how often the others are,
# in standard deviations of the noise.
_ZEROS = np.linspace(0.02, 0.98, 25)
_LEVELS = np.geomspace(0.1, 30, 25)


@dataclass(frozen=True)
class MissingFeatures:
    """What is summed about missing values: which are missing, in patients who lack one, a few or many.

    A patient with anything missing is clipped to norm 1, so that one missing value is told sharply, and which
    values are missing together by how little each then counts.

    Attributes
    ----------
    groups : for each unit the position of its group in the dictionary, shape (units,).
    """

    groups: npt.NDArray[np.int64]

    @classmethod
    def of(cls, columns: Columns) -> MissingFeatures:
        d = columns.dictionary
        # An endpoint is a group of its own: it has little to do with another variable of its group.
        names = [d[unit[0]].group if len(unit) == 1 else unit[0] for unit in columns.units]
        order = list(dict.fromkeys(names))
        return cls(np.array([order.index(name) for name in names], dtype=np.int64))

    def features(self, missing: Masks) -> FloatArray:
        """Return the features of masks, shape (n, sizes x units)."""
        hidden = missing.astype(np.float64)
        size = np.searchsorted(SIZES, missing.sum(axis=1), side="right")  # 0: nothing is missing
        return np.hstack([hidden * (size == number)[:, None] for number in range(1, len(SIZES) + 1)])


@dataclass(frozen=True)
class MaskModel:
    """Masks, shape (k, units), with their probabilities, shape (k,), which add up to 1."""

    masks: Masks
    weights: FloatArray

    def observed(self, involves: Masks) -> FloatArray:
        """Return the share of patients in whom all that a feature needs is known, shape (features,).

        `involves` says which units each feature needs, shape (features, units).
        """
        hidden = self.masks.astype(np.float32) @ involves.T.astype(np.float32) > 0
        shares: FloatArray = 1.0 - self.weights @ hidden
        return shares


def fit_masks(
    missing: MissingFeatures,
    total: FloatArray,
    sigma: float,
    n: float,
    natural: Masks,
    scale: float,
    declared: Masks | None = None,
) -> MaskModel:
    """Fit masks to the noisy sum of their features; it and public input are all that is used.

    Panels (patterns of two or more values) come from the record, from the prior, from the dictionary's groups
    and from the sum itself; of the prior and the groups none that cuts a declared one. Few of them that
    explain the sum are chosen, none that the noise explains. Others of the record and of the prior are in as
    many patients as these and what is left of the sum let expect, if that is likelier than in none. For
    patients who lack a single value see `sparse_mean`.

    Parameters
    ----------
    total : shape (sizes x units,), in units of a patient's bound.
    sigma : standard deviation of the noise of each.
    n : number of patients.
    natural : masks of patients of the prior, shape (patients, units).
    scale : the length of a mask's features within the bound.
    declared : panels of values that the cohort's record says are assessed together or not at all, shape
        (panels, units).
    """
    units = len(missing.groups)
    counts, noise = total / scale, sigma / scale
    if declared is None:
        declared = np.zeros((0, units), dtype=bool)
    panels, least, known, shares = _panels(missing, counts, noise, natural, declared)
    vectors = missing.features(panels) / np.sqrt(panels.sum(axis=1))[:, None]
    together = _pursue(vectors, counts, noise * least, known, noise * UNHEARD_OF)
    # A panel that is known and does not stand out may be there all the same, in fewer patients than it takes.
    unseen = (together == 0) & (shares > 0)
    rest = vectors[unseen] @ (counts - together @ vectors)
    nobody, somebody = _likelihoods(rest, noise, n * shares[unseen])
    together[unseen] = posterior_mean(rest, noise, n * shares[unseen]) * (somebody > nobody)
    expected = natural[natural.sum(axis=1) == 1].sum(axis=0) / len(natural) + RARE
    alone = sparse_mean(counts[:units], noise, expected)
    masks = np.vstack([np.eye(units, dtype=bool), panels[together > 0]])
    weights = np.concatenate([alone, together[together > 0]]) / max(n, 1.0)
    weights *= min(1.0, 1.0 / float(weights.sum()))
    nothing = np.zeros((1, units), dtype=bool)
    return MaskModel(
        np.vstack([nothing, masks]), np.concatenate([[max(1.0 - float(weights.sum()), 0.0)], weights])
    )


def _panels(
    missing: MissingFeatures, counts: FloatArray, noise: float, natural: Masks, declared: Masks
) -> tuple[Masks, FloatArray, npt.NDArray[np.bool_], FloatArray]:
    """Return patterns of values that could be missing together, and what noise alone makes of each.

    Returns
    -------
    masks, shape (k, units); the largest length, in standard deviations of the noise, that one of them, or the
    best of all that were proposed beside it, has by chance, shape (k,); whether the prior or the record knows
    it, shape (k,); the share of patients who are expected to have it, 0 where it is not known, shape (k,).
    """
    units = len(missing.groups)
    groups = missing.groups[None, :] == np.arange(missing.groups.max() + 1)[:, None]
    different, times = np.unique(natural[natural.sum(axis=1) > 1], axis=0, return_counts=True)
    # What is missing together by chance is rarer than what belongs together.
    together = times >= _BELONGING * len(natural)
    shares = {mask.tobytes(): DECLARED for mask in declared}
    shares |= {
        mask.tobytes(): count / len(natural)
        for mask, count in zip(different[together], times[together], strict=True)
        if not _cuts(mask, declared)
    }
    known = shares | {mask.tobytes(): 0.0 for mask in _unions(declared)} | shares
    named = np.array([np.frombuffer(key, dtype=bool) for key in known], dtype=bool).reshape(-1, units)
    groups = groups[[not _cuts(mask, declared) for mask in groups]]
    wholes = np.vstack([np.ones((1, units), dtype=bool), named, groups])
    least = {mask.tobytes(): PUBLIC for mask in (*named, *groups)}
    for number in range(1, len(SIZES)):
        at_most = SIZES[number + 1] - 1 if number + 1 < len(SIZES) else units
        height = counts[number * units : (number + 1) * units]
        for whole in wholes:
            # The best half of m standard normal numbers has about the length sqrt(m / pi).
            chance = UNHEARD_OF + math.sqrt(whole.sum() / math.pi)
            for run in _runs(height, whole & (height > PROPOSED * noise), SIZES[number], at_most):
                least[run.tobytes()] = min(least.get(run.tobytes(), np.inf), chance)
    masks = np.array([np.frombuffer(key, dtype=bool) for key in least])
    panels = masks.sum(axis=1) > 1
    is_known = np.array([key in known for key in least])
    share = np.array([shares.get(key, 0.0) for key in least])
    return masks[panels], np.array(list(least.values()))[panels], is_known[panels], share[panels]


def _cuts(mask: Masks, declared: Masks) -> bool:
    """Return whether a mask has a part of a declared panel and not all of it."""
    inside = (declared & mask).sum(axis=1)
    return bool(((inside > 0) & (inside < declared.sum(axis=1))).any())


def _unions(declared: Masks) -> Iterator[Masks]:
    """Yield what patients lack who lack several declared panels: any of few panels, two of many."""
    most = len(declared) if len(declared) <= _FEW_DECLARED else 2
    for size in range(2, most + 1):
        for chosen in itertools.combinations(range(len(declared)), size):
            yield np.logical_or.reduce(declared[list(chosen)])


def _runs(height: FloatArray, among: Masks, at_least: int, at_most: int) -> list[Masks]:
    """Propose panels of a class of sizes: values among some that stand out alike.

    Members of a panel are missing in equally many patients, so a panel is a run in the order of the counts.
    """
    order = np.flatnonzero(among)
    order = order[np.argsort(-height[order], kind="stable")][:_MOST_PROPOSED]
    runs = []
    for begin in range(len(order)):
        for end in range(begin + at_least, min(begin + at_most, len(order)) + 1):
            run = np.zeros(len(height), dtype=bool)
            run[order[begin:end]] = True
            runs.append(run)
    return runs


def _pursue(
    vectors: FloatArray, counts: FloatArray, least: FloatArray, known: npt.NDArray[np.bool_], better: float
) -> FloatArray:
    """Return how many patients have each mask, shape (masks,), 0 for most of them.

    Orthogonal matching pursuit with numbers that are not negative: the mask that explains most of what is
    left comes next, as long as it explains more than `least`, shape (masks,). A `known` one, shape (masks,),
    comes before another that explains not much more: the part of a panel whose counts the noise has raised
    explains a sum better than the panel itself. Better by so much that noise does not explain it is a length
    beyond the known one's of `better`, lengths being added as squares.
    """
    optimize = require_extra("generate", "scipy.optimize", "The generator private")
    patients = np.zeros(len(vectors))
    if len(vectors) == 0:
        return patients
    chosen: list[int] = []
    explained = vectors @ counts
    while len(chosen) < _MOST_PANELS and (explained - least).max() > 0:
        next_one = int((explained - least).argmax())
        first_known = int(np.where(known, explained - least, -np.inf).argmax())
        if explained[first_known] > least[first_known] and explained[next_one] < math.hypot(
            explained[first_known], better
        ):
            next_one = first_known
        chosen.append(next_one)
        patients[chosen], _ = optimize.nnls(vectors[chosen].T, counts)
        explained = vectors @ (counts - patients @ vectors)
        explained[chosen] = -np.inf
    return patients


def sparse_mean(counts: FloatArray, noise: float, proportions: FloatArray) -> FloatArray:
    """Return the means of numbers >= 0, many of them 0, that were counted with normal noise.

    A number is 0 with some probability, and otherwise exponential with a mean in the given proportions. Both
    the probability and the level of the means are those under which the counts are likeliest (empirical
    Bayes, as in Johnstone and Silverman, Annals of Statistics 2004), since no prior knows how completely a
    trial records: in one a few values are missing often and most never, in another each now and then.

    Parameters
    ----------
    counts : shape (k,).
    noise : its standard deviation.
    proportions : shape (k,), positive.
    """
    proportions = proportions / proportions.mean()
    likeliest, found = -np.inf, np.zeros_like(counts)
    for means in noise * _LEVELS[:, None] * proportions:
        zero, positive = _likelihoods(counts, noise, means)
        for zeros in _ZEROS:
            either = np.logaddexp(math.log(zeros) + zero, math.log1p(-zeros) + positive)
            if (likelihood := float(either.sum())) > likeliest:
                likeliest = likelihood
                found = np.exp(math.log1p(-zeros) + positive - either) * posterior_mean(counts, noise, means)
    return found


def _likelihoods(counts: FloatArray, noise: float, means: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log-likelihoods of noisy counts of 0 and of exponential numbers, each of shape (k,)."""
    special = require_extra("generate", "scipy.special", "The generator private")
    z = counts / noise
    zero = -0.5 * z**2 - math.log(noise * math.sqrt(2 * math.pi))
    positive = (
        0.5 * (noise / means) ** 2 - counts / means + special.log_ndtr(z - noise / means) - np.log(means)
    )
    return zero, positive


def posterior_mean(counts: FloatArray, noise: float, expected: FloatArray) -> FloatArray:
    """Return the mean of numbers >= 0 that were counted with normal noise; exponential prior.

    The posterior is a normal distribution cut off at 0.
    """
    special = require_extra("generate", "scipy.special", "The generator private")
    centre = counts - noise**2 / expected
    z = centre / noise
    # phi(z) / Phi(z), by logarithms since both vanish for z far below 0
    hazard = np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - special.log_ndtr(z))
    mean: FloatArray = np.maximum(centre + noise * hazard, 0.0)
    return mean
