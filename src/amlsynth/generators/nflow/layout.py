"""Which columns a flow draws for a cohort, in which order, and how drawn columns become a cohort again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.types import BoolArray, FloatArray
from amlsynth.generators.building_blocks.normal_scores import NormalScores
from amlsynth.generators.building_blocks.order import synthesis_order
from amlsynth.generators.building_blocks.scales import from_real_line, to_real_line
from amlsynth.generators.nflow.dequantise import (
    GAP,
    GAPPED,
    PATTERN,
    TIME,
    TIMED,
    Codes,
    Column,
    Forced,
    MissingColumn,
    Number,
    PartialSample,
    StateColumn,
)
from amlsynth.model_space.encoding import (
    PATTERNS,
    Encoded,
    Pattern,
    binary_state,
    columns_frame,
    number_variables,
    state_variables,
)

_DIED_LATER = PATTERNS.index(Pattern(1, 1, "before"))
_UNKNOWN = -1  # a state that has not been drawn yet
_LEAST_GAP = 1e-6  # so that every threshold is finite
_FEWEST = 20  # patients in an event pattern, at least, for a distribution of its own


class Layout:
    """The columns of a training cohort, in the order in which a flow draws them.

    Missingness first, then age, disease and karyotype, alterations from frequent to rare, laboratory values,
    response, event pattern, survival time, gap. What was constant in training is not drawn.

    Attributes
    ----------
    columns : binary ones and numbers; there may be none.
    """

    def __init__(self, train: Encoded, d: Dictionary) -> None:
        self._dictionary = d
        self._two_steps = int((train.pattern == _DIED_LATER).sum()) >= _FEWEST
        complete = self.sample_of(train)
        self._constant_missing = {name: flags[0] for name, flags in complete.missing.items() if _same(flags)}
        self._constant_codes: dict[str, int] = {}
        self.columns: list[Column] = list(self._missing_columns(complete))
        drawn: list[str] = []
        for name in [*self._order(complete), PATTERN]:
            if name in complete.codes:
                self.columns += self._state_columns(name, complete, drawn)
                drawn.append(name)
            elif not complete.missing[name].all():
                self.columns.append(self._number(name, complete))
        for name, flags in ((TIME, TIMED), (GAP, GAPPED)):
            if flags[complete.codes[PATTERN]].any():
                self.columns.append(self._outcome(name, complete, flags))

    def sample_of(self, encoded: Encoded) -> PartialSample:
        """Return an encoded cohort as a complete sample."""
        states = state_variables(self._dictionary)
        codes = {v.name: encoded.states[v.name].to_numpy(np.int8).copy() for v in states}
        missing = {v.name: codes[v.name] == len(v.values) for v in states}
        values: dict[str, FloatArray] = {}
        for variable in number_variables(self._dictionary):
            values[variable.name] = encoded.numbers[variable.name].to_numpy(np.float64).copy()
            missing[variable.name] = encoded.missing[variable.name].to_numpy(bool)
        codes[PATTERN] = encoded.pattern.copy()
        values[TIME], values[GAP] = self._to_real_line(encoded)
        return PartialSample(len(encoded), codes, missing, values)

    def empty_sample(self, n: int) -> PartialSample:
        """Return a sample of n patients in which only what was constant in training is known."""
        variables = state_variables(self._dictionary)
        codes = {v.name: np.full(n, _UNKNOWN, dtype=np.int8) for v in variables}
        codes[PATTERN] = np.full(n, _UNKNOWN, dtype=np.int8)
        for name, code in self._constant_codes.items():
            codes[name][:] = code
        missing = {name: np.full(n, flag) for name, flag in self._constant_missing.items()}
        numbers = [v.name for v in number_variables(self._dictionary)]
        values = {name: np.full(n, np.nan) for name in (*numbers, TIME, GAP)}
        return PartialSample(n, codes, missing, values)

    def encoded(self, sample: PartialSample) -> Encoded:
        """Return a sample in which every column was drawn as an encoded cohort."""
        states = {}
        for variable in state_variables(self._dictionary):
            na = len(variable.values)
            codes = np.where(sample.missing[variable.name], na, sample.codes[variable.name])
            states[variable.name] = codes.astype(np.int8)
        names = [v.name for v in number_variables(self._dictionary)]
        time, gap = self._from_real_line(sample)
        return Encoded(
            states=columns_frame(states, sample.n),
            numbers=columns_frame({name: np.nan_to_num(sample.values[name]) for name in names}, sample.n),
            missing=columns_frame({name: sample.missing[name] for name in names}, sample.n),
            pattern=sample.codes[PATTERN],
            time=time,
            gap=gap,
        )

    def _missing_columns(self, complete: PartialSample) -> list[MissingColumn]:
        alike: dict[bytes, list[str]] = {}
        for name, flags in complete.missing.items():
            if name not in self._constant_missing:
                alike.setdefault(flags.tobytes(), []).append(name)
        columns = [
            MissingColumn(f"missing: {names[0]}", float(complete.missing[names[0]].mean()), tuple(names))
            for names in alike.values()
        ]
        return sorted(columns, key=lambda column: -column.share)

    def _order(self, complete: PartialSample) -> list[str]:
        """Return states and numbers in the order of drawing."""
        states = {v.name: complete.codes[v.name] for v in state_variables(self._dictionary)}
        numbers = (v.name for v in number_variables(self._dictionary))
        return synthesis_order(states, numbers, self._dictionary)

    def _state_columns(self, name: str, complete: PartialSample, drawn: Sequence[str]) -> list[StateColumn]:
        codes = complete.codes[name]
        present = codes[~complete.missing[name]] if name in complete.missing else codes
        counts = np.bincount(present, minlength=1) if len(present) else np.zeros(1, dtype=np.int64)
        by_frequency = sorted((int(code) for code in np.flatnonzero(counts)), key=lambda c: -counts[c])
        if len(by_frequency) < 2:
            self._constant_codes[name] = by_frequency[0] if by_frequency else 0
            return []
        forced = tuple(
            rule for rule in _forced(self._dictionary) if rule.variable == name and rule.when in drawn
        )
        columns: list[StateColumn] = []
        for place, code in enumerate(by_frequency[:-1]):
            before = tuple(by_frequency[:place])
            last = by_frequency[-1] if place == len(by_frequency) - 2 else None
            if place == 0 and last is not None and name != PATTERN:
                code, last = last, code  # of two states, yes is the rarer one
            column = StateColumn(f"{name}: {code}", 0.5, name, code, before, last, forced)
            known = column.known(complete)
            if known.any():
                share = float(column.is_yes(complete)[known].mean())
                column.share = float(np.clip(share, _LEAST_GAP, 1 - _LEAST_GAP))
            columns.append(column)
        return columns

    def _number(self, name: str, complete: PartialSample) -> Number:
        variable = self._dictionary[name]
        values = complete.values[name][~complete.missing[name]]
        assert variable.minimum is not None and variable.maximum is not None
        scores = NormalScores(values, 10.0**-variable.decimals, variable.minimum, variable.maximum)
        return Number(name, (scores,))

    def _outcome(self, name: str, complete: PartialSample, timed: BoolArray) -> Number:
        """Return an outcome in groups: each event pattern with enough patients, and the others together."""
        pattern, values = complete.codes[PATTERN], complete.values[name]
        known = timed[pattern]
        counts = np.bincount(pattern[known], minlength=len(PATTERNS))
        common = np.flatnonzero(counts >= _FEWEST)
        group_of = np.zeros(len(PATTERNS), dtype=np.int64)
        group_of[common] = np.arange(1, len(common) + 1)
        alike = known & ~self._in_two_steps(pattern)  # one scale
        pooled = alike if alike.any() else known
        tiny = 1e-6  # of a logarithm or logit: only equal values are spread
        groups = [NormalScores(values[pooled], tiny)]
        groups += [NormalScores(values[known & (pattern == code)], tiny) for code in common]
        return Number(name, tuple(groups), group_of)

    def _in_two_steps(self, pattern: Codes) -> BoolArray:
        return np.asarray((pattern == _DIED_LATER) & self._two_steps)

    def _to_real_line(self, encoded: Encoded) -> tuple[FloatArray, FloatArray]:
        """Return time and gap on scales without bounds, shapes (n,).

        Who died after an event went two steps, as in an illness-death model: the log of the time to the
        event, and the log of the gap. For the others it is the log of the time of follow-up, and the logit of
        the share of it after an event. NaN where there is none.
        """
        first, second = to_real_line(encoded.time, encoded.gap)
        steps = self._in_two_steps(encoded.pattern)
        # Who died on the day of the event is in another pattern, so that both are positive.
        first[steps] = np.log(encoded.time[steps] - encoded.gap[steps])
        second[steps] = np.log(encoded.gap[steps])
        return first, second

    def _from_real_line(self, sample: PartialSample) -> tuple[FloatArray, FloatArray]:
        """Return time and gap in months: the inverse of `_to_real_line`; 0 where there is no gap."""
        pattern, second = sample.codes[PATTERN], np.nan_to_num(sample.values[GAP])
        time, gap = from_real_line(sample.values[TIME], second)
        steps = self._in_two_steps(pattern)
        gap[steps] = np.exp(second[steps])
        time[steps] += gap[steps]
        return time, np.where(GAPPED[pattern], gap, 0.0)


def _forced(d: Dictionary) -> list[Forced]:
    """Return the rules between two covariates of two states, each read from both ends."""
    names = {v.name for v in state_variables(d)}
    forced = []
    for case in d.rule_cases:
        when, then = (binary_state(side, d) for side in (case.when, case.require))
        if when is None or then is None or case.rule.severity.synthetic != "error":
            continue
        rule = Forced(when[0].name, when[1], then[0].name, then[1])
        if rule.when in names and rule.variable in names:
            forced += [rule, rule.turned()]
    return forced


def _same(flags: BoolArray) -> bool:
    return bool(flags.all() or not flags.any())
