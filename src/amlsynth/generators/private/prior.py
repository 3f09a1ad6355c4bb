"""Public priors: where patients come from before any private data are seen.

A prior draws any number of patients. The reference cohort's simulator is the prior of AML; any other disease,
or a better prior for AML, is a public or synthetic cohort in a file, to which an ordinary generator is fitted
(its patients are public, so that costs no privacy), or of which only the columns' own distributions are
taken.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from amlsynth.cohort.cohort import read_cohort
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import UsageError, require_extra
from amlsynth.foundation.files import sha256
from amlsynth.generators.private.missing import Masks
from amlsynth.generators.private.patients import Columns, Patients, from_scale, is_skewed, on_scale
from amlsynth.model_space.encoding import imply

REFERENCE = "reference"
PriorModel = Literal["event-history", "sequential-cart", "independent"]
EXCHANGED = 0.05  # of the prior's patients, whose response is another patient's
_FEW = 20  # distinct values, below which a number has no shape to speak of
_FITTING_SEED = 20_261_127  # of generators fitted to public files: the same file gives the same prior


class Prior(ABC):
    """A public distribution of patients in a dictionary."""

    dictionary: Dictionary

    @property
    @abstractmethod
    def description(self) -> dict[str, str]:
        """What decides the prior, for records and hashes; the same description draws the same patients."""

    @abstractmethod
    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a typed frame of n patients, with missing values as the prior has them."""

    def draw_complete(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw patients of whom everything is known: what is missing is taken from other patients of the
        draw.

        A column that is missing in all of them stays so.
        """
        return _completed(self.draw(n, rng), self.dictionary, rng)


@dataclass(frozen=True)
class ReferencePrior(Prior):
    """The simulator of the reference cohort; published aggregates of AML."""

    dictionary: Dictionary

    @property
    def description(self) -> dict[str, str]:
        from amlsynth.sources.reference_parameters import PARAMETERS_FILE

        return {"prior": REFERENCE, "sha256": sha256(PARAMETERS_FILE)}

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        from amlsynth.sources.reference import simulate
        from amlsynth.sources.reference_parameters import parameters

        return simulate(parameters(), n, rng)

    def draw_complete(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        from amlsynth.sources.reference import simulate
        from amlsynth.sources.reference_parameters import parameters

        return simulate(parameters().model_copy(update={"missing": ()}), n, rng)


class FilePrior(Prior):
    """A public cohort in a file, drawn from by a generator that is fitted to it."""

    def __init__(self, path: Path, model: PriorModel, d: Dictionary) -> None:
        self._path, self._model, self.dictionary = path, model, d

    @property
    def description(self) -> dict[str, str]:
        return {"prior": "file", "sha256": _file_hash(self._path), "model": self._model}

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        from amlsynth.generators.base import BaseGenerator

        fitted = _fitted(self._path, _file_hash(self._path), self._model, self.dictionary)
        assert isinstance(fitted, BaseGenerator)
        return fitted.sample(n, rng)


@dataclass(frozen=True)
class CensoredPrior(Prior):
    """Another prior whose patients are followed up for so many months and no longer, as in a trial."""

    dictionary: Dictionary
    whole: Prior
    months: float

    @property
    def description(self) -> dict[str, str]:
        return {**self.whole.description, "end_of_follow_up": f"{self.months:g}"}

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        return self._censored(self.whole.draw(n, rng))

    def draw_complete(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        return self._censored(self.whole.draw_complete(n, rng))

    def _censored(self, frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        for endpoint in self.dictionary.endpoints:
            later = (frame[endpoint.time] > self.months).fillna(False)
            frame.loc[later, endpoint.time] = self.months
            frame.loc[later, endpoint.status] = 0
        return frame


def read_prior(name: str, model: PriorModel, d: Dictionary, end_of_follow_up: float | None = None) -> Prior:
    """Return the prior of that name.

    Parameters
    ----------
    name : "reference", or the path of a public cohort in the dictionary, CSV or Parquet.
    model : what is fitted to a file.
    end_of_follow_up : months after which every patient is censored; None where there is no such end.

    Raises
    ------
    UsageError
        There is no simulator for the dictionary's disease, or no such file.
    """
    if end_of_follow_up is not None:
        return CensoredPrior(d, read_prior(name, model, d), end_of_follow_up)
    if name == REFERENCE:
        from amlsynth.dictionary.model import dictionary

        if (d.name, d.names) != (dictionary().name, dictionary().names):
            raise UsageError(
                f"There is no reference prior for the dictionary {d.name!r}. Name a public or synthetic "
                "cohort in this dictionary as the prior (--param prior=FILE)."
            )
        return ReferencePrior(d)
    if not Path(name).is_file():
        raise UsageError(
            f"The prior {name!r} is no file. Name a public cohort in the dictionary, or {REFERENCE!r}."
        )
    return FilePrior(Path(name), model, d)


def check_prior(public: pd.DataFrame, columns: Columns) -> None:
    """Refuse a prior that knows nothing of a column that is to be described.

    Parameters
    ----------
    public : complete patients of the prior.

    Raises
    ------
    UsageError
        A column is missing in all of them.
    """
    empty = [unit[0] for unit in columns.units if public[unit[0]].isna().all()]
    if empty:
        raise UsageError(
            f"The prior has no value of {', '.join(empty)}. Take another prior, or "
            "declare these columns as not assessed (--param not_assessed=" + ",".join(empty) + ")."
        )


def natural_masks(prior: Prior, columns: Columns, n: int, rng: np.random.Generator) -> Masks:
    """Return which units are missing in n patients of the prior, shape (n, units)."""
    return Patients.of(prior.draw(n, rng), columns).missing(columns)


def broadened(frame: pd.DataFrame, d: Dictionary, rng: np.random.Generator) -> pd.DataFrame:
    """Return complete patients of whom half have each number from a normal distribution, by rank.

    A published shape may be odd (quartiles of few digits, a misprint), and a tilt cannot find what the prior
    lacks. So half of the patients keep the prior's shape, and half have the normal one with its median and
    the narrower of its two sides' spreads, on the log scale where the prior is skewed. Ranks stay, and with
    them how numbers hang together with all else.

    Few patients have the response of another one: whether a response after failure of the first course counts
    differs from protocol to protocol, and with it which times of the composite endpoint responders can have.
    """
    special = require_extra("generate", "scipy.special", "The generator private")
    frame = frame.copy()
    for variable in Columns.of(d).numbers:
        values = frame[variable.name].to_numpy(np.float64, na_value=np.nan)
        known = np.flatnonzero(~np.isnan(values))
        if len(known) < 2 or len(np.unique(values[known])) < _FEW:
            continue
        log = is_skewed(values[known])
        scores = on_scale(values[known], variable.minimum, log)
        low, middle, high = np.quantile(scores, (0.1587, 0.5, 0.8413))
        rank = np.empty(len(known))
        rank[np.argsort(scores + 1e-9 * rng.random(len(known)))] = (np.arange(len(known)) + 0.5) / len(known)
        normal = middle + min(middle - low, high - middle) * special.ndtri(rank)
        replaced = from_scale(normal, variable.minimum, log)
        replaced = np.round(replaced, variable.decimals)
        inside = (replaced >= values[known].min()) & (replaced <= values[known].max())
        chosen = inside & (rng.random(len(known)) < 0.5)
        frame.loc[frame.index[known[chosen]], variable.name] = replaced[chosen]
    if d.response is not None:
        rows = np.flatnonzero(rng.random(len(frame)) < EXCHANGED)
        response = frame[d.response.name].array.copy()
        response[rows] = response[rng.permutation(rows)]
        frame[d.response.name] = response
    return frame


def _completed(frame: pd.DataFrame, d: Dictionary, rng: np.random.Generator) -> pd.DataFrame:
    """Fill what is missing with the values of random patients who have it; outcomes are filled as a whole.

    Rules between filled columns may break; the columns of an implication are made to agree afterwards.
    """
    completed = frame.copy()
    outcome = [name for name in frame.columns if name in d.outcome_columns]
    known = [name for name in outcome if frame[name].notna().any()]
    for names in ([name] for name in frame.columns if name not in outcome):
        _fill(completed, frame, names, rng)
    if known:
        _fill(completed, frame, known, rng)
    imply(completed, d)
    return completed


def _fill(completed: pd.DataFrame, frame: pd.DataFrame, names: list[str], rng: np.random.Generator) -> None:
    hidden = frame[names].isna().any(axis=1).to_numpy()
    if not hidden.any() or hidden.all():
        return
    taken = rng.choice(np.flatnonzero(~hidden), size=int(hidden.sum()))
    for name in names:
        completed.loc[hidden, name] = frame[name].iloc[taken].array


def _file_hash(path: Path) -> str:
    return sha256(path)


@cache
def _fitted(path: Path, digest: str, model: PriorModel, d: Dictionary) -> object:
    """Fit a generator to a public file; kept, since every pool and block is drawn from it."""
    from amlsynth.generators import create

    del digest  # part of the key: a file that was changed is fitted anew
    public = read_cohort(path, "original", d)
    return create(model, {}, d).fit(public.frame, np.random.default_rng(_FITTING_SEED))
