"""Who is attacked in the shadow pass: those who stand out, those who stand alone, and some at random.

An attack on patients at random says what most have to fear; the worst is found among outliers (Carlini et
al., IEEE S&P 2022; Stadler et al., USENIX Security 2022; Meeus et al., ESORICS 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from amlsynth.audit.columns import NA, Columns
from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.privacy.attacks.mixed import MixedSpace
from amlsynth.foundation.types import FloatArray

Kind = Literal["singular", "lonely", "random"]
KINDS: tuple[Kind, ...] = ("singular", "lonely", "random")
SHARES: dict[Kind, float] = {"singular": 0.36, "lonely": 0.26, "random": 0.38}
NEIGHBOURS = 5


@dataclass(frozen=True)
class Target:
    """A patient who is attacked: the row, from 0, why, and in words what stands out."""

    row: int
    kind: Kind
    reason: str


def choose_targets(frame: pd.DataFrame, d: Dictionary, count: int, rng: np.random.Generator) -> list[Target]:
    """Choose `count` different patients of a typed cohort, the random ones among all who are left.

    Those who stand out are taken in turn from lists by the rarest state, the most extreme number, the longest
    time of the last endpoint, the rarest event pattern and the rarest combination of missing values, so that
    each way of standing out is attacked; the lonely are farthest from their fifth neighbour.
    """
    columns = Columns(d)
    matrix = columns.matrix(frame)
    count = min(count, len(frame))
    wanted = {kind: round(share * count) for kind, share in SHARES.items()}
    wanted["random"] = count - wanted["singular"] - wanted["lonely"]
    targets: list[Target] = []
    taken: set[int] = set()

    def take(row: int, kind: Kind, reason: str) -> bool:
        if row in taken:
            return False
        taken.add(row)
        targets.append(Target(row, kind, reason))
        return True

    rankings = {reason: iter(rows) for reason, rows in _rankings(columns, matrix, rng).items()}
    left = wanted["singular"]
    while left and rankings:
        for reason in list(rankings):
            row = next((int(r) for r in rankings[reason] if int(r) not in taken), None)
            if row is None:
                del rankings[reason]
            elif left and take(row, "singular", reason):
                left -= 1
    left = wanted["lonely"]
    for row in np.argsort(-_loneliness(frame, d), kind="stable"):
        if left and take(int(row), "lonely", "far from all others"):
            left -= 1
    others = rng.permutation([row for row in range(len(frame)) if row not in taken])
    for row in others[: count - len(targets)]:
        take(int(row), "random", "drawn at random")
    return targets


def _rankings(columns: Columns, matrix: FloatArray, rng: np.random.Generator) -> dict[str, NDArray[np.intp]]:
    """Return the rows by how far they stand out in each way, ties in random order."""
    shuffled = rng.permutation(len(matrix))

    def by(score: FloatArray) -> NDArray[np.intp]:
        return np.asarray(shuffled[np.argsort(score[shuffled], kind="stable")])

    longest = matrix[:, columns.names.index(columns.dictionary.terminal.time)]
    return {
        "a rare state": by(_rarest_state(columns, matrix)),
        "an extreme number": by(-_extremity(columns, matrix)),
        "a rare combination of missing values": by(_carriers(columns.missing_pattern(matrix))),
        "the longest survival": by(-longest),
        "a rare event pattern": by(_carriers(columns.event_pattern(matrix))),
    }


def _carriers(codes: NDArray[np.generic]) -> FloatArray:
    """Return how many have each patient's code, shape (n,)."""
    _, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    return np.asarray(counts[place.ravel()], dtype=np.float64)


def _rarest_state(columns: Columns, matrix: FloatArray) -> FloatArray:
    states = [
        _carriers(matrix[:, place]) for place in range(len(columns.names)) if not columns.numeric[place]
    ]
    return np.min(states, axis=0) if states else np.full(len(matrix), np.inf)


def _extremity(columns: Columns, matrix: FloatArray) -> FloatArray:
    """Return each patient's largest distance to the next less extreme patient, in interquartile ranges."""
    most = np.zeros(len(matrix))
    for place in np.flatnonzero(columns.numeric):
        values = matrix[:, place]
        known = np.flatnonzero(values != NA)
        if len(known) < 4:
            continue
        order = known[np.argsort(values[known], kind="stable")]
        spread = float(np.subtract(*np.quantile(values[known], [0.75, 0.25]))) or 1.0
        gaps = np.diff(values[order]) / spread
        half = len(gaps) // 2
        most[order[1:][half:]] = np.maximum(most[order[1:][half:]], gaps[half:])
        most[order[:-1][:half]] = np.maximum(most[order[:-1][:half]], gaps[:half])
    return most


def _loneliness(frame: pd.DataFrame, d: Dictionary) -> FloatArray:
    space = MixedSpace(frame, d)
    points = space.points(frame)
    k = max(1, min(NEIGHBOURS, len(frame) - 1))
    return space.kth_nearest(points, points, k, without_self=True).astype(np.float64)
