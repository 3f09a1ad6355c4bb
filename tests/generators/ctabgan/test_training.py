"""The parts of the training on small cases that can be worked out by hand."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from amlsynth.generators.building_blocks.neural import Budget
from amlsynth.generators.ctabgan.calibration import state_offsets
from amlsynth.generators.ctabgan.condition import ConditionSampler
from amlsynth.generators.ctabgan.losses import (
    Moments,
    condition_loss,
    downstream_loss,
    gradient_penalty,
    information_loss,
)
from amlsynth.generators.ctabgan.networks import Auxiliary, Critic, Heads, RowGenerator, initialise
from amlsynth.generators.ctabgan.params import Params
from amlsynth.generators.ctabgan.rows import Block, Layout, NumberPlace
from amlsynth.generators.ctabgan.training import Targets, Trainer
from amlsynth.generators.ctabgan.transforms import NumberColumn

CPU = torch.device("cpu")
# A state of three, a state of two, and a number with one mode that may be missing: 3 + 2 + 1 + 2 wide.
NUMBER = NumberColumn("x", np.array([10.0]), np.array([4.0]), True, None, 10.0, 2.0)
LAYOUT = Layout(8, (Block("a", 0, 3), Block("b", 3, 2), Block("x", 6, 2)), (NumberPlace(NUMBER, 5, 2),))

# A group of columns, known or missing: in it a state of two, and a number with one mode that needs no block.
PLAIN = NumberColumn("x", np.array([10.0]), np.array([4.0]), False, None, 10.0, 2.0)
GROUPED = Layout(
    8,
    (Block("missing:b", 0, 2), Block("a", 2, 3), Block("b", 5, 2, gate=0)),
    (NumberPlace(PLAIN, 7, None, gate=0),),
)


def _random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _rows(n: int = 400) -> Tensor:
    """Rows in which b follows a, and the number is missing in a tenth."""
    rng = np.random.default_rng(1)
    rows = np.zeros((n, 8), dtype=np.float32)
    a = rng.choice(3, n, p=[0.85, 0.1, 0.05])
    b = (a > 0).astype(int)
    missing = (rng.random(n) < 0.1).astype(int)
    rows[np.arange(n), a] = 1
    rows[np.arange(n), 3 + b] = 1
    rows[:, 5] = np.where(missing, 0, rng.uniform(-1, 1, n))
    rows[np.arange(n), 6 + missing] = 1
    return torch.from_numpy(rows)


def _grouped_rows(n: int = 4000) -> Tensor:
    """Rows in which b and the number are missing together in a fifth, more often where a is not 0."""
    rng = np.random.default_rng(2)
    rows = np.zeros((n, 8), dtype=np.float32)
    a = rng.choice(3, n, p=[0.7, 0.2, 0.1])
    missing = rng.random(n) < np.where(a > 0, 0.4, 0.1)
    b = rng.random(n) < 0.3
    rows[np.arange(n), missing.astype(int)] = 1
    rows[np.arange(n), 2 + a] = 1
    rows[np.arange(n), 5 + b] = ~missing
    rows[:, 7] = np.where(missing, 0, np.where(b, 0.5, -0.5))
    return torch.from_numpy(rows)


class _Linear(nn.Module):
    """A critic whose gradient is known: the sum over judged rows of w times the row."""

    def __init__(self, weight: list[float], pac: int) -> None:
        super().__init__()
        self.weight, self.pac = torch.tensor(weight), pac

    def forward(self, rows: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        score = (rows * self.weight).sum(dim=1).view(-1, self.pac).sum(dim=1)
        return score, rows


@pytest.mark.parametrize(
    ("weight", "pac", "expected"),
    [([0.6, 0.8], 1, 0.0), ([3.0, 4.0], 1, 16.0), ([0.0, 0.0], 1, 1.0), ([3.0, 4.0], 2, (50**0.5 - 1) ** 2)],
)
def test_gradient_penalty_of_a_linear_critic(weight: list[float], pac: int, expected: float) -> None:
    real, fake = torch.ones(8, 2), torch.zeros(8, 2)
    critic: Any = _Linear(weight, pac)
    penalty = gradient_penalty(critic, real, fake, torch.zeros(8, 2), _random())
    assert penalty.item() == pytest.approx(expected, abs=1e-4)


def test_information_loss_is_the_distance_of_means_and_deviations() -> None:
    real = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    assert information_loss(real, real).item() == pytest.approx(0, abs=1e-6)
    assert information_loss(real, real + torch.tensor([3.0, 4.0])).item() == pytest.approx(5)
    assert information_loss(real, 2 * real - 2).item() == pytest.approx(2 + 1, abs=1e-3)


def test_condition_loss_is_the_cross_entropy_of_the_fixed_states() -> None:
    heads = Heads(LAYOUT, CPU)
    output = torch.zeros(3, 8)
    output[2, 4] = math.log(3)
    loss = condition_loss(heads, output, torch.tensor([1, 3, 4]))
    assert float(loss) == pytest.approx((math.log(3) + math.log(2) + math.log(4 / 3)) / 3)


def test_auxiliary_does_not_see_its_targets_and_learns_what_it_can() -> None:
    rows, heads = _rows(), Heads(LAYOUT, CPU)
    auxiliary = Auxiliary(LAYOUT, (1,), (0,), 16)
    initialise(auxiliary, _random(), CPU)
    changed = rows.clone()
    changed[:, 3:] = 0
    for one, other in zip(auxiliary(rows), auxiliary(changed), strict=True):
        assert torch.equal(one[0], other[0])
    optimiser = torch.optim.Adam(auxiliary.parameters(), lr=0.02)
    for _ in range(150):
        optimiser.zero_grad()
        loss = downstream_loss(auxiliary, heads, LAYOUT, rows)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    # b follows from a, so its part tends to 0; of the number nothing can be known but its mean.
    values, known = heads.values(rows)[:, 0], heads.known(rows, 0) > 0.5
    assert loss.item() == pytest.approx(values[known].var().item(), rel=0.1)
    swapped = rows.clone()
    swapped[:, [3, 4]] = rows[:, [4, 3]]
    assert downstream_loss(auxiliary, heads, LAYOUT, swapped).item() > loss.item() + 2


def test_values_are_expected_numbers_in_deviations() -> None:
    heads = Heads(LAYOUT, CPU)
    rows = torch.zeros(3, 8)
    rows[:, 5] = 0.5
    rows[0, 6] = 1  # 10 + 4 * 0.5 = 12, one deviation of 2 above 10
    rows[1, 7] = 1  # missing
    rows[2, 6] = rows[2, 7] = 0.5
    assert heads.values(rows)[:, 0].tolist() == pytest.approx([1.0, 0.0, 0.5])
    assert heads.known(rows, 0).tolist() == pytest.approx([1.0, 0.0, 0.5])


def test_moments_see_a_lost_association_and_not_the_cohort_itself() -> None:
    rows, heads = _rows(4000), Heads(LAYOUT, CPU)
    moments = Moments(LAYOUT, heads, rows, prior=5.0)
    shuffled = rows.clone()
    order = torch.randperm(len(rows), generator=_random())
    shuffled[:, 3:5] = rows[order][:, 3:5]
    assert abs(moments.loss(rows).item()) < 0.02
    assert moments.loss(shuffled).item() > 0.3
    # Without bias: small batches of the cohort itself average to about nothing.
    small = [moments.loss(rows[i : i + 40]).item() for i in range(0, 4000, 40)]
    assert abs(np.mean(small)) < 0.05


@pytest.mark.parametrize("logarithm", [True, False])
def test_conditions_follow_their_frequencies(logarithm: bool) -> None:
    rows = _rows()
    sampler = ConditionSampler(LAYOUT, rows, _random())
    drawn = sampler.draw(30_000, logarithm=logarithm)
    counts = rows[:, :3].sum(dim=0)
    weight = torch.log1p(counts) if logarithm else counts
    expected = weight / weight.sum() / 3  # each of three columns is drawn as often
    found = torch.bincount(drawn.position, minlength=8) / 30_000
    assert torch.allclose(found[:3], expected, atol=0.01)
    assert found[5] == 0  # a scalar is no state
    assert torch.equal(drawn.vector.argmax(dim=1), drawn.position)
    # Training by sampling: every real row meets its condition, and all that meet one are drawn.
    chosen = sampler.rows(drawn)
    assert (rows[chosen, drawn.position] == 1).all()
    assert set(chosen[drawn.position == 2].tolist()) == set(torch.nonzero(rows[:, 2]).flatten().tolist())


def test_draws_follow_their_probabilities_and_relaxed_draws_are_rows() -> None:
    heads = Heads(LAYOUT, CPU)
    output = torch.zeros(40_000, 8)
    output[:, :3] = torch.log(torch.tensor([0.7, 0.29, 0.01]))
    codes, scalars = heads.draw(output, _random())
    assert codes.shape == (40_000, 3) and scalars.shape == (40_000, 1)
    shares = torch.bincount(codes[:, 0], minlength=3) / 40_000
    assert torch.allclose(shares, torch.tensor([0.7, 0.29, 0.01]), atol=0.01)
    relaxed = heads.relaxed(output[:100], 0.2, _random())
    for block in LAYOUT.blocks:
        assert torch.allclose(relaxed[:, block.slice].sum(dim=1), torch.ones(100))


def test_offsets_give_the_wanted_shares() -> None:
    heads, rows = Heads(LAYOUT, CPU), _rows()
    output = torch.randn(5000, 8, generator=_random())
    offsets = state_offsets(output, LAYOUT, rows.mean(dim=0))
    shares = heads.probable(output + offsets, 0.2, _random()).mean(dim=0)
    states = [0, 1, 2, 3, 4, 6, 7]
    assert torch.allclose(shares[states], rows.mean(dim=0)[states], atol=1e-3)
    assert offsets[5] == 0


def test_a_group_is_missing_as_a_whole() -> None:
    heads = Heads(GROUPED, CPU)
    output = torch.randn(500, 8, generator=_random())
    for rows in (heads.relaxed(output, 0.1, _random(1)), heads.probable(output, 0.1, _random(1))):
        known = rows[:, 0]
        assert torch.allclose(rows[:, 2:5].sum(dim=1), torch.ones(500))
        assert torch.allclose(rows[:, 5:7].sum(dim=1), known)
        assert torch.allclose(rows[:, 7], known * torch.tanh(output[:, 7]))
        assert torch.equal(heads.known(rows, 0), known)
        assert (known < 0.01).sum() > 100 and (known > 0.99).sum() > 100
    given = torch.tensor([[math.log(3), 0.0, 0.0, 0.0, 0.0, math.log(4), 0.0, 0.0]]).repeat(3, 1)
    logs = heads.log_probability(given, torch.tensor([1, 2, 5]))
    assert logs.exp().tolist() == pytest.approx([1 / 4, 1 / 3, 3 / 4 * 4 / 5])


def test_conditions_of_a_group_share_its_being_missing() -> None:
    rows = _grouped_rows()
    sampler = ConditionSampler(GROUPED, rows, _random())
    drawn = sampler.draw(30_000, logarithm=False)
    assert (rows[sampler.rows(drawn), drawn.position] == 1).all()
    # Two of three columns can be missing, each as often as in the rows.
    share = float((drawn.position == 1).float().mean())
    assert share == pytest.approx(2 / 3 * rows[:, 1].mean().item(), abs=0.01)
    assert 7 not in drawn.position


def test_offsets_give_the_wanted_shares_within_a_group() -> None:
    heads, rows = Heads(GROUPED, CPU), _grouped_rows()
    output = torch.randn(20_000, 8, generator=_random())
    output[:, 5] += 2 * output[:, 0]  # being known goes with a state of b
    offsets = state_offsets(output, GROUPED, rows.mean(dim=0))
    codes, _ = heads.draw(output + offsets, _random(2))
    known = codes[:, 0] == 0
    assert known.float().mean().item() == pytest.approx(rows[:, 0].mean().item(), abs=0.01)
    for k in (0, 1):
        found = (known & (codes[:, 2] == k)).float().mean().item()
        assert found == pytest.approx(rows[:, 5 + k].mean().item(), abs=0.01)


def test_moments_of_a_group_that_is_missing_by_chance() -> None:
    rows, heads = _grouped_rows(), Heads(GROUPED, CPU)
    moments = Moments(GROUPED, heads, rows, prior=5.0)
    # The very probabilities, by which the group is missing in any row: the number follows b, and b is given.
    share = torch.where(rows[:, 2] == 1, 0.1, 0.4)
    output = torch.full((len(rows), 8), -30.0)
    output[:, 0], output[:, 1] = torch.log(1 - share), torch.log(share)
    output[:, 2:5] += 60 * rows[:, 2:5]
    b = torch.rand(len(rows), generator=_random(3)) < 0.3
    output[:, 5], output[:, 6] = torch.where(b, -30.0, 30.0), torch.where(b, 30.0, -30.0)
    output[:, 7] = torch.where(b, 0.5, -0.5).atanh()
    assert abs(moments.loss(heads.probable(output, 0.1, _random(4))).item()) < 0.02
    output[:, 0], output[:, 1] = math.log(0.8), math.log(0.2)
    assert moments.loss(heads.probable(output, 0.1, _random(4))).item() > 0.05


@pytest.mark.parametrize("width", [1, 8, 64, 65, 161, 300])
@pytest.mark.parametrize("pac", [1, 2])
def test_networks_take_rows_of_any_width(width: int, pac: int) -> None:
    with torch.device("meta"):
        generator, critic = RowGenerator(width, 5, 16, 2), Critic(width, 16, 2, pac)
    for network in (generator, critic):
        initialise(network, _random(), CPU)
    rows = generator(torch.randn(6, 5), torch.zeros(6, width))
    assert rows.shape == (6, width)
    score, features = critic(rows, torch.zeros(6, width))
    assert score.shape == (6 // pac,) and features.shape == (6 // pac, 16)


def _trainer(**params: Any) -> Trainer:
    small = {"batch": 32, "hidden": 16, "channels": 4, "noise": 8, "moments_batch": 64, "critic_steps": 1}
    return Trainer(LAYOUT, _rows(), Targets((1,), (0,)), Params(**(small | params)), _random())


def test_training_stops_early_and_keeps_the_best_weights() -> None:
    trainer = _trainer(steps=100, check_every=2, patience=3)
    scores = iter([0.1, 0.5, 0.4, float("nan"), 0.3, 0.9])
    seen = []

    def validate(network: RowGenerator) -> float:
        seen.append(copy.deepcopy(network.state_dict()))
        return next(scores)

    shares: list[float] = []
    assert trainer.train(validate, Budget(None), shares.append) == 10
    for name, weight in trainer.averaged.state_dict().items():
        assert torch.equal(weight, seen[1][name]), name
    assert shares == sorted(shares) and len(shares) == 10


def test_time_budget_ends_training() -> None:
    now = [100.0]
    budget = Budget(30.0, clock=lambda: now[0])
    trainer = _trainer(steps=1000, check_every=1000)

    def tick(share: float) -> None:
        now[0] += 7.0

    assert trainer.train(lambda _: 0.0, budget, tick) == 5


@pytest.mark.parametrize(("moments_weight", "steps"), [(0.0, 70), (10.0, 120)])
def test_training_learns_the_association(moments_weight: float, steps: int) -> None:
    rates = {"generator_rate": 0.01, "critic_rate": 0.005}
    trainer = _trainer(steps=steps, check_every=1000, moments_weight=moments_weight, **rates)
    trainer.train(lambda _: 0.0, Budget(None), lambda _: None)
    random = _random(3)
    conditions = trainer.conditions.draw(2000, logarithm=False, generator=random)
    output = trainer.averaged(torch.randn(2000, 8, generator=random), conditions.vector)
    codes, _ = trainer.heads.draw(output, random)
    # Drawn apart from each other, the two would agree in three of four.
    assert (codes[:, 1] == (codes[:, 0] > 0)).float().mean() > 0.93
    assert (codes[:, 0] > 0).float().mean() > 0.05
