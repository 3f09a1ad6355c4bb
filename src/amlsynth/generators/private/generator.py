"""The generator with a guarantee: a public prior, tilted to one noisy sum."""

from __future__ import annotations

from contextlib import AbstractContextManager
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError, UsageError, did_you_mean
from amlsynth.foundation.kernels import one_thread_of
from amlsynth.foundation.types import Progress, no_progress
from amlsynth.generators.base import BaseGenerator, Parameters, TrainingPart
from amlsynth.generators.private.diagnosis import Diagnosis, diagnose
from amlsynth.generators.private.ledger import Request, spend
from amlsynth.generators.private.mechanism import DEFAULT_EPSILON, Budget, default_delta
from amlsynth.generators.private.model import PRIOR_PATIENTS, Fitted, PublicModel, public_model
from amlsynth.generators.private.prior import REFERENCE, PriorModel
from amlsynth.generators.private.sampling import (
    FROM_POOL,
    between_decimals,
    draw_rows,
    herd,
    hide,
    outcome_order,
    patients_at,
    without_unassessed,
)
from amlsynth.generators.private.sums import Sums, SumsFile, add_up, dictionary_hash, draw_sums, read_sums
from amlsynth.model_space.encoding import decode, encode
from amlsynth.model_space.resolution import Resolution

_FRESH_AT_LEAST = 20_000  # patients of the prior for a block, so that rare kinds are among them
# All of so few are moved: they may stand in the place of ones who repeated a patient of an earlier draw, and
# who is drawn for the first time comes as the pool has him.
_FEW = 64
_DRAWN_FROM_ONE = (
    2  # patients a fresh one of the prior: drawing the prior and its features takes most of the time
)


