"""The networks: a convolutional generator and critic over the row as a square, and an auxiliary network.

Zhao et al. (doi 10.3389/fdata.2023.1296508), section 3.2, after Radford et al. (arXiv:1511.06434): rows
are filled up with zeros and folded to a square, on which strided convolutions work. Here the conditional
vector is a second channel of the critic's square, where it marks the very place of the state that it fixes,
and several rows are judged together as further channels (PacGAN, Lin et al., arXiv:1712.04086). Layer
normalisation takes the place of batch normalisation, for batches are drawn otherwise when sampling.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from amlsynth.generators.ctabgan.rows import Layout

_SLOPE = 0.2


def side_of(width: int) -> int:
    """Return the side of the smallest square that holds a row, a multiple of 4 for two halvings."""
    return max(8, 4 * math.ceil(math.sqrt(width) / 4))


def to_square(rows: Tensor, side: int) -> Tensor:
    """Fill rows (n, width) up with zeros and fold them to (n, 1, side, side)."""
    return nn.functional.pad(rows, (0, side * side - rows.shape[1])).view(-1, 1, side, side)


class RowGenerator(nn.Module):
    """From noise (n, noise) and conditions (n, width) to logits and raw scalars (n, width)."""

    def __init__(self, width: int, noise: int, hidden: int, channels: int) -> None:
        super().__init__()
        self._width, self._side = width, side_of(width)
        self._small = self._side // 4
        area = self._small * self._small
        self.dense = nn.Sequential(
            nn.Linear(noise + width, hidden),
            nn.LayerNorm(hidden),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(hidden, 2 * channels * area),
        )
        self.convolutions = nn.Sequential(
            nn.GroupNorm(1, 2 * channels),
            nn.LeakyReLU(_SLOPE),
            nn.ConvTranspose2d(2 * channels, channels, 4, 2, 1),
            nn.GroupNorm(1, channels),
            nn.LeakyReLU(_SLOPE),
            nn.ConvTranspose2d(channels, 1, 4, 2, 1),
        )
        # Each place of the square has an offset of its own, since convolutions treat all places alike.
        self.offset = nn.Parameter(torch.zeros(width))

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        small = self.dense(torch.cat([noise, condition], dim=1))
        square = self.convolutions(small.view(len(noise), -1, self._small, self._small))
        out: Tensor = square.flatten(1)[:, : self._width] + self.offset
        return out


class Critic(nn.Module):
    """From `pac` rows with their conditions, (n, width) each, to n / pac scores and last features."""

    def __init__(self, width: int, hidden: int, channels: int, pac: int) -> None:
        super().__init__()
        self._side, self.pac = side_of(width), pac
        small = self._side // 4
        self.body = nn.Sequential(
            nn.Conv2d(2 * pac, channels, 4, 2, 1),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(channels, 2 * channels, 4, 2, 1),
            nn.GroupNorm(1, 2 * channels),
            nn.LeakyReLU(_SLOPE),
            nn.Flatten(),
            nn.Linear(2 * channels * small * small, hidden),
            nn.LeakyReLU(_SLOPE),
        )
        self.score = nn.Linear(hidden, 1)

    def forward(self, rows: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores, shape (n / pac,), and the features before them, shape (n / pac, hidden)."""
        square = torch.cat([to_square(rows, self._side), to_square(condition, self._side)], dim=1)
        features = self.body(square.view(-1, 2 * self.pac, self._side, self._side))
        return self.score(features).squeeze(1), features


