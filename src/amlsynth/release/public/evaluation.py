"""The public evaluation of a release with a guarantee: how far it keeps to the noisy sum, and what is in it.

Three things go into it, all of them public: the noisy sums, the prior that they were measured for, and the
synthetic cohort. So the guarantee holds for it as it does for the data, and anybody can work it out again
from the files of the release. Every released number stands beside its noise: the sum of the synthetic cohort
and that of the prior, both for as many patients as the original is estimated to have.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError, model_validator

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.records import CohortSummary
from amlsynth.evaluation.summary import summarise
from amlsynth.foundation.errors import DataError
from amlsynth.foundation.strict_model import StrictModel
from amlsynth.foundation.types import FloatArray
from amlsynth.foundation.version import __version__
from amlsynth.generators.private.features import BOUND, FeatureMap
from amlsynth.generators.private.missing import MissingFeatures
from amlsynth.generators.private.model import PublicModel
from amlsynth.generators.private.sums import Sums

PRIOR_PATIENTS = 20_000  # drawn of the prior, with missing values as it has them
_PRIOR_SEED = 20_240_004  # of a public draw; any would do
_DECIMALS = 4
_SHOWN = 4  # columns of a number that are named
_NEAR = 2.0  # standard deviations of the noise


class BlockFit(StrictModel):
    """One block of the feature map: each released number, and the same of the synthetic cohort and the prior.

    All in units of the bound of one patient's norm, so that the noise is the same for every number.
    """

    block: str  # such as "flags", "outcome", "effects"
    columns: tuple[str, ...]  # what each number is about, such as "NPM1" or "AGE, NPM1"
    noisy: tuple[float, ...]
    synthetic: tuple[float, ...]
    prior: tuple[float, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not len(self.columns) == len(self.noisy) == len(self.synthetic) == len(self.prior) > 0:
            raise ValueError(f"the block {self.block} has not one figure of each kind for each number")
        return self

    def deviations(self, of: Literal["synthetic", "prior"], noise: float) -> FloatArray:
        """Return how far a cohort's numbers lie from the released ones, in units of the noise."""
        own = self.synthetic if of == "synthetic" else self.prior
        found: FloatArray = (np.array(own) - np.array(self.noisy)) / noise
        return found


class PublicEvaluation(StrictModel):
    """The content of public-evaluation.json."""

    what: Literal["amlsynth: evaluation from public parts alone"] = (
        "amlsynth: evaluation from public parts alone"
    )
    schema_version: Literal["1"] = "1"
    dictionary_name: str
    dictionary_version: str
    amlsynth_version: str
    original_is_simulated: bool
    patients: Annotated[float, Field(gt=0, description="estimated number of patients of the original")]
    noise: Annotated[float, Field(gt=0, description="standard deviation of the noise of each number")]
    blocks: Annotated[tuple[BlockFit, ...], Field(min_length=1)]
    synthetic: CohortSummary

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The names of the endpoints that the synthetic cohort has."""
        return tuple(summary.endpoint for summary in self.synthetic.survival if summary.n != 0)

    def root_mean_square(self, of: Literal["synthetic", "prior"], block: str | None = None) -> float:
        """Return the root mean square deviation of a block, or of all blocks, in units of the noise."""
        found = [b.deviations(of, self.noise) for b in self.blocks if block in (None, b.block)]
        return float(np.sqrt(np.mean(np.concatenate(found) ** 2)))

    def share_near(self, of: Literal["synthetic", "prior"], block: str | None = None) -> float:
        """Return the share of numbers within two standard deviations of the noise."""
        found = [b.deviations(of, self.noise) for b in self.blocks if block in (None, b.block)]
        return float(np.mean(np.abs(np.concatenate(found)) <= _NEAR))


def evaluate_publicly(
    public: PublicModel, sums: Sums, patients: float, frame: pd.DataFrame, *, simulated: bool
) -> PublicEvaluation:
    """Hold a synthetic cohort against the noisy sums that it was made from.

    Parameters
    ----------
    public : prior and feature map.
    sums : the noisy sums, added up; see `sums.add_up`.
    patients : the estimated number of patients behind them.
    frame : the synthetic cohort, typed, shape (n, columns).
    simulated : whether the original itself is simulated.
    """
    d = public.dictionary
    columns = _columns(public.map)
    figures = {
        "noisy": sums.total,
        "synthetic": _mean(public, frame) * patients,
        "prior": _prior_mean(public) * patients,
    }
    blocks = tuple(
        BlockFit(
            block=name,
            columns=columns[place],
            **{
                key: tuple(round(float(v), _DECIMALS) for v in values[place])
                for key, values in figures.items()
            },
        )
        for name, place in public.map.block_slices.items()
        if place.stop > place.start
    )
    return PublicEvaluation(
        dictionary_name=d.name,
        dictionary_version=d.version,
        amlsynth_version=__version__,
        original_is_simulated=simulated,
        patients=patients,
        noise=sums.sigma,
        blocks=blocks,
        synthetic=summarise_publicly(frame, d),
    )


def summarise_publicly(frame: pd.DataFrame, d: Dictionary) -> CohortSummary:
    """Return the aggregates of a synthetic cohort; nothing of it has to be held back."""
    return summarise(frame, "Synthetic", d)


def read_public_evaluation(path: Path) -> PublicEvaluation:
    """Read public-evaluation.json.

    Raises
    ------
    DataError
        It is not one that this version reads.
    """
    try:
        return PublicEvaluation.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"{path}: not a public evaluation that this version reads. Build the release again."
        ) from error


def _mean(public: PublicModel, frame: pd.DataFrame) -> FloatArray:
    """Return the mean of the features of public patients, in units of a patient's bound, shape (size,)."""
    total: FloatArray = public.sum(frame).astype(np.float64) / BOUND
    return total / len(frame)


@lru_cache(maxsize=2)
def _prior_mean(public: PublicModel) -> FloatArray:
    return _mean(public, public.prior.draw(PRIOR_PATIENTS, np.random.default_rng(_PRIOR_SEED)))


def _columns(features: FeatureMap) -> tuple[str, ...]:
    """Return which columns each feature is about, "all patients" for what is about none."""
    units = ["+".join(unit) for unit in features.columns.units]
    needed = features.involves.copy()
    # What is missing needs no value: each unit is hidden by itself, to see which features tell of it.
    alone = np.eye(len(units), dtype=bool)
    needed[features.block_slices["missing"]] = MissingFeatures.of(features.columns).features(alone).T != 0
    return tuple(_listed([units[place] for place in np.flatnonzero(row)]) for row in needed)


def _listed(names: list[str]) -> str:
    if len(names) > _SHOWN:
        return f"{', '.join(names[:2])} and {len(names) - 2} more"
    return ", ".join(names) or "all patients"
