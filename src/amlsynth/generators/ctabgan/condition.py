"""The conditional vector and training by sampling.

Zhao et al. (doi 10.3389/fdata.2023.1296508), section 3.6: a condition fixes one state of one column. While
training the column is drawn uniformly and its state by the logarithm of its frequency, so that the critic
sees rare states often; the real rows of a batch are drawn among those that meet the conditions. When
sampling, states are drawn by their frequency, so that margins are those of the training patients. Columns
that are missing together have the state "missing" in common.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from amlsynth.generators.ctabgan.rows import Block, Layout


class Conditions(NamedTuple):
    """n conditions: shapes (n, width) one-hot at the fixed state, and (n,) position of it."""

    vector: Tensor
    position: Tensor


class ConditionSampler:
    """Draws conditions, and training rows that meet them.

    Parameters
    ----------
    layout : of the rows; without any block there are no conditions, and all rows meet them.
    rows : encoded training patients, shape (n, width).
    generator : the source of randomness, on the device of `rows`.
    """

    def __init__(self, layout: Layout, rows: Tensor, generator: torch.Generator) -> None:
        self._generator, self._width = generator, layout.width
        device = rows.device
        self._n, self._device = len(rows), device
        if not layout.blocks:
            self.by_frequency = self.by_logarithm = torch.zeros(0, 0, device=device)
            return
        # The training rows with each state, one list after the other in the order of the positions.
        positions = [position for block in layout.blocks for position in block.positions]
        held = [torch.nonzero(rows[:, position] > 0.5).flatten() for position in positions]
        lengths = torch.tensor([len(rows) for rows in held], device=device)
        self._held = torch.cat(held)
        self._count = torch.zeros(layout.width, dtype=torch.long, device=device)
        self._start = torch.zeros_like(self._count)
        self._count[positions] = lengths
        self._start[positions] = torch.cumsum(lengths, 0) - lengths
        columns = [_states(layout, block) for block in layout.blocks]
        most = max(len(states) for states in columns)
        self._position = torch.zeros(len(columns), most, dtype=torch.long, device=device)
        counts = torch.zeros(len(columns), most, device=device)
        for i, states in enumerate(columns):
            self._position[i, : len(states)] = torch.tensor(states, device=device)
            counts[i, : len(states)] = self._count[states].to(counts.dtype)
        self.by_frequency = counts / counts.sum(dim=1, keepdim=True)
        logs = torch.log1p(counts)
        self.by_logarithm = logs / logs.sum(dim=1, keepdim=True)

    def draw(self, n: int, *, logarithm: bool, generator: torch.Generator | None = None) -> Conditions:
        """Draw n conditions, states by the logarithm of their frequency or by the frequency itself."""
        source, device = generator or self._generator, self._device
        table = self.by_logarithm if logarithm else self.by_frequency
        if not len(table):
            return Conditions(
                torch.zeros(n, self._width, device=device), torch.zeros(n, dtype=torch.long, device=device)
            )
        column = torch.randint(len(table), (n,), generator=source, device=device)
        state = torch.multinomial(table[column], 1, generator=source).squeeze(1)
        position = self._position[column, state]
        vector = torch.zeros(n, self._width, device=device)
        vector[torch.arange(n, device=device), position] = 1
        return Conditions(vector, position)

    def rows(self, conditions: Conditions) -> Tensor:
        """Return for each condition the index of a training row that meets it, shape (n,)."""
        position = conditions.position
        if not len(self.by_frequency):
            return torch.randint(self._n, (len(position),), generator=self._generator, device=self._device)
        count = self._count[position]
        place = torch.rand(len(position), generator=self._generator, device=count.device) * count
        return self._held[self._start[position] + torch.minimum(place.long(), count - 1)]


def _states(layout: Layout, block: Block) -> list[int]:
    """Return the positions of a column's states, with that of its group's being missing."""
    return block.positions + ([] if block.gate is None else [layout.known_position(block.gate) + 1])
