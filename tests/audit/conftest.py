"""Mechanisms of known leakage, in the place of a generator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import pytest

from amlsynth.audit.rates import mean_auc
from amlsynth.cohort.cohort import About, Cohort
from amlsynth.dictionary.model import Dictionary

PATIENTS = 60
FLAG = "IKZF1"


@dataclass(frozen=True)
class Ignoring:
    """Releases patients of another cohort, whoever is in the training cohort."""

    population: pd.DataFrame

    def __call__(self, train: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
        return self.population.iloc[rng.integers(0, len(self.population), n)].reset_index(drop=True)


@dataclass(frozen=True)
class Flagging:
    """As `Ignoring`, but one patient is given the flag exactly when some trained patient has it."""

    population: pd.DataFrame

    def __call__(self, train: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
        released = Ignoring(self.population)(train, n, rng)
        released[FLAG] = pd.array([0] * n, dtype="Int8")
        released.loc[0, FLAG] = int((train[FLAG] == 1).any())
        return released


@dataclass(frozen=True)
class Counting:
    """As `Ignoring`, but as many have the flag as were trained, plus noise that makes epsilon known."""

    population: pd.DataFrame
    epsilon: float

    def __call__(self, train: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
        released = Ignoring(self.population)(train, n, rng)
        noisy = 10 + int((train[FLAG] == 1).sum()) + geometric_noise(self.epsilon, rng)
        released[FLAG] = pd.array([int(row < noisy) for row in range(n)], dtype="Int8")
        return released


@dataclass(frozen=True)
class Copying:
    """Releases trained patients, drawn with replacement."""

    def __call__(self, train: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
        return train.iloc[rng.integers(0, len(train), n)].reset_index(drop=True)


def geometric_noise(epsilon: float, rng: np.random.Generator) -> int:
    """Draw from the two-sided geometric distribution, which makes a count epsilon-private."""
    share = 1 - np.exp(-epsilon)
    return int(rng.geometric(share)) - int(rng.geometric(share))


@pytest.fixture(scope="session", autouse=True)
def _small_forests() -> Iterator[None]:
    """A few trees, rounds, folds and resamples do for 32 releases, and take a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("amlsynth.audit.attacks._TREES", 8)
        patch.setattr("amlsynth.audit.attacks._ROUNDS", 10)
        patch.setattr("amlsynth.audit.attacks.FOLDS", 4)
        patch.setattr("amlsynth.audit.run.mean_auc", partial(mean_auc, resamples=30))
        yield


@pytest.fixture(scope="session")
def population(reference: pd.DataFrame) -> pd.DataFrame:
    """Patients who are in no training cohort, none of whom has the flag."""
    others = reference.iloc[800:].reset_index(drop=True)
    return others[others[FLAG] == 0].reset_index(drop=True)


@pytest.fixture(scope="session")
def flagged(reference: pd.DataFrame, dictionary: Dictionary) -> Cohort:
    """A small cohort in which one patient, in row 0, has the flag."""
    without = reference[reference[FLAG] == 0].head(PATIENTS).reset_index(drop=True)
    for name in dictionary.names:
        if dictionary[name].is_categorical:  # so that nobody but the carrier has a rare state
            counts = without[name].value_counts(dropna=False)
            rare = without[name].isin(counts.index[counts < 4].dropna())
            without.loc[rare, name] = counts.index[0]
            if without[name].isna().sum() < 4:
                without[name] = without[name].fillna(counts.index[0])
    without.loc[0, FLAG] = 1
    about = About(name="small", title="A small cohort", simulated=True, statement="Simulated.")
    return Cohort(without, "original", about)
