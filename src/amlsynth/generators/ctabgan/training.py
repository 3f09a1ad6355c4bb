"""The training of CTAB-GAN+: critic steps, generator steps, moving average, validation, early stop."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from amlsynth.generators.building_blocks.neural import Best, Budget
from amlsynth.generators.ctabgan.condition import Conditions, ConditionSampler
from amlsynth.generators.ctabgan.losses import (
    Moments,
    condition_loss,
    downstream_loss,
    gradient_penalty,
    information_loss,
)
from amlsynth.generators.ctabgan.networks import Auxiliary, Critic, Heads, RowGenerator, initialise
from amlsynth.generators.ctabgan.params import Params
from amlsynth.generators.ctabgan.rows import Layout

_BETAS = (0.5, 0.9)  # Gulrajani et al. take 0 and 0.9; a little momentum is quicker on small batches


@dataclass(frozen=True)
class Targets:
    """What the downstream loss predicts: numbers of blocks, and numbers of columns of numbers."""

    classes: tuple[int, ...]
    numbers: tuple[int, ...]


class Trainer:
    """Trains a generator on encoded rows.

    Parameters
    ----------
    layout, rows : of the encoded training patients, shape (n, width) on the device to train on.
    targets : of the downstream loss.
    generator : the source of all randomness, on that device.

    Attributes
    ----------
    averaged : the generator with the exponential moving average of the weights, which is sampled.
    """

    def __init__(
        self, layout: Layout, rows: Tensor, targets: Targets, params: Params, generator: torch.Generator
    ) -> None:
        self._layout, self._rows, self._params, self._random = layout, rows, params, generator
        p, width = params, layout.width
        with torch.device("meta"):
            self._generator = RowGenerator(width, p.noise, p.hidden, p.channels)
            self._critic = Critic(width, p.hidden, p.channels, p.pac)
        for network in (self._generator, self._critic):
            initialise(network, generator, rows.device)
        self.averaged = copy.deepcopy(self._generator).requires_grad_(False)
        self.heads = Heads(layout, rows.device)
        self.conditions = ConditionSampler(layout, rows, generator)
        self._moments = Moments(layout, self.heads, rows, p.prior)
        self._optimisers = {
            "generator": _adam(self._generator, p.generator_rate),
            "critic": _adam(self._critic, p.critic_rate),
        }
        self._auxiliary: Auxiliary | None = None
        if p.downstream_weight and (targets.classes or targets.numbers):
            with torch.device("meta"):
                self._auxiliary = Auxiliary(layout, targets.classes, targets.numbers, p.hidden)
            initialise(self._auxiliary, generator, rows.device)
            self._optimisers["auxiliary"] = _adam(self._auxiliary, p.critic_rate)

    def train(
        self,
        validate: Callable[[RowGenerator], float],
        budget: Budget,
        progress: Callable[[float], None],
    ) -> int:
        """Train until the steps, the patience or the budget are spent; then load the best weights.

        Parameters
        ----------
        validate : scores a generator, higher is better; called every `check_every` steps.
        progress : called with the share done.

        Returns
        -------
        int
            The generator's steps.
        """
        p = self._params
        best = Best(self.averaged, patience=p.patience)
        step = 0
        while step < p.steps and not budget.spent and not best.exhausted:
            self._step(step)
            step += 1
            progress(budget.share(step / p.steps))
            if step % p.check_every == 0 or step == p.steps:
                best.offer(validate(self.averaged))
        best.restore()
        return step

    def _step(self, step: int) -> None:
        for _ in range(self._params.critic_steps):
            self._critic_step()
        if self._auxiliary is not None:
            self._auxiliary_step(self._auxiliary)
        self._generator_step()
        # The average starts short, so that it does not remember the first weights.
        decay = min(self._params.averaging, (1 + step) / (10 + step))
        with torch.no_grad():
            for average, weight in zip(self.averaged.parameters(), self._generator.parameters(), strict=True):
                average.lerp_(weight, 1 - decay)

    def _critic_step(self) -> None:
        p = self._params
        conditions = self.conditions.draw(p.batch, logarithm=True)
        real = self._rows[self.conditions.rows(conditions)]
        with torch.no_grad():
            fake = self.heads.relaxed(self._emit(conditions), p.tau, self._random)
        scores, _ = self._critic(torch.cat([real, fake]), conditions.vector.repeat(2, 1))
        of_real, of_fake = scores.chunk(2)
        penalty = gradient_penalty(self._critic, real, fake, conditions.vector, self._random)
        self._descend("critic", of_fake.mean() - of_real.mean() + p.penalty * penalty)

    def _auxiliary_step(self, auxiliary: Auxiliary) -> None:
        chosen = torch.randint(
            len(self._rows), (self._params.batch,), generator=self._random, device=self._rows.device
        )
        loss = downstream_loss(auxiliary, self.heads, self._layout, self._rows[chosen])
        self._descend("auxiliary", loss)

    def _generator_step(self) -> None:
        p = self._params
        conditions = self.conditions.draw(p.batch, logarithm=True)
        output = self._emit(conditions)
        fake = self.heads.relaxed(output, p.tau, self._random)
        real = self._rows[self.conditions.rows(conditions)]
        scores, features = self._critic(fake, conditions.vector)
        loss = -scores.mean() + p.condition_weight * condition_loss(self.heads, output, conditions.position)
        if p.information_weight:
            with torch.no_grad():
                _, wanted = self._critic(real, conditions.vector)
            loss = loss + p.information_weight * information_loss(wanted, features)
        if self._auxiliary is not None:
            downstream = downstream_loss(self._auxiliary, self.heads, self._layout, fake)
            loss = loss + p.downstream_weight * downstream
        if p.moments_weight:
            # The moments are those of the cohort as it is, so conditions are drawn by frequency.
            frequent = self.conditions.draw(p.moments_batch, logarithm=False)
            rows = self.heads.probable(self._emit(frequent), p.tau, self._random)
            loss = loss + p.moments_weight * self._moments.loss(rows)
        self._descend("generator", loss)

    def _emit(self, conditions: Conditions) -> Tensor:
        return emit(self._generator, conditions, self._params.noise, self._random)

    def _descend(self, name: str, loss: Tensor) -> None:
        optimiser = self._optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        # Only the weights of this optimiser get gradients: the others' would be thrown away.
        weights = [weight for group in optimiser.param_groups for weight in group["params"]]
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        optimiser.step()


def emit(network: RowGenerator, conditions: Conditions, noise: int, generator: torch.Generator) -> Tensor:
    """Return the generator's output for conditions, with fresh noise, shape (n, width)."""
    vector = conditions.vector
    z = torch.randn(len(vector), noise, generator=generator, device=vector.device)
    output: Tensor = network(z, vector)
    return output


def _adam(network: nn.Module, rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=rate, betas=_BETAS, fused=False)