class PrivateParameters(Parameters):
    """The parameters of `Private`; all of them are public input, and none may be chosen by the data."""

    epsilon: Annotated[
        float, Field(gt=0, le=100, description="privacy budget of the noisy sum; smaller is safer")
    ] = DEFAULT_EPSILON
    delta: Annotated[
        float | None,
        Field(
            gt=0, lt=1, description="chance that the guarantee fails; 1e-5 or 1/patients_at_most^2 without it"
        ),
    ] = None
    patients_at_most: Annotated[
        int, Field(ge=1, le=100_000_000, description="public upper bound of the number of patients")
    ] = 2_000
    measurements: Annotated[
        tuple[str, ...],
        Field(description="noisy sums that `amlsynth measure` wrote; nothing is spent then", strict=False),
    ] = ()
    prior: Annotated[str, Field(description=f"{REFERENCE}, or a public cohort in a file")] = REFERENCE
    prior_model: Annotated[PriorModel, Field(description="what is fitted to a prior in a file")] = (
        "event-history"
    )
    not_assessed: Annotated[
        tuple[str, ...], Field(description="columns declared as NA for all patients", strict=False)
    ] = ()
    panels: Annotated[
        tuple[Annotated[tuple[str, ...], Field(strict=False)], ...],
        Field(description="columns assessed together or not at all, such as A+B+C,D+E", strict=False),
    ] = ()
    end_of_follow_up: Annotated[
        float | None,
        Field(
            gt=0, le=1_200, description="months after which the protocol censors every patient, if it does"
        ),
    ] = None
    kappa: Annotated[float, Field(gt=0, le=1e6, description="how many patients the prior counts for")] = (
        PRIOR_PATIENTS
    )
    pool: Annotated[
        int, Field(ge=1_000, le=1_000_000, description="patients of the prior that are tilted")
    ] = 100_000

    @field_validator("measurements", "not_assessed", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Take text from the command line, parts separated by commas."""
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("panels", mode="before")
    @classmethod
    def _listed_panels(cls, value: Any) -> Any:
        """Take text from the command line: panels separated by commas, their columns by plus signs."""
        if not isinstance(value, str):
            return value
        return tuple(tuple(name.strip() for name in panel.split("+")) for panel in value.split(","))

    @property
    def budget(self) -> Budget:
        """Epsilon and delta, the latter by its default where it is not given."""
        delta = default_delta(self.patients_at_most) if self.delta is None else self.delta
        return Budget(self.epsilon, delta)


class Private(BaseGenerator):
    """Patients of a public prior, reweighted so that they agree with one differentially private sum.

    `fit` measures the training patients and forgets them: model and samples are computed from the noisy sum
    and public input, so that (epsilon, delta) hold for them whatever is done with them. With `measurements`
    the training patients are not looked at. The noise comes from the operating system's randomness, never
    from the seed: to make the same patients again, keep the noisy sum (`sums_files`) and give it as
    measurements.

    `fit` by itself keeps no account of what was spent. `amlsynth generate` and `measure` do, in the ledger
    beside the cohort's file (`amlsynth.generators.private.ledger`).

    Attributes
    ----------
    sums_files : the noisy sums of the last fit, which are public.
    """

    name = "private"
    summary = "a differential privacy guarantee: a public prior tilted to one noisy sum"
    guarantee = True
    hides_single_patients = True
    minimum_patients = 50
    quick_params: ClassVar[dict[str, Any]] = {"pool": 4_000}
    Params = PrivateParameters

    sums_files: tuple[SumsFile, ...]
    _evenly = True  # whether samples have the fitted moments, closer than chance would
    _steps: Resolution | None = None  # in which numbers are recorded, where they are stated

    def fit(
        self,
        train: pd.DataFrame,
        rng: np.random.Generator,
        progress: Progress = no_progress,
        resolution: Resolution | None = None,
    ) -> Self:
        """Measure the training patients, or take the measurements given, and fit.

        `resolution` holds the steps in which numbers are recorded, where the cohort's record states them;
        else samples have the dictionary's decimals.

        Raises
        ------
        DataError
            Fewer patients than `minimum_patients`, or more than the public bound; nothing is spent then.
            Measurements are of another dictionary, prior or map, or no sums.
        UsageError
            There is no such prior, or no such column.
        """
        if self.params.measurements:
            files = tuple((path, read_sums(Path(path))) for path in self.params.measurements)
        else:
            progress("measuring", 0.0)
            files = (("the noisy sum", self.measure(train)),)
        return self.fit_sums(files, progress, resolution)

    def measure(self, patients: pd.DataFrame, name: str = "all") -> SumsFile:
        """Draw a noisy sum of a typed frame of patients, which spends the budget; see `fit` for errors.

        `name` says which patients of a cohort they are.
        """
        self.check_size(len(patients))
        model = self.public
        total = model.sum(patients)
        return draw_sums(
            total, model.map, model.prior.description, self.params.budget, self.params.patients_at_most, name
        )

    def fit_part(
        self, part: TrainingPart, rng: np.random.Generator, progress: Progress = no_progress
    ) -> Self:
        """Fit to a part of a cohort; what it costs is put to the account beside the cohort's file.

        Raises
        ------
        DataError
            As `fit`, and where the budget does not allow it or the ledger is not in order; nothing is spent
            then. Or the measurements given are of other patients than the part.
        """
        if self.params.measurements:
            files = tuple((path, read_sums(Path(path))) for path in self.params.measurements)
            if part.patients is not part.cohort:
                _check_part(files, part.name)
            return self.fit_sums(files, progress, part.resolution)
        progress("measuring", 0.0)
        files = (("the noisy sum", self.measure_part(part)),)
        return self.fit_sums(files, progress, part.resolution)

    def measure_part(self, part: TrainingPart) -> SumsFile:
        """Measure a part of a cohort, on the account beside the cohort's file; see `fit_part` for errors."""
        self.check_size(len(part.patients))
        if part.file is None:
            return self.measure(part.patients, part.name)
        model, budget = self.public, self.params.budget
        request = Request(
            patients=part.name,
            dictionary=dictionary_hash(self.dictionary),
            feature_map=model.map.sha256,
            epsilon=budget.epsilon,
            delta=budget.delta,
            patients_at_most=self.params.patients_at_most,
        )
        return spend(
            part.file, part.cohort, request, model.map.size, lambda: self.measure(part.patients, part.name)
        )

    def check_size(self, n: int) -> None:
        """Refuse cohorts that cannot be measured; that a sum exists therefore says that this is passed."""
        if n < self.minimum_patients:
            raise DataError(
                f"{self.name} needs at least {self.minimum_patients} training patients and got {n}: what is "
                "left of fewer under the noise is the prior. Use a larger cohort."
            )
        if n > self.params.patients_at_most:
            raise DataError(
                f"There are more than {self.params.patients_at_most:,} training patients, the public bound "
                "of their number, on which delta rests. Give a higher one (patients_at_most)."
            )

    def fit_sums(
        self,
        files: tuple[tuple[str, SumsFile], ...],
        progress: Progress = no_progress,
        resolution: Resolution | None = None,
    ) -> Self:
        """Fit to noisy sums, each with what it is called in messages; several are added up."""
        self._steps = resolution
        model = self.public
        self._sums = add_up(files, model.map, model.prior.description)
        self.sums_files = tuple(sums for _, sums in files)
        progress("fitting", 0.2)
        with _one_blas_thread():
            self._model = model.fit(self._sums, self.params.kappa)
        progress("fitting", 1.0)
        self._fitted = True
        return self

    def replicate(
        self, part: TrainingPart, rng: np.random.Generator, progress: Progress = no_progress
    ) -> Self:
        """Return a fit to means drawn from the posterior given the noisy sum; this spends nothing.

        No patient of `part` is looked at. Patients are drawn by weight alone, so that an analysis of them has
        the sampling error that it claims. What is missing is as in the fit itself.
        """
        other = copy(self)
        pool = self.public.pool
        with _one_blas_thread():
            other._model = replace(self._model, values=self._model.values.redrawn(pool, rng))
        other._evenly = False
        return other

    @property
    def public(self) -> PublicModel:
        """Prior, feature map and pool, which all fits with the same parameters share."""
        for name in self.params.not_assessed:
            if name not in self.dictionary:
                hint = did_you_mean(name, self.dictionary.names)
                raise UsageError(f"not_assessed names {name!r}, which is no column.{hint}")
        p = self.params
        _check_panels(p.panels, self.dictionary)
        with _one_blas_thread():
            return public_model(
                self.dictionary, p.prior, p.prior_model, p.not_assessed, p.pool, p.end_of_follow_up, p.panels
            )

    @property
    def sums(self) -> Sums:
        """The sum that was fitted to."""
        return self._sums

    @property
    def model(self) -> Fitted:
        """What was fitted."""
        return self._model

    @property
    def diagnosis(self) -> Diagnosis:
        """How far the data contradict the prior; from the noisy sum alone."""
        return diagnose(self.public, self._sums)

    def warnings(self) -> tuple[str, ...]:
        """Return what a low guarantee or a prior that does not fit means."""
        found = (self.params.budget.warning, self.diagnosis.warning)
        return tuple(warning for warning in found if warning is not None)

    def default_n(self, n: int) -> int:
        """Return the estimated number of patients: the exact one is not to be told."""
        return max(round(self._model.n), 1)

    def _decoded(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        with _one_blas_thread():
            return self._patients(n, rng)

    def _patients(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        model = self.public
        columns, end = model.map.columns, self.params.end_of_follow_up
        if n <= FROM_POOL:
            weights = self._model.values.tilted.weights
            if self._evenly:
                rows = herd(model.pool.features, weights, outcome_order(model.frame, columns), n, rng)
            else:
                rows = rng.choice(len(weights), n, p=weights)
            frame = patients_at(model.frame, rows, columns, rng, end, move_all=n < _FEW)
        else:
            fresh = model.draw(max(n // _DRAWN_FROM_ONE, _FRESH_AT_LEAST), rng)
            weights = self._model.values.tilt_anew(model.features(fresh)).weights
            frame = patients_at(fresh, draw_rows(weights, n, rng), columns, rng, end)
        masks = self._model.masks
        frame = hide(frame, masks.masks[draw_rows(masks.weights, n, rng)], columns)
        frame = without_unassessed(frame, columns)
        if self._steps is None:
            return frame
        encoded = between_decimals(encode(frame, self.dictionary), columns, rng)
        # The prior decides whether there are events on day 0; a step must not move them.
        encoded = replace(self._steps, zero=True).snap(encoded)
        return decode(encoded, self.dictionary, rounded=False)


def _one_blas_thread() -> AbstractContextManager[object]:
    """Keep products of matrices to one thread.

    Their last bits depend on the number of threads, many rounds carry that to the patients, and the same sums
    are to give the same patients. Between kinds of processors these bits can still differ.
    """
    return one_thread_of("scipy.optimize", "The generator private", api="blas")


def _check_panels(panels: tuple[tuple[str, ...], ...], d: Dictionary) -> None:
    seen: set[str] = set()
    for panel in panels:
        for name in panel:
            if name not in d:
                raise UsageError(f"panels names {name!r}, which is no column.{did_you_mean(name, d.names)}")
            if name in seen:
                raise UsageError(f"panels names {name!r} twice; leave it in one panel.")
            seen.add(name)
        if len(panel) < 2:
            raise UsageError(
                f"panels has one of {', '.join(panel) or 'no column'} alone; name the columns that are "
                "assessed with it (A+B+C), or leave it out."
            )


def _check_part(files: tuple[tuple[str, SumsFile], ...], part: str) -> None:
    for name, sums in files:
        if sums.patients != part:
            raise UsageError(
                f"{name}: a noisy sum of {sums.patients}, and it is to stand for the {part}: the hold-out "
                "would not be held out. Measure that part, or leave the split out (--no-split)."
            )


def private(d: Dictionary | None = None, **params: Any) -> Private:
    """Make the generator with parameters by name.

    Examples
    --------
    >>> private(epsilon=1.0, patients_at_most=1_000).params.budget
    Budget(epsilon=1.0, delta=1e-06)
    """
    return Private(PrivateParameters(**params), d)
