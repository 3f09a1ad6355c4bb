"""The network of `nflow`, in torch: one masked network for all columns, their likelihood and its inverse.

Imported only when a flow is fitted, since torch is heavy. The notation is that of `nflow`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from zuko.nn import MaskedLinear, MaskedMLP
from zuko.transforms import MonotonicRQSTransform

_BOUND = 5.0  # splines act on [-5, 5], which holds all scores; beyond they are the identity
_LOG_SCALE = 2.0  # log scales lie within +-2
_LOG_ROOT = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Shape:
    """What a network is built for.

    is_binary : for each of the D columns, whether it is binary.
    thresholds : t_j of the binary columns, in order.
    width : hidden units for each column, 0 for a linear network.
    bins : K, bins of a spline.
    """

    is_binary: tuple[bool, ...]
    thresholds: tuple[float, ...]
    width: int
    bins: int


@dataclass(frozen=True)
class Batch:
    """Training patients: what the network reads, and what it is to find likely; n patients, D columns.

    features : what is known of each column, (n, D).
    sign : -1 for yes, 1 for no, 0 for those for whom it is not drawn, (n, binary).
    scores : (n, numbers).
    has_number : 1 where there is a number, else 0, (n, numbers).
    """

    features: Tensor
    sign: Tensor
    scores: Tensor
    has_number: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: Tensor) -> Batch:
        return Batch(self.features[rows], self.sign[rows], self.scores[rows], self.has_number[rows])


class Network(nn.Module):
    """b, s and theta of every column, from the features of the columns before it.

    Of the outputs the first D are the shifts b, the next M the scales s of the numbers, and the rest their
    theta, 3 K - 1 each. Shifts and scales have a linear part; everything has a hidden layer.
    """

    thresholds: Tensor

    def __init__(self, shape: Shape, generator: torch.Generator) -> None:
        super().__init__()
        is_binary = torch.tensor(shape.is_binary)
        columns = torch.arange(len(is_binary))
        self.binary = columns[is_binary].tolist()
        self.numbers = columns[~is_binary].tolist()
        self._knots = 3 * shape.bins - 1
        owner = torch.cat((columns, columns[~is_binary]))
        all_owners = torch.cat((owner, columns[~is_binary].repeat_interleave(self._knots)))
        # Constructors draw their weights from torch's global state, which `fork_rng` puts back.
        with torch.random.fork_rng(devices=[]):
            self.linear = MaskedLinear(columns < owner[:, None])
            self.hidden: MaskedMLP | None = None
            if shape.width and len(columns) > 1:
                units = shape.width * (len(columns) - 1)
                self.hidden = MaskedMLP(columns < all_owners[:, None], [units], activation=nn.ELU)
        self.spline = nn.Parameter(torch.zeros(len(self.numbers) * self._knots))
        self.register_buffer("thresholds", torch.tensor(shape.thresholds, dtype=torch.float32))
        self._start(generator)

    @torch.no_grad()
    def _start(self, generator: torch.Generator) -> None:
        """Set every output to 0, which makes the flow the identity, and the hidden layer to noise."""
        for parameter in self.parameters():
            parameter.zero_()
        if self.hidden is not None:
            first = self.hidden[0]
            spread = first.mask.sum(dim=1, keepdim=True).clamp(min=1) ** -0.5
            first.weight.copy_(torch.randn(first.weight.shape, generator=generator) * spread)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return b (n, D), s (n, M) and theta (n, M, 3 K - 1)."""
        flat, width, count = self.linear(features), len(self.linear.bias), len(self.numbers)
        theta = self.spline.expand(len(features), -1)
        if self.hidden is not None:
            more = self.hidden(features)
            flat, theta = flat + more[:, :width], theta + more[:, width:]
        shift, scale = flat[:, : width - count], flat[:, width - count :]
        return shift, _bounded(scale), theta.reshape(-1, count, self._knots)

    def log_likelihood(self, batch: Batch, features: Tensor | None = None) -> Tensor:
        """Return the log-likelihood of each patient, (n,); `features` replace those of the batch."""
        shift, scale, theta = self(batch.features if features is None else features)
        inside = torch.special.log_ndtr(batch.sign * (self.thresholds + shift[:, self.binary]))
        total: Tensor = torch.where(batch.sign != 0, inside, 0.0).sum(dim=1)
        if self.numbers:
            residual = torch.exp(scale) * batch.scores + shift[:, self.numbers]
            latent, slope = _spline(theta).call_and_ladj(residual)
            density = -0.5 * latent**2 - _LOG_ROOT + slope + scale
            total = total + (batch.has_number * density).sum(dim=1)
        return total

    def log_prior(self, prior: float, hidden_prior: float) -> Tensor:
        """Return the log-density of the weights, up to a constant; biases have none."""
        total: Tensor = -0.5 * (self.linear.weight / prior).square().sum()
        if self.hidden is not None:
            for layer in self.hidden:
                if isinstance(layer, MaskedLinear):
                    total = total - 0.5 * (layer.weight / hidden_prior).square().sum()
        return total

    def no_units(self, n: int) -> Tensor:
        """Return the hidden units of n patients before any is known, for `invert`."""
        width = 0 if self.hidden is None else self.hidden[0].out_features
        return torch.zeros((n, width), device=self.thresholds.device)

    @torch.no_grad()
    def invert(self, column: int, features: Tensor, latent: Tensor, units: Tensor) -> Tensor:
        """Return x_j of one column for u_j = `latent`, (n,), given the features of those before it.

        To be called for one column after the other, from 0. On the way `units` is filled with the hidden
        units, each when the last column that it reads is known: so each is computed once, not once a column.
        """
        if self.hidden is not None and column:
            first, activation, _ = self.hidden
            ready = (first.mask.sum(dim=1) == column).nonzero()[:, 0].tolist()
            units[:, ready] = activation(_rows(first, features, ready))
        shift = self._outputs(features, units, [column])[:, 0]
        if column not in self.numbers:
            return latent - shift
        width, count, place = len(self.linear.bias), len(self.numbers), self.numbers.index(column)
        scale = _bounded(self._outputs(features, units, [width - count + place])[:, 0])
        first = place * self._knots
        theta = self._outputs(features, units, list(range(width + first, width + first + self._knots)))
        residual: Tensor = _spline(theta).inv(latent)
        return torch.exp(-scale) * (residual - shift)

    def _outputs(self, features: Tensor, units: Tensor, rows: list[int]) -> Tensor:
        """Return some of the outputs of `forward`, all of its linear part or all of the splines."""
        width = len(self.linear.bias)
        outputs: Tensor
        if rows[0] < width:
            outputs = _rows(self.linear, features, rows)
        else:
            outputs = self.spline[[row - width for row in rows]].expand(len(features), -1)
        if self.hidden is not None:
            outputs = outputs + _rows(self.hidden[2], units, rows)
        return outputs


def _rows(layer: MaskedLinear, inputs: Tensor, rows: list[int]) -> Tensor:
    outputs: Tensor = functional.linear(inputs, layer.mask[rows] * layer.weight[rows], layer.bias[rows])
    return outputs


def _bounded(scale: Tensor) -> Tensor:
    return _LOG_SCALE * torch.tanh(scale / _LOG_SCALE)


def _spline(theta: Tensor) -> MonotonicRQSTransform:
    bins = (theta.shape[-1] + 1) // 3
    return MonotonicRQSTransform(
        theta[..., :bins], theta[..., bins : 2 * bins], theta[..., 2 * bins :], bound=_BOUND
    )
