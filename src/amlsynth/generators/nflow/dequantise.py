"""Patients as columns on the real line, for flows: binary columns with a threshold, and normal scores.

- The discrete part is a sequence of binary columns: "are these variables missing?" (one for all that are
  missing in the same patients), and for a variable with S states S - 1 columns, "is it the most frequent
  state? if not, the next?". The event pattern is such a variable. Yes or no is a dequantised state (Dinh et
  al., arXiv:1605.08803; Ho et al., arXiv:1902.00275): it stands for the part of the real line above (yes) or
  below (no) a threshold, which holds as much of a standard normal distribution as there are such patients.
- Numbers, time and gap are normal scores, the last two within each event pattern. So marginals are right
  before a flow learns anything; what it learns is the dependence.
- What the dictionary's rules force (no t(8;21) with a normal karyotype) is not drawn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amlsynth.foundation.types import BoolArray, FloatArray, IntArray
from amlsynth.generators.building_blocks.normal_scores import NormalScores, score_of
from amlsynth.model_space.encoding import PATTERNS

Codes = npt.NDArray[np.int8]

PATTERN, TIME, GAP = "event pattern", "survival time", "survival gap"  # with blanks, unlike variables
TIMED: BoolArray = np.array([pattern.times != "none" for pattern in PATTERNS])
GAPPED: BoolArray = np.array([pattern.times == "before" for pattern in PATTERNS])
_NUMBER_SCALE = 0.5  # gives numbers the spread of a common state's indicator


@dataclass
class PartialSample:
    """A cohort of n patients, complete or being drawn; all arrays have shape (n,).

    codes : states by variable, the event pattern among them; -1 is not drawn yet, NA the last code.
    missing : whether a variable is NA, for those that may be.
    values : numbers by variable, `TIME` and `GAP` among them; NaN where there is none.
    """

    n: int
    codes: dict[str, Codes]
    missing: dict[str, BoolArray]
    values: dict[str, FloatArray]


class Column(ABC):
    """A dimension of the flow: for whom it is drawn, what patients show there, and what the network reads."""

    name: str

    @abstractmethod
    def known(self, sample: PartialSample) -> BoolArray:
        """Return for whom the column is drawn, given the columns before it, shape (n,)."""

    def group(self, sample: PartialSample) -> IntArray:
        """Return the group of each patient within which the column's scores are normal, shape (n,)."""
        return np.zeros(sample.n, dtype=np.int64)

    @abstractmethod
    def feature(self, sample: PartialSample) -> FloatArray:
        """Return what a network reads of the column in a complete sample, 0 where it is not known, (n,)."""

    @abstractmethod
    def write(self, sample: PartialSample, drawn: BoolArray, scores: FloatArray) -> FloatArray:
        """Write drawn scores into the sample, for those `drawn`, and return the feature, shape (n,)."""


class BinaryColumn(Column):
    """A yes/no column; it is yes in `share` of the training patients for whom it is drawn.

    On the real line yes is what lies above `threshold`. Networks read yes or no, not where in its part of
    the line a score lies.
    """

    share: float

    @property
    def threshold(self) -> float:
        return float(score_of(1 - self.share))

    @abstractmethod
    def is_yes(self, sample: PartialSample) -> BoolArray:
        """Return who is yes in a complete sample; patients for whom it is not drawn count for nothing."""

    @abstractmethod
    def write_states(self, sample: PartialSample, drawn: BoolArray, yes: BoolArray) -> None:
        """Write yes and no into the sample, for those `drawn`."""

    def feature(self, sample: PartialSample) -> FloatArray:
        return self._read(self.known(sample), self.is_yes(sample))

    def write(self, sample: PartialSample, drawn: BoolArray, scores: FloatArray) -> FloatArray:
        yes = scores > self.threshold
        self.write_states(sample, drawn, yes)
        return self._read(drawn, yes)

    def _read(self, drawn: BoolArray, yes: BoolArray) -> FloatArray:
        return np.where(drawn, yes - self.share, 0.0)


