"""Patients as columns on the real line, for flows: questions with a threshold, and normal scores.

- The discrete part is a sequence of questions: "are these columns missing?" (one for all columns that are
  missing in the same patients), and for a variable with S states S - 1 questions, "is it the most frequent
  state? if not, the next?". The event pattern is such a variable. An answer is a dequantised state (Dinh et
  al., arXiv:1605.08803; Ho et al., arXiv:1902.00275): it stands for the part of the real line above (yes) or
  below (no) a threshold, which holds as much of a standard normal distribution as there are such answers.
- Numbers, time and gap are normal scores, the last two within each event pattern. So marginals are right
  before a flow learns anything; what it learns is the dependence.
- What the dictionary's rules force (no t(8;21) with a normal karyotype) is not asked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amlsynth.generators.building_blocks.normal_scores import NormalScores, score_of
from amlsynth.model_space.encoding import PATTERNS

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]

PATTERN, TIME, GAP = "event pattern", "survival time", "survival gap"  # with blanks, unlike variables
TIMED: Flags = np.array([pattern.times != "none" for pattern in PATTERNS])
GAPPED: Flags = np.array([pattern.times == "before" for pattern in PATTERNS])
_NUMBER_SCALE = 0.5  # gives numbers the spread of a common state's indicator


@dataclass
class Draft:
    """A cohort of n patients, complete or being drawn; all arrays have shape (n,).

    codes : states by variable, the event pattern among them; -1 is not drawn yet, NA the last code.
    missing : whether a variable is NA, for those that may be.
    values : numbers by variable, `TIME` and `GAP` among them; NaN where there is none.
    """

    n: int
    codes: dict[str, Codes]
    missing: dict[str, Flags]
    values: dict[str, Floats]


class Column(ABC):
    """A dimension of the flow: for whom it is drawn, what patients show there, and what the network reads."""

    name: str

    @abstractmethod
    def known(self, draft: Draft) -> Flags:
        """Return for whom the column is drawn, given the columns before it, shape (n,)."""

    def group(self, draft: Draft) -> npt.NDArray[np.int64]:
        """Return the group of each patient within which the column's scores are normal, shape (n,)."""
        return np.zeros(draft.n, dtype=np.int64)

    @abstractmethod
    def feature(self, draft: Draft) -> Floats:
        """Return what a network reads of the column in a complete draft, 0 where it is not known, (n,)."""

    @abstractmethod
    def settle(self, draft: Draft, asked: Flags, scores: Floats) -> Floats:
        """Write drawn scores into the draft, for those asked, and return the feature, shape (n,)."""


class Question(Column):
    """A yes/no question; `share` of the training patients who are asked answer yes.

    On the real line yes is what lies above `threshold`. Networks read the answer, not where in its part of
    the line a score lies.
    """

    share: float

    @property
    def threshold(self) -> float:
        return float(score_of(1 - self.share))

    @abstractmethod
    def answer(self, draft: Draft) -> Flags:
        """Return the answers of a complete draft; those of patients who are not asked count for nothing."""

    @abstractmethod
    def write(self, draft: Draft, asked: Flags, yes: Flags) -> None:
        """Write the answers of those who were asked into the draft."""

    def feature(self, draft: Draft) -> Floats:
        return self._read(self.known(draft), self.answer(draft))

    def settle(self, draft: Draft, asked: Flags, scores: Floats) -> Floats:
        yes = scores > self.threshold
        self.write(draft, asked, yes)
        return self._read(asked, yes)

    def _read(self, asked: Flags, yes: Flags) -> Floats:
        return np.where(asked, yes - self.share, 0.0)


@dataclass
class MissingQuestion(Question):
    """Whether variables that are NA for the same training patients are NA."""

    name: str
    share: float
    variables: tuple[str, ...]

    def known(self, draft: Draft) -> Flags:
        return np.ones(draft.n, dtype=bool)

    def answer(self, draft: Draft) -> Flags:
        return draft.missing[self.variables[0]]

    def write(self, draft: Draft, asked: Flags, yes: Flags) -> None:
        for variable in self.variables:
            draft.missing[variable] = yes


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
class StateQuestion(Question):
    """Whether a variable has the state `code`, for those in whom it has none of the states `before`.

    Who says no to the last question has the state `otherwise`, which is None at the questions before it.
    """

    name: str
    share: float
    variable: str
    code: int
    before: tuple[int, ...]
    otherwise: int | None
    forced: tuple[Forced, ...]

    def known(self, draft: Draft) -> Flags:
        asked = self._present(draft) & ~np.isin(draft.codes[self.variable], self.before)
        for rule in self.forced:
            asked &= draft.codes[rule.when] != rule.is_
        return asked

    def answer(self, draft: Draft) -> Flags:
        return np.asarray(draft.codes[self.variable] == self.code)

    def write(self, draft: Draft, asked: Flags, yes: Flags) -> None:
        codes = draft.codes[self.variable]
        codes[asked & yes] = self.code
        if self.otherwise is not None:
            codes[asked & ~yes] = self.otherwise
        for rule in self.forced:
            codes[self._present(draft) & (draft.codes[rule.when] == rule.is_)] = rule.state

    def _present(self, draft: Draft) -> Flags:
        return ~draft.missing.get(self.variable, np.zeros(draft.n, dtype=bool))


@dataclass
class Number(Column):
    """A number as normal scores, within groups of event patterns if it is an outcome.

    group_of : the group of each event pattern, positions in `groups`; None where all are one.
    """

    name: str
    groups: tuple[NormalScores, ...]
    group_of: npt.NDArray[np.int64] | None = None

    def known(self, draft: Draft) -> Flags:
        if self.name == TIME:
            return TIMED[draft.codes[PATTERN]]
        if self.name == GAP:
            return GAPPED[draft.codes[PATTERN]]
        return ~draft.missing.get(self.name, np.zeros(draft.n, dtype=bool))

    def group(self, draft: Draft) -> npt.NDArray[np.int64]:
        if self.group_of is None:
            return np.zeros(draft.n, dtype=np.int64)
        return self.group_of[draft.codes[PATTERN]]

    def score(self, draft: Draft) -> Floats:
        """Return the normal scores of a complete draft, 0 for whom the column is not drawn, shape (n,)."""
        scores, known, group = np.zeros(draft.n), self.known(draft), self.group(draft)
        for number, distribution in enumerate(self.groups):
            here = known & (group == number)
            scores[here] = distribution.score(draft.values[self.name][here])
        return scores

    def feature(self, draft: Draft) -> Floats:
        return _NUMBER_SCALE * self.score(draft)

    def settle(self, draft: Draft, asked: Flags, scores: Floats) -> Floats:
        values, group = draft.values[self.name], self.group(draft)
        for number, distribution in enumerate(self.groups):
            here = asked & (group == number)
            values[here] = distribution.value(scores[here])
        return np.where(asked, _NUMBER_SCALE * scores, 0.0)