class Auxiliary(nn.Module):
    """The downstream classifier and regressor: predicts the targets from the rest of the row.

    Parameters
    ----------
    layout : of the rows.
    classes : numbers of the blocks to classify.
    numbers : numbers of the columns to regress on.
    hidden : width of the hidden layer.
    """

    def __init__(
        self, layout: Layout, classes: tuple[int, ...], numbers: tuple[int, ...], hidden: int
    ) -> None:
        super().__init__()
        self.classes, self.numbers = classes, numbers
        self._hidden = [p for i in classes for p in layout.blocks[i].positions]
        for i in numbers:
            self._hidden += layout.positions(layout.numbers[i])
        self._sizes = [layout.blocks[i].size for i in classes] + [1] * len(numbers)
        self.body = nn.Sequential(
            nn.Linear(layout.width, hidden), nn.LeakyReLU(_SLOPE), nn.Linear(hidden, sum(self._sizes))
        )

    def forward(self, rows: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return the logits of each class target, and the prediction (n,) of each number."""
        hidden = torch.tensor(self._hidden, device=rows.device)
        parts = list(self.body(rows.index_fill(1, hidden, 0.0)).split(self._sizes, dim=1))
        split = len(self.classes)
        return parts[:split], [part.squeeze(1) for part in parts[split:]]


class Heads:
    """Turns the generator's output into rows: softmax over each block, tanh for scalars.

    States and scalars of a group of columns are multiplied by how far the group is known, so that all of
    them are 0 where it is missing.
    """

    def __init__(self, layout: Layout, device: torch.device) -> None:
        self._layout, self._device = layout, device
        self._scalars = torch.tensor(layout.scalars, dtype=torch.long, device=device)
        most = max((block.size for block in layout.blocks), default=0)
        index = torch.zeros(len(layout.blocks), most, dtype=torch.long)
        padding = torch.ones(len(layout.blocks), most, dtype=torch.bool)
        for i, block in enumerate(layout.blocks):
            index[i, : block.size] = torch.arange(block.start, block.start + block.size)
            padding[i, : block.size] = False
        self._index, self._padding = index.to(device), padding.to(device)
        self._positions = self._index[~self._padding]
        owner = torch.zeros(layout.width, dtype=torch.long)
        for i, block in enumerate(layout.blocks):
            owner[block.slice] = i
        self._owner = owner.to(device)
        # Where "known" is said of the group of each position; behind the row, a 1, for those of no group.
        gate = torch.full((layout.width,), layout.width)
        for block in layout.blocks:
            if block.gate is not None:
                gate[block.slice] = layout.known_position(block.gate)
        for place in layout.numbers:
            if place.gate is not None and place.scalar is not None:
                gate[place.scalar] = layout.known_position(place.gate)
        self._gate = gate.to(device)
        says_missing = torch.zeros(layout.width, dtype=torch.bool)
        for number in layout.gates:
            says_missing[layout.blocks[number].slice] = True
        self._says_missing, self._grouped = says_missing.to(device), bool(layout.gates)

    def _spread(self, output: Tensor) -> Tensor:
        """Return logits as (n, blocks, most states), -inf where a block has fewer."""
        return output[:, self._index].masked_fill(self._padding, -torch.inf)

    def _rows(self, states: Tensor, output: Tensor) -> Tensor:
        rows = torch.zeros_like(output)
        if len(self._positions):
            rows = rows.index_copy(1, self._positions, states[:, ~self._padding])
        rows = rows.index_copy(1, self._scalars, torch.tanh(output[:, self._scalars]))
        if not self._grouped:
            return rows
        return rows * nn.functional.pad(rows, (0, 1), value=1.0)[:, self._gate]

    def probable(self, output: Tensor, tau: float, generator: torch.Generator) -> Tensor:
        """Return rows with the probability of each state in place of a draw.

        Whether a group is missing is drawn as in `relaxed`: it decides on several columns at once, so that
        the product of two columns' probabilities would not be the expected product of their states.
        """
        if self._grouped:
            noisy = (output + gumbel(output, generator)) / tau
            output = torch.where(self._says_missing, noisy, output)
        return self._rows(self._softmax(self._spread(output)), output)

    def relaxed(self, output: Tensor, tau: float, generator: torch.Generator) -> Tensor:
        """Return rows with Gumbel-softmax draws of temperature tau (Jang et al., arXiv:1611.01144)."""
        noisy = self._spread(output + gumbel(output, generator))
        return self._rows(self._softmax(noisy / tau), output)

    def draw(self, output: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return drawn states (n, blocks), by their probabilities, and scalars (n, scalars)."""
        noisy = self._spread(output + gumbel(output, generator))
        codes = noisy.argmax(dim=2) if len(self._positions) else noisy.new_zeros(len(noisy), 0).long()
        return codes, torch.tanh(output[:, self._scalars])

    def log_probability(self, output: Tensor, position: Tensor) -> Tensor:
        """Return the log of the probability of one state of each row, given by its position, shape (n,)."""
        if not len(self._positions):
            return output.new_zeros(len(output))
        within = self._log_share(output, position)
        if not self._grouped:
            return within
        gate = self._gate[position]
        free = gate == output.shape[1]
        known = self._log_share(output, gate.masked_fill(free, int(self._positions[0])))
        return within + known.masked_fill(free, 0.0)

    def _log_share(self, output: Tensor, position: Tensor) -> Tensor:
        """Return the log of the probability of a state within its own block, shape (n,)."""
        rows = torch.arange(len(output), device=output.device)[:, None]
        block = self._owner[position]
        column = output[rows, self._index[block]].masked_fill(self._padding[block], -torch.inf)
        return output.gather(1, position[:, None]).squeeze(1) - column.logsumexp(dim=1)

    @staticmethod
    def _softmax(spread: Tensor) -> Tensor:
        return torch.softmax(spread, dim=2) if spread.shape[1] else spread

    def values(self, rows: Tensor) -> Tensor:
        """Return each column's expected number as standard deviations from its mean, (n, columns).

        What is missing counts as the mean, 0.
        """
        columns = []
        for i, place in enumerate(self._layout.numbers):
            column = place.column
            alpha = rows[:, place.scalar] if place.scalar is not None else rows.new_zeros(len(rows))
            if place.block is None:
                weight = self.known(rows, i)[:, None].expand(-1, column.modes)
            else:
                weight = rows[:, self._layout.blocks[place.block].slice][:, : column.modes]
            at = rows.new_tensor((column.centers - column.mean) / column.deviation)
            step = rows.new_tensor(column.widths / column.deviation)
            columns.append((weight * (at + step * alpha[:, None])).sum(dim=1))
        return torch.stack(columns, dim=1)

    def known(self, rows: Tensor, number: int) -> Tensor:
        """Return the probability that a column's number is there, shape (n,)."""
        place = self._layout.numbers[number]
        if place.block is None and place.gate is not None:
            return rows[:, self._layout.known_position(place.gate)]
        if place.block is None:
            return rows.new_full((len(rows),), float(place.column.modes > 0))
        return rows[:, self._layout.blocks[place.block].slice][:, : place.column.modes].sum(dim=1)


def gumbel(like: Tensor, generator: torch.Generator) -> Tensor:
    """Return standard Gumbel noise of the shape of a tensor."""
    uniform = torch.rand(like.shape, generator=generator, device=like.device)
    tiny = torch.finfo(uniform.dtype).tiny
    return -torch.log(-torch.log(uniform.clamp(tiny, 1 - 1e-7)))


def initialise(module: nn.Module, generator: torch.Generator, device: torch.device) -> None:
    """Give a module made on the meta device its weights, from `generator` and nothing global."""
    module.to_empty(device=device)
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            # A transposed convolution of kernel 4 and stride 2 sums over 4 places of each channel.
            transposed = isinstance(part, nn.ConvTranspose2d)
            fan = 4 * part.weight.shape[0] if transposed else part.weight[0].numel()
            nn.init.normal_(part.weight, 0.0, 1 / math.sqrt(fan), generator=generator)
        elif isinstance(part, (nn.LayerNorm, nn.GroupNorm)):
            nn.init.ones_(part.weight)
