"""Corrections of the generator's margins before sampling: small shifts that undo its systematic errors.

States: an offset for every logit makes the expected share of each state that of the training patients.
Numbers: an emitted number is replaced by the training patients' quantile of its rank among emitted
numbers (inverse CDF); time within the event pattern, the gap within parts of the time as well.
They are this project's addition to CTAB-GAN+; the parameter `calibrate` turns them off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from amlsynth.foundation.types import FloatArray, IntArray
from amlsynth.generators.building_blocks.scales import from_real_line
from amlsynth.generators.ctabgan.rows import BEFORE, Layout, RowEncoder, outcome_scales
from amlsynth.model_space.encoding import Encoded

LEAST = 20  # patients of a group of which the quantiles are taken apart from the others
_ROUNDS = 12
_MOST_KNOTS = 400
_MOST_PARTS = 8
_LEAST_LOGIT = -30.0  # below the largest; a state less likely than that never comes


def state_offsets(output: Tensor, layout: Layout, wanted: Tensor) -> Tensor:
    """Return what to add to the generator's output, shape (width,), so that shares are as wanted.

    Parameters
    ----------
    output : the generator's output for many draws of noise and condition, shape (m, width).
    wanted : the share of each state, shape (width,).
    """
    offsets = torch.zeros(layout.width, device=output.device)
    if not layout.blocks:
        return offsets
    states = [p for block in layout.blocks for p in block.positions]
    # Sums over each block by a product with the blocks' indicators; the softmax of each round needs no more.
    member = torch.zeros(len(states), len(layout.blocks), device=output.device)
    place = 0
    for i, block in enumerate(layout.blocks):
        member[place : place + block.size, i] = 1
        place += block.size
    highest = torch.stack([output[:, block.slice].amax(dim=1) for block in layout.blocks], dim=1)
    weight = torch.exp((output[:, states] - highest @ member.T).clamp(min=_LEAST_LOGIT))
    # States of a group's columns are there as far as the group is known; for others, a 1 behind the states.
    place_of = {position: i for i, position in enumerate(states)}
    gate = [
        len(states) if block.gate is None else place_of[layout.known_position(block.gate)]
        for block in layout.blocks
        for _ in block.positions
    ]
    target, shift = wanted[states], torch.zeros(len(states), device=output.device)
    for _ in range(_ROUNDS):
        scaled = weight * shift.exp()
        probability = scaled / (scaled @ member @ member.T)
        share = (probability * torch.nn.functional.pad(probability, (0, 1), value=1.0)[:, gate]).mean(dim=0)
        shift += torch.log(target / share).clamp(-2.0, 2.0)
        shift -= (shift @ member / member.sum(dim=0)) @ member.T  # only differences within a block matter
    offsets[states] = shift
    return offsets


def before_implications(wanted: Tensor, drawn: Encoded, decoded: Encoded, encoder: RowEncoder) -> Tensor:
    """Return the shares, shape (width,), to draw so that those after decoding are as wanted.

    Decoding carries out implications such as "a normal karyotype has no t(8;21)", which takes some of the
    rare states away. What is kept of each state is estimated on the same draws before and after.

    Parameters
    ----------
    wanted : the share of each state after decoding, shape (width,).
    drawn, decoded : the same draws before and after decoding.
    """
    adjusted = wanted.clone()
    for block in encoder.layout.blocks:
        if block.name not in drawn.states:
            continue
        states = encoder.states(block.name)
        before, after = (
            (cohort.states[block.name].to_numpy()[:, None] == states).mean(axis=0)
            for cohort in (drawn, decoded)
        )
        kept = np.divide(after, before, out=np.ones(len(states)), where=(before > 0) & (after > 0))
        ratio = torch.from_numpy(np.clip(kept, 0.25, 4.0)).to(wanted)
        part = wanted[block.slice] / ratio
        adjusted[block.slice] = part / part.sum() * wanted[block.slice].sum()
    return adjusted


@dataclass(frozen=True)
class _Quantiles:
    emitted: FloatArray
    wanted: FloatArray

    @classmethod
    def of(cls, emitted: FloatArray, wanted: FloatArray) -> _Quantiles:
        probabilities = (np.arange(_MOST_KNOTS) + 0.5) / _MOST_KNOTS
        left = np.quantile(emitted, probabilities)
        # Equal knots, of a generator that emits one number often, would not be a function.
        left += np.arange(_MOST_KNOTS) * (1e-9 * max(1.0, float(np.ptp(left))))
        return cls(left, np.quantile(wanted, probabilities))

    def __call__(self, values: FloatArray) -> FloatArray:
        return np.interp(values, self.emitted, self.wanted)


class NumberCorrection:
    """Inverse-CDF correction of every column of numbers, time and gap.

    Time is corrected within the event pattern, and the gap's share of it within parts of the corrected
    time as well, since event-free survival is made of the two.

    Parameters
    ----------
    emitted : a large sample of the generator's.
    train : the training patients.
    """

    def __init__(self, emitted: Encoded, train: Encoded) -> None:
        self._numbers: dict[str, _Quantiles] = {}
        for name in train.numbers:
            ours = train.numbers[name].to_numpy(np.float64)[~train.missing[name].to_numpy()]
            theirs = emitted.numbers[name].to_numpy(np.float64)[~emitted.missing[name].to_numpy()]
            if len(theirs) and len(ours) and np.ptp(ours) > 0:
                self._numbers[str(name)] = _Quantiles.of(theirs, ours)
        their_time, their_share = outcome_scales(emitted)
        our_time, our_share = outcome_scales(train)
        self._time = _Grouped(their_time, our_time, emitted.pattern, train.pattern)
        self._edges = _time_edges(our_time, train.pattern)
        self._share = _Grouped(
            their_share,
            our_share,
            self._part(self._time(their_time, emitted.pattern), emitted.pattern),
            self._part(our_time, train.pattern),
        )

    def __call__(self, drawn: Encoded) -> Encoded:
        numbers = drawn.numbers.copy()
        for name, quantiles in self._numbers.items():
            numbers[name] = quantiles(numbers[name].to_numpy(np.float64))
        log_time, share = outcome_scales(drawn)
        log_time = self._time(log_time, drawn.pattern)
        share = self._share(share, self._part(log_time, drawn.pattern))
        time, gap = from_real_line(log_time, share)
        return replace(drawn, numbers=numbers, time=time, gap=np.where(np.isnan(share), 0.0, gap))

    def _part(self, log_time: FloatArray, pattern: npt.NDArray[np.int8]) -> IntArray:
        """Return the group within which the gap is corrected: event pattern and part of the time."""
        group = pattern.astype(np.int64) * _MOST_PARTS
        for code, edges in self._edges.items():
            mine = pattern == code
            group[mine] += np.searchsorted(edges, log_time[mine])
        return group


class _Grouped:
    """Quantiles within groups, and over all patients for groups of few."""

    def __init__(
        self,
        emitted: FloatArray,
        wanted: FloatArray,
        their_group: npt.NDArray[np.integer],
        our_group: npt.NDArray[np.integer],
    ) -> None:
        theirs, ours = ~np.isnan(emitted), ~np.isnan(wanted)
        self._overall: _Quantiles | None = None
        self._groups: dict[int, _Quantiles] = {}
        if not theirs.any() or not ours.any():
            return
        self._overall = _Quantiles.of(emitted[theirs], wanted[ours])
        for group in np.unique(our_group[ours]):
            emitted_of_group, wanted_of_group = theirs & (their_group == group), ours & (our_group == group)
            if min(emitted_of_group.sum(), wanted_of_group.sum()) >= LEAST:
                self._groups[int(group)] = _Quantiles.of(emitted[emitted_of_group], wanted[wanted_of_group])

    def __call__(self, values: FloatArray, group: npt.NDArray[np.integer]) -> FloatArray:
        """Return the corrected values; NaN stays NaN."""
        corrected = values if self._overall is None else self._overall(values)
        for code, quantiles in self._groups.items():
            mine = group == code
            corrected[mine] = quantiles(values[mine])
        return np.where(np.isnan(values), np.nan, corrected)


def _time_edges(log_time: FloatArray, pattern: npt.NDArray[np.int8]) -> dict[int, FloatArray]:
    """Return where the time of each event pattern is parted, into parts of at least `LEAST` patients."""
    edges = {}
    for code in BEFORE:
        known = log_time[(pattern == code) & ~np.isnan(log_time)]
        parts = min(_MOST_PARTS, len(known) // LEAST)
        if parts > 1:
            edges[code] = np.quantile(known, np.arange(1, parts) / parts)
    return edges