@dataclass
class MissingColumn(BinaryColumn):
    """Whether variables that are NA for the same training patients are NA."""

    name: str
    share: float
    variables: tuple[str, ...]

    def known(self, sample: PartialSample) -> BoolArray:
        return np.ones(sample.n, dtype=bool)

    def is_yes(self, sample: PartialSample) -> BoolArray:
        return sample.missing[self.variables[0]]

    def write_states(self, sample: PartialSample, drawn: BoolArray, yes: BoolArray) -> None:
        for variable in self.variables:
            sample.missing[variable] = yes


@dataclass(frozen=True)
class Forced:
    """A rule of the dictionary: where `when` has the state `is_`, `variable` has the state `state`."""

    when: str
    is_: int
    variable: str
    state: int

    def turned(self) -> Forced:
        """Return the same rule for two variables of two states, read from its end."""
        return Forced(self.variable, 1 - self.state, self.when, 1 - self.is_)


@dataclass
class StateColumn(BinaryColumn):
    """Whether a variable has the state `code`, for those in whom it has none of the states `before`.

    Who is no in the last column has the state `otherwise`, which is None in the columns before it.
    """

    name: str
    share: float
    variable: str
    code: int
    before: tuple[int, ...]
    otherwise: int | None
    forced: tuple[Forced, ...]

    def known(self, sample: PartialSample) -> BoolArray:
        drawn = self._present(sample) & ~np.isin(sample.codes[self.variable], self.before)
        for rule in self.forced:
            drawn &= sample.codes[rule.when] != rule.is_
        return drawn

    def is_yes(self, sample: PartialSample) -> BoolArray:
        return np.asarray(sample.codes[self.variable] == self.code)

    def write_states(self, sample: PartialSample, drawn: BoolArray, yes: BoolArray) -> None:
        codes = sample.codes[self.variable]
        codes[drawn & yes] = self.code
        if self.otherwise is not None:
            codes[drawn & ~yes] = self.otherwise
        for rule in self.forced:
            codes[self._present(sample) & (sample.codes[rule.when] == rule.is_)] = rule.state

    def _present(self, sample: PartialSample) -> BoolArray:
        return ~sample.missing.get(self.variable, np.zeros(sample.n, dtype=bool))


@dataclass
class Number(Column):
    """A number as normal scores, within groups of event patterns if it is an outcome.

    group_of : the group of each event pattern, positions in `groups`; None where all are one.
    """

    name: str
    groups: tuple[NormalScores, ...]
    group_of: IntArray | None = None

    def known(self, sample: PartialSample) -> BoolArray:
        if self.name == TIME:
            return TIMED[sample.codes[PATTERN]]
        if self.name == GAP:
            return GAPPED[sample.codes[PATTERN]]
        return ~sample.missing.get(self.name, np.zeros(sample.n, dtype=bool))

    def group(self, sample: PartialSample) -> IntArray:
        if self.group_of is None:
            return np.zeros(sample.n, dtype=np.int64)
        return self.group_of[sample.codes[PATTERN]]

    def score(self, sample: PartialSample) -> FloatArray:
        """Return the normal scores of a complete sample, 0 for whom the column is not drawn, shape (n,)."""
        scores, known, group = np.zeros(sample.n), self.known(sample), self.group(sample)
        for number, distribution in enumerate(self.groups):
            rows = known & (group == number)
            scores[rows] = distribution.score(sample.values[self.name][rows])
        return scores

    def feature(self, sample: PartialSample) -> FloatArray:
        return _NUMBER_SCALE * self.score(sample)

    def write(self, sample: PartialSample, drawn: BoolArray, scores: FloatArray) -> FloatArray:
        values, group = sample.values[self.name], self.group(sample)
        for number, distribution in enumerate(self.groups):
            rows = drawn & (group == number)
            values[rows] = distribution.value(scores[rows])
        return np.where(drawn, _NUMBER_SCALE * scores, 0.0)
