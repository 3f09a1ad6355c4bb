"""Corrections of the generator's margins before sampling: small shifts that undo its systematic errors.

States: an offset for every logit makes the expected share of each state that of the training patients.
Numbers: an emitted number is replaced by the training patients' quantile of its rank among emitted
numbers (inverse CDF), within the event pattern for time and gap. Both keep ranks and associations.
They are this project's addition to CTAB-GAN+; the parameter `calibrate` turns them off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from amlsynth.encoding import PATTERNS, Encoded
from amlsynth.generators.ctabgan.networks import Heads
from amlsynth.generators.ctabgan.rows import Layout, RowEncoder, outcome_scales
from amlsynth.generators.ctabgan.transforms import Floats
from amlsynth.generators.scales import from_real_line

LEAST = 20  # patients of an event pattern of which the quantiles are taken apart from the others
_ROUNDS = 12
_MOST_KNOTS = 400


def state_offsets(output: Tensor, layout: Layout, heads: Heads, wanted: Tensor) -> Tensor:
    """Return what to add to the generator's output, shape (width,), so that shares are as wanted.

    Parameters
    ----------
    output : the generator's output for many draws of noise and condition, shape (m, width).
    wanted : the share of each state, shape (width,).
    """
    offsets = torch.zeros(layout.width, device=output.device)
    states = torch.tensor([p for b in layout.blocks for p in b.positions], device=output.device)
    for _ in range(_ROUNDS):
        share = heads.probable(output + offsets).mean(dim=0)[states]
        offsets[states] += torch.log(wanted[states] / share.clamp(min=1e-8)).clamp(-2.0, 2.0)
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
        adjusted[block.slice] = part / part.sum()
    return adjusted


@dataclass(frozen=True)
class _Quantiles:
    emitted: Floats
    wanted: Floats

    @classmethod
    def of(cls, emitted: Floats, wanted: Floats) -> _Quantiles:
        probabilities = (np.arange(_MOST_KNOTS) + 0.5) / _MOST_KNOTS
        left = np.quantile(emitted, probabilities)
        # Equal knots, of a generator that emits one number often, would not be a function.
        left += np.arange(_MOST_KNOTS) * (1e-9 * max(1.0, float(np.ptp(left))))
        return cls(left, np.quantile(wanted, probabilities))

    def __call__(self, values: Floats) -> Floats:
        return np.interp(values, self.emitted, self.wanted)


class NumberCorrection:
    """Inverse-CDF correction of every column of numbers, time and gap.

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
        self._outcome = [
            _by_pattern(theirs, ours, emitted.pattern, train.pattern)
            for theirs, ours in zip(outcome_scales(emitted), outcome_scales(train), strict=True)
        ]

    def __call__(self, drawn: Encoded) -> Encoded:
        numbers = drawn.numbers.copy()
        for name, quantiles in self._numbers.items():
            numbers[name] = quantiles(numbers[name].to_numpy(np.float64))
        log_time, share = outcome_scales(drawn)
        for values, corrections in zip((log_time, share), self._outcome, strict=True):
            for pattern, quantiles in corrections.items():
                mine = (drawn.pattern == pattern) & ~np.isnan(values)
                values[mine] = quantiles(values[mine])
        time, gap = from_real_line(log_time, share)
        return replace(drawn, numbers=numbers, time=time, gap=np.where(np.isnan(share), 0.0, gap))


def _by_pattern(
    emitted: Floats, wanted: Floats, their_pattern: npt.NDArray[np.int8], our_pattern: npt.NDArray[np.int8]
) -> dict[int, _Quantiles]:
    """Return the quantiles within each event pattern, and over all for patterns of few patients."""
    theirs, ours = ~np.isnan(emitted), ~np.isnan(wanted)
    if not theirs.any() or not ours.any():
        return {}
    overall = _Quantiles.of(emitted[theirs], wanted[ours])
    found = {}
    for pattern in range(len(PATTERNS)):
        here, there = theirs & (their_pattern == pattern), ours & (our_pattern == pattern)
        enough = min(here.sum(), there.sum()) >= LEAST
        found[pattern] = _Quantiles.of(emitted[here], wanted[there]) if enough else overall
    return found
