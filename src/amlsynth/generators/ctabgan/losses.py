"""The losses of CTAB-GAN+ (Zhao et al., doi 10.3389/fdata.2023.1296508, sections 3.2 and 3.7), and one more.

The critic minimises ``E[D(fake)] - E[D(real)] + lambda * penalty`` (Gulrajani et al., arXiv:1704.00028).
The generator minimises ``-E[D(fake)]`` plus, each with a weight, the information loss, the downstream loss
and the loss of the condition. `Moments` is this project's addition: the information loss compares
moments of the critic's features; the moments of the rows themselves are known exactly beforehand.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from amlsynth.generators.ctabgan.networks import Auxiliary, Critic, Heads
from amlsynth.generators.ctabgan.rows import Layout


def gradient_penalty(
    critic: Critic, real: Tensor, fake: Tensor, condition: Tensor, generator: torch.Generator
) -> Tensor:
    """Return ``E[(|grad D(x)| - 1)^2]`` for x between real and fake rows of shape (n, width).

    The norm is over all rows that the critic judges together.
    """
    groups = len(real) // critic.pac
    share = torch.rand(groups, 1, generator=generator, device=real.device)
    share = share.repeat_interleave(critic.pac, dim=0)
    between = (share * real + (1 - share) * fake).requires_grad_(True)
    score, _ = critic(between, condition)
    gradient: Tensor
    (gradient,) = torch.autograd.grad(score.sum(), between, create_graph=True)
    norm = torch.sqrt((gradient.reshape(groups, -1) ** 2).sum(dim=1) + 1e-12)
    penalty: Tensor = ((norm - 1) ** 2).mean()
    return penalty


def information_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return the distances of means and of standard deviations of the critic's features, (n, features)."""
    first = torch.linalg.vector_norm(real.mean(dim=0) - fake.mean(dim=0))
    second = torch.linalg.vector_norm(_deviation(real) - _deviation(fake))
    distance: Tensor = first + second
    return distance


def _deviation(features: Tensor) -> Tensor:
    return torch.sqrt(features.var(dim=0) + 1e-8)


def condition_loss(heads: Heads, output: Tensor, position: Tensor) -> Tensor:
    """Return the mean cross-entropy between the generator's states and those that its conditions fix.

    Parameters
    ----------
    output : the generator's output, shape (n, width).
    position : which state each condition fixes, shape (n,).
    """
    return -heads.log_probability(output, position).mean()


def downstream_loss(auxiliary: Auxiliary, heads: Heads, layout: Layout, rows: Tensor) -> Tensor:
    """Return how badly the auxiliary network predicts the targets of rows (n, width) from their rest.

    Cross-entropy for each class target, squared error of each number target (in standard deviations)
    over the rows that have the number. The auxiliary network minimises it on real rows, the generator
    on fake ones, so that fake targets fit their rows.
    """
    classes, numbers = auxiliary(rows)
    loss = rows.new_zeros(())
    for i, logits in zip(auxiliary.classes, classes, strict=True):
        loss = loss + cross_entropy(logits, rows[:, layout.blocks[i].slice])
    if numbers:
        values = heads.values(rows)
        for i, predicted in zip(auxiliary.numbers, numbers, strict=True):
            known = heads.known(rows, i)
            wrong = known * (predicted - values[:, i]) ** 2
            loss = loss + wrong.sum() / known.sum().clamp(min=1.0)
    return loss


class Moments:
    """How far first moments and pairwise correlations of generated rows are from the training rows'.

    Works on probabilities in place of draws: given the noise and what groups are missing, columns are drawn
    independently, so that the product of two columns' probabilities is the expected product of their states.

    Parameters
    ----------
    rows : encoded training patients, shape (n, width).
    prior : patients' worth by which variances are enlarged, so that a state of one patient counts little.
    """

    def __init__(self, layout: Layout, heads: Heads, rows: Tensor, prior: float) -> None:
        self._heads = heads
        states = [p for block in layout.blocks for p in block.positions]
        self._states = torch.tensor(states, dtype=torch.long, device=rows.device)
        features = self._features(rows)
        self._mean = features.mean(dim=0)
        self._scale = torch.sqrt(features.var(dim=0, correction=0) + prior / len(rows))
        # Two states of one column, or a column's number and its own states, are no pair.
        owner = [i for i, block in enumerate(layout.blocks) for _ in block.positions]
        owner += [
            place.block if place.block is not None else len(layout.blocks) + i
            for i, place in enumerate(layout.numbers)
        ]
        owners = torch.tensor(owner, device=rows.device)
        self._pairs = (owners[:, None] != owners[None, :]).to(rows.dtype)
        self._target = self._correlations(features)

    def _features(self, rows: Tensor) -> Tensor:
        return torch.cat([rows[:, self._states], self._heads.values(rows)], dim=1)

    def _correlations(self, features: Tensor) -> Tensor:
        z = (features - self._mean) / self._scale
        return z.T @ z / len(z) * self._pairs

    def loss(self, rows: Tensor) -> Tensor:
        """Return the squared differences per feature, estimated without bias from the rows' two halves."""
        features = self._features(rows)
        half = len(rows) // 2
        one, other = features[:half], features[half : 2 * half]
        pairs = (self._correlations(one) - self._target) * (self._correlations(other) - self._target)
        first, second = (((part.mean(dim=0) - self._mean) / self._scale) for part in (one, other))
        return (pairs.sum() / 2 + (first * second).sum()) / features.shape[1]
