"""`synthcity:<plugin>`: the generators of the real synthcity, fitted in amlsynth's model space.

synthcity (Qian et al., arXiv:2301.07573) is what the paper ran its NFlow with. Its plugins for survival data
know one endpoint: they get overall survival as time and event, and the rest of the outcome as covariates, the
composite endpoint's status with whether both times are equal as one state and the gap's share of overall
survival as a number. The other plugins get the whole event pattern as one state, the log of the time, and the
share. So both endpoints come out, and decoding keeps every rule, whatever a plugin emits; synthcity's own
rejection of rows is therefore not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from amlsynth.foundation.errors import DataError
from amlsynth.foundation.types import BoolArray, FloatArray, IntArray, Progress
from amlsynth.generators.base import Generator
from amlsynth.generators.synthcity.plugins import (
    SURVIVAL_BASES,
    SynthcityParameters,
    contained,
    parameters_of,
    plugin_kind,
    plugins,
)
from amlsynth.model_space.encoding import PATTERNS, Encoded, columns_frame, decode

_FEWEST = 64  # patients asked of a plugin at a time: some fail for a few
_TRIES = 20  # of a plugin that returns fewer patients than asked for
_TIME, _EVENT, _SHARE, _OUTCOME = "time", "event", "share", "outcome"


@cache
def synthcity_class(plugin: str) -> type[Generator]:
    """Return the generator class of a synthcity plugin, with the plugin's hyperparameters as its `Params`.

    Raises
    ------
    UsageError
        synthcity has no such plugin for tables; the sentence tells the nearest.
    MissingExtraError
        synthcity is not installed here; the error gives the commands that make its environment.
    """
    kind = plugin_kind(plugin)
    members = {
        "name": f"synthcity:{plugin}",
        "summary": f"synthcity's {plugin}{' (survival)' if kind == 'survival_analysis' else ''}",
        "plugin": plugin,
        "Params": parameters_of(plugin),
        "__module__": __name__,
    }
    return cast(type[Generator], type(f"Synthcity_{plugin}", (_Synthcity,), members))


class _Synthcity(Generator):
    """A plugin of synthcity; `plugin` is its name there.

    It hides no single patients: a state, event pattern or missing value that only one has can come out.
    """

    plugin: ClassVar[str]
    minimum_patients = 100
    quick_params: ClassVar[Mapping[str, Any]] = {"n_iter": 20}

    def _fit(self, train: Encoded, rng: np.random.Generator, progress: Progress) -> None:
        survival = self.plugin in SURVIVAL_BASES
        self._frame = _Frame.of(train, survival)
        table = self._frame.table(train)
        if survival and table[_EVENT].nunique() < 2:
            raise DataError(
                f"{self.name} needs patients who died and patients who did not, and the training part has "
                f"only one kind. Use a plugin that is not for survival, such as synthcity:nflow."
            )
        # What is constant is left out: some plugins fail on it, and there is nothing to learn.
        constant = [c for c in table if table[c].nunique() == 1]
        self._constant = {str(c): table[c].iloc[0] for c in constant}
        table = table.drop(columns=constant)
        progress(f"fitting synthcity's {self.plugin}", 0.0)
        assert isinstance(self.params, SynthcityParameters)
        seed = int(rng.integers(2**31))
        with contained(self.plugin) as workspace:
            self._model = plugins().get(
                self.plugin, **self.params.given(), random_state=seed, workspace=workspace
            )
            self._model.strict = False
            self._model.fit(self._loader(table, survival))
            for part in _parts(self._model):
                part.strict = False
        progress(f"fitting synthcity's {self.plugin}", 1.0)

    def _sample(self, n: int, rng: np.random.Generator) -> Encoded:
        table = pd.DataFrame()
        for _ in range(_TRIES):
            with contained(self.plugin):
                sampled = self._model.generate(
                    count=max(n - len(table), _FEWEST), random_state=int(rng.integers(2**31))
                ).dataframe()
            table = pd.concat([table, self._whole(sampled)], ignore_index=True)
            # A plugin that was trained too little draws one patient many times, which no release may hold.
            decoded = decode(self._frame.encoded(table), self.dictionary)
            table = table[~decoded.duplicated().to_numpy()].reset_index(drop=True)
            if len(table) >= n:
                return self._frame.encoded(table.head(n))
        raise DataError(
            f"synthcity's {self.plugin} drew {len(table)} different patients of {n} in {_TRIES} tries. "
            "Train it longer (n_iter), or use another plugin."
        )

    def _whole(self, sampled: pd.DataFrame) -> pd.DataFrame:
        """Return what a plugin made with the columns that are constant."""
        for column, value in self._constant.items():
            sampled[column] = value
        return sampled

    def _loader(self, table: pd.DataFrame, survival: bool) -> Any:
        from synthcity.plugins.core.dataloader import GenericDataLoader, SurvivalAnalysisDataLoader

        if not survival:
            return GenericDataLoader(table)
        return SurvivalAnalysisDataLoader(
            table,
            target_column=_EVENT,
            time_to_event_column=_TIME,
            time_horizons=np.quantile(table[_TIME], (0.25, 0.5, 0.75)).tolist(),
        )


def _parts(model: Any) -> list[Any]:
    """Return what a plugin has made of its own: the pipeline of a survival plugin, and its generator."""
    parts, inner = [], model
    for attribute in ("model", "generator"):
        inner = getattr(inner, attribute, None)
        if hasattr(inner, "strict"):
            parts.append(inner)
    return parts


@dataclass(frozen=True)
class _Frame:
    """How a cohort in the model space becomes the table of numbers that synthcity fits, and back.

    states, numbers : their names; the columns of the table are s0, s1, ... and n0, n1, ..., and m0, m1, ...
    for what is missing of the numbers, since some plugins choke on dots and parentheses in names.
    fill : what stands in the table where a number is missing: the median of the known ones.
    outcomes : the patterns, or the rests of patterns, that the state `outcome` counts through.
    """

    states: tuple[str, ...]
    widths: tuple[int, ...]
    numbers: tuple[str, ...]
    fill: tuple[float, ...]
    outcomes: tuple[int, ...]
    time: float
    survival: bool

    @classmethod
    def of(cls, train: Encoded, survival: bool) -> _Frame:
        fill = []
        for name in train.numbers:
            known = train.numbers[name].to_numpy()[~train.missing[name].to_numpy()]
            fill.append(float(np.median(known)) if len(known) else 0.0)
        outcomes = _rest(train.pattern) if survival else train.pattern.astype(np.int64)
        time = train.time[~np.isnan(train.time)]
        return cls(
            states=tuple(map(str, train.states)),
            widths=tuple(int(train.states[name].max()) + 1 for name in train.states),
            numbers=tuple(map(str, train.numbers)),
            fill=tuple(fill),
            outcomes=tuple(np.unique(outcomes).tolist()),
            time=float(np.median(time)) if len(time) else 1.0,
            survival=survival,
        )

    def table(self, cohort: Encoded) -> pd.DataFrame:
        """Return the table, shape (n, columns), all numbers and none missing."""
        columns: dict[str, Any] = {}
        for i, name in enumerate(self.states):
            columns[f"s{i}"] = cohort.states[name].to_numpy(np.int64)
        for i, (name, fill) in enumerate(zip(self.numbers, self.fill, strict=True)):
            missing = cohort.missing[name].to_numpy(bool)
            columns[f"m{i}"] = missing.astype(np.int64)
            columns[f"n{i}"] = np.where(missing, fill, cohort.numbers[name].to_numpy(np.float64))
        time = np.where(np.isnan(cohort.time), self.time, cohort.time)
        columns[_SHARE] = np.clip(cohort.gap / time, 0.0, 1.0)
        if self.survival:
            columns[_OUTCOME] = np.searchsorted(self.outcomes, _rest(cohort.pattern))
            columns[_EVENT] = _died(cohort.pattern).astype(np.int64)
            columns[_TIME] = time
        else:
            columns[_OUTCOME] = np.searchsorted(self.outcomes, cohort.pattern.astype(np.int64))
            columns[_TIME] = np.log(time)
        return pd.DataFrame(columns)

    def encoded(self, table: pd.DataFrame) -> Encoded:
        """Return a table of the form of `table`, with any numbers in it, in the model space."""

        def whole(column: str, last: int) -> IntArray:
            values = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
            return np.asarray(np.clip(np.rint(np.nan_to_num(values, nan=last)), 0, last), dtype=np.int64)

        def real(column: str) -> FloatArray:
            return pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)

        states = {
            name: whole(f"s{i}", width - 1).astype(np.int8)
            for i, (name, width) in enumerate(zip(self.states, self.widths, strict=True))
        }
        numbers = {name: real(f"n{i}") for i, name in enumerate(self.numbers)}
        missing = {name: whole(f"m{i}", 1) == 1 for i, name in enumerate(self.numbers)}
        outcome = np.array(self.outcomes)[whole(_OUTCOME, len(self.outcomes) - 1)]
        time = real(_TIME) if self.survival else np.exp(np.clip(real(_TIME), -50.0, 50.0))
        time = np.where(np.isnan(time), self.time, time)
        pattern = _with_event(outcome, whole(_EVENT, 1)) if self.survival else outcome.astype(np.int8)
        time = np.where(_has_no_time(pattern), np.nan, time)
        gap = np.clip(np.nan_to_num(real(_SHARE)), 0.0, 1.0) * np.nan_to_num(time)
        n = len(table)
        return Encoded(
            columns_frame(states, n), columns_frame(numbers, n), columns_frame(missing, n), pattern, time, gap
        )


# The rest of a pattern is the pattern that survivors would have: OS status 0. Of patients without an OS time
# the event says nothing, so their pattern is kept whole.
_KNOWN_OS = np.array([p.times in ("equal", "before", "os") for p in PATTERNS])
_WITH_EVENT = np.array([[PATTERNS.index(p._replace(os_status=e)) if k else i for e in (0, 1)]
                        for i, (p, k) in enumerate(zip(PATTERNS, _KNOWN_OS, strict=True))])  # fmt: skip
_DIED = np.array([p.os_status == 1 for p in PATTERNS]) & _KNOWN_OS
_NO_TIME = np.array([p.times == "none" for p in PATTERNS])


def _rest(pattern: npt.NDArray[np.int8]) -> IntArray:
    return np.asarray(_WITH_EVENT[pattern, 0], dtype=np.int64)


def _died(pattern: npt.NDArray[np.int8]) -> BoolArray:
    return np.asarray(_DIED[pattern])


def _with_event(rest: IntArray, event: IntArray) -> npt.NDArray[np.int8]:
    return _WITH_EVENT[rest, event].astype(np.int8)


def _has_no_time(pattern: npt.NDArray[np.int8]) -> BoolArray:
    return np.asarray(_NO_TIME[pattern])
